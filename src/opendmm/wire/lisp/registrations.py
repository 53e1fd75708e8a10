"""Registrations and what is said of them: Map-Register, Map-Notify and its acknowledgement.

RFC 9301 §5.6 and §5.7.
"""

from struct import Struct
from typing import ClassVar, Self

import msgspec

from opendmm.wire.lisp.framing import (
    NONCE,
    XtrIdentity,
    pack_head,
    read_nonce,
    read_records,
)
from opendmm.wire.lisp.numbers import (
    NOTIFY_IDENTITY,
    AlgorithmId,
    MapRegisterFlags,
    MessageType,
    known,
)
from opendmm.wire.lisp.reading import Reader
from opendmm.wire.lisp.records import EidRecord, require_unprobed, unprobed


class Authentication(msgspec.Struct, frozen=True):
    """Which key and algorithm, and what came of them (RFC 9301 §5.6)."""

    LAYOUT = Struct("!BBH")

    key_id: int = 0
    algorithm: AlgorithmId = AlgorithmId.NONE
    data: bytes = b""

    def packed(self) -> bytes:
        """Raises struct.error for impossible values."""
        return self.LAYOUT.pack(self.key_id, self.algorithm, len(self.data)) + self.data

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Raises WireError."""
        key_id, algorithm, length = reader.fields(cls.LAYOUT, "key and algorithm")
        return cls(key_id, AlgorithmId(algorithm), reader.octets(length, "authentication data"))


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """What the three messages have in common; all that they can do with octets."""

    TYPE: ClassVar[MessageType]

    nonce: int
    records: tuple[EidRecord, ...]
    authentication: Authentication = Authentication()
    identity: XtrIdentity | None = None

    @property
    def bits(self) -> int:
        """Of the first word."""
        raise NotImplementedError

    def packed(self) -> bytes:
        """The UDP payload. Raises WireError or struct.error for impossible values."""
        return self.until_records_end() + self.packed_identity()

    def until_records_end(self) -> bytes:
        """What RFC 9301 §5.6 has authenticated. Raises as `packed` does."""
        records = [record.packed() for record in self.records]
        head = pack_head(self.TYPE, self.bits, self.records)
        return b"".join((head, NONCE.pack(self.nonce), self.authentication.packed(), *records))

    def packed_identity(self) -> bytes:
        """What follows the records."""
        return self.identity.packed() if self.identity is not None else b""


class MapRegister(Registration, frozen=True, kw_only=True):
    """These EIDs are here (RFC 9301 §5.6). The nonce is greater each time.

    The flag I follows from `identity`.
    """

    TYPE = MessageType.MAP_REGISTER

    flags: MapRegisterFlags = MapRegisterFlags(0)

    def __post_init__(self) -> None:
        flags = known(MapRegisterFlags, self.flags) & ~MapRegisterFlags.I
        flags |= MapRegisterFlags.I if self.identity is not None else 0
        msgspec.structs.force_setattr(self, "flags", flags)

    @property
    def bits(self) -> int:
        return self.flags

    def until_records_end(self) -> bytes:
        require_unprobed(self.records)
        return super().until_records_end()

    @classmethod
    def read(cls, word: int, reader: Reader) -> Self:
        """What follows the first word. Raises WireError, also where the I bit announces an
        identity that is not there."""
        nonce = read_nonce(reader)
        flags = known(MapRegisterFlags, word)
        authentication = Authentication.read(reader)
        records = read_records(word, reader, EidRecord.read)
        return cls(
            nonce=nonce,
            records=tuple(map(unprobed, records)),
            authentication=authentication,
            identity=XtrIdentity.read(reader) if flags & MapRegisterFlags.I else None,
            flags=flags,
        )


class Notification(Registration, frozen=True):
    """A message whose flags are reserved to RFC 9301 §5.7, and whose contents are those of a
    Map-Register: an identity is read where an I bit, here or there, says so and there is one."""

    @property
    def bits(self) -> int:
        return NOTIFY_IDENTITY if self.identity is not None else 0

    @classmethod
    def read(cls, word: int, reader: Reader) -> Self:
        """What follows the first word. Raises WireError."""
        nonce = read_nonce(reader)
        authentication = Authentication.read(reader)
        records = read_records(word, reader, EidRecord.read)
        says_so = word & (NOTIFY_IDENTITY | MapRegisterFlags.I)
        has_identity = says_so and reader.left >= XtrIdentity.LAYOUT.size
        return cls(
            nonce=nonce,
            records=records,
            authentication=authentication,
            identity=XtrIdentity.read(reader) if has_identity else None,
        )


class MapNotify(Notification, frozen=True):
    """A registration was accepted, or a mapping has changed that somebody subscribed to
    (RFC 9301 §5.7, RFC 9437)."""

    TYPE = MessageType.MAP_NOTIFY


class MapNotifyAck(Notification, frozen=True):
    """A Map-Notify that answered nothing has come (RFC 9301 §5.7)."""

    TYPE = MessageType.MAP_NOTIFY_ACK
