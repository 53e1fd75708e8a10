"""Proxy Mobile IPv6 cores for tests: configurations, messages, an FE_MCTX that says yes."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import Any, TypeVar

import msgspec

from opendmm.bindings.mobility.association import SecurityAssociation
from opendmm.bindings.mobility.outputs import Complain, Deliver, Output, Transmit
from opendmm.bindings.pmipv6.config import PmipConfig, PolicyProfile
from opendmm.bindings.pmipv6.lma import LocalMobilityAnchor
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import EntityAddress, FunctionalEntity, MobileNodeId, NodeId
from opendmm.reference_points import r_xu
from opendmm.reference_points.catalogue import Envelope, ReferencePointName
from opendmm.reference_points.message import Message, Status
from opendmm.wire.mobility.binding import BindingAcknowledgement, BindingUpdate
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import (
    AccessTechnology,
    BindingUpdateFlags,
    HandoffIndicator,
)
from opendmm.wire.mobility.options.base import MobilityOption
from opendmm.wire.mobility.options.identification import MobileNodeIdentifierOption
from opendmm.wire.mobility.options.ipv4 import Ipv4HomeAddressRequestOption
from opendmm.wire.mobility.options.proxy import (
    FRACTIONS,
    AccessTechnologyTypeOption,
    HandoffIndicatorOption,
    HomeNetworkPrefixOption,
    LinkLayerIdentifierOption,
    TimestampOption,
)

NOW = 1_900_000_000.0
MN, OTHER, HOST = (
    MobileNodeId("mn1@example.org"),
    MobileNodeId("mn2@example.org"),
    MobileNodeId("client@example.org"),
)
V4_ONLY, V6_ONLY = MobileNodeId("four@example.org"), MobileNodeId("six@example.org")
LMA, MAG_1, MAG_2, STRANGER = NodeId("lma"), NodeId("mag-1"), NodeId("mag-2"), NodeId("mag-9")
HNP = HomePrefix.parse("2001:db8:a:1::/64")
HNP_2 = HomePrefix.parse("2001:db8:a:2::/64")
HOA = HomePrefix.parse("10.10.0.100/32")
ADDRESSES = {
    LMA: IPv6Address("2001:db8:ffff::1"),
    MAG_1: IPv6Address("2001:db8:ffff::11"),
    MAG_2: IPv6Address("2001:db8:ffff::12"),
    STRANGER: IPv6Address("2001:db8:ffff::19"),
}
PROFILES = {
    MN: PolicyProfile(prefixes=(HNP, HOA)),
    OTHER: PolicyProfile(prefixes=(HNP_2,)),
    HOST: PolicyProfile(proxied=False),
    V4_ONLY: PolicyProfile(prefixes=(HOA,)),
    V6_ONLY: PolicyProfile(prefixes=(HNP,)),
}
LINK_LAYER = b"\2\0\0\0\0\1"
Kind = TypeVar("Kind", bound=MobilityMessage)


def association(peer: NodeId) -> SecurityAssociation:
    return SecurityAssociation(peer=peer, address=ADDRESSES[peer], spi=256, key=bytes(16))


def lma_config(**changes: Any) -> PmipConfig:
    config = PmipConfig(
        node=LMA,
        address=ADDRESSES[LMA],
        associations={peer: association(peer) for peer in (MAG_1, MAG_2, STRANGER)},
        nodes={LMA: ADDRESSES[LMA]},
        profiles=PROFILES,
        gateways=frozenset({MAG_1, MAG_2}),
    )
    return msgspec.structs.replace(config, **changes)


def mag_config(node: NodeId = MAG_1, **changes: Any) -> PmipConfig:
    config = PmipConfig(
        node=node,
        address=ADDRESSES[node],
        associations={LMA: association(LMA)},
        nodes={LMA: ADDRESSES[LMA]},
        profiles=PROFILES,
        anchor=LMA,
    )
    return msgspec.structs.replace(config, **changes)


def pbu(at: float | None = NOW, *options: MobilityOption, **changes: Any) -> BindingUpdate:
    """A complete PBU of MN; `at` is its timestamp, None for none. `without` leaves out options."""
    without = changes.pop("without", ())
    said: tuple[MobilityOption, ...] = (
        MobileNodeIdentifierOption.from_nai(changes.pop("mobile_node", MN)),
        *changes.pop("prefixes", (HomeNetworkPrefixOption(IPv6Network("::/0")),)),
        HandoffIndicatorOption(changes.pop("handoff", HandoffIndicator.UNKNOWN)),
        AccessTechnologyTypeOption(AccessTechnology.IEEE_802_3),
        LinkLayerIdentifierOption(LINK_LAYER),
        *options,
    )
    if at is not None:
        said += (TimestampOption.from_seconds(at),)
    update = BindingUpdate(
        sequence=1,
        flags=BindingUpdateFlags.A | BindingUpdateFlags.P,
        lifetime=75,
        options=tuple(option for option in said if not isinstance(option, without)),
    )
    return msgspec.structs.replace(update, **changes)


def hnp(prefix: HomePrefix) -> HomeNetworkPrefixOption:
    return HomeNetworkPrefixOption(IPv6Network((prefix.network, prefix.length)))


def ipv4(address: str = "0.0.0.0") -> Ipv4HomeAddressRequestOption:
    return Ipv4HomeAddressRequestOption(IPv4Address(address))


def ticks(seconds: float) -> int:
    return int(seconds * FRACTIONS)


class Anchor:
    """An LMA with an FE_MCTX that accepts everything (`status` says otherwise)."""

    def __init__(self, **changes: Any) -> None:
        self.core = LocalMobilityAnchor(lma_config(**changes))
        self.status: int | None = Status.ACCEPTED
        self.prefixes: tuple[HomePrefix, ...] = (HNP, HOA)
        self.told: list[Message] = []
        self.complaints: list[Complain] = []

    def hears(
        self, gateway: NodeId, message: BindingUpdate, now: float = NOW
    ) -> list[MobilityMessage]:
        """What the gateway is sent for a PBU."""
        return self._carried_out(self.core.updated(gateway, message, now), now)

    def answer(
        self, gateway: NodeId, message: BindingUpdate, now: float = NOW
    ) -> BindingAcknowledgement:
        (answer,) = self.hears(gateway, message, now)
        assert isinstance(answer, BindingAcknowledgement)
        return answer

    def fire(self, now: float) -> list[MobilityMessage]:
        return self._carried_out(self.core.fire(now), now)

    def says(self, gateway: NodeId, message: Message, now: float = NOW) -> list[MobilityMessage]:
        """The FE_MCTX sends a message of R_XU."""
        return self._carried_out(self.core.send(to_gateway(gateway, message), now), now)

    def _carried_out(self, outputs: list[Output], now: float) -> list[MobilityMessage]:
        sent: list[MobilityMessage] = []
        for output in outputs:
            match output:
                case Transmit(_, message):
                    sent.append(message)
                case Deliver(envelope):
                    self.told.append(envelope.message)
                    sent += self._decide(envelope, now)
                case Complain():
                    self.complaints.append(output)
        return sent

    def _decide(self, envelope: Envelope, now: float) -> list[MobilityMessage]:
        message = envelope.message
        if not isinstance(message, r_xu.AttachNotification) or self.status is None:
            return []
        answer = r_xu.AttachAcknowledgement(
            mobile_node=message.mobile_node,
            attached_at=message.attached_at,
            status=self.status,
            anchor=LMA,
            prefixes=self.prefixes if self.status == Status.ACCEPTED else (),
        )
        return self.says(envelope.sender.node, answer, now)


def to_gateway(gateway: NodeId, message: Message) -> Envelope:
    here = EntityAddress(LMA, FunctionalEntity.FE_MCTX)
    client = EntityAddress(gateway, FunctionalEntity.FE_MU_C)
    return Envelope(ReferencePointName.R_XU, here, client, message)


def from_gateway(gateway: NodeId, message: Message) -> Envelope:
    here = EntityAddress(LMA, FunctionalEntity.FE_MCTX)
    client = EntityAddress(gateway, FunctionalEntity.FE_MU_C)
    return Envelope(ReferencePointName.R_XU, client, here, message)


def attach(at: float = NOW) -> r_xu.AttachNotification:
    return r_xu.AttachNotification(
        mobile_node=MN, attached_at=int(at * 1e6), link_layer_id=LINK_LAYER
    )


def detach(at: float = NOW) -> r_xu.DetachNotification:
    return r_xu.DetachNotification(mobile_node=MN, detached_at=int(at * 1e6))


def transmitted(outputs: list[Output], kind: type[Kind]) -> list[Kind]:
    return [o.message for o in outputs if isinstance(o, Transmit) and isinstance(o.message, kind)]


def delivered(outputs: list[Output]) -> list[Message]:
    return [o.envelope.message for o in outputs if isinstance(o, Deliver)]
