"""MAGs and LMA back to back in virtual time, over a network that loses, repeats and reorders.

Whatever happens on the way, in the end the mobile node is registered at the gateway where it is,
with its prefixes, or that gateway has been told why not.
"""

import heapq
import itertools
import math
from ipaddress import IPv6Address
from random import Random

from hypothesis import example, given, settings
from hypothesis import strategies as st
from pmipv6_scene import (
    ADDRESSES,
    HNP,
    HOA,
    LMA,
    MAG_1,
    MAG_2,
    MN,
    NOW,
    attach,
    detach,
    from_gateway,
    lma_config,
    mag_config,
    to_gateway,
)

from opendmm.bindings.mobility.outputs import Datagram, Deliver, Wanted
from opendmm.bindings.pmipv6.cache import Stage
from opendmm.bindings.pmipv6.node import ProxyMobilityNode
from opendmm.bindings.pmipv6.registration import Stage as Registered
from opendmm.model.identity import NodeId
from opendmm.reference_points import r_xu
from opendmm.reference_points.catalogue import Envelope
from opendmm.reference_points.message import Message

QUIET = 120.0
"""Seconds without loss at the end: more than twice MAX_BINDACK_TIMEOUT."""


class World:
    """One LMA, two MAGs; the FE_MCTX accepts the latest attachment, as the real one does."""

    def __init__(self, seed: int, loss: float, lma_forgets_at: float | None) -> None:
        self.random = Random(seed)
        self.loss = loss
        self.now = NOW
        self.nodes = {
            LMA: ProxyMobilityNode(lma_config()),
            MAG_1: ProxyMobilityNode(mag_config(MAG_1)),
            MAG_2: ProxyMobilityNode(mag_config(MAG_2)),
        }
        self.wire: list[tuple[float, int, NodeId, bytes, IPv6Address]] = []
        self.serial = itertools.count()
        self.latest: r_xu.AttachNotification | None = None
        self.by: NodeId | None = None
        self.told: dict[NodeId, list[Message]] = {MAG_1: [], MAG_2: []}
        for node in self.nodes:
            self.carry_out(node, self.nodes[node].start(self.now))
        self.lma_forgets_at = lma_forgets_at

    def until(self, end: float) -> None:
        while True:
            timers = [node.next_timer() for node in self.nodes.values()]
            due = min([*timers, self.wire[0][0] if self.wire else math.inf])
            if self.lma_forgets_at is not None and self.lma_forgets_at <= min(due, end):
                self.now, self.lma_forgets_at = self.lma_forgets_at, None
                self.nodes[LMA] = ProxyMobilityNode(lma_config())
                self.carry_out(LMA, self.nodes[LMA].start(self.now))
                continue
            if due > end:
                break
            self.now = max(self.now, due)
            self.step()
        self.now = end

    def step(self) -> None:
        if self.wire and self.wire[0][0] <= self.now:
            _, _, to, data, source = heapq.heappop(self.wire)
            self.carry_out(to, self.nodes[to].receive(data, source, self.now))
            return
        for name, node in self.nodes.items():
            self.carry_out(name, node.fire(self.now))

    def says(self, gateway: NodeId, message: Message) -> None:
        sent = self.nodes[gateway].send(from_gateway(gateway, message), self.now)
        self.carry_out(gateway, sent)

    def carry_out(self, name: NodeId, wanted: list[Wanted]) -> None:
        for one in wanted:
            if isinstance(one, Datagram):
                self.send(name, one)
            elif isinstance(one, Deliver):
                self.deliver(one.envelope)

    def send(self, sender: NodeId, datagram: Datagram) -> None:
        to = next(name for name, address in ADDRESSES.items() if address == datagram.to)
        copies = 0 if self.random.random() < self.loss else 1
        copies += self.random.random() < self.loss
        for _ in range(copies if to in self.nodes else 0):
            arrives = self.now + self.random.uniform(0.001, 0.05 + self.loss / 5)
            entry = (arrives, next(self.serial), to, datagram.data, ADDRESSES[sender])
            heapq.heappush(self.wire, entry)

    def deliver(self, envelope: Envelope) -> None:
        message, gateway = envelope.message, envelope.sender.node
        match message:
            case r_xu.AttachNotification():
                self.decide(gateway, message)
            case r_xu.DetachNotification():
                if gateway == self.by:
                    self.by = None
            case _:
                self.told[envelope.receiver.node].append(message)

    def decide(self, gateway: NodeId, message: r_xu.AttachNotification) -> None:
        if self.latest is not None and message.attached_at < self.latest.attached_at and self.by:
            return
        previous, before = self.by, self.latest
        self.latest, self.by = message, gateway
        lma = self.nodes[LMA]
        if previous not in (None, gateway) and before is not None:
            revoked = r_xu.AttachmentRevoked(
                mobile_node=MN,
                attached_at=before.attached_at,
                reason=r_xu.RevocationReason.MOVED,
            )
            self.carry_out(LMA, lma.send(to_gateway(NodeId(str(previous)), revoked), self.now))
        answer = r_xu.AttachAcknowledgement(
            mobile_node=MN,
            attached_at=message.attached_at,
            status=0,
            anchor=LMA,
            prefixes=(HNP, HOA),
        )
        self.carry_out(LMA, lma.send(to_gateway(gateway, answer), self.now))


# The anchor has hardly begun when it begins again: its restart counter must differ all the same.
@example(seed=0, loss=0.0, stays=[1.0], overlap=-0.3, forgets=0.1875)
# The news of the gateway's beginning comes after its first registration, which is then revoked.
@example(seed=307, loss=0.6, stays=[1.0], overlap=-0.3, forgets=None)
@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    loss=st.sampled_from([0.0, 0.1, 0.3, 0.6]),
    stays=st.lists(st.floats(0.01, 3.0), min_size=1, max_size=7),
    overlap=st.sampled_from([-0.3, 0.0, 0.005, 0.2]),
    forgets=st.none() | st.floats(0.0, 8.0),
)
def test_the_mobile_node_ends_registered_where_it_is_with_its_prefixes(
    seed: int, loss: float, stays: list[float], overlap: float, forgets: float | None
) -> None:
    world = World(seed, loss, None if forgets is None else NOW + forgets)
    at = NOW + 0.1
    gateway, left = MAG_1, None
    for index, stay in enumerate(stays):
        gateway = (MAG_1, MAG_2)[index % 2]
        world.until(at)
        if left is not None and overlap < 0:
            world.says(left, detach(world.now))
            world.until(at - overlap)
        world.says(gateway, attach(world.now))
        if left is not None and overlap >= 0:
            world.until(world.now + min(overlap, stay / 2))
            world.says(left, detach(world.now))
        left = gateway
        at = world.now + stay
    world.loss = 0.0
    world.until(at + QUIET)
    entry = world.nodes[LMA].lma.cache.entries[MN]
    assert (entry.gateway, entry.stage) == (gateway, Stage.ACTIVE)
    assert entry.prefixes == (HNP, HOA)
    registration = world.nodes[gateway].mag.registrations[MN]
    assert registration.stage is Registered.REGISTERED
    assert registration.prefixes == (HNP, HOA)
    acknowledged = [m for m in world.told[gateway] if isinstance(m, r_xu.AttachAcknowledgement)]
    assert acknowledged[-1].prefixes == (HNP, HOA)
    other = world.nodes[MAG_2 if gateway == MAG_1 else MAG_1]
    assert not [e for e in other.mag.registrations.values() if e.stage is Registered.REGISTERED]
