"""Octets and values of the native protocol: frames, and what is in them. Pure.

A frame is four octets of length (big-endian, not counting themselves) and one MessagePack
map whose `type` says what it is. Unknown fields are ignored; everything else that is not as
it should be is a `NativeProtocolError` that says where.
"""

from collections.abc import Iterator
from typing import Any, Union

import msgspec

from opendmm.model.identity import EntityAddress, NodeId
from opendmm.reference_points.catalogue import CATALOGUE, Envelope, ReferencePointName

HEADER = 4
LARGEST_FRAME = 1 << 20
"""Octets of a frame's content at most."""
LARGEST_FIRST_FRAME = 4096
"""The same before the peer has introduced itself."""


class NativeProtocolError(Exception):
    """The peer does not speak the protocol, or a message cannot be said in it."""


class Hello(msgspec.Struct, frozen=True, kw_only=True, tag="Hello"):
    """The first frame in each direction: who speaks.

    `instance` is a number drawn when the process started: a new one tells that the peer was
    restarted. `reference_points` are names; those a receiver does not know are ignored.
    `software` is for people.
    """

    node: NodeId
    instance: int
    reference_points: tuple[str, ...]
    software: str = ""


class KeepAlive(msgspec.Struct, frozen=True, tag="KeepAlive"):
    """Nothing to say, but still here."""


class Goodbye(msgspec.Struct, frozen=True, tag="Goodbye"):
    """The last frame: why the session ends, for people."""

    reason: str


class _Received(msgspec.Struct, frozen=True, tag="Envelope"):
    """An envelope whose message waits for the reference point to say what it can be."""

    reference_point: ReferencePointName
    sender: EntityAddress
    receiver: EntityAddress
    message: msgspec.Raw


class _Sent(msgspec.Struct, frozen=True, tag="Envelope"):
    reference_point: ReferencePointName
    sender: EntityAddress
    receiver: EntityAddress
    message: Any


Frame = Hello | KeepAlive | Goodbye | Envelope

_FRAME = msgspec.msgpack.Decoder(Hello | KeepAlive | Goodbye | _Received)
_MESSAGES: dict[ReferencePointName, msgspec.msgpack.Decoder[Any]] = {
    name: msgspec.msgpack.Decoder(Union[point.messages])  # noqa: UP007  # made from a tuple
    for name, point in CATALOGUE.items()
}
_ENCODER = msgspec.msgpack.Encoder()


def encode(frame: Frame) -> bytes:
    """A frame with its length. Raises NativeProtocolError when it cannot be sent."""
    content: object = frame
    if isinstance(frame, Envelope):
        content = _Sent(frame.reference_point, frame.sender, frame.receiver, frame.message)
    buffer = bytearray(HEADER)
    try:
        _ENCODER.encode_into(content, buffer, HEADER)
    except (msgspec.EncodeError, OverflowError, TypeError, UnicodeEncodeError) as error:
        raise NativeProtocolError(f"cannot be encoded: {error}") from error
    length = len(buffer) - HEADER
    if length > LARGEST_FRAME:
        raise NativeProtocolError(f"a frame of {length} octets, more than {LARGEST_FRAME}")
    buffer[:HEADER] = length.to_bytes(HEADER, "big")
    return bytes(buffer)


def decode(content: bytes | memoryview) -> Frame:
    """What is in a frame. Raises NativeProtocolError for anything that is not a frame."""
    try:
        frame: Hello | KeepAlive | Goodbye | _Received = _FRAME.decode(content)
    # A ValueError may also come out of the text decoding below the parser.
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise NativeProtocolError(f"no frame: {error}") from error
    if not isinstance(frame, _Received):
        return frame
    try:
        message = _MESSAGES[frame.reference_point].decode(frame.message)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise NativeProtocolError(f"no message of {frame.reference_point}: {error}") from error
    return Envelope(frame.reference_point, frame.sender, frame.receiver, message)


class FrameBuffer:
    """Cuts a stream of octets into the contents of frames."""

    def __init__(self) -> None:
        self.largest = LARGEST_FIRST_FRAME
        """What is accepted; raised once the peer is known."""
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        """More octets of the stream."""
        self._buffer += data

    def contents(self) -> Iterator[bytes]:
        """The frames that are complete. Raises NativeProtocolError for one that is too long."""
        start = 0
        try:
            while (body := start + HEADER) <= len(self._buffer):
                length = int.from_bytes(self._buffer[start:body], "big")
                if length > self.largest:
                    raise NativeProtocolError(
                        f"a frame of {length} octets, more than {self.largest}"
                    )
                if len(self._buffer) < body + length:
                    return
                start = body + length
                yield bytes(self._buffer[body:start])
        finally:
            del self._buffer[:start]
