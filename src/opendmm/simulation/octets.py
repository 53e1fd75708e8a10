"""Protocols over the Mobility Header in virtual time: their own octets travel, not envelopes.

Each node has the very cores that its daemon would have (`node.mobility`), behind security
associations with keys made from names. What they want sent takes the delays of the path and
meets the network's impairments; so a message that its protocol relays costs every trip.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from hashlib import sha256
from ipaddress import IPv6Address
from typing import Protocol

from opendmm.bindings.lisp.outputs import Mapped, Send
from opendmm.bindings.mobility.outputs import Complain, Datagram, Deliver, Reachable, Wanted
from opendmm.constellation.deployment import Deployment
from opendmm.constellation.file import BindingName
from opendmm.constellation.roles import mobility_associations
from opendmm.model.identity import NodeId
from opendmm.node.lisp import lisp_node
from opendmm.node.mobility import cores
from opendmm.reference_points.catalogue import Envelope
from opendmm.simulation.network import Network
from opendmm.simulation.scheduler import Event, Scheduler

KEY_LENGTH = 16
CARRIED = frozenset({BindingName.RFC8885, BindingName.LISP})
"""The bindings whose octets are simulated. Others take a message from end to end in one trip, as
envelopes do."""


Wants = Wanted | Send | Mapped


class Core(Protocol):
    """A protocol on one node; pure."""

    def start(self, now: float) -> Sequence[Wants]: ...

    def send(self, envelope: Envelope, now: float) -> Sequence[Wants]: ...

    def receive(self, data: bytes, source: IPv6Address, now: float) -> Sequence[Wants]: ...

    def fire(self, now: float) -> Sequence[Wants]: ...

    def next_timer(self) -> float: ...


class Station(Protocol):
    """A node as this module sees it."""

    @property
    def alive(self) -> bool: ...

    @property
    def clock(self) -> float: ...

    @property
    def skew(self) -> float: ...

    def receive(self, envelope: Envelope) -> None: ...

    def peer(self, node: NodeId, *, reachable: bool) -> None: ...

    def when_running(self, action: Callable[[], None]) -> None: ...


class OctetNetwork:
    """The cores of all nodes, and what they send each other."""

    def __init__(
        self,
        deployment: Deployment,
        scheduler: Scheduler,
        network: Network,
        complain: Callable[[NodeId, Complain], None],
    ) -> None:
        self._deployment = deployment
        self._scheduler = scheduler
        self._network = network
        self._complain = complain
        self._keys = shared_keys(deployment)
        self._names = {
            IPv6Address(plan.locator.address): name for name, plan in deployment.nodes.items()
        }
        self._addresses = {name: address for address, name in self._names.items()}
        self._stations: dict[NodeId, Station] = {}
        self._cores: dict[NodeId, Core] = {}
        self._timers: dict[NodeId, Event] = {}

    def join(self, name: NodeId, station: Station) -> None:
        """Add a node of the core."""
        self._stations[name] = station

    def carries(self, envelope: Envelope) -> bool:
        """Whether an envelope goes by octets."""
        carried = self._deployment.bindings[envelope.reference_point] in CARRIED
        ends = envelope.sender.node, envelope.receiver.node
        return carried and all(end in self._stations for end in ends)

    def started(self, name: NodeId) -> None:
        """A process runs (again): it begins with nothing but its configuration."""
        if not CARRIED & set(self._deployment.bindings.values()):
            return
        core = self._core(name, self._keys.get(name, {}))
        if core is not None:
            self._cores[name] = core
            self._carry_out(name, core.start(self._stations[name].clock))

    def _core(self, name: NodeId, keys: Mapping[NodeId, bytes]) -> Core | None:
        """A constellation has one such protocol, or none."""
        lisp = lisp_node(self._deployment, name, keys)
        if lisp is not None:
            return lisp
        over_mobility_header = cores(self._deployment, name, keys)
        carried = CARRIED & set(over_mobility_header)
        return next((over_mobility_header[one] for one in carried), None)

    def died(self, name: NodeId) -> None:
        """A process is gone."""
        self._cores.pop(name, None)
        self._disarm(name)

    def send(self, envelope: Envelope) -> None:
        """Have the sender's core carry an envelope."""
        name = envelope.sender.node
        core = self._cores.get(name)
        if core is not None:
            self._carry_out(name, core.send(envelope, self._stations[name].clock))

    # What the cores want

    def _carry_out(self, name: NodeId, wanted: Sequence[Wants]) -> None:
        station = self._stations[name]
        for one in wanted:
            match one:
                case Datagram(to, data):
                    receiver = self._names[to]
                    arrive = partial(self._arrived, receiver, name, data)
                    self._network.datagram(name, receiver, arrive)
                case Deliver(envelope):
                    station.receive(envelope)
                case Reachable(peer, reachable):
                    station.peer(peer, reachable=reachable)
                case Complain():
                    self._complain(name, one)
        self._arm(name)

    def _arrived(self, name: NodeId, sender: NodeId, data: bytes) -> None:
        station = self._stations[name]

        def take() -> None:
            core = self._cores.get(name)
            if core is not None:
                source = self._addresses[sender]
                self._carry_out(name, core.receive(data, source, station.clock))

        station.when_running(take)

    # Timers

    def _arm(self, name: NodeId) -> None:
        self._disarm(name)
        core = self._cores.get(name)
        due = core.next_timer() if core is not None else math.inf
        if due < math.inf:
            at = max(self._scheduler.now, due - self._stations[name].skew)
            self._timers[name] = self._scheduler.at(at, partial(self._fire, name, due))

    def _disarm(self, name: NodeId) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def _fire(self, name: NodeId, due: float) -> None:
        station = self._stations[name]

        def fire() -> None:
            core = self._cores.get(name)
            if core is not None:
                # The sum of true time and skew may fall short of the timer by rounding.
                self._carry_out(name, core.fire(max(station.clock, due)))

        station.when_running(fire)


def shared_keys(deployment: Deployment) -> dict[NodeId, dict[NodeId, bytes]]:
    """Of every pair that shares one. They protect nothing here, so names will do."""
    keys: dict[NodeId, dict[NodeId, bytes]] = {}
    for one, other in mobility_associations(deployment):
        key = sha256(f"{one} {other}".encode()).digest()[:KEY_LENGTH]
        keys.setdefault(one, {})[other] = key
        keys.setdefault(other, {})[one] = key
    return keys
