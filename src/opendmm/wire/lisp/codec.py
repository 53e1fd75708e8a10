"""Control messages from octets, by their type (RFC 9301 §5)."""

from opendmm.wire.errors import WireError
from opendmm.wire.lisp.encapsulated import EncapsulatedControl
from opendmm.wire.lisp.messages import (
    TYPE_SHIFT,
    WORD,
    MapNotify,
    MapNotifyAck,
    MapReferral,
    MapRegister,
    MapReply,
    MapRequest,
)
from opendmm.wire.lisp.numbers import MessageType
from opendmm.wire.lisp.reading import Reader

Message = (
    MapRequest
    | MapReply
    | MapRegister
    | MapNotify
    | MapNotifyAck
    | MapReferral
    | EncapsulatedControl
)
KINDS: dict[int, type[Message]] = {
    kind.TYPE: kind
    for kind in (
        MapRequest,
        MapReply,
        MapRegister,
        MapNotify,
        MapNotifyAck,
        MapReferral,
        EncapsulatedControl,
    )
}


def decode(payload: bytes) -> Message:
    """A control message; what follows its last field is ignored. Raises WireError."""
    reader = Reader(payload)
    (word,) = reader.fields(WORD, "control message")
    number = word >> TYPE_SHIFT
    kind = KINDS.get(number)
    if kind is None:
        raise WireError(f"a message of type {MessageType(number).name}")
    return kind.read(word, reader)
