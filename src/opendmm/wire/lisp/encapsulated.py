"""The Encapsulated Control Message: another one on its way by an EID (RFC 9301 §5.8)."""

from typing import ClassVar, Self

import msgspec

from opendmm.wire.lisp.datagrams import Datagram, pack_datagram, read_datagram
from opendmm.wire.lisp.framing import TYPE_SHIFT, WORD
from opendmm.wire.lisp.lcaf.base import Ip
from opendmm.wire.lisp.numbers import CONTROL_PORT, EncapsulatedFlags, MessageType, known
from opendmm.wire.lisp.reading import Reader
from opendmm.wire.lisp.security import RequestSecurity


class EncapsulatedControl(msgspec.Struct, frozen=True, kw_only=True):
    """A control message within an IP and a UDP header; `destination` is the EID asked for.

    `message` are the inner message's octets. `security` is of LISP-SEC; the flag S follows from it.
    """

    TYPE: ClassVar = MessageType.ENCAPSULATED_CONTROL

    source: Ip
    destination: Ip
    source_port: int
    message: bytes
    destination_port: int = CONTROL_PORT
    flags: EncapsulatedFlags = EncapsulatedFlags(0)
    security: RequestSecurity | None = None

    def __post_init__(self) -> None:
        flags = known(EncapsulatedFlags, self.flags) & ~EncapsulatedFlags.S
        flags |= EncapsulatedFlags.S if self.security is not None else 0
        msgspec.structs.force_setattr(self, "flags", flags)

    def packed(self) -> bytes:
        """The UDP payload. Raises WireError or struct.error for impossible values."""
        word = WORD.pack(self.TYPE << TYPE_SHIFT | self.flags)
        security = self.security.packed() if self.security is not None else b""
        ends = self.source, self.destination, self.source_port, self.destination_port
        return word + security + pack_datagram(Datagram(*ends, self.message))

    @classmethod
    def read(cls, word: int, reader: Reader) -> Self:
        """What follows the first word. Raises WireError."""
        flags = known(EncapsulatedFlags, word)
        security = RequestSecurity.read(reader) if flags & EncapsulatedFlags.S else None
        inner = read_datagram(reader)
        return cls(
            source=inner.source,
            destination=inner.destination,
            source_port=inner.source_port,
            message=inner.payload,
            destination_port=inner.destination_port,
            flags=flags,
            security=security,
        )
