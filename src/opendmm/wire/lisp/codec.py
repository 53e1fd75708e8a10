"""Control messages as octets and back, by their type (RFC 9301 §5.1).

What follows the last field of a message is ignored.
"""

import struct

import msgspec

from opendmm.wire.errors import WireError
from opendmm.wire.lisp.encapsulated import EncapsulatedControl
from opendmm.wire.lisp.framing import TYPE_SHIFT, WORD
from opendmm.wire.lisp.info import Info
from opendmm.wire.lisp.messages import MapReply, MapRequest
from opendmm.wire.lisp.numbers import MapRequestFlags, MessageType
from opendmm.wire.lisp.reading import NONE_AT_ALL, Reader, Tolerance
from opendmm.wire.lisp.referrals import MapReferral
from opendmm.wire.lisp.registrations import MapNotify, MapNotifyAck, MapRegister

Message = (
    MapRequest
    | MapReply
    | MapRegister
    | MapNotify
    | MapNotifyAck
    | MapReferral
    | Info
    | EncapsulatedControl
)
MESSAGES: dict[int, type[Message]] = {
    kind.TYPE: kind
    for kind in (
        MapRequest,
        MapReply,
        MapRegister,
        MapNotify,
        MapNotifyAck,
        MapReferral,
        Info,
        EncapsulatedControl,
    )
}


class Received(msgspec.Struct, frozen=True):
    """Octets that came, and what they mean: signatures are of octets.

    `records_end` is where the last record ends, which is what authentication covers.
    """

    octets: bytes
    message: Message
    records_end: int


def encode(message: Message) -> bytes:
    """The UDP payload. Raises WireError for values that have no encoding."""
    try:
        return message.packed()
    except struct.error as error:
        raise WireError(f"{type(message).__name__}: {error}") from None


def decode(payload: bytes, tolerance: Tolerance = NONE_AT_ALL) -> Message:
    """The message in a UDP payload. Raises WireError for what is to be dropped."""
    return receive(payload, tolerance).message


def receive(payload: bytes, tolerance: Tolerance = NONE_AT_ALL) -> Received:
    """The message with its octets, for who is to check a signature. Raises WireError."""
    reader = Reader(payload, tolerance)
    (word,) = reader.fields(WORD, "type and flags")
    number = word >> TYPE_SHIFT
    kind = MESSAGES.get(number)
    if kind is None:
        raise WireError(f"a message of type {MessageType(number).name}")
    try:
        message = kind.read(word, reader)
    except WireError as problem:
        raise problem.within(kind.__name__, 0) from None
    return Received(payload, message, reader.records_end)


def receive_inner(outer: EncapsulatedControl, tolerance: Tolerance = NONE_AT_ALL) -> Received:
    """The message in an Encapsulated Control Message. Raises WireError, also for another such in
    it, and for a probe: it "MUST NOT be sent inside" one (RFC 9301 §5.8)."""
    received = receive(outer.message, tolerance)
    match received.message:
        case EncapsulatedControl():
            raise WireError("an encapsulated message in another")
        case MapRequest(flags=flags) if flags & MapRequestFlags.P:
            raise WireError("an encapsulated probe")
    return received
