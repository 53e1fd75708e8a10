"""Frames and octets: what is said arrives, and nothing else comes out of any octets."""

import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from message_strategies import envelopes

from opendmm.bindings.native.codec import (
    HEADER,
    LARGEST_FRAME,
    FrameBuffer,
    Goodbye,
    Hello,
    KeepAlive,
    NativeProtocolError,
    decode,
    encode,
)
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import EntityAddress, FunctionalEntity, MobileNodeId, NodeId
from opendmm.reference_points import r_ic, r_ii, r_xc
from opendmm.reference_points.catalogue import Envelope, ReferencePointName

ENVELOPE = Envelope(
    ReferencePointName.R_XC,
    EntityAddress(NodeId("anchor-a"), FunctionalEntity.FE_MCTX),
    EntityAddress(NodeId("control"), FunctionalEntity.FE_IEC),
    r_xc.ContextLookup(mobile_node=MobileNodeId("mn1")),
)
HELLO = Hello(node=NodeId("anchor-a"), instance=7, reference_points=("R_XC", "R_ZZ"))


@given(envelopes())
def test_every_message_of_every_reference_point_arrives_as_it_was_sent(sent: Envelope) -> None:
    assert decode(encode(sent)[HEADER:]) == sent


@pytest.mark.parametrize("frame", [HELLO, KeepAlive(), Goodbye("done")])
def test_every_other_frame_arrives_as_it_was_sent(frame: Hello | KeepAlive | Goodbye) -> None:
    assert decode(encode(frame)[HEADER:]) == frame


@given(st.lists(envelopes(), max_size=5), st.data())
def test_frames_arrive_however_the_stream_is_cut(sent: list[Envelope], data: st.DataObject) -> None:
    stream = b"".join(encode(envelope) for envelope in sent)
    buffer = FrameBuffer()
    buffer.largest = LARGEST_FRAME
    received = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        buffer.feed(stream[:size])
        stream = stream[size:]
        received += [decode(content) for content in buffer.contents()]
    assert received == sent


def harmless(octets: bytes) -> None:
    with contextlib.suppress(NativeProtocolError):
        decode(octets)


@given(st.binary(max_size=200))
def test_random_octets_are_a_protocol_error_and_nothing_else(octets: bytes) -> None:
    harmless(octets)


MSGPACK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(envelopes(), st.data())
def test_an_envelope_with_any_field_replaced_is_a_protocol_error_or_an_envelope(
    sent: Envelope, data: st.DataObject
) -> None:
    frame = msgspec.msgpack.decode(encode(sent)[HEADER:])
    place: Any = frame
    for _ in range(data.draw(st.integers(0, 3))):
        inner = place[data.draw(st.sampled_from(sorted(place)))]
        if not (isinstance(inner, dict) and inner):
            break
        place = inner
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(MSGPACK)
    harmless(msgspec.msgpack.encode(frame))


@given(envelopes(), st.data())
def test_an_envelope_cut_short_or_with_changed_octets_is_harmless(
    sent: Envelope, data: st.DataObject
) -> None:
    octets = bytearray(encode(sent)[HEADER:])
    harmless(bytes(octets[: data.draw(st.integers(0, len(octets) - 1))]))
    for _ in range(3):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    harmless(bytes(octets))


def test_lists_nested_without_end_are_a_protocol_error() -> None:
    with pytest.raises(NativeProtocolError):
        decode(b"\x81\xa7unknown" + b"\x91" * 100_000)
    with pytest.raises(NativeProtocolError):
        decode(b"\x82\xa4type\xa9KeepAlive\xa7unknown" + b"\x91" * 100_000)


def test_a_field_of_a_later_version_is_ignored() -> None:
    frame = msgspec.msgpack.decode(encode(ENVELOPE)[HEADER:])
    frame["later"] = {"than": "this"}
    frame["message"]["later"] = [1, 2, 3]
    frame["sender"]["later"] = None
    assert decode(msgspec.msgpack.encode(frame)) == ENVELOPE


def test_what_is_wrong_is_said_with_its_place() -> None:
    frame = msgspec.msgpack.decode(encode(ENVELOPE)[HEADER:])
    frame["message"]["mobile_node"] = 7
    with pytest.raises(NativeProtocolError, match=r"message of R_XC.*\$\.mobile_node"):
        decode(msgspec.msgpack.encode(frame))


def test_a_message_is_of_its_reference_point() -> None:
    """R_XC and R_II both have an IndirectionComplete; and R_XC has no ReplicaRequest."""
    frame = msgspec.msgpack.decode(encode(ENVELOPE)[HEADER:])
    frame["message"] = {"type": "ReplicaRequest"}
    with pytest.raises(NativeProtocolError, match="no message of R_XC"):
        decode(msgspec.msgpack.encode(frame))
    frame["reference_point"] = "R_II"
    decoded = decode(msgspec.msgpack.encode(frame))
    assert isinstance(decoded, Envelope)
    assert decoded.message == r_ii.ReplicaRequest()


def test_what_is_too_long_is_neither_sent_nor_read() -> None:
    long = r_xc.ContextLookup(mobile_node=MobileNodeId("x" * LARGEST_FRAME))
    with pytest.raises(NativeProtocolError, match="more than 1048576"):
        encode(msgspec.structs.replace(ENVELOPE, message=long))
    buffer = FrameBuffer()
    buffer.feed((LARGEST_FRAME + 1).to_bytes(4, "big"))
    with pytest.raises(NativeProtocolError, match="octets, more than"):
        list(buffer.contents())


def test_what_msgpack_cannot_say_is_a_protocol_error() -> None:
    for mobile_node in ("\ud800", 2**70, object()):
        message = r_xc.ContextLookup(mobile_node=mobile_node)  # type: ignore[arg-type]  # on purpose
        with pytest.raises(NativeProtocolError, match="cannot be encoded"):
            encode(msgspec.structs.replace(ENVELOPE, message=message))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf"), -1.0])
def test_a_time_that_is_none_never_gets_to_a_timer(number: float) -> None:
    absent = r_ic.PolicyAbsent(prefix=HomePrefix.parse("2001:db8::/32"), retry_after=number)
    envelope = msgspec.structs.replace(
        ENVELOPE, reference_point=ReferencePointName.R_IC, message=absent
    )
    with pytest.raises(NativeProtocolError, match=r"\$\.retry_after"):
        decode(encode(envelope)[HEADER:])
