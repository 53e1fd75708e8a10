"""A domain of RFC 8885 for tests: real cores, scripted entities, a network in virtual time."""

import heapq
from collections.abc import Callable
from ipaddress import IPv6Address
from itertools import count
from typing import Any, TypeVar

import msgspec

from opendmm.bindings.mobility.association import SecurityAssociation
from opendmm.bindings.mobility.outputs import Complain, Datagram, Deliver, Wanted
from opendmm.bindings.rfc8885.carriage import ends
from opendmm.bindings.rfc8885.config import DistributedConfig
from opendmm.bindings.rfc8885.node import DistributedMobilityNode
from opendmm.constellation.file import DatabaseMode
from opendmm.model.addressing import Egress, HomePrefix, Locator
from opendmm.model.context import MobilityContext
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.model.order import MoveOrder
from opendmm.reference_points import r_xc, r_xx
from opendmm.reference_points.catalogue import Envelope
from opendmm.reference_points.message import Message, Status
from opendmm.wire.mobility.codec import decode
from opendmm.wire.mobility.heartbeat import Heartbeat
from opendmm.wire.mobility.message import MobilityMessage

NOW = 1_900_000_000.0
TRIP = 0.01
"""Seconds one message takes."""
CMD, A, B, C = map(NodeId, ("cmd", "maar-a", "maar-b", "maar-c"))
MAARS = (A, B, C)
MN = MobileNodeId("mn1@example.org")
ATTACHED = 1_900_000_000_000_000
ADDRESSES = {
    node: IPv6Address(f"2001:db8:ffff::{number}") for number, node in enumerate((CMD, *MAARS), 1)
}
PREFIXES = {maar: HomePrefix.parse(f"2001:db8:{maar[-1]}:1::/64") for maar in MAARS}
Kind = TypeVar("Kind", bound=MobilityMessage)
Said = TypeVar("Said", bound=Message)
Answer = Callable[[Envelope], list[Envelope]]


def config(
    node: NodeId, mode: DatabaseMode = DatabaseMode.RELAY, **changes: Any
) -> DistributedConfig:
    """Everybody shares a key with everybody."""
    made = DistributedConfig(
        node=node,
        address=ADDRESSES[node],
        database=CMD,
        mode=mode,
        nodes=ADDRESSES,
        associations={
            peer: SecurityAssociation(peer=peer, address=address, spi=256, key=bytes(16))
            for peer, address in ADDRESSES.items()
            if peer != node
        },
    )
    return msgspec.structs.replace(made, **changes)


def context(
    home: NodeId, anchor: NodeId | None = None, sequence: int = 1, grant: bytes = b""
) -> MobilityContext:
    """Of the mobile node, with the prefix it has from a MAAR."""
    at = anchor or home
    return MobilityContext(
        mobile_node=MN,
        prefixes=(PREFIXES[home],),
        home_anchor=home,
        current_anchor=at,
        order=MoveOrder(sequence, ATTACHED, at),
        lifetime=300.0,
        link_layer_id=b"\2\0\0\0\0\1",
        grant=grant or b"grant of " + home.encode() + bytes(300),
    )


def request(home: NodeId, new: NodeId = B, attached_at: int = ATTACHED) -> r_xx.ContextRequest:
    return r_xx.ContextRequest(
        mobile_node=MN, home_anchor=home, new_anchor=new, attached_at=attached_at
    )


def lookup(attached_at: int = ATTACHED) -> r_xc.ContextLookup:
    return r_xc.ContextLookup(mobile_node=MN, attached_at=attached_at)


def egress(node: NodeId) -> Egress:
    return Egress(node, Locator(ADDRESSES[node].packed))


class Entities:
    """Those of one node: an FE_IEC with records, or an FE_MCTX that grants what it is asked."""

    def __init__(self, node: NodeId) -> None:
        self.node = node
        self.heard: list[Envelope] = []
        self.records: list[MobilityContext] = []
        self.grants = True
        self.status = Status.ACCEPTED
        self.grant = b""
        self.silent = False

    def hear(self, envelope: Envelope) -> list[Envelope]:
        """What is answered."""
        self.heard.append(envelope)
        message = envelope.message
        if self.silent:
            return []
        match message:
            case r_xc.ContextLookup():
                found = r_xc.ContextFound(mobile_node=MN, contexts=tuple(self.records))
                return [self._back(envelope, found)]
            case r_xc.ContinuityRequest():
                return [self._back(envelope, self._continued(message))]
            case r_xx.ContextRequest():
                return [self._back(envelope, self._granted(message))]
            case _:
                return []

    def messages(self, kind: type[Said]) -> list[Said]:
        """What was heard of a kind."""
        return [e.message for e in self.heard if isinstance(e.message, kind)]

    def _granted(self, asked: r_xx.ContextRequest) -> r_xx.ContextResponse:
        return r_xx.ContextResponse(
            mobile_node=MN,
            home_anchor=asked.home_anchor,
            attached_at=asked.attached_at,
            status=self.status,
            context=context(asked.home_anchor, asked.new_anchor, 2, self.grant)
            if self.status == Status.ACCEPTED
            else None,
            former_anchors=(asked.home_anchor,),
        )

    def _continued(self, asked: r_xc.ContinuityRequest) -> r_xc.ContinuityResponse:
        granted = context(asked.home_anchor, asked.new_anchor, 2)
        return r_xc.ContinuityResponse(
            mobile_node=MN,
            home_anchor=asked.home_anchor,
            attached_at=asked.attached_at,
            status=Status.ACCEPTED if self.grants else Status.NOT_AUTHORISED,
            context=granted if self.grants else None,
        )

    def _back(self, envelope: Envelope, message: Message) -> Envelope:
        return Envelope(envelope.reference_point, envelope.receiver, envelope.sender, message)


class Domain:
    """CMD and MAARs. `fate` says for each datagram how many copies arrive, each how much later."""

    def __init__(self, mode: DatabaseMode = DatabaseMode.RELAY, **changes: Any) -> None:
        self.now = NOW
        self.nodes = {
            node: DistributedMobilityNode(config(node, mode, **changes)) for node in ADDRESSES
        }
        self.entities = {node: Entities(node) for node in ADDRESSES}
        self.complaints: list[tuple[NodeId, Complain]] = []
        self.log: list[tuple[float, NodeId, NodeId, MobilityMessage]] = []
        self.fate: Callable[[NodeId, NodeId], list[float]] = lambda _from, _to: [TRIP]
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = count()

    @property
    def records(self) -> list[MobilityContext]:
        """The FE_IEC's."""
        return self.entities[CMD].records

    def say(self, sender: NodeId, receiver: NodeId, message: Message) -> None:
        """An entity of one node says something to one of another."""
        node = self.nodes[sender]
        self._carry_out(sender, node.send(ends(message, sender, receiver), self.now))

    def restart(self, name: NodeId) -> None:
        """A daemon begins anew, with nothing but its configuration and its entities' facts."""
        self.nodes[name] = DistributedMobilityNode(self.nodes[name].config)
        self._carry_out(name, self.nodes[name].start(self.now))

    def run(self, seconds: float) -> None:
        """Let time pass."""
        until = self.now + seconds
        while True:
            timer, name = min((node.next_timer(), name) for name, node in self.nodes.items())
            event = self._events[0][0] if self._events else until + 1
            if min(timer, event) > until:
                break
            if event <= timer:
                at, _, action = heapq.heappop(self._events)
                self.now = max(self.now, at)
                action()
            else:
                self.now = max(self.now, timer)
                self._carry_out(name, self.nodes[name].fire(self.now))
        self.now = until

    def said(self, kind: type[Kind]) -> list[tuple[NodeId, NodeId, Kind]]:
        """Messages of a kind on the wire, as sent, with their ends."""
        return [(one, other, m) for _, one, other, m in self.log if isinstance(m, kind)]

    def ladder(self) -> list[tuple[int, NodeId, NodeId, str]]:
        """Everything sent but heartbeats: after how many trips, from, to, what."""
        return [
            (round((at - NOW) / TRIP), one, other, type(message).__name__)
            for at, one, other, message in self.log
            if not isinstance(message, Heartbeat)
        ]

    def _carry_out(self, name: NodeId, wanted: list[Wanted]) -> None:
        for one in wanted:
            match one:
                case Datagram(to, data):
                    self._travel(name, to, data)
                case Deliver(envelope):
                    for answer in self.entities[name].hear(envelope):
                        self._carry_out(name, self.nodes[name].send(answer, self.now))
                case Complain():
                    self.complaints.append((name, one))

    def _travel(self, sender: NodeId, to: IPv6Address, data: bytes) -> None:
        receiver = next(node for node, address in ADDRESSES.items() if address == to)
        source = ADDRESSES[sender]
        self.log.append((self.now, sender, receiver, decode(data, source, to)))

        def arrive() -> None:
            node = self.nodes[receiver]
            self._carry_out(receiver, node.receive(data, source, self.now))

        for delay in self.fate(sender, receiver):
            heapq.heappush(self._events, (self.now + delay, next(self._serial), arrive))
