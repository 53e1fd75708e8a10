"""Every message as its RFC draws it, written out by hand; whole packets with their checksum."""

from ipaddress import IPv6Address, IPv6Network

import pytest
from hexdump import octets
from wire_messages import LMA, MAG, MESSAGES

from opendmm.wire.mobility.binding import BindingAcknowledgement, BindingUpdate
from opendmm.wire.mobility.codec import (
    decode,
    decode_without_checksum,
    encode,
    encode_without_checksum,
)
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import (
    AccessTechnology,
    BindingAcknowledgementFlags,
    BindingStatus,
    BindingUpdateFlags,
    HandoffIndicator,
)
from opendmm.wire.mobility.options.distributed import PreviousMaarOption
from opendmm.wire.mobility.options.identification import MobileNodeIdentifierOption
from opendmm.wire.mobility.options.proxy import (
    AccessTechnologyTypeOption,
    HandoffIndicatorOption,
    HomeNetworkPrefixOption,
    TimestampOption,
)
from opendmm.wire.mobility.registry import MESSAGES as REGISTRY

DRAWN = {
    "BindingRefreshRequest": """
        3b 00 00 00 # Payload Proto 59, Header Len 0, MH Type 0, Reserved (RFC 6275 §6.1.2)
        00 00       # Checksum
        00 00       # Reserved
    """,
    "HomeTestInit": """
        3b 01 01 00 # Payload Proto, Header Len 1, MH Type 1 (RFC 6275 §6.1.3)
        00 00       # Checksum
        00 00       # Reserved
        01 02 03 04 05 06 07 08   # Home Init Cookie
    """,
    "CareOfTestInit": """
        3b 01 02 00 # Payload Proto, Header Len 1, MH Type 2 (RFC 6275 §6.1.4)
        00 00       # Checksum
        00 00       # Reserved
        01 02 03 04 05 06 07 08   # Care-of Init Cookie
    """,
    "HomeTest": """
        3b 02 03 00 # Payload Proto, Header Len 2, MH Type 3 (RFC 6275 §6.1.5)
        00 00       # Checksum
        00 0d       # Home Nonce Index: 13
        01 02 03 04 05 06 07 08   # Home Init Cookie
        09 0a 0b 0c 0d 0e 0f 10   # Home Keygen Token
    """,
    "CareOfTest": """
        3b 02 04 00 # Payload Proto, Header Len 2, MH Type 4 (RFC 6275 §6.1.6)
        00 00       # Checksum
        00 0d       # Care-of Nonce Index: 13
        01 02 03 04 05 06 07 08   # Care-of Init Cookie
        09 0a 0b 0c 0d 0e 0f 10   # Care-of Keygen Token
    """,
    "BindingUpdate": """
        3b 01 05 00 # Payload Proto, Header Len 1, MH Type 5 (RFC 6275 §6.1.7)
        00 00       # Checksum
        12 34       # Sequence #
        82 00       # A 1000, P 001. (RFC 5213 §8.1)
        00 4b       # Lifetime: 75 units of 4 s
        01 02 00 00 # PadN: 4 octets of padding
    """,
    "BindingAcknowledgement": """
        3b 01 06 00 # Payload Proto, Header Len 1, MH Type 6 (RFC 6275 §6.1.8)
        00 00       # Checksum
        9c          # Status: 156, TIMESTAMP_MISMATCH
        20          # K 0, R 0, P 1 (RFC 5213 §8.2)
        12 34       # Sequence #
        00 4b       # Lifetime: 75 units of 4 s
        01 02 00 00 # PadN
    """,
    "BindingError": """
        3b 02 07 00 # Payload Proto, Header Len 2, MH Type 7 (RFC 6275 §6.1.9)
        00 00       # Checksum
        02          # Status: unrecognized MH Type value
        00          # Reserved
        20 01 0d b8 ca fe 00 00 00 00 00 00 00 00 00 42   # Home Address
    """,
    "FastBindingUpdate": """
        3b 01 08 00 # Payload Proto, Header Len 1, MH Type 8 (RFC 5568 §6.2.2)
        00 00       # Checksum
        12 34       # Sequence #
        c0 00       # A 1, H 1, L 0, K 0, Reserved
        00 3c       # Lifetime: 60 s
        01 02 00 00 # PadN
    """,
    "FastBindingAcknowledgment": """
        3b 01 09 00 # Payload Proto, Header Len 1, MH Type 9 (RFC 5568 §6.2.3)
        00 00       # Checksum
        00          # Status: accepted
        80          # K 1, Reserved
        12 34       # Sequence #
        00 3c       # Lifetime: 60 s
        01 02 00 00 # PadN
    """,
    "HomeAgentSwitch": """
        3b 04 0c 00 # Payload Proto, Header Len 4, MH Type 12 (RFC 5142 §4)
        00 00       # Checksum
        02          # # of Addresses
        00          # Reserved
        20 01 0d b8 00 0b 00 00 00 00 00 00 00 00 00 01   # Home Agent Address
        20 01 0d b8 00 0a 00 00 00 00 00 00 00 00 00 02   # Home Agent Address
    """,
    "Heartbeat": """
        3b 01 0d 00 # Payload Proto, Header Len 1, MH Type 13 (RFC 5847 §3.3)
        00 00       # Checksum
        00 01       # Reserved, U 0, R 1
        12 34 56 78 # Sequence Number
        01 02 00 00 # PadN
    """,
    "HandoverInitiate": """
        3b 01 0e 00 # Payload Proto, Header Len 1, MH Type 14 (RFC 5949 §6.1.1)
        00 00       # Checksum
        12 34       # Sequence #
        60          # S 0, U 1, P 1, F 0, Reserved
        03          # Code: all available context transferred
        01 04 00 00 00 00   # PadN: options begin in the middle of a word
    """,
    "HandoverAcknowledge": """
        3b 01 0f 00 # Payload Proto, Header Len 1, MH Type 15 (RFC 5949 §6.1.2)
        00 00       # Checksum
        12 34       # Sequence #
        40          # U 0, P 1, F 0, Reserved
        05          # Code: context transfer accepted
        01 04 00 00 00 00   # PadN
    """,
    "BindingRevocationIndication": """
        3b 01 10 00 # Payload Proto, Header Len 1, MH Type 16 (RFC 5846 §5.1)
        00 00       # Checksum
        01          # B.R. Type: indication
        01          # R. Trigger: administrative reason
        12 34       # Sequence #
        a0 00       # P 1, V 0, G 1, Reserved
        01 02 00 00 # PadN
    """,
    "BindingRevocationAcknowledgement": """
        3b 01 10 00 # Payload Proto, Header Len 1, MH Type 16 (RFC 5846 §5.2)
        00 00       # Checksum
        02          # B.R. Type: acknowledgement
        80          # Status: binding does not exist
        12 34       # Sequence #
        80 00       # P 1, V 0, G 0, Reserved
        01 02 00 00 # PadN
    """,
    "LocalizedRoutingInitiation": """
        3b 01 11 00 # Payload Proto, Header Len 1, MH Type 17 (RFC 6705 §10.1)
        00 00       # Checksum
        12 34       # Sequence #
        00 00       # Reserved
        00 3c       # Lifetime: 60 s
        01 02 00 00 # PadN
    """,
    "LocalizedRoutingAcknowledgment": """
        3b 01 12 00 # Payload Proto, Header Len 1, MH Type 18 (RFC 6705 §10.2)
        00 00       # Checksum
        12 34       # Sequence #
        80          # U 1, Reserved
        81          # Status: MN not attached
        00 3c       # Lifetime: 60 s
        01 02 00 00 # PadN
    """,
    "UpdateNotification": """
        3b 01 13 00 # Payload Proto, Header Len 1, MH Type 19 (RFC 7077 §4.1)
        00 00       # Checksum
        12 34       # Sequence #
        00 01       # Notification Reason: FORCE-REREGISTRATION
        80 00       # A 1, D 0, Reserved
        01 02 00 00 # PadN
    """,
    "UpdateNotificationAcknowledgement": """
        3b 01 14 00 # Payload Proto, Header Len 1, MH Type 20 (RFC 7077 §4.2)
        00 00       # Checksum
        12 34       # Sequence #
        80          # Status Code: FAILED-TO-UPDATE-SESSION-PARAMETERS
        00 00 00    # Reserved
        01 02 00 00 # PadN
    """,
    "SubscriptionQuery": """
        3b 00 16 00 # Payload Proto, Header Len 0, MH Type 22 (RFC 7161 §4.3.1)
        00 00       # Checksum
        12          # Sequence #, of eight bits
        00          # Reserved
    """,
    "SubscriptionResponse": """
        3b 00 17 00 # Payload Proto, Header Len 0, MH Type 23 (RFC 7161 §4.3.2)
        00 00       # Checksum
        12          # Sequence #
        80          # I 1, Reserved
    """,
}

OF_ALL_KINDS = [
    pytest.param(message, octets(DRAWN[type(message).__name__]), id=type(message).__name__)
    for message in MESSAGES
]

PROXY_BINDING_UPDATE = BindingUpdate(
    sequence=7,
    flags=BindingUpdateFlags.A | BindingUpdateFlags.P | BindingUpdateFlags.D,
    lifetime=75,
    options=(
        MobileNodeIdentifierOption.from_nai("mn1@example.org"),
        HomeNetworkPrefixOption(IPv6Network("::/0")),
        HandoffIndicatorOption(HandoffIndicator.NEW_INTERFACE),
        AccessTechnologyTypeOption(AccessTechnology.IEEE_802_3),
        TimestampOption.from_seconds(1_700_000_000.25),
    ),
)
PROXY_BINDING_UPDATE_DRAWN = """
    3b          # Payload Proto: 59
    09          # Header Len: 80 octets are 10 words of 8
    05          # MH Type: Binding Update
    00          # Reserved
    3c 94       # Checksum
    00 07       # Sequence #
    82 10       # A, P, D (RFC 8885 §4.1)
    00 4b       # Lifetime: 75 units of 4 s
    08 10 01    # at 12: Mobile Node Identifier, 16 octets, NAI
    6d 6e 31 40 65 78 61 6d 70 6c 65 2e 6f 72 67
    01 04 00 00 00 00   # at 30: PadN up to 8n + 4
    16 12 00 00 # at 36: Home Network Prefix, 18 octets, Reserved, Prefix Length 0
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
    17 02 00 01 # at 56: Handoff Indicator: attachment over a new interface
    18 02 00 03 # at 60: Access Technology Type: IEEE 802.3
    01 00       # at 64: PadN up to 8n + 2
    1b 08       # at 66: Timestamp, 8 octets
    00 00 65 53 f1 00 40 00   # 1700000000.25
    01 02 00 00 # at 76: PadN up to a multiple of 8
"""


PROXY_BINDING_ACKNOWLEDGEMENT = BindingAcknowledgement(
    status=BindingStatus.ACCEPTED,
    flags=BindingAcknowledgementFlags.P | BindingAcknowledgementFlags.D,
    sequence=7,
    lifetime=75,
    options=(
        MobileNodeIdentifierOption.from_nai("mn1"),
        PreviousMaarOption(MAG, IPv6Network("2001:db8:cafe::/64")),
    ),
)
PROXY_BINDING_ACKNOWLEDGEMENT_DRAWN = """
    3b          # Payload Proto: 59
    06          # Header Len: 56 octets are 7 words of 8
    06          # MH Type: Binding Acknowledgement
    00          # Reserved
    00 00       # Checksum, see below
    00          # Status: accepted
    22          # P, D (RFC 8885 §4.2)
    00 07       # Sequence #
    00 4b       # Lifetime
    08 04 01 6d 6e 31   # at 12: Mobile Node Identifier mn1
    01 00       # at 18: PadN up to 8n + 4
    43 22 00 40 # at 20: Previous MAAR, 34 octets, Reserved, Prefix Length 64
    20 01 0d b8 00 0a 00 00 00 00 00 00 00 00 00 02
    20 01 0d b8 ca fe 00 00 00 00 00 00 00 00 00 00
"""


def checksum_by_hand(header: bytes, source: IPv6Address, destination: IPv6Address) -> int:
    """Word by word, as RFC 1071 §4.1 has it, over the pseudo-header of RFC 8200 §8.1."""
    pseudo = source.packed + destination.packed + len(header).to_bytes(4, "big") + bytes(3)
    octets_summed = pseudo + b"\x87" + header[:4] + bytes(2) + header[6:]
    total = 0
    for at in range(0, len(octets_summed), 2):
        total += octets_summed[at] << 8 | octets_summed[at + 1]
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


@pytest.mark.parametrize(("message", "drawn"), OF_ALL_KINDS)
def test_a_message_is_encoded_as_its_rfc_draws_it(message: MobilityMessage, drawn: bytes) -> None:
    assert encode_without_checksum(message).hex(" ") == drawn.hex(" ")


@pytest.mark.parametrize(("message", "drawn"), OF_ALL_KINDS)
def test_a_message_is_read_from_what_its_rfc_draws(message: MobilityMessage, drawn: bytes) -> None:
    assert decode_without_checksum(drawn) == message


def test_every_message_of_the_registry_is_drawn_with_its_number() -> None:
    assert {octets(drawn)[2] for drawn in DRAWN.values()} == set(REGISTRY)


def test_a_proxy_binding_update_is_octet_for_octet_as_drawn() -> None:
    drawn = octets(PROXY_BINDING_UPDATE_DRAWN)
    assert encode(PROXY_BINDING_UPDATE, MAG, LMA).hex(" ") == drawn.hex(" ")
    assert decode(drawn, MAG, LMA) == PROXY_BINDING_UPDATE
    assert int.from_bytes(drawn[4:6], "big") == checksum_by_hand(drawn, MAG, LMA)


def test_a_proxy_binding_acknowledgement_is_octet_for_octet_as_drawn() -> None:
    drawn = octets(PROXY_BINDING_ACKNOWLEDGEMENT_DRAWN)
    assert encode_without_checksum(PROXY_BINDING_ACKNOWLEDGEMENT).hex(" ") == drawn.hex(" ")
    assert decode_without_checksum(drawn) == PROXY_BINDING_ACKNOWLEDGEMENT


@pytest.mark.parametrize(("message", "drawn"), OF_ALL_KINDS)
def test_the_checksum_is_that_of_rfc_1071(message: MobilityMessage, drawn: bytes) -> None:
    written = encode(message, LMA, MAG)[4:6]
    assert int.from_bytes(written, "big") == checksum_by_hand(drawn, LMA, MAG)


def test_flags_of_rfc_7161_stand_where_its_section_9_assigns_them() -> None:
    """Its figures draw S in the places of F and T."""
    assert int(BindingUpdateFlags.S) == 0x0020
    assert int(BindingAcknowledgementFlags.S) == 0x04
