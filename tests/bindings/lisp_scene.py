"""A mapping system for tests: real cores of LISP, scripted entities, no time on the way."""

from ipaddress import IPv6Address

from opendmm.bindings.lisp.carriage import ends
from opendmm.bindings.lisp.config import LispConfig
from opendmm.bindings.lisp.enclosure import TOLERANCE
from opendmm.bindings.lisp.node import LispNode
from opendmm.bindings.mobility.outputs import Complain, Datagram, Deliver, Reachable
from opendmm.model.addressing import Egress, HomePrefix, Locator
from opendmm.model.context import MobilityContext
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.model.order import MoveOrder
from opendmm.model.policy import ForwardingPolicy
from opendmm.reference_points import r_ic, r_xc
from opendmm.reference_points.message import Message
from opendmm.wire.lisp.codec import Message as LispMessage
from opendmm.wire.lisp.codec import decode
from opendmm.wire.lisp.encapsulated import EncapsulatedControl

NOW = 1_900_000_000.0
SERVER, ITR, A, B = map(NodeId, ("map-server", "itr", "anchor-a", "anchor-b"))
MN = MobileNodeId("mn1@example.org")
HNP, HOA = HomePrefix.parse("2001:db8:a:1::/64"), HomePrefix.parse("10.10.0.100/32")
ADDRESSES = {
    node: IPv6Address(f"fd00:d::{number}") for number, node in enumerate((SERVER, ITR, A, B), 1)
}
SECRETS = {node: f"secret of {node}".encode() for node in (ITR, A, B)}
GRANT = b"a grant" * 40
ORDER = MoveOrder(3, 1_900_000_000_000_000, B)


def config(node: NodeId) -> LispConfig:
    """Every tunnel router shares a secret with the Map-Server."""
    peers = (ITR, A, B) if node == SERVER else (SERVER,)
    return LispConfig(
        node=node,
        address=ADDRESSES[node],
        nodes={peer: ADDRESSES[peer] for peer in peers},
        keys={peer: SECRETS[node if peer == SERVER else peer] for peer in peers},
    )


def egress(node: NodeId) -> Egress:
    return Egress(node, Locator(ADDRESSES[node].packed))


def location() -> r_xc.LocationUpdate:
    """anchor-b has the mobile node."""
    context = MobilityContext(
        mobile_node=MN,
        prefixes=(HNP, HOA),
        home_anchor=A,
        current_anchor=B,
        order=ORDER,
        lifetime=300.0,
        grant=GRANT,
    )
    return r_xc.LocationUpdate(context=context, egress=egress(B), delivering=True)


def policy(prefixes: tuple[HomePrefix, ...] = (HNP, HOA)) -> ForwardingPolicy:
    """What an ingress is to do of it."""
    return ForwardingPolicy(
        mobile_node=MN,
        home_anchor=A,
        prefixes=prefixes,
        order=ORDER,
        egress=egress(B),
        expires_at=NOW + 300,
        grant=GRANT,
    )


def update(transaction: int = 1) -> r_ic.PolicyUpdate:
    return r_ic.PolicyUpdate(transaction=transaction, policies=(policy(),))


class Scene:
    """Cores by node. What they deliver, complain of and send is kept; nothing is answered."""

    def __init__(self) -> None:
        self.now = NOW
        self.cores = {node: LispNode(config(node)) for node in ADDRESSES}
        self.names = {address: node for node, address in ADDRESSES.items()}
        self.delivered: list[tuple[NodeId, Message]] = []
        self.complaints: list[str] = []
        self.reachable: list[tuple[NodeId, NodeId, bool]] = []
        self.wire: list[tuple[NodeId, NodeId, bytes]] = []
        self.lost = False

    def say(self, sender: NodeId, receiver: NodeId, message: Message) -> None:
        """An entity has its node carry a message; all that follows from it."""
        core = self.cores[sender]
        self.do(sender, core.send(ends(message, sender, receiver), self.now))

    def do(self, node: NodeId, wanted: list) -> None:  # type: ignore[type-arg]
        for one in wanted:
            match one:
                case Datagram(to, data):
                    self.wire.append((node, self.names[to], data))
                    if not self.lost:
                        self.arrive(self.names[to], data, ADDRESSES[node])
                case Deliver(envelope):
                    self.delivered.append((node, envelope.message))
                case Complain(event, _, fields):
                    self.complaints.append(f"{event}: {fields.get('why', '')}")
                case Reachable(peer, reachable):
                    self.reachable.append((node, peer, reachable))

    def arrive(self, node: NodeId, data: bytes, source: IPv6Address) -> None:
        self.do(node, self.cores[node].receive(data, source, self.now))

    def messages(self) -> list[LispMessage]:
        """What has travelled; what is encapsulated, taken out."""
        found = []
        for _, _, data in self.wire:
            message = decode(data, TOLERANCE)
            if isinstance(message, EncapsulatedControl):
                message = decode(message.message, TOLERANCE)
            found.append(message)
        return found

    def pass_time(self, seconds: float) -> None:
        """Fire what is due, in order."""
        end = self.now + seconds
        while (due := min(core.next_timer() for core in self.cores.values())) <= end:
            self.now = max(self.now, due)
            for node, core in self.cores.items():
                self.do(node, core.fire(self.now))
        self.now = end
