"""Hypothesis strategies: whatever value of every message and option there is an encoding for."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

from hypothesis import strategies as st

from opendmm.wire.mobility import (
    binding,
    fast_handover,
    heartbeat,
    home_agent_switch,
    localized_routing,
    numbers,
    return_routability,
    revocation,
    subscription,
    update_notification,
)
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.options import (
    anchor,
    base_protocol,
    distributed,
    identification,
    ipv4,
    multicast,
    proxy,
)
from opendmm.wire.mobility.options import fast_handover as fast_options
from opendmm.wire.mobility.options.base import MobilityOption, UnknownOption
from opendmm.wire.mobility.options.registry import OPTIONS as REGISTRY
from opendmm.wire.mobility.options.suboptions import Element

Strategy = st.SearchStrategy[Any]

U8 = st.integers(0, 0xFF)
U16 = st.integers(0, 0xFFFF)
U32 = st.integers(0, 0xFFFF_FFFF)
U64 = st.integers(0, 0xFFFF_FFFF_FFFF_FFFF)
SOME = st.binary(max_size=40)
EIGHT = st.binary(min_size=8, max_size=8)
IPV6 = st.binary(min_size=16, max_size=16).map(IPv6Address)
IPV4 = st.binary(min_size=4, max_size=4).map(IPv4Address)
IPV6_PREFIX = st.builds(
    lambda address, length: IPv6Network((address, length), strict=False), IPV6, st.integers(0, 128)
)
IPV4_PREFIX = st.builds(
    lambda address, length: IPv4Network((address, length), strict=False), IPV4, st.integers(0, 32)
)
IPV4_LENGTH = st.integers(0, 32)
ELEMENTS = st.lists(st.builds(Element, U8, st.binary(max_size=8)), max_size=4).map(tuple)
LATER = st.binary(max_size=30)


def of_registry(kind: Any, largest: int = 0xFF) -> Strategy:
    """Numbers with a name and numbers without one."""
    return st.integers(0, largest).map(kind)


def flags(kind: Any) -> Strategy:
    return st.integers(0, sum(kind)).map(lambda bits: kind(bits & sum(kind)))


def records(address: Strategy) -> Strategy:
    return st.builds(
        multicast.MulticastRecord,
        of_registry(numbers.MulticastRecordType),
        address,
        st.lists(address, max_size=3).map(tuple),
        st.sampled_from((b"", b"word", b"twowords")),
    )


def reports(address: Strategy) -> Strategy:
    return st.lists(records(address), max_size=3).map(tuple)


def contexts(kind: Any, known: dict[int, Strategy]) -> Strategy:
    """A kind of multicast report with a context that fits it."""
    named = [st.tuples(st.just(kind(number)), context) for number, context in known.items()]
    unnamed = U8.filter(lambda number: number not in known).map(kind)
    return st.one_of(*named, st.tuples(unnamed, LATER))


WORDS = st.lists(st.binary(min_size=4, max_size=4), max_size=5).map(b"".join)
ADDRESS_PREFIX = st.one_of(
    st.tuples(
        of_registry(numbers.AddressCode).filter(lambda code: code != 4), st.integers(0, 128), IPV6
    ),
    IPV6_PREFIX.map(
        lambda prefix: (
            numbers.AddressCode.NAR_PREFIX,
            prefix.prefixlen,
            prefix.network_address,
        )
    ),
)
MULTICAST_PAYLOADS = contexts(
    numbers.MulticastPayload,
    {1: reports(IPV4), 2: reports(IPV6), 3: reports(IPV4), 4: reports(IPV6)},
).filter(lambda pair: isinstance(pair[1], tuple) or len(pair[1]) % 4 == 0)

OPTION_FIELDS: dict[Any, tuple[Strategy, ...]] = {
    base_protocol.BindingRefreshAdviceOption: (U16,),
    base_protocol.AlternateCareOfAddressOption: (IPV6,),
    base_protocol.NonceIndicesOption: (U16, U16),
    identification.MobileNodeIdentifierOption: (of_registry(numbers.IdentifierSubtype), SOME),
    identification.MessageReplayProtectionOption: (U64,),
    identification.VendorSpecificOption: (U32, U8, SOME),
    identification.ServiceSelectionOption: (st.binary(min_size=1, max_size=255),),
    anchor.MobileNetworkPrefixOption: (IPV6_PREFIX,),
    anchor.GreKeyOption: (st.none() | U32,),
    anchor.RedirectCapabilityOption: (),
    anchor.RedirectOption: (IPV4 | IPV6,),
    anchor.LoadInformationOption: (U16, U32, U32, U32, U32),
    anchor.MobileNodeGroupIdentifierOption: (of_registry(numbers.GroupSubtype), U32),
    anchor.MagIpv6AddressOption: (IPV6,),
    anchor.AccessNetworkIdentifierOption: (ELEMENTS.filter(bool),),
    anchor.LmaControlledMagParametersOption: (ELEMENTS.filter(bool),),
    anchor.Ipv4TrafficOffloadSelectorOption: (st.booleans(), SOME),
    anchor.DelegatedMobileNetworkPrefixOption: (IPV4_PREFIX | IPV6_PREFIX,),
    anchor.QualityOfServiceOption: (
        U8,
        st.integers(0, 63),
        of_registry(numbers.QosOperation),
        ELEMENTS,
    ),
    fast_options.LinkLayerAddressOption: (of_registry(numbers.LinkLayerAddressCode), SOME),
    fast_options.ContextRequestOption: (ELEMENTS,),
    fast_options.LocalMobilityAnchorAddressOption: (IPV4 | IPV6,),
    fast_options.LinkLocalInterfaceIdentifierOption: (EIGHT,),
    proxy.HomeNetworkPrefixOption: (IPV6_PREFIX,),
    proxy.HandoffIndicatorOption: (of_registry(numbers.HandoffIndicator),),
    proxy.AccessTechnologyTypeOption: (of_registry(numbers.AccessTechnology),),
    proxy.LinkLayerIdentifierOption: (SOME,),
    proxy.LinkLocalAddressOption: (IPV6,),
    proxy.TimestampOption: (U64,),
    proxy.RestartCounterOption: (U32,),
    ipv4.Ipv4HomeAddressOption: (IPV4, st.integers(1, 32), st.booleans()),
    ipv4.Ipv4AddressAcknowledgementOption: (
        of_registry(numbers.Ipv4AddressStatus),
        IPV4,
        IPV4_LENGTH,
    ),
    ipv4.NatDetectionOption: (st.booleans(), U32),
    ipv4.Ipv4CareOfAddressOption: (IPV4,),
    ipv4.Ipv4HomeAddressRequestOption: (IPV4, IPV4_LENGTH),
    ipv4.Ipv4HomeAddressReplyOption: (of_registry(numbers.Ipv4AddressStatus), IPV4, IPV4_LENGTH),
    ipv4.Ipv4DefaultRouterAddressOption: (IPV4,),
    ipv4.Ipv4DhcpSupportModeOption: (st.booleans(),),
    ipv4.AlternateIpv4CareOfAddressOption: (IPV4,),
    multicast.DynamicIpMulticastSelectorOption: (SOME,),
    distributed.AnchoredPrefixOption: (IPV6_PREFIX,),
    distributed.LocalPrefixOption: (IPV6_PREFIX,),
    distributed.PreviousMaarOption: (IPV6, IPV6_PREFIX),
    distributed.ServingMaarOption: (IPV6,),
    distributed.DlifLinkLocalAddressOption: (IPV6,),
    distributed.DlifLinkLayerAddressOption: (SOME,),
    UnknownOption: (
        st.integers(2, 255).filter(lambda number: number not in REGISTRY),
        st.binary(max_size=255),
        st.integers(0, 7),
    ),
}

#: Options whose fields depend on each other: a strategy for all fields at once.
OPTION_TUPLES: dict[Any, Strategy] = {
    fast_options.AddressPrefixOption: ADDRESS_PREFIX,
    multicast.ActiveMulticastSubscriptionIpv6Option: contexts(
        numbers.MldReport, {131: IPV6, 143: records(IPV6)}
    ),
    multicast.ActiveMulticastSubscriptionIpv4Option: contexts(
        numbers.IgmpReport, {0x12: IPV4, 0x16: IPV4, 0x22: records(IPV4)}
    ),
    multicast.MulticastMobilityOption: MULTICAST_PAYLOADS,
    multicast.MulticastAcknowledgementOption: st.tuples(
        of_registry(numbers.MulticastContextStatus).filter(lambda status: status != 1),
        WORDS.map(lambda words: bytes(4) + words),
    ),
}

#: Options that are the last of their message.
LAST_FIELDS: dict[Any, tuple[Strategy, ...]] = {
    base_protocol.BindingAuthorizationDataOption: (
        st.integers(0, 3).flatmap(lambda n: st.binary(min_size=8 * n + 4, max_size=8 * n + 4)),
    ),
    identification.MessageAuthenticationOption: (
        of_registry(numbers.AuthenticationSubtype),
        U32,
        SOME,
    ),
    fast_options.FastBindingAuthorizationDataOption: (U32, SOME),
}

MESSAGE_FIELDS: dict[Any, tuple[Strategy, ...]] = {
    binding.BindingRefreshRequest: (),
    binding.BindingUpdate: (U16, flags(numbers.BindingUpdateFlags), U16),
    binding.BindingAcknowledgement: (
        of_registry(numbers.BindingStatus),
        flags(numbers.BindingAcknowledgementFlags),
        U16,
        U16,
    ),
    binding.BindingError: (of_registry(numbers.BindingErrorStatus), IPV6),
    return_routability.HomeTestInit: (EIGHT,),
    return_routability.CareOfTestInit: (EIGHT,),
    return_routability.HomeTest: (U16, EIGHT, EIGHT),
    return_routability.CareOfTest: (U16, EIGHT, EIGHT),
    fast_handover.FastBindingUpdate: (
        U16,
        st.integers(0, 15).map(lambda bits: numbers.BindingUpdateFlags(bits << 12)),
        U16,
    ),
    fast_handover.FastBindingAcknowledgment: (
        of_registry(numbers.FastBindingStatus),
        st.sampled_from((0, 0x80)).map(numbers.BindingAcknowledgementFlags),
        U16,
        U16,
    ),
    fast_handover.HandoverInitiate: (
        U16,
        flags(numbers.HandoverInitiateFlags),
        of_registry(numbers.HandoverInitiateCode),
    ),
    fast_handover.HandoverAcknowledge: (
        U16,
        flags(numbers.HandoverAcknowledgeFlags),
        of_registry(numbers.HandoverAcknowledgeCode),
    ),
    home_agent_switch.HomeAgentSwitch: (st.lists(IPV6, max_size=4).map(tuple),),
    heartbeat.Heartbeat: (flags(numbers.HeartbeatFlags), U32),
    revocation.BindingRevocationIndication: (
        of_registry(numbers.RevocationTrigger),
        U16,
        flags(numbers.RevocationFlags),
    ),
    revocation.BindingRevocationAcknowledgement: (
        of_registry(numbers.RevocationStatus),
        U16,
        flags(numbers.RevocationFlags),
    ),
    localized_routing.LocalizedRoutingInitiation: (U16, U16),
    localized_routing.LocalizedRoutingAcknowledgment: (
        U16,
        flags(numbers.LocalizedRoutingFlags),
        of_registry(numbers.LocalizedRoutingStatus),
        U16,
    ),
    update_notification.UpdateNotification: (
        U16,
        of_registry(numbers.NotificationReason, 0xFFFF),
        flags(numbers.UpdateNotificationFlags),
    ),
    update_notification.UpdateNotificationAcknowledgement: (
        U16,
        of_registry(numbers.NotificationStatus),
    ),
    subscription.SubscriptionQuery: (U8,),
    subscription.SubscriptionResponse: (U8, flags(numbers.SubscriptionResponseFlags)),
}


def options() -> st.SearchStrategy[MobilityOption]:
    """Options that may stand anywhere."""
    plain = [st.builds(kind, *fields) for kind, fields in OPTION_FIELDS.items()]
    dependent = [built(kind, fields) for kind, fields in OPTION_TUPLES.items()]
    return st.one_of(*plain, *dependent)


def built(kind: Any, fields: Strategy) -> Strategy:
    return fields.map(lambda of: kind(*of))


def last_options() -> st.SearchStrategy[MobilityOption]:
    return st.one_of([st.builds(kind, *fields) for kind, fields in LAST_FIELDS.items()])


@st.composite
def messages(draw: st.DrawFn) -> MobilityMessage:
    kind = draw(st.sampled_from(list(MESSAGE_FIELDS)))
    of = [draw(field) for field in MESSAGE_FIELDS[kind]]
    behind = draw(st.lists(options(), max_size=5)) + draw(st.lists(last_options(), max_size=1))
    message: MobilityMessage = kind(*of, options=tuple(behind))
    return message
