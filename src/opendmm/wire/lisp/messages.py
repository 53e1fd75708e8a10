"""The control messages (RFC 9301 §5.2 to §5.7, RFC 8111 §6.4, RFC 9437 §4 and §5).

A message's `packed` is all of its UDP payload, its `read` begins after the first four octets.
"""

from collections.abc import Sequence
from struct import Struct
from typing import ClassVar, Protocol, Self, TypeVar

import msgspec

from opendmm.wire.errors import WireError
from opendmm.wire.layout import require_octets
from opendmm.wire.lisp.addresses import Address, packed_address, read_address
from opendmm.wire.lisp.numbers import (
    MOST_ITR_RLOCS,
    AlgorithmId,
    MapRegisterFlags,
    MapReplyFlags,
    MapRequestFlags,
    MessageType,
)
from opendmm.wire.lisp.reading import Reader
from opendmm.wire.lisp.records import EidRecord, Question, ReferralRecord

WORD = Struct("!I")
NONCE = Struct("!Q")
KEY = Struct("!BBH")
IDENTITY = Struct("!16sQ")
TYPE_SHIFT = 28
MOST_RECORDS = 255
IRC_SHIFT = 8
IRC = 0x1F
XTR_ID_OCTETS = 16
Flags = TypeVar("Flags", MapRequestFlags, MapReplyFlags, MapRegisterFlags)


class XtrIdentity(msgspec.Struct, frozen=True):
    """Who sent a message, whatever its address: xTR-ID (16 octets) and Site-ID (RFC 9301 §5.6)."""

    xtr: bytes
    site: int = 0

    def packed(self) -> bytes:
        """Raises WireError."""
        require_octets("xTR-ID", self.xtr, XTR_ID_OCTETS)
        return IDENTITY.pack(self.xtr, self.site)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Raises WireError."""
        return cls(*reader.fields(IDENTITY, "xTR-ID and Site-ID"))


class Authentication(msgspec.Struct, frozen=True):
    """Which key and algorithm, and what came of them (RFC 9301 §5.6)."""

    key_id: int = 0
    algorithm: AlgorithmId = AlgorithmId.NONE
    data: bytes = b""

    def packed(self) -> bytes:
        return KEY.pack(self.key_id, self.algorithm, len(self.data)) + self.data

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Raises WireError."""
        key_id, algorithm, length = reader.fields(KEY, "key")
        return cls(key_id, AlgorithmId(algorithm), reader.octets(length, "authentication data"))


class ControlMessage(Protocol):
    """What every message can do."""

    TYPE: ClassVar[MessageType]

    def packed(self) -> bytes:
        """The UDP payload. Raises WireError or struct.error for impossible values."""


class MapRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Where is this EID? With S in `flags`: ask again, for my mapping of it has changed.

    `itr_rlocs` are the addresses that an answer may be sent to, `reply` the asker's own mapping
    (M flag), `identity` whom notifications are for (I flag, RFC 9437).
    """

    TYPE: ClassVar = MessageType.MAP_REQUEST

    nonce: int
    itr_rlocs: tuple[Address, ...]
    questions: tuple[Question, ...]
    source: Address = None
    flags: MapRequestFlags = MapRequestFlags(0)
    reply: EidRecord | None = None
    identity: XtrIdentity | None = None

    def packed(self) -> bytes:
        if not 1 <= len(self.itr_rlocs) <= MOST_ITR_RLOCS:
            raise WireError(f"{len(self.itr_rlocs)} ITR-RLOCs instead of 1 to {MOST_ITR_RLOCS}")
        flags = _implied(self.flags, MapRequestFlags.M, self.reply is not None)
        flags = _implied(flags, MapRequestFlags.I, self.identity is not None)
        word = flags | (len(self.itr_rlocs) - 1) << IRC_SHIFT
        parts = [_head(self.TYPE, word, self.questions), NONCE.pack(self.nonce)]
        parts += map(packed_address, (self.source, *self.itr_rlocs))
        parts += [question.packed() for question in self.questions]
        parts += [self.reply.packed()] if self.reply is not None else []
        parts += [self.identity.packed()] if self.identity is not None else []
        return b"".join(parts)

    @classmethod
    def read(cls, word: int, reader: Reader) -> Self:
        """Raises WireError."""
        (nonce,) = reader.fields(NONCE, "nonce")
        flags = MapRequestFlags(word & _all(MapRequestFlags))
        source = read_address(reader)
        itr_rlocs = reader.several(1 + (word >> IRC_SHIFT & IRC), read_address)
        return cls(
            nonce=nonce,
            flags=flags,
            source=source,
            itr_rlocs=itr_rlocs,
            questions=reader.several(word & MOST_RECORDS, Question.read),
            reply=EidRecord.read(reader) if flags & MapRequestFlags.M else None,
            identity=XtrIdentity.read(reader) if flags & MapRequestFlags.I else None,
        )


class MapReply(msgspec.Struct, frozen=True, kw_only=True):
    """An answer; `security` is LISP-SEC's authentication data (S flag, RFC 9303 §6.2)."""

    TYPE: ClassVar = MessageType.MAP_REPLY

    nonce: int
    records: tuple[EidRecord, ...]
    flags: MapReplyFlags = MapReplyFlags(0)
    security: bytes = b""

    def packed(self) -> bytes:
        flags = _implied(self.flags, MapReplyFlags.S, bool(self.security))
        return b"".join(
            (
                _head(self.TYPE, flags, self.records),
                NONCE.pack(self.nonce),
                *(record.packed() for record in self.records),
                self.security,
            )
        )

    @classmethod
    def read(cls, word: int, reader: Reader) -> Self:
        """Raises WireError. A reply to a probe without the A bit is no reply (RFC 9301 §5.4)."""
        (nonce,) = reader.fields(NONCE, "nonce")
        flags = MapReplyFlags(word & _all(MapReplyFlags))
        records = reader.several(word & MOST_RECORDS, EidRecord.read)
        if flags & MapReplyFlags.PROBE and not all(one.authoritative for one in records):
            raise WireError("the answer to a probe is not authoritative", reader.offset)
        security = reader.rest() if flags & MapReplyFlags.S else b""
        return cls(nonce=nonce, flags=flags, records=records, security=security)


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """What Map-Register, Map-Notify and Map-Notify-Ack have in common."""

    TYPE: ClassVar[MessageType]

    nonce: int
    records: tuple[EidRecord, ...]
    authentication: Authentication = Authentication()
    flags: MapRegisterFlags = MapRegisterFlags(0)
    identity: XtrIdentity | None = None

    def packed(self) -> bytes:
        return self.covered() + (self.identity.packed() if self.identity is not None else b"")

    def covered(self) -> bytes:
        """All that is authenticated: up to the last locator (RFC 9301 §5.6)."""
        flags = _implied(self.flags, MapRegisterFlags.I, self.identity is not None)
        return b"".join(
            (
                _head(self.TYPE, flags, self.records),
                NONCE.pack(self.nonce),
                self.authentication.packed(),
                *(record.packed() for record in self.records),
            )
        )

    @classmethod
    def read(cls, word: int, reader: Reader) -> Self:
        """Raises WireError."""
        (nonce,) = reader.fields(NONCE, "nonce")
        flags = MapRegisterFlags(word & _all(MapRegisterFlags))
        authentication = Authentication.read(reader)
        records = reader.several(word & MOST_RECORDS, EidRecord.read)
        return cls(
            nonce=nonce,
            flags=flags,
            authentication=authentication,
            records=records,
            identity=XtrIdentity.read(reader) if flags & MapRegisterFlags.I else None,
        )


class MapRegister(Registration, frozen=True):
    """These EIDs are here (RFC 9301 §5.6). The nonce is greater each time."""

    TYPE = MessageType.MAP_REGISTER


class MapNotify(Registration, frozen=True):
    """A registration was accepted, or a mapping that was subscribed to has changed
    (RFC 9301 §5.7, RFC 9437 §5)."""

    TYPE = MessageType.MAP_NOTIFY


class MapNotifyAck(Registration, frozen=True):
    """A Map-Notify that nobody had asked for has come (RFC 9301 §5.7)."""

    TYPE = MessageType.MAP_NOTIFY_ACK


class MapReferral(msgspec.Struct, frozen=True, kw_only=True):
    """Who knows more (RFC 8111 §6.4)."""

    TYPE: ClassVar = MessageType.MAP_REFERRAL

    nonce: int
    records: tuple[ReferralRecord, ...]

    def packed(self) -> bytes:
        return b"".join(
            (
                _head(self.TYPE, 0, self.records),
                NONCE.pack(self.nonce),
                *(record.packed() for record in self.records),
            )
        )

    @classmethod
    def read(cls, word: int, reader: Reader) -> Self:
        """Raises WireError."""
        (nonce,) = reader.fields(NONCE, "nonce")
        return cls(nonce=nonce, records=reader.several(word & MOST_RECORDS, ReferralRecord.read))


def _head(kind: MessageType, flags: int, records: Sequence[object]) -> bytes:
    if len(records) > MOST_RECORDS:
        raise WireError(f"{len(records)} records in a message")
    return WORD.pack(kind << TYPE_SHIFT | flags | len(records))


def _implied(flags: Flags, flag: Flags, is_set: bool) -> Flags:
    """A flag that says only whether something is there."""
    return flags | flag if is_set else flags & ~flag


def _all(flags: type[MapRequestFlags | MapReplyFlags | MapRegisterFlags]) -> int:
    return sum(flags)
