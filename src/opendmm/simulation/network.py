"""The control plane's network: who can talk to whom, how long it takes, what goes wrong.

Messages travel over the routed path and take the sum of its link delays. Between two nodes
a session exists, as the real transport has: it breaks when an end dies (the other end hears
of it one delay later) or when the path is cut for longer than the peer timeout, and comes
back one handshake after the cause is gone; entities are told. Messages that meet a cut, a
dead node or a broken session are lost; entities repeat what matters. Without impairments
messages of a session stay in order; with them they may be lost, repeated and overtaken.
"""

from collections import deque
from collections.abc import Callable
from itertools import combinations, pairwise
from random import Random
from typing import Protocol

import msgspec

from opendmm.constellation.topology import NoRouteError, Topology
from opendmm.model.identity import NodeId
from opendmm.reference_points.catalogue import Envelope
from opendmm.simulation.scheduler import Scheduler

Link = frozenset[NodeId]
REMEMBERED = 100


class Impairments(msgspec.Struct, frozen=True):
    """Probabilities per message; `jitter` in seconds is the most that is added to its delay."""

    loss: float = 0.0
    duplication: float = 0.0
    jitter: float = 0.0


class Station(Protocol):
    """A node as the network sees it."""

    @property
    def alive(self) -> bool: ...

    def receive(self, envelope: Envelope) -> None: ...

    def peer(self, node: NodeId, *, reachable: bool) -> None: ...


class Network:
    """Carries envelopes between stations and keeps their sessions.

    `processing` (seconds) is added to every delivery: what a node needs to handle a message.
    `peer_timeout` (seconds) is how long a silent path is taken for alive.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        topology: Topology,
        random: Random,
        *,
        processing: float,
        peer_timeout: float,
    ) -> None:
        self.impairments = Impairments()
        self.cuts: set[Link] = set()
        self.on_links: Callable[[], None] | None = None
        """Called after a link was cut or mended."""
        self.sent: deque[Envelope] = deque(maxlen=REMEMBERED)
        """The last envelopes handed in, for those who would repeat or change them."""
        self._scheduler = scheduler
        self._topology = topology
        self._random = random
        self.processing = processing
        self._peer_timeout = peer_timeout
        self._stations: dict[NodeId, Station] = {}
        self._up: set[Link] = set()
        self._last_arrival: dict[tuple[NodeId, NodeId], float] = {}
        self._access: dict[Link, float] = {}
        self._ways: dict[Link, tuple[float, tuple[Link, ...]] | None] = {}

    # Stations and sessions

    def join(self, name: NodeId, station: Station) -> None:
        """Add a node of the core; its sessions come up when `started` says it runs."""
        self._stations[name] = station

    def join_mobile(self, name: NodeId, station: Station) -> None:
        """Add a mobile node that speaks for itself; it has sessions only with its anchors."""
        self._stations[name] = station

    def started(self, name: NodeId) -> None:
        """A node runs (again): its sessions come up after one handshake."""
        for other in self._stations:
            if other != name:
                self._handshake(name, other)

    def died(self, name: NodeId) -> None:
        """A node's process is gone: its peers hear of it, if the path lets them."""
        for other in self._stations:
            pair = Link((name, other))
            if other == name or pair not in self._up:
                continue
            self._up.discard(pair)
            delay = self._delay(name, other)
            wait = self._peer_timeout if delay is None else delay
            self._scheduler.after(wait, self._telling(other, name, reachable=False))

    def cut(self, a: NodeId, b: NodeId) -> None:
        """Cut a core link; sessions over it break when the peer timeout has passed."""
        self.cuts.add(Link((a, b)))
        self._scheduler.after(self._peer_timeout, self._break_sessions)
        self._links_changed()

    def mend(self, a: NodeId, b: NodeId) -> None:
        """Mend a core link; broken sessions come back after a handshake."""
        self.cuts.discard(Link((a, b)))
        for one, other in combinations(self._stations, 2):
            if Link((one, other)) not in self._up:
                self._handshake(one, other)
        self._links_changed()

    def _links_changed(self) -> None:
        if self.on_links is not None:
            self.on_links()

    def attach(self, mobile: NodeId, anchor: NodeId, delay: float) -> None:
        """A mobile node's own link to an anchor is up: they have a session at once."""
        self._access[Link((mobile, anchor))] = delay
        self._handshake(mobile, anchor)

    def detach(self, mobile: NodeId, anchor: NodeId) -> None:
        """A mobile node's link is gone, and the session with it."""
        pair = Link((mobile, anchor))
        self._access.pop(pair, None)
        if pair in self._up:
            self._up.discard(pair)
            self._telling(mobile, anchor, reachable=False)()
            self._scheduler.after(
                self._peer_timeout, self._telling(anchor, mobile, reachable=False)
            )

    def _handshake(self, one: NodeId, other: NodeId) -> None:
        delay = self._delay(one, other)
        if delay is None:
            return

        def complete() -> None:
            pair = Link((one, other))
            both = self._stations[one].alive and self._stations[other].alive
            if pair in self._up or not both or self._delay(one, other) is None:
                return
            self._up.add(pair)
            self._stations[one].peer(other, reachable=True)
            self._stations[other].peer(one, reachable=True)

        self._scheduler.after(2 * delay + self.processing, complete)

    def _telling(self, station: NodeId, about: NodeId, *, reachable: bool) -> Callable[[], None]:
        def tell() -> None:
            if self._stations[station].alive:
                self._stations[station].peer(about, reachable=reachable)

        return tell

    def _break_sessions(self) -> None:
        for pair in sorted(self._up, key=sorted):
            one, other = sorted(pair)
            if self._delay(one, other) is None:
                self._up.discard(pair)
                self._telling(one, other, reachable=False)()
                self._telling(other, one, reachable=False)()

    # Messages

    def send(self, envelope: Envelope) -> None:
        """Put a message on its way; it arrives later, or never."""
        self.sent.append(envelope)
        sender, receiver = envelope.sender.node, envelope.receiver.node
        if Link((sender, receiver)) not in self._up:
            return
        wrong = self.impairments
        if wrong.loss and self._random.random() < wrong.loss:
            return
        self._carry(envelope)
        if wrong.duplication and self._random.random() < wrong.duplication:
            self._carry(envelope)

    def datagram(self, sender: NodeId, receiver: NodeId, arrive: Callable[[], None]) -> None:
        """Put octets on their way, which need no session: `arrive` is called later, or never."""
        wrong = self.impairments
        if wrong.loss and self._random.random() < wrong.loss:
            return
        self._travel(sender, receiver, arrive)
        if wrong.duplication and self._random.random() < wrong.duplication:
            self._travel(sender, receiver, arrive)

    def _carry(self, envelope: Envelope) -> None:
        receiver = envelope.receiver.node

        def arrive() -> None:
            self._stations[receiver].receive(envelope)

        self._travel(envelope.sender.node, receiver, arrive)

    def _travel(self, sender: NodeId, receiver: NodeId, action: Callable[[], None]) -> None:
        delay = self._delay(sender, receiver)
        if delay is None:
            return
        arrival = self._scheduler.now + delay + self.processing
        if self.impairments.jitter:
            arrival += self._random.uniform(0.0, self.impairments.jitter)
        else:
            arrival = max(arrival, self._last_arrival.get((sender, receiver), 0.0))
            self._last_arrival[sender, receiver] = arrival

        def arrive() -> None:
            if self._stations[receiver].alive and self._delay(sender, receiver) is not None:
                action()

        self._scheduler.at(arrival, arrive)

    # Reachability

    def _delay(self, one: NodeId, other: NodeId) -> float | None:
        """One way between two stations; None while they are cut off from each other."""
        pair = Link((one, other))
        access = self._access.get(pair)
        if access is not None:
            return access
        if pair not in self._ways:
            self._ways[pair] = self._way(one, other)
        way = self._ways[pair]
        if way is None or not self.cuts.isdisjoint(way[1]):
            return None
        return way[0]

    def _way(self, one: NodeId, other: NodeId) -> tuple[float, tuple[Link, ...]] | None:
        try:
            path = self._topology.path(one, other)
        except NoRouteError:
            return None
        return self._topology.delay(*path), tuple(Link(hop) for hop in pairwise(path))
