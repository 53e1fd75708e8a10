"""Mobile IPv6 without sockets: a mobile node and two home agents, octets on the wire between."""

from collections.abc import Callable, Iterable
from ipaddress import IPv6Address
from typing import Any

import msgspec

from opendmm.bindings.mipv6.config import HomeProfile, MipConfig
from opendmm.bindings.mipv6.node import MobileIpv6Node, Wanted
from opendmm.bindings.mipv6.packet import Packet
from opendmm.bindings.mobility.association import SharedKey
from opendmm.bindings.mobility.outputs import Complain, Deliver
from opendmm.model.addressing import HomePrefix, Locator
from opendmm.model.identity import EntityAddress, FunctionalEntity, MobileNodeId, NodeId
from opendmm.model.order import MoveOrder
from opendmm.reference_points import r_xu
from opendmm.reference_points.catalogue import Envelope, ReferencePointName
from opendmm.reference_points.message import Message, Status
from opendmm.wire.mobility.binding import BindingAcknowledgement, BindingUpdate
from opendmm.wire.mobility.codec import decode
from opendmm.wire.mobility.message import MobilityMessage

NOW = 1_900_000_000.0
MN, OTHER = MobileNodeId("mn1@example.org"), MobileNodeId("mn2@example.org")
HA_A, HA_B = NodeId("ha-a"), NodeId("ha-b")
AGENTS = {HA_A: IPv6Address("2001:db8:ffff::a"), HA_B: IPv6Address("2001:db8:ffff::b")}
HOA, HOA_2 = IPv6Address("2001:db8:a::100"), IPv6Address("2001:db8:a::101")
OTHERS_HOA = IPv6Address("2001:db8:a::200")
COA_1, COA_2, COA_3 = (IPv6Address(f"2001:db8:{n}::100") for n in (1, 2, 3))
PROFILES = {
    MN: HomeProfile(home_addresses=(HOA,), agents=frozenset(AGENTS)),
    OTHER: HomeProfile(home_addresses=(OTHERS_HOA,), agents=frozenset({HA_A})),
}
HOME_LINK = "to-mn"
R_XU = ReferencePointName.R_XU


def key(mobile_node: MobileNodeId, agent: NodeId) -> bytes:
    return f"{mobile_node} {agent}".encode().ljust(16, b".")[-16:]


def agent_config(node: NodeId = HA_A, **changes: Any) -> MipConfig:
    config = MipConfig(
        node=node,
        address=AGENTS[node],
        agents=AGENTS,
        nodes=AGENTS,
        associations={
            NodeId(name): SharedKey(peer=NodeId(name), spi=256, key=key(name, node))
            for name in PROFILES
        },
        profiles=PROFILES,
        home_links={MN: HOME_LINK, OTHER: "to-mn2"} if node == HA_A else {},
    )
    return msgspec.structs.replace(config, **changes)


def mobile_config(mobile_node: MobileNodeId = MN, **changes: Any) -> MipConfig:
    config = MipConfig(
        node=NodeId(mobile_node),
        mobile_node=mobile_node,
        agents=AGENTS,
        nodes=AGENTS,
        associations={
            agent: SharedKey(peer=agent, spi=256, key=key(mobile_node, agent)) for agent in AGENTS
        },
        profiles=PROFILES,
        home_links={mobile_node: "home"},
    )
    return msgspec.structs.replace(config, **changes)


def attach(
    care_of: IPv6Address | None, at: float = NOW, agent: NodeId = HA_A, mobile_node: Any = MN
) -> Envelope:
    message = r_xu.AttachNotification(
        mobile_node=mobile_node,
        attached_at=int(at * 1e6),
        home_anchor=HA_A,
        previous_anchor=HA_B,
        proof=b"signed",
        care_of=Locator(care_of.packed) if care_of is not None else None,
    )
    return to_agent(agent, message, mobile_node)


def to_agent(agent: NodeId, message: Message, mobile_node: Any = MN) -> Envelope:
    client = EntityAddress(NodeId(mobile_node), FunctionalEntity.FE_MU_C)
    return Envelope(R_XU, client, EntityAddress(agent, FunctionalEntity.FE_MCTX), message)


def to_mobile(agent: NodeId, message: Message, mobile_node: Any = MN) -> Envelope:
    client = EntityAddress(NodeId(mobile_node), FunctionalEntity.FE_MU_C)
    return Envelope(R_XU, EntityAddress(agent, FunctionalEntity.FE_MCTX), client, message)


def message_in(packet: Packet) -> MobilityMessage:
    return decode(packet.data, packet.sender, packet.receiver)


def update_in(packet: Packet) -> BindingUpdate:
    message = message_in(packet)
    assert isinstance(message, BindingUpdate)
    return message


def answer_in(packet: Packet) -> BindingAcknowledgement:
    message = message_in(packet)
    assert isinstance(message, BindingAcknowledgement)
    return message


def packets(wanted: Iterable[Wanted]) -> list[Packet]:
    return [one for one in wanted if isinstance(one, Packet)]


def delivered(wanted: Iterable[Wanted]) -> list[Message]:
    return [one.envelope.message for one in wanted if isinstance(one, Deliver)]


def complaints(wanted: Iterable[Wanted]) -> list[str]:
    return [one.event for one in wanted if isinstance(one, Complain)]


class Agent:
    """A home agent with an FE_MCTX that accepts everything (`status` says otherwise; None: it
    says nothing)."""

    def __init__(self, node: NodeId = HA_A, **changes: Any) -> None:
        self.name = node
        self.core = MobileIpv6Node(agent_config(node, **changes))
        self.status: int | None = Status.ACCEPTED
        self.told: list[Message] = []
        self.complaints: list[Complain] = []

    def hears(self, packet: Packet, now: float = NOW) -> list[Packet]:
        """What it sends for a packet."""
        return self.carried_out(self.core.receive(packet, now), now)

    def answer(self, packet: Packet, now: float = NOW) -> BindingAcknowledgement:
        (answer,) = self.hears(packet, now)
        return answer_in(answer)

    def says(self, message: Message, now: float = NOW) -> list[Packet]:
        """The FE_MCTX sends a message of R_XU."""
        return self.carried_out(self.core.send(to_mobile(self.name, message), now), now)

    def fire(self, now: float) -> list[Packet]:
        return self.carried_out(self.core.fire(now), now)

    def carried_out(self, wanted: list[Wanted], now: float) -> list[Packet]:
        sent: list[Packet] = []
        for one in wanted:
            match one:
                case Packet():
                    sent.append(one)
                case Deliver(envelope):
                    self.told.append(envelope.message)
                    sent += self._decide(envelope.message, now)
                case Complain():
                    self.complaints.append(one)
        return sent

    def _decide(self, message: Message, now: float) -> list[Packet]:
        if not isinstance(message, r_xu.AttachNotification) or self.status is None:
            return []
        return self.says(self.decision(message, self.status), now)

    def decision(
        self, message: r_xu.AttachNotification, status: int = Status.ACCEPTED
    ) -> r_xu.AttachAcknowledgement:
        addresses = PROFILES[message.mobile_node].home_addresses
        prefixes = tuple(HomePrefix(a.packed, 128) for a in (*addresses, HOA_2))
        return r_xu.AttachAcknowledgement(
            mobile_node=message.mobile_node,
            attached_at=message.attached_at,
            status=status,
            anchor=self.name,
            home_anchor=HA_A,
            order=MoveOrder(7, message.attached_at, self.name),
            prefixes=prefixes if status == Status.ACCEPTED else (),
        )

    @property
    def care_of(self) -> IPv6Address | None:
        """Of the mobile node, by its binding."""
        assert self.core.home_agent is not None
        entry = self.core.home_agent.cache.get(HOA)
        return entry.care_of if entry is not None else None


class Mobile:
    """A mobile node."""

    def __init__(self, mobile_node: MobileNodeId = MN, **changes: Any) -> None:
        self.core = MobileIpv6Node(mobile_config(mobile_node, **changes))
        self.told: list[Message] = []
        self.complaints: list[Complain] = []

    def goes(self, envelope: Envelope, now: float = NOW) -> list[Packet]:
        """What it sends for a message of its FE_MU_C."""
        return self.carried_out(self.core.send(envelope, now))

    def hears(self, packet: Packet, now: float = NOW) -> list[Packet]:
        return self.carried_out(self.core.receive(packet, now))

    def fire(self, now: float) -> list[Packet]:
        return self.carried_out(self.core.fire(now))

    def carried_out(self, wanted: list[Wanted]) -> list[Packet]:
        for one in wanted:
            if isinstance(one, Deliver):
                self.told.append(one.envelope.message)
            elif isinstance(one, Complain):
                self.complaints.append(one)
        return packets(wanted)

    @property
    def last(self) -> r_xu.AttachAcknowledgement:
        """What its FE_MU_C was told last."""
        told = self.told[-1]
        assert isinstance(told, r_xu.AttachAcknowledgement)
        return told


def exchange(
    mobile: Mobile, agents: Iterable[Agent], first: Iterable[Packet], now: float = NOW
) -> list[Packet]:
    """Everything that passes until nobody has anything to say; in its order."""
    places: dict[IPv6Address, Callable[[Packet, float], list[Packet]]] = {
        AGENTS[agent.name]: agent.hears for agent in agents
    }
    passed: list[Packet] = []
    waiting = list(first)
    while waiting:
        packet = waiting.pop(0)
        passed.append(packet)
        waiting += places.get(packet.destination, mobile.hears)(packet, now)
    return passed
