"""Packets that others made.

From the test suites of Zeek (testing/btest/Traces/mobile-ipv6) and of tcpdump
(tests/ipv6_mobility_1.pcap), both under the BSD licence. Zeek's have right checksums; tcpdump's
have none.
"""

from ipaddress import IPv6Address

import pytest

from opendmm.wire.errors import WireError
from opendmm.wire.mobility.binding import (
    BindingAcknowledgement,
    BindingError,
    BindingRefreshRequest,
    BindingUpdate,
)
from opendmm.wire.mobility.codec import (
    decode,
    decode_without_checksum,
    encode,
    encode_without_checksum,
)
from opendmm.wire.mobility.home_address import decode_home_address
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import (
    BindingAcknowledgementFlags,
    BindingErrorStatus,
    BindingStatus,
    BindingUpdateFlags,
)
from opendmm.wire.mobility.options.base_protocol import (
    AlternateCareOfAddressOption,
    BindingRefreshAdviceOption,
    NonceIndicesOption,
)
from opendmm.wire.mobility.return_routability import (
    CareOfTest,
    CareOfTestInit,
    HomeTest,
    HomeTestInit,
)
from opendmm.wire.mobility.routing_header import decode_routing_header

SOURCE = IPv6Address("2001:4f8:4:7:2e0:81ff:fe52:ffff")
DESTINATION = IPv6Address("2001:4f8:4:7:2e0:81ff:fe52:9a6b")
HOME = IPv6Address("2001:78:1:32::1")
ONE = bytes(7) + b"\x01"
COOKIE = bytes(7) + b"\x0f"
TOKEN = bytes(7) + b"\xff"
UDP = 17

A, H, K = BindingUpdateFlags.A, BindingUpdateFlags.H, BindingUpdateFlags.K
NO_FLAGS = BindingAcknowledgementFlags(0)

ZEEK: dict[str, tuple[str, MobilityMessage]] = {
    "mip6_brr": ("3b000000d9970000", BindingRefreshRequest()),
    "mip6_hoti": ("3b010100d88d00000000000000000001", HomeTestInit(ONE)),
    "mip6_coti": ("3b010200d78d00000000000000000001", CareOfTestInit(ONE)),
    "mip6_hot": (
        "3b020300d56a000d000000000000000f00000000000000ff",
        HomeTest(13, COOKIE, TOKEN),
    ),
    "mip6_cot": (
        "3b020400d46a000d000000000000000f00000000000000ff",
        CareOfTest(13, COOKIE, TOKEN),
    ),
    "mip6_bu": ("3b01050003640025d000000301020000", BindingUpdate(37, A | H | K, 3)),
    "mip6_back": (
        "3b010600d1da0080002a000801020000",
        BindingAcknowledgement(BindingStatus.ACCEPTED, BindingAcknowledgementFlags.K, 42, 8),
    ),
    "mip6_be": (
        "3b020700b0d8010020010078000100320000000000000001",
        BindingError(BindingErrorStatus.UNKNOWN_BINDING, HOME),
    ),
}

TCPDUMP: dict[str, tuple[str, MobilityMessage]] = {
    "1": ("3b00000000000000", BindingRefreshRequest()),
    "2": ("3b010100000000000102030405060708", HomeTestInit(bytes(range(1, 9)))),
    "3": ("3b01020000000000090a0b0c0d0e0f10", CareOfTestInit(bytes(range(9, 17)))),
    "4": (
        "3b0203000000090a0b0c0d0e0f1004d21112131415161718",
        HomeTest(0x090A, bytes.fromhex("0b0c0d0e0f1004d2"), bytes(range(0x11, 0x19))),
    ),
    "5": (
        "3b0204000000090a0b0c0d0e0f10162e191a1b1c1d1e1f20",
        CareOfTest(0x090A, bytes.fromhex("0b0c0d0e0f10162e"), bytes(range(0x19, 0x21))),
    ),
    "6": ("3b010500000003e880000e1001020000", BindingUpdate(1000, A, 3600)),
    "7": (
        "3b030500000003e880000e100310200106604701f004020d54fffe98bc930100",
        BindingUpdate(
            1000,
            A,
            3600,
            options=(
                AlternateCareOfAddressOption(IPv6Address("2001:660:4701:f004:20d:54ff:fe98:bc93")),
            ),
        ),
    ),
    "8": (
        "3b020500000003e880000e10040404d2162e010400000000",
        BindingUpdate(1000, A, 3600, options=(NonceIndicesOption(1234, 5678),)),
    ),
    "11": (
        "3b0106000000000003e80e1001020000",
        BindingAcknowledgement(BindingStatus.ACCEPTED, NO_FLAGS, 1000, 3600),
    ),
    "12": (
        "3b0106000000000003e80e1002020708",
        BindingAcknowledgement(
            BindingStatus.ACCEPTED,
            NO_FLAGS,
            1000,
            3600,
            options=(BindingRefreshAdviceOption(1800),),
        ),
    ),
    "15": (
        "3b0207000000010020010db8000000000000000000000001",
        BindingError(BindingErrorStatus.UNKNOWN_BINDING, IPv6Address("2001:db8::1")),
    ),
    "16": ("3b010500000003e880000e1000000000", BindingUpdate(1000, A, 3600)),
}

#: Padding behind the Binding Authorization Data, which RFC 6275 §6.2.7 forbids.
TCPDUMP_PADDED = {
    "9": "3b030500000003e880000e10050c8101738d517d516940ec0611010400000000",
    "10": "3b060500000003e880000e100310200106604701f004020d54fffe98bc93"
    "040404d2162e050c8101738d517d516940ec0611010400000000",
    "13": "3b0306000000000003e80e10050c8101738d517d516940ec0611010400000000",
    "14": "3b0306000000000003e80e1002020708050c8101738d517d516940ec06110100",
}


@pytest.mark.parametrize("sample", ZEEK.values(), ids=list(ZEEK))
def test_a_packet_of_zeek_is_read_and_written_again(sample: tuple[str, MobilityMessage]) -> None:
    data, message = bytes.fromhex(sample[0]), sample[1]
    assert decode(data, SOURCE, DESTINATION) == message
    assert encode(message, SOURCE, DESTINATION) == data


@pytest.mark.parametrize("sample", TCPDUMP.values(), ids=list(TCPDUMP))
def test_a_packet_of_tcpdump_is_read_without_loss(sample: tuple[str, MobilityMessage]) -> None:
    data, message = bytes.fromhex(sample[0]), sample[1]
    assert decode_without_checksum(data) == message
    again = encode_without_checksum(message)
    assert decode_without_checksum(again) == message
    assert len(again) == len(data)


@pytest.mark.parametrize("sample", TCPDUMP_PADDED.values(), ids=list(TCPDUMP_PADDED))
def test_a_packet_of_tcpdump_with_padding_behind_the_authenticator_is_refused(sample: str) -> None:
    with pytest.raises(WireError, match="padding after the Binding Authorization Data"):
        decode_without_checksum(bytes.fromhex(sample))


def test_zeek_s_home_address_option_is_read() -> None:
    header = bytes.fromhex("110201020000c91020010078000100320000000000000001753032c8000c43de")
    assert decode_home_address(header) == (HOME, UDP, 24)


def test_zeek_s_routing_header_is_read() -> None:
    header = bytes.fromhex("110202010000000020010078000100320000000000000001753032c8000cde49")
    assert decode_routing_header(header) == (HOME, UDP)
