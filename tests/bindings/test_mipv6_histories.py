"""A mobile node and two home agents in virtual time, over a network that loses, repeats, reorders.

Whatever happens on the way, in the end the home agent where the mobile node is has its last care-of
address, the mobile node knows, and the other home agent has none.
"""

import heapq
import itertools
import math
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from mipv6_scene import AGENTS, COA_1, COA_2, COA_3, HA_A, HA_B, HOA, NOW, Agent, Mobile, attach

from opendmm.bindings.mipv6.cache import Stage
from opendmm.bindings.mipv6.packet import Packet
from opendmm.model.identity import NodeId
from opendmm.reference_points import r_xu
from opendmm.reference_points.catalogue import Envelope
from opendmm.reference_points.message import Status

QUIET = 120.0
"""Seconds without loss at the end: more than twice MAX_BINDACK_TIMEOUT."""
PLACES = ((COA_1, HA_A), (COA_2, HA_A), (COA_3, HA_B), (None, HA_A))


class World:
    """The FE_MCTX of each home agent accepts, as the real one does, no attachment that is over."""

    def __init__(self, seed: int, loss: float) -> None:
        self.random = Random(seed)
        self.loss = loss
        self.now = NOW
        self.mobile = Mobile()
        self.agents = {name: Agent(name) for name in AGENTS}
        self.wire: list[tuple[float, int, Packet]] = []
        self.serial = itertools.count()
        self.here: Envelope | None = None

    def until(self, end: float) -> None:
        cores: list[Mobile | Agent] = [self.mobile, *self.agents.values()]
        while True:
            timers = [one.core.next_timer() for one in cores]
            due = min([*timers, self.wire[0][0] if self.wire else math.inf])
            if due > end:
                break
            self.now = max(self.now, due)
            if self.wire and self.wire[0][0] <= self.now:
                self.arrived(heapq.heappop(self.wire)[-1])
                continue
            for one in cores:
                self.send(one.fire(self.now))
        self.now = end

    def moves(self, place: int) -> None:
        care_of, agent = PLACES[place]
        self.here = attach(care_of, self.now, agent)
        self.send(self.mobile.goes(self.here, self.now))

    def restarts(self, name: NodeId) -> None:
        told = self.agents[name].told
        self.agents[name] = Agent(name)
        self.agents[name].told = told

    def send(self, packets: list[Packet]) -> None:
        for packet in packets:
            copies = (self.random.random() >= self.loss) + (self.random.random() < self.loss)
            for _ in range(copies):
                arrives = self.now + self.random.uniform(0.001, 0.05 + self.loss / 2)
                heapq.heappush(self.wire, (arrives, next(self.serial), packet))

    def arrived(self, packet: Packet) -> None:
        agent = next((n for n, a in AGENTS.items() if a == packet.destination), None)
        if agent is not None:
            self.send(self.agents[agent].hears(packet, self.now))
        elif self.reached(packet):
            wanted = self.mobile.core.receive(packet, self.now)
            self.send(self.mobile.carried_out(wanted))

    def reached(self, packet: Packet) -> bool:
        """Whether the mobile node still is where a packet goes."""
        if self.here is None or not isinstance(self.here.message, r_xu.AttachNotification):
            return False
        care_of = self.here.message.care_of
        at = care_of.address if care_of is not None else HOA.packed
        return packet.destination.packed in (HOA.packed, at)

    def attached(self, name: NodeId) -> bool:
        """Whether the FE_MCTX of a home agent takes the mobile node to be there."""
        told = self.agents[name].told
        since = [m.attached_at for m in told if isinstance(m, r_xu.AttachNotification)]
        over = [m.detached_at for m in told if isinstance(m, r_xu.DetachNotification)]
        return max(since, default=0) > max(over, default=0)


@settings(max_examples=1000, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    loss=st.sampled_from([0.0, 0.1, 0.3, 0.6]),
    moves=st.lists(
        st.tuples(st.floats(0.01, 20.0), st.integers(0, len(PLACES) - 1)), min_size=1, max_size=8
    ),
)
def test_in_the_end_the_home_agent_has_the_last_care_of_address(
    seed: int, loss: float, moves: list[tuple[float, int]]
) -> None:
    world = World(seed, loss)
    for pause, place in moves:
        world.moves(place)
        world.until(world.now + pause)
    world.loss = 0.0
    world.until(world.now + QUIET)
    care_of, here = PLACES[moves[-1][1]]
    elsewhere = HA_B if here == HA_A else HA_A
    assert world.agents[here].care_of == care_of
    assert world.attached(here)
    assert world.agents[elsewhere].care_of is None
    assert not world.attached(elsewhere)
    assert world.mobile.last.status == Status.ACCEPTED
    assert world.here is not None
    assert isinstance(world.here.message, r_xu.AttachNotification)
    assert world.mobile.last.attached_at == world.here.message.attached_at


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    loss=st.sampled_from([0.0, 0.3]),
    place=st.integers(0, len(PLACES) - 1),
    restart=st.floats(0.001, 400.0),
)
def test_a_restart_of_the_home_agent_is_over_when_the_mobile_node_renews(
    seed: int, loss: float, place: int, restart: float
) -> None:
    """RFC 6275 §10.3.1: by the Binding Refresh Advice, after half of the lifetime. At home, when
    the FE_MCTX speaks of it."""
    world = World(seed, loss)
    world.moves(place)
    world.until(world.now + restart)
    care_of, here = PLACES[place]
    world.restarts(here)
    world.loss = 0.0
    notification = next(
        m
        for m in world.agents[here].told or [attach(care_of).message]
        if isinstance(m, r_xu.AttachNotification)
    )
    world.send(world.agents[here].says(world.agents[here].decision(notification), world.now))
    world.until(world.now + 300)
    agent = world.agents[here].core.home_agent
    assert agent is not None
    entry = agent.cache.get(HOA)
    assert entry is not None
    assert entry.stage is (Stage.HOME if care_of is None else Stage.ACTIVE)
    assert entry.care_of == care_of
    assert world.attached(here)
