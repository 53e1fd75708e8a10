"""The Home Address option and the type 2 routing header (RFC 6275 §6.3 and §6.4)."""

from ipaddress import IPv6Address

import pytest
from hexdump import octets

from opendmm.wire.errors import WireError
from opendmm.wire.mobility.home_address import decode_home_address, encode_home_address
from opendmm.wire.mobility.routing_header import decode_routing_header, encode_routing_header

HOME = IPv6Address("2001:db8:cafe::42")
MOBILITY = 135
DESTINATION_OPTIONS = octets(
    """
    87          # Next Header: Mobility Header
    02          # Hdr Ext Len: 24 octets
    01 02 00 00 # PadN up to 8n + 6
    c9          # Option Type: 201
    10          # Option Length: 16
    20 01 0d b8 ca fe 00 00 00 00 00 00 00 00 00 42   # Home Address
    """
)
ROUTING = octets(
    """
    87          # Next Header: Mobility Header
    02          # Hdr Ext Len
    02          # Routing Type
    01          # Segments Left
    00 00 00 00 # Reserved
    20 01 0d b8 ca fe 00 00 00 00 00 00 00 00 00 42   # Home Address
    """
)
NOT_ROUTABLE = ("ff02::1", "fe80::1", "::", "::1")


def test_a_home_address_is_encoded_and_read_as_drawn() -> None:
    assert encode_home_address(MOBILITY, HOME) == DESTINATION_OPTIONS
    assert decode_home_address(DESTINATION_OPTIONS + b"rest") == (HOME, MOBILITY, 24)


def test_other_destination_options_and_padding_are_left_alone() -> None:
    others = octets("87 00 05 02 00 00 01 00")
    assert decode_home_address(others) == (None, MOBILITY, 8)
    around = octets("87 03 00 1e 01 00 c9 10") + HOME.packed + octets("1e 06 00 00 00 00 00 00")
    assert decode_home_address(around) == (HOME, MOBILITY, 32)


@pytest.mark.parametrize(
    ("drawn", "offset", "what"),
    [
        ("", 0, "ends too early"),
        ("87 01 00 00 00 00 00 00", 0, "ends too early"),
        ("87 00 01 05 00 00 00 00", 2, "runs past the end"),
        ("87 00 00 00 00 00 00 c9", 7, "runs past the end"),
        ("87 00 c9 04 00 00 00 00", 3, "a Home Address option of 4 octets"),
    ],
)
def test_a_broken_destination_options_header_is_refused(drawn: str, offset: int, what: str) -> None:
    with pytest.raises(WireError, match=what) as caught:
        decode_home_address(octets(drawn))
    assert caught.value.offset == offset


def test_a_second_home_address_is_refused() -> None:
    twice = octets("87 04 c9 10") + HOME.packed + octets("c9 10") + HOME.packed + octets("00 00")
    with pytest.raises(WireError, match="a second Home Address option, at octet 20"):
        decode_home_address(twice)


def test_a_routing_header_is_encoded_and_read_as_drawn() -> None:
    assert encode_routing_header(MOBILITY, HOME) == ROUTING
    assert decode_routing_header(ROUTING + b"rest") == (HOME, MOBILITY)


@pytest.mark.parametrize(
    ("at", "value", "what"),
    [(1, 4, "Hdr Ext Len 4"), (2, 0, "routing type 0"), (3, 0, "Segments Left 0")],
)
def test_a_routing_header_with_another_value_is_refused(at: int, value: int, what: str) -> None:
    changed = bytearray(ROUTING)
    changed[at] = value
    with pytest.raises(WireError, match=what) as caught:
        decode_routing_header(bytes(changed))
    assert caught.value.offset == at


def test_a_routing_header_that_is_cut_off_is_refused() -> None:
    with pytest.raises(WireError, match="23 octets are too short"):
        decode_routing_header(ROUTING[:23])


@pytest.mark.parametrize("address", NOT_ROUTABLE)
def test_an_address_that_is_not_unicast_routable_is_refused(address: str) -> None:
    """RFC 6275 §6.4 and §9.3.1."""
    packed = IPv6Address(address).packed
    for read, header in (
        (decode_home_address, DESTINATION_OPTIONS),
        (decode_routing_header, ROUTING),
    ):
        with pytest.raises(WireError, match="not a unicast routable address, at octet 8"):
            read(header[:8] + packed)
    for write in (encode_home_address, encode_routing_header):
        with pytest.raises(WireError, match="not a unicast routable address"):
            write(MOBILITY, IPv6Address(address))
