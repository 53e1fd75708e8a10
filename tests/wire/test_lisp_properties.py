"""What holds for all LISP messages and for all octets."""

import contextlib

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lisp_samples import ADDRESSES as ADDRESS_SAMPLES
from lisp_samples import MESSAGES
from lisp_strategies import ADDRESSES, KINDS, TOLERANCE, messages

from opendmm.wire.errors import WireError
from opendmm.wire.lisp.addresses import covers, pack_address, plain_addresses, read_address
from opendmm.wire.lisp.authentication import LIBERAL, holds
from opendmm.wire.lisp.codec import MESSAGES as REGISTRY
from opendmm.wire.lisp.codec import Message, decode, encode, receive
from opendmm.wire.lisp.lcaf.base import Address
from opendmm.wire.lisp.messages import MapRequest
from opendmm.wire.lisp.protection import authorised_records, reply_holds
from opendmm.wire.lisp.reading import Reader

SLOW = settings(
    max_examples=500, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
CORPUS = [encode(message) for message in MESSAGES.values()]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A right message with some octets changed, taken out or put in."""
    data = bytearray(draw(st.sampled_from(CORPUS)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=2))
    return bytes(data)


@given(messages(), st.binary(max_size=9))
@SLOW
def test_what_is_encoded_is_decoded_again(message: Message, rest: bytes) -> None:
    data = encode(message)
    assert decode(data, TOLERANCE) == message
    assert decode(data + rest, TOLERANCE) == message


@given(ADDRESSES)
@SLOW
def test_an_address_survives_and_covers_itself(address: Address) -> None:
    data = pack_address(address)
    reader = Reader(data + b"more", TOLERANCE)
    assert read_address(reader) == address
    assert reader.offset == len(data)
    assert covers(address, 0, address, 0)
    assert all(pack_address(one) in data for one in plain_addresses(address))


@given(st.binary(max_size=200) | mutated())
@settings(max_examples=2000)
def test_octets_are_a_message_or_a_wire_error(data: bytes) -> None:
    with contextlib.suppress(WireError):
        received = receive(data, TOLERANCE)
        assert received.records_end <= len(data)
        message = received.message
        if isinstance(message, MapRequest) and len(message.questions) > 1:
            return
        again = encode(message)
        assert encode(decode(again, TOLERANCE)) == again


@given(st.binary(max_size=60))
def test_octets_are_an_address_or_a_wire_error(data: bytes) -> None:
    with contextlib.suppress(WireError):
        address = read_address(Reader(data, TOLERANCE))
        assert read_address(Reader(pack_address(address), TOLERANCE)) == address


@given(mutated(), st.binary(max_size=8))
def test_who_sent_it_is_said_of_any_message_or_refused(data: bytes, key: bytes) -> None:
    with contextlib.suppress(WireError):
        received = receive(data, TOLERANCE)
        assert not holds(received, key, LIBERAL)
        assert not reply_holds(received, key)
        authorised_records(received, key)
        raise AssertionError("an answer that nobody signed")


def test_the_strategies_leave_no_message_and_no_format_out() -> None:
    assert {kind.TYPE for kind in KINDS} == set(REGISTRY)
    assert set(REGISTRY.values()) == set(KINDS)
    assert ADDRESS_SAMPLES
