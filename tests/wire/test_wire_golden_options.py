"""Every option as its RFC draws it, written out by hand."""

import pytest
from hexdump import octets
from wire_messages import OPTIONS, VARIANTS

from opendmm.wire.mobility.codec import decode_without_checksum, encode_without_checksum
from opendmm.wire.mobility.heartbeat import Heartbeat
from opendmm.wire.mobility.numbers import HeartbeatFlags
from opendmm.wire.mobility.options.base import MobilityOption
from opendmm.wire.mobility.options.registry import OPTIONS as REGISTRY

DRAWN = {
    "BindingRefreshAdviceOption": """
        02          # Type (RFC 6275 §6.2.4)
        02          # Length
        00 46       # Refresh Interval: 70 units of 4 s
    """,
    "AlternateCareOfAddressOption": """
        03          # Type (RFC 6275 §6.2.5)
        10          # Length: 16
        20 01 0d b8 00 0a 00 00 00 00 00 00 00 00 00 02   # Alternate Care-of Address
    """,
    "NonceIndicesOption": """
        04          # Type (RFC 6275 §6.2.6)
        04          # Length
        04 d2       # Home Nonce Index: 1234
        16 2e       # Care-of Nonce Index: 5678
    """,
    "BindingAuthorizationDataOption": """
        05          # Type (RFC 6275 §6.2.7)
        0c          # Length of the authenticator: 12
        00 01 02 03 04 05 06 07 08 09 0a 0b   # Authenticator
    """,
    "MobileNetworkPrefixOption": """
        06          # Type (RFC 3963 §4.3)
        12          # Length: 18
        00          # Reserved
        24          # Prefix Length: 36
        20 01 0d b8 10 00 00 00 00 00 00 00 00 00 00 00   # Mobile Network Prefix
    """,
    "LinkLayerAddressOption": """
        07          # Type (RFC 5568 §6.4.4)
        07          # Length
        02          # Option-Code: of the mobile node
        00 00 5e 00 52 13   # LLA
    """,
    "MobileNodeIdentifierOption": """
        08          # Type (RFC 4283 §3)
        10          # Length: 16, of subtype and identifier
        01          # Subtype: NAI
        6d 6e 31 40 65 78 61 6d 70 6c 65 2e 6f 72 67   # mn1@example.org
    """,
    "MessageAuthenticationOption": """
        09          # Type (RFC 4285 §5)
        11          # Length: 17, of subtype, SPI and data
        01          # Subtype: MN-HA
        01 02 03 04 # Mobility SPI
        00 01 02 03 04 05 06 07 08 09 0a 0b   # Authentication Data
    """,
    "MessageReplayProtectionOption": """
        0a          # Type (RFC 4285 §6)
        08          # Length
        e5 a1 00 00 # Timestamp, seconds
        80 00 00 00 # Timestamp, half a second
    """,
    "VendorSpecificOption": """
        13          # Type (RFC 5094 §3)
        0d          # Length: 13
        00 00 1f e4 # Vendor ID: 8164
        03          # Sub-Type
        77 68 61 74 65 76 65 72   # Data: whatever
    """,
    "ServiceSelectionOption": """
        14          # Type (RFC 5149 §3)
        03          # Length
        69 6d 73    # Identifier: ims
    """,
    "FastBindingAuthorizationDataOption": """
        15          # Type (RFC 5568 §6.4.5)
        10          # Length: 16, of SPI and authenticator
        00 00 00 07 # SPI
        00 01 02 03 04 05 06 07 08 09 0a 0b   # Authenticator
    """,
    "HomeNetworkPrefixOption": """
        16          # Type (RFC 5213 §8.3)
        12          # Length: 18
        00          # Reserved
        40          # Prefix Length: 64
        20 01 0d b8 ca fe 00 00 00 00 00 00 00 00 00 00   # Home Network Prefix
    """,
    "HandoffIndicatorOption": """
        17          # Type (RFC 5213 §8.4)
        02          # Length
        00          # Reserved
        03          # HI: between mobile access gateways for the same interface
    """,
    "AccessTechnologyTypeOption": """
        18          # Type (RFC 5213 §8.5)
        02          # Length
        00          # Reserved
        04          # ATT: IEEE 802.11a/b/g
    """,
    "LinkLayerIdentifierOption": """
        19          # Type (RFC 5213 §8.6)
        08          # Length
        00 00       # Reserved
        00 00 5e 00 52 13   # Link-layer Identifier
    """,
    "LinkLocalAddressOption": """
        1a          # Type (RFC 5213 §8.7)
        10          # Length: 16
        fe 80 00 00 00 00 00 00 02 00 5e ff fe 00 52 13   # Link-local Address
    """,
    "TimestampOption": """
        1b          # Type (RFC 5213 §8.8)
        08          # Length
        00 00 65 53 f1 00   # seconds since 1970: 1700000000
        80 00       # half a second
    """,
    "RestartCounterOption": """
        1c          # Type (RFC 5847 §3.4)
        04          # Length
        00 00 00 03 # Restart Counter
    """,
    "Ipv4HomeAddressOption": """
        1d          # Type (RFC 5555 §3.1.1)
        06          # Length
        62 00       # Prefix-len 011000 (24), P 1, Reserved
        c0 00 02 01 # IPv4 home address
    """,
    "Ipv4AddressAcknowledgementOption": """
        1e          # Type (RFC 5555 §3.2.1)
        06          # Length
        00          # Status: success
        60          # Pref-len 011000 (24), Res
        c0 00 02 01 # IPv4 home address
    """,
    "NatDetectionOption": """
        1f          # Type (RFC 5555 §3.2.2)
        06          # Length
        80 00       # F 1, Reserved
        00 00 00 6e # Refresh time: 110 s
    """,
    "Ipv4CareOfAddressOption": """
        20          # Type (RFC 5555 §3.1.2)
        06          # Length
        00 00       # Reserved
        c0 00 02 01 # IPv4 Care-of address
    """,
    "GreKeyOption": """
        21          # Type (RFC 5845 §6.1)
        06          # Length
        00 00       # Reserved
        de ad be ef # GRE Key Identifier
    """,
    "AddressPrefixOption": """
        22          # Type (RFC 5568 §11: 34)
        12          # Length: 18
        02          # Option-Code: New Care-of Address
        80          # Prefix Length: 128
        20 01 0d b8 00 0a 00 00 00 00 00 00 00 00 00 02   # IPv6 Address/Prefix
    """,
    "Ipv4HomeAddressRequestOption": """
        24          # Type (RFC 5844 §3.3.1)
        06          # Length
        60 00       # Prefix-len 011000 (24), Reserved
        c0 00 02 01 # IPv4 home address
    """,
    "Ipv4HomeAddressReplyOption": """
        25          # Type (RFC 5844 §3.3.2)
        06          # Length
        83          # Status: 131, invalid IPv4 address
        60          # Pref-len 011000 (24), Res
        c0 00 02 01 # IPv4 home address
    """,
    "Ipv4DefaultRouterAddressOption": """
        26          # Type (RFC 5844 §3.3.3)
        06          # Length
        00 00       # Reserved
        c0 00 02 01 # IPv4 Default-Router Address
    """,
    "Ipv4DhcpSupportModeOption": """
        27          # Type (RFC 5844 §3.3.4)
        02          # Length
        00 01       # Reserved, S 1: DHCP server
    """,
    "ContextRequestOption": """
        28          # Option-Type (RFC 5949 §6.2.1, with its example)
        0d          # Option-Length: 13
        00 00       # Reserved
        16 00       # Req-type 22, Req-length 0
        19 00       # Req-type 25, Req-length 0
        13 05       # Req-type 19, Req-length 5
        00 00 1f e4 # Vendor-ID
        03          # Sub-Type
    """,
    "LocalMobilityAnchorAddressOption": """
        29          # Option-Type (RFC 5949 §6.2.2)
        12          # Option-Length: 18
        01          # Option-Code: IPv6 address
        00          # Reserved
        20 01 0d b8 00 0b 00 00 00 00 00 00 00 00 00 01   # Local Mobility Anchor Address
    """,
    "LinkLocalInterfaceIdentifierOption": """
        2a          # Option-Type (RFC 5949 §6.2.3)
        0a          # Option-Length: 10
        00 00       # Reserved
        02 00 5e ff fe 00 52 13   # Interface Identifier
    """,
    "RedirectCapabilityOption": """
        2e          # Option Type (RFC 6463 §4.1)
        02          # Option Length
        00 00       # Reserved
    """,
    "RedirectOption": """
        2f          # Option Type (RFC 6463 §4.2)
        12          # Option Length: 18
        80 00       # K 1, N 0, Reserved
        20 01 0d b8 00 0b 00 00 00 00 00 00 00 00 00 01   # IPv6 r2LMA Address
    """,
    "LoadInformationOption": """
        30          # Option Type (RFC 6463 §4.3)
        12          # Option Length: 18
        00 01       # Priority
        00 00 00 c8 # Sessions in Use: 200
        00 00 03 e8 # Maximum Sessions: 1000
        00 00 75 30 # Used Capacity: 30000
        00 00 9c 40 # Maximum Capacity: 40000
    """,
    "AlternateIpv4CareOfAddressOption": """
        31          # Option Type (RFC 6463 §4.4)
        04          # Option Length
        c0 00 02 01 # Alternate IPv4 Care-of Address
    """,
    "MobileNodeGroupIdentifierOption": """
        32          # Type (RFC 6602 §4.3)
        06          # Length
        01          # Sub-type: Bulk Binding Update Group
        00          # Reserved
        00 00 00 09 # Mobile Node Group Identifier
    """,
    "MagIpv6AddressOption": """
        33          # Type (RFC 6705 §11.1)
        12          # Length: 18
        00          # Reserved
        80          # Address Length: 128
        20 01 0d b8 00 0a 00 00 00 00 00 00 00 00 00 02   # MAG IPv6 Address
    """,
    "AccessNetworkIdentifierOption": """
        34          # Type (RFC 6757 §3)
        0b          # Length: 11
        01          # ANI Type: Network-Identifier
        09          # ANI Length
        80          # E 1, Reserved
        04          # Net-Name Len
        73 73 69 64 # Network Name: ssid
        02          # AP-Name Len
        61 70       # Access-Point Name: ap
    """,
    "Ipv4TrafficOffloadSelectorOption": """
        35          # Type (RFC 6909 §3.1)
        04          # Length
        80 00 00 00 # M 1, Reserved
    """,
    "DynamicIpMulticastSelectorOption": """
        36          # Type (RFC 7028 §5.1)
        04          # Length
        8f 00 00 00 # what stands there, unread
    """,
    "DelegatedMobileNetworkPrefixOption": """
        37          # Type (RFC 7148 §4.1)
        12          # Length: 18
        00          # V 0: IPv6, Reserved
        24          # Prefix Length: 36
        20 01 0d b8 10 00 00 00 00 00 00 00 00 00 00 00   # Delegated Mobile Network Prefix
    """,
    "ActiveMulticastSubscriptionIpv4Option": """
        38          # Type (RFC 7161 §6.1)
        0d          # Length: 13
        22          # IGMP Type: IGMPv3
        02          # Record Type: MODE_IS_EXCLUDE (RFC 3376 §4.2)
        00          # Aux Data Len
        00 01       # Number of Sources
        e8 01 02 03 # Multicast Address: 232.1.2.3
        c0 00 02 01 # Source Address
    """,
    "ActiveMulticastSubscriptionIpv6Option": """
        39          # Type (RFC 7161 §4.1)
        35          # Length: 53
        8f          # MLD Type: 143, MLDv2
        01          # Record Type: MODE_IS_INCLUDE (RFC 3810 §5.2)
        00          # Aux Data Len
        00 02       # Number of Sources
        ff 3e 00 00 00 00 00 00 00 00 00 00 80 00 00 01   # Multicast Address
        20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01   # Source Address
        20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 02   # Source Address
    """,
    "QualityOfServiceOption": """
        3a          # Type (RFC 7222 §4.1)
        0c          # Length: 12
        00          # SR-ID
        b8          # TC: DSCP 101110 (46), Reserved
        01          # OC: ALLOCATE
        00 00 00    # Reserved
        01          # Attribute: Per-MN-Agg-Max-DL-Bit-Rate
        04          # its Length
        00 00 00 00 # its Value
    """,
    "MulticastMobilityOption": """
        3c          # Type (RFC 7411 §5.3)
        1b          # Length: 27 words behind this one: 1 + 2 * 13
        02          # Option-Code: MLDv2
        00          # Reserved
        00 00       # Reserved (RFC 3810 §5.2)
        00 02       # No of Mcast Address Records
        01 00 00 02 # MODE_IS_INCLUDE, no auxiliary data, two sources
        ff 3e 00 00 00 00 00 00 00 00 00 00 80 00 00 01
        20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01
        20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 02
        01 00 00 02 # the same again
        ff 3e 00 00 00 00 00 00 00 00 00 00 80 00 00 01
        20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01
        20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 02
    """,
    "MulticastAcknowledgementOption": """
        3d          # Type (RFC 7411 §5.4)
        01          # Length: one word
        00          # Option-Code
        01          # Status: report payload type unsupported
        00 00 00 00 # Reserved, no records
    """,
    "LmaControlledMagParametersOption": """
        3e          # Type (RFC 8127 §3)
        08          # Length
        02          # LCMP Type: heartbeat control
        06          # LCMP Length
        00 3c       # HB-Interval: 60 s
        00 01       # HB-Retransmission-Delay: 1 s
        00 03       # HB-Max-Retransmissions
    """,
    "AnchoredPrefixOption": """
        41          # Type: 65 (RFC 8885 §4.3)
        12          # Length: 18
        00          # Reserved
        40          # Prefix Length: 64
        20 01 0d b8 ca fe 00 00 00 00 00 00 00 00 00 00   # Anchored Prefix
    """,
    "LocalPrefixOption": """
        42          # Type: 66 (RFC 8885 §4.4)
        12          # Length: 18
        00          # Reserved
        20          # Prefix Length: 32
        fd 00 00 01 00 00 00 00 00 00 00 00 00 00 00 00   # Local Prefix
    """,
    "PreviousMaarOption": """
        43          # Type: 67 (RFC 8885 §4.5)
        22          # Length: 34
        00          # Reserved
        40          # Prefix Length: 64
        20 01 0d b8 00 0a 00 00 00 00 00 00 00 00 00 02   # Previous MAAR
        20 01 0d b8 ca fe 00 00 00 00 00 00 00 00 00 00   # Home Network Prefix
    """,
    "ServingMaarOption": """
        44          # Type: 68 (RFC 8885 §4.6)
        10          # Length: 16
        20 01 0d b8 00 0a 00 00 00 00 00 00 00 00 00 02   # S-MAAR's Address
    """,
    "DlifLinkLocalAddressOption": """
        45          # Type: 69 (RFC 8885 §4.7)
        10          # Length: 16
        fe 80 00 00 00 00 00 00 02 00 5e ff fe 00 52 13   # DLIF Link-Local Address
    """,
    "DlifLinkLayerAddressOption": """
        46          # Type: 70 (RFC 8885 §4.8)
        08          # Length
        00 00       # Reserved
        00 00 5e 00 52 13   # DLIF Link-Layer Address
    """,
}

DRAWN_VARIANTS = (
    """
        21          # Type: GRE Key (RFC 5845 §6.1)
        02          # Length: no key
        00 00       # Reserved
    """,
    """
        29          # Option-Type: LMA Address (RFC 5949 §6.2.2)
        06          # Option-Length
        02          # Option-Code: IPv4 address
        00          # Reserved
        c0 00 02 01 # Local Mobility Anchor Address
    """,
    """
        2f          # Option Type: Redirect (RFC 6463 §4.2)
        06          # Option Length
        40 00       # K 0, N 1, Reserved
        c0 00 02 01 # IPv4 r2LMA Address
    """,
    """
        37          # Type: Delegated Mobile Network Prefix (RFC 7148 §4.1)
        06          # Length
        80          # V 1: IPv4, Reserved
        18          # Prefix Length: 24
        c6 33 64 00 # Delegated Mobile Network Prefix
    """,
    """
        19          # Type: Mobile Node Link-layer Identifier (RFC 5213 §8.6)
        0a          # Length: 10
        00 00       # Reserved
        00 01 02 03 04 05 06 07   # Link-layer Identifier of eight octets
    """,
    """
        39          # Type: Active Multicast Subscription (RFC 7161 §4.1.3)
        15          # Length: 21
        83          # MLD Type: 131, MLDv1
        00 00 00 00 # Reserved
        ff 0e 00 00 00 00 00 00 00 00 00 00 00 00 00 01   # Multicast Address
    """,
    """
        38          # Type: Active Multicast Subscription IPv4 (RFC 7161 §6.1)
        05          # Length
        16          # IGMP Type: IGMPv2
        e0 01 02 03 # Group Address
    """,
    """
        3c          # Type: Multicast Mobility (RFC 7411 §5.3)
        04          # Length: 4 words behind this one
        01          # Option-Code: IGMPv3
        00          # Reserved
        00 00 00 01 # Reserved, one record
        02 00 00 01 # MODE_IS_EXCLUDE, no auxiliary data, one source
        e8 01 02 03 # Multicast Address
        c0 00 02 01 # Source Address
    """,
    """
        c8          # Type: 200, which nobody knows
        0d          # Length
        6f 66 20 74 68 65 20 66 75 74 75 72 65   # Data
    """,
)

#: xn + y, by Type, where the RFC demands one.
ALIGNMENTS = {
    2: (2, 0),
    3: (8, 6),
    4: (2, 0),
    5: (8, 2),
    6: (8, 4),
    9: (4, 1),
    10: (8, 2),
    19: (4, 2),
    22: (8, 4),
    26: (8, 6),
    27: (8, 2),
    28: (4, 2),
    29: (4, 0),
    30: (4, 0),
    31: (4, 0),
    32: (4, 0),
    33: (4, 0),
    34: (8, 4),
    36: (4, 0),
    37: (4, 0),
    38: (4, 0),
    46: (4, 0),
    47: (4, 0),
    48: (4, 0),
    49: (4, 2),
    51: (8, 4),
    52: (4, 0),
    53: (4, 0),
    55: (8, 2),
    56: (4, 1),
    57: (8, 1),
    58: (4, 0),
    62: (4, 2),
    65: (8, 4),
    66: (8, 4),
    67: (8, 4),
    68: (8, 6),
    69: (8, 6),
}

OF_ALL_KINDS = [
    pytest.param(option, octets(DRAWN[type(option).__name__]), id=type(option).__name__)
    for option in OPTIONS
] + [
    pytest.param(option, octets(drawn), id=f"{type(option).__name__}-variant")
    for option, drawn in zip(VARIANTS, DRAWN_VARIANTS, strict=True)
]


def beating(*options: MobilityOption) -> Heartbeat:
    return Heartbeat(flags=HeartbeatFlags.R, sequence=1, options=options)


@pytest.mark.parametrize(("option", "drawn"), OF_ALL_KINDS)
def test_an_option_is_encoded_as_its_rfc_draws_it(option: MobilityOption, drawn: bytes) -> None:
    data = encode_without_checksum(beating(option))
    begin = data.index(drawn, 12)
    assert begin % option.alignment.factor == option.alignment.remainder


@pytest.mark.parametrize(("option", "drawn"), OF_ALL_KINDS)
def test_an_option_is_read_from_what_its_rfc_draws(option: MobilityOption, drawn: bytes) -> None:
    at = 16 + option.alignment.remainder
    gap = bytes((1, at - 14)) + bytes(at - 14)
    data = bytearray(encode_without_checksum(beating())[:12] + gap + drawn)
    data += bytes(-len(data) % 8)
    data[1] = len(data) // 8 - 1
    assert decode_without_checksum(bytes(data)).options == (option,)


@pytest.mark.parametrize(("option", "drawn"), OF_ALL_KINDS)
def test_an_option_is_aligned_as_its_rfc_demands(option: MobilityOption, drawn: bytes) -> None:
    assert option.alignment == ALIGNMENTS.get(drawn[0], option.alignment)


def test_every_option_of_the_registry_is_drawn_and_has_its_number() -> None:
    numbers = {octets(drawn)[0]: name for name, drawn in DRAWN.items()}
    assert numbers == {number: kind.__name__ for number, kind in REGISTRY.items()}


def test_asking_for_one_kind_of_option_never_finds_another() -> None:
    kinds = list(REGISTRY.values())
    assert [(a, b) for a in kinds for b in kinds if a is not b and issubclass(a, b)] == []
