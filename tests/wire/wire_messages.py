"""One message of every type and one option of every type, with telling values.

The tests of the codec, of Wireshark's view of it, and the fuzzer's first corpus draw on them.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from opendmm.wire.mobility.binding import (
    BindingAcknowledgement,
    BindingError,
    BindingRefreshRequest,
    BindingUpdate,
)
from opendmm.wire.mobility.fast_handover import (
    FastBindingAcknowledgment,
    FastBindingUpdate,
    HandoverAcknowledge,
    HandoverInitiate,
)
from opendmm.wire.mobility.heartbeat import Heartbeat
from opendmm.wire.mobility.home_agent_switch import HomeAgentSwitch
from opendmm.wire.mobility.localized_routing import (
    LocalizedRoutingAcknowledgment,
    LocalizedRoutingInitiation,
)
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import (
    AccessNetworkElement,
    AccessTechnology,
    AddressCode,
    AuthenticationSubtype,
    BindingAcknowledgementFlags,
    BindingErrorStatus,
    BindingStatus,
    BindingUpdateFlags,
    FastBindingStatus,
    GroupSubtype,
    HandoffIndicator,
    HandoverAcknowledgeCode,
    HandoverAcknowledgeFlags,
    HandoverInitiateCode,
    HandoverInitiateFlags,
    HeartbeatFlags,
    IgmpReport,
    Ipv4AddressStatus,
    LinkLayerAddressCode,
    LocalizedRoutingFlags,
    LocalizedRoutingStatus,
    MagParameter,
    MldReport,
    MulticastContextStatus,
    MulticastPayload,
    MulticastRecordType,
    NotificationReason,
    NotificationStatus,
    OptionType,
    QosAttribute,
    QosOperation,
    RevocationFlags,
    RevocationStatus,
    RevocationTrigger,
    SubscriptionResponseFlags,
    UpdateNotificationFlags,
)
from opendmm.wire.mobility.options import (
    anchor,
    base_protocol,
    distributed,
    fast_handover,
    identification,
    ipv4,
    multicast,
    proxy,
)
from opendmm.wire.mobility.options.base import MobilityOption, UnknownOption
from opendmm.wire.mobility.options.suboptions import Element
from opendmm.wire.mobility.return_routability import (
    CareOfTest,
    CareOfTestInit,
    HomeTest,
    HomeTestInit,
)
from opendmm.wire.mobility.revocation import (
    BindingRevocationAcknowledgement,
    BindingRevocationIndication,
)
from opendmm.wire.mobility.subscription import SubscriptionQuery, SubscriptionResponse
from opendmm.wire.mobility.update_notification import (
    UpdateNotification,
    UpdateNotificationAcknowledgement,
)

MAG = IPv6Address("2001:db8:a::2")
LMA = IPv6Address("2001:db8:b::1")
HOME = IPv6Address("2001:db8:cafe::42")
PREFIX = IPv6Network("2001:db8:cafe::/64")
LINK_LOCAL = IPv6Address("fe80::200:5eff:fe00:5213")
LINK_LAYER = bytes.fromhex("00005e005213")
IPV4 = IPv4Address("192.0.2.1")
GROUP = multicast.MulticastRecord(
    MulticastRecordType.MODE_IS_INCLUDE,
    IPv6Address("ff3e::8000:1"),
    (IPv6Address("2001:db8::1"), IPv6Address("2001:db8::2")),
)
IPV4_GROUP = multicast.MulticastRecord(
    MulticastRecordType.MODE_IS_EXCLUDE, IPv4Address("232.1.2.3"), (IPV4,)
)

OPTIONS: tuple[MobilityOption, ...] = (
    base_protocol.BindingRefreshAdviceOption(refresh_interval=70),
    base_protocol.AlternateCareOfAddressOption(MAG),
    base_protocol.NonceIndicesOption(home_nonce_index=1234, care_of_nonce_index=5678),
    base_protocol.BindingAuthorizationDataOption(bytes(range(12))),
    anchor.MobileNetworkPrefixOption(IPv6Network("2001:db8:1000::/36")),
    fast_handover.LinkLayerAddressOption(LinkLayerAddressCode.MOBILE_NODE, LINK_LAYER),
    identification.MobileNodeIdentifierOption.from_nai("mn1@example.org"),
    identification.MessageAuthenticationOption(
        AuthenticationSubtype.MN_HA, 0x01020304, bytes(range(12))
    ),
    identification.MessageReplayProtectionOption(ntp_timestamp=0xE5A1_0000_8000_0000),
    identification.VendorSpecificOption(vendor=8164, subtype=3, data=b"whatever"),
    identification.ServiceSelectionOption(b"ims"),
    fast_handover.FastBindingAuthorizationDataOption(spi=7, authenticator=bytes(range(12))),
    proxy.HomeNetworkPrefixOption(PREFIX),
    proxy.HandoffIndicatorOption(HandoffIndicator.BETWEEN_MAGS_SAME_INTERFACE),
    proxy.AccessTechnologyTypeOption(AccessTechnology.IEEE_802_11),
    proxy.LinkLayerIdentifierOption(LINK_LAYER),
    proxy.LinkLocalAddressOption(LINK_LOCAL),
    proxy.TimestampOption(ticks=1_700_000_000 << 16 | 0x8000),
    proxy.RestartCounterOption(restart_counter=3),
    ipv4.Ipv4HomeAddressOption(IPV4, prefix_length=24, prefix_requested=True),
    ipv4.Ipv4AddressAcknowledgementOption(Ipv4AddressStatus.SUCCESS, IPV4, prefix_length=24),
    ipv4.NatDetectionOption(udp_encapsulation_required=True, refresh_time=110),
    ipv4.Ipv4CareOfAddressOption(IPV4),
    anchor.GreKeyOption(key=0xDEADBEEF),
    fast_handover.AddressPrefixOption(AddressCode.NEW_CARE_OF_ADDRESS, 128, MAG),
    ipv4.Ipv4HomeAddressRequestOption(IPV4, prefix_length=24),
    ipv4.Ipv4HomeAddressReplyOption(Ipv4AddressStatus.INVALID_IPV4_ADDRESS, IPV4, prefix_length=24),
    ipv4.Ipv4DefaultRouterAddressOption(IPV4),
    ipv4.Ipv4DhcpSupportModeOption(server=True),
    fast_handover.ContextRequestOption(
        (
            Element(OptionType.HOME_NETWORK_PREFIX),
            Element(OptionType.LINK_LAYER_IDENTIFIER),
            Element(OptionType.VENDOR_SPECIFIC, bytes.fromhex("00001fe403")),
        )
    ),
    fast_handover.LocalMobilityAnchorAddressOption(LMA),
    fast_handover.LinkLocalInterfaceIdentifierOption(LINK_LOCAL.packed[8:]),
    anchor.RedirectCapabilityOption(),
    anchor.RedirectOption(LMA),
    anchor.LoadInformationOption(
        priority=1,
        sessions_in_use=200,
        maximum_sessions=1000,
        used_capacity=30_000,
        maximum_capacity=40_000,
    ),
    ipv4.AlternateIpv4CareOfAddressOption(IPV4),
    anchor.MobileNodeGroupIdentifierOption(GroupSubtype.BULK_BINDING_UPDATE, group=9),
    anchor.MagIpv6AddressOption(MAG),
    anchor.AccessNetworkIdentifierOption(
        (Element(AccessNetworkElement.NETWORK_IDENTIFIER, b"\x80\x04ssid\x02ap"),)
    ),
    anchor.Ipv4TrafficOffloadSelectorOption(selected_are_tunneled=True, selector=b""),
    multicast.DynamicIpMulticastSelectorOption(bytes.fromhex("8f000000")),
    anchor.DelegatedMobileNetworkPrefixOption(IPv6Network("2001:db8:1000::/36")),
    multicast.ActiveMulticastSubscriptionIpv4Option(IgmpReport.IGMPV3, IPV4_GROUP),
    multicast.ActiveMulticastSubscriptionIpv6Option(MldReport.MLDV2, GROUP),
    anchor.QualityOfServiceOption(
        request=0,
        dscp=46,
        operation=QosOperation.ALLOCATE,
        attributes=(Element(QosAttribute.PER_MN_AGG_MAX_DL_BIT_RATE, bytes(4)),),
    ),
    multicast.MulticastMobilityOption(MulticastPayload.MLDV2, (GROUP, GROUP)),
    multicast.MulticastAcknowledgementOption(MulticastContextStatus.PAYLOAD_TYPE_UNSUPPORTED),
    anchor.LmaControlledMagParametersOption(
        (Element(MagParameter.HEARTBEAT_CONTROL, bytes.fromhex("003c00010003")),)
    ),
    distributed.AnchoredPrefixOption(PREFIX),
    distributed.LocalPrefixOption(IPv6Network("fd00:1::/32")),
    distributed.PreviousMaarOption(MAG, PREFIX),
    distributed.ServingMaarOption(MAG),
    distributed.DlifLinkLocalAddressOption(LINK_LOCAL),
    distributed.DlifLinkLayerAddressOption(LINK_LAYER),
)

VARIANTS: tuple[MobilityOption, ...] = (
    anchor.GreKeyOption(),
    fast_handover.LocalMobilityAnchorAddressOption(IPV4),
    anchor.RedirectOption(IPV4),
    anchor.DelegatedMobileNetworkPrefixOption(IPv4Network("198.51.100.0/24")),
    proxy.LinkLayerIdentifierOption(bytes(range(8))),
    multicast.ActiveMulticastSubscriptionIpv6Option(MldReport.MLDV1, IPv6Address("ff0e::1")),
    multicast.ActiveMulticastSubscriptionIpv4Option(IgmpReport.IGMPV2, IPv4Address("224.1.2.3")),
    multicast.MulticastMobilityOption(MulticastPayload.IGMPV3, (IPV4_GROUP,)),
    UnknownOption(type_number=200, data=b"of the future", residue=5),
)

MESSAGES: tuple[MobilityMessage, ...] = (
    BindingRefreshRequest(),
    HomeTestInit(cookie=bytes(range(1, 9))),
    CareOfTestInit(cookie=bytes(range(1, 9))),
    HomeTest(nonce_index=13, cookie=bytes(range(1, 9)), keygen_token=bytes(range(9, 17))),
    CareOfTest(nonce_index=13, cookie=bytes(range(1, 9)), keygen_token=bytes(range(9, 17))),
    BindingUpdate(sequence=0x1234, flags=BindingUpdateFlags.A | BindingUpdateFlags.P, lifetime=75),
    BindingAcknowledgement(
        status=BindingStatus.TIMESTAMP_MISMATCH,
        flags=BindingAcknowledgementFlags.P,
        sequence=0x1234,
        lifetime=75,
    ),
    BindingError(status=BindingErrorStatus.UNRECOGNIZED_MH_TYPE, home_address=HOME),
    FastBindingUpdate(
        sequence=0x1234, flags=BindingUpdateFlags.A | BindingUpdateFlags.H, lifetime=60
    ),
    FastBindingAcknowledgment(
        status=FastBindingStatus.ACCEPTED,
        flags=BindingAcknowledgementFlags.K,
        sequence=0x1234,
        lifetime=60,
    ),
    HomeAgentSwitch(home_agents=(LMA, MAG)),
    Heartbeat(flags=HeartbeatFlags.R, sequence=0x12345678),
    HandoverInitiate(
        sequence=0x1234,
        flags=HandoverInitiateFlags.U | HandoverInitiateFlags.P,
        code=HandoverInitiateCode.ALL_CONTEXT_TRANSFERRED,
    ),
    HandoverAcknowledge(
        sequence=0x1234,
        flags=HandoverAcknowledgeFlags.P,
        code=HandoverAcknowledgeCode.CONTEXT_TRANSFER_ACCEPTED,
    ),
    BindingRevocationIndication(
        trigger=RevocationTrigger.ADMINISTRATIVE_REASON,
        sequence=0x1234,
        flags=RevocationFlags.P | RevocationFlags.G,
    ),
    BindingRevocationAcknowledgement(
        status=RevocationStatus.BINDING_DOES_NOT_EXIST,
        sequence=0x1234,
        flags=RevocationFlags.P,
    ),
    LocalizedRoutingInitiation(sequence=0x1234, lifetime=60),
    LocalizedRoutingAcknowledgment(
        sequence=0x1234,
        flags=LocalizedRoutingFlags.U,
        status=LocalizedRoutingStatus.MN_NOT_ATTACHED,
        lifetime=60,
    ),
    UpdateNotification(
        sequence=0x1234,
        reason=NotificationReason.FORCE_REREGISTRATION,
        flags=UpdateNotificationFlags.A,
    ),
    UpdateNotificationAcknowledgement(
        sequence=0x1234, status=NotificationStatus.FAILED_TO_UPDATE_SESSION_PARAMETERS
    ),
    SubscriptionQuery(sequence=0x12),
    SubscriptionResponse(sequence=0x12, flags=SubscriptionResponseFlags.I),
)


def carrying(option: MobilityOption) -> BindingUpdate:
    """A Proxy Binding Update with one option."""
    return BindingUpdate(
        sequence=0x1234,
        flags=BindingUpdateFlags.A | BindingUpdateFlags.P,
        lifetime=75,
        options=(option,),
    )
