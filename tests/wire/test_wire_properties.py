"""What holds for all messages and for all octets."""

import contextlib
from ipaddress import IPv6Address

from hypothesis import given, settings
from hypothesis import strategies as st
from wire_messages import LMA, MAG, MESSAGES, OPTIONS, VARIANTS, carrying
from wire_strategies import (
    IPV6,
    LAST_FIELDS,
    MESSAGE_FIELDS,
    OPTION_FIELDS,
    OPTION_TUPLES,
    messages,
)

from opendmm.wire.errors import WireError
from opendmm.wire.mobility.checksum import checksum
from opendmm.wire.mobility.codec import (
    decode,
    decode_without_checksum,
    encode,
    encode_without_checksum,
)
from opendmm.wire.mobility.home_address import decode_home_address
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.options.base import UnknownOption
from opendmm.wire.mobility.options.registry import OPTIONS as OPTION_REGISTRY
from opendmm.wire.mobility.registry import MESSAGES as MESSAGE_REGISTRY
from opendmm.wire.mobility.routing_header import decode_routing_header

CORPUS = [encode_without_checksum(message) for message in MESSAGES] + [
    encode_without_checksum(carrying(option)) for option in (*OPTIONS, *VARIANTS)
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A right message with some octets changed, taken out or put in."""
    data = bytearray(draw(st.sampled_from(CORPUS)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=2))
    return bytes(data)


@given(messages(), IPV6, IPV6)
@settings(max_examples=500)
def test_what_is_encoded_is_decoded_again(
    message: MobilityMessage, source: IPv6Address, destination: IPv6Address
) -> None:
    data = encode(message, source, destination)
    assert decode(data, source, destination) == message
    assert decode_without_checksum(data) == message


@given(messages(), st.binary(max_size=9))
def test_a_header_is_in_words_of_eight_octets_and_what_follows_it_is_not_read(
    message: MobilityMessage, rest: bytes
) -> None:
    data = encode(message, MAG, LMA)
    assert len(data) == (data[1] + 1) * 8
    assert checksum(data, MAG, LMA) == 0
    assert decode(data + rest, MAG, LMA) == message


@given(messages(), st.data())
def test_one_changed_octet_is_noticed(message: MobilityMessage, data: st.DataObject) -> None:
    octets = bytearray(encode(message, MAG, LMA))
    at = data.draw(st.integers(0, len(octets) - 1))
    octets[at] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(WireError):
        assert decode(bytes(octets), MAG, LMA) != message
        assert at == 1


@given(st.binary(max_size=200) | mutated())
@settings(max_examples=1000)
def test_octets_are_a_message_or_a_wire_error(data: bytes) -> None:
    with contextlib.suppress(WireError):
        message = decode_without_checksum(data)
        assert decode_without_checksum(encode_without_checksum(message)) == message


@given(st.binary(max_size=80))
def test_octets_are_an_extension_header_or_a_wire_error(data: bytes) -> None:
    with contextlib.suppress(WireError):
        decode_home_address(data)
    with contextlib.suppress(WireError):
        decode_routing_header(data)


def test_the_strategies_leave_no_message_and_no_option_out() -> None:
    assert {kind.TYPE for kind in MESSAGE_FIELDS} == set(MESSAGE_REGISTRY)
    drawn = {*OPTION_FIELDS, *OPTION_TUPLES, *LAST_FIELDS} - {UnknownOption}
    assert drawn == set(OPTION_REGISTRY.values())
