"""Questions and answers: Map-Request and Map-Reply (RFC 9301 §5.2 and §5.4)."""

from typing import ClassVar, Self

import msgspec

from opendmm.wire.errors import WireError
from opendmm.wire.lisp.addresses import pack_address, read_address
from opendmm.wire.lisp.framing import NONCE, XtrIdentity, pack_head, read_nonce, read_records
from opendmm.wire.lisp.lcaf.base import Address
from opendmm.wire.lisp.numbers import MapReplyFlags, MapRequestFlags, MessageType, known
from opendmm.wire.lisp.reading import Reader
from opendmm.wire.lisp.records import EidRecord, Question, require_unprobed, unprobed
from opendmm.wire.lisp.security import ReplySecurity

MOST_ITR_RLOCS = 32
IRC_SHIFT = 8
IRC = 0x1F


class MapRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Where is this EID? With S in `flags`: ask again, for my mapping of it has changed.

    `itr_rlocs` are addresses for the answer (of family 0 to unsubscribe, RFC 9437), `source` the
    EID whose packet made the asker ask, `reply` the asker's own mapping, which nobody has vouched
    for, `identity` whom notifications are for (RFC 9437). The flags M and I follow from these.
    """

    TYPE: ClassVar = MessageType.MAP_REQUEST

    nonce: int
    itr_rlocs: tuple[Address, ...]
    questions: tuple[Question, ...]
    source: Address = None
    flags: MapRequestFlags = MapRequestFlags(0)
    reply: EidRecord | None = None
    identity: XtrIdentity | None = None

    def __post_init__(self) -> None:
        flags = known(MapRequestFlags, self.flags) & ~(MapRequestFlags.M | MapRequestFlags.I)
        flags |= MapRequestFlags.M if self.reply is not None else 0
        flags |= MapRequestFlags.I if self.identity is not None else 0
        msgspec.structs.force_setattr(self, "flags", flags)

    def packed(self) -> bytes:
        """The UDP payload. Raises WireError or struct.error for impossible values.

        "A sender MUST only send Map-Requests containing one record", though receivers take more.
        """
        if len(self.questions) != 1:
            raise WireError(f"a Map-Request with {len(self.questions)} records instead of one")
        if not 1 <= len(self.itr_rlocs) <= MOST_ITR_RLOCS:
            raise WireError(f"{len(self.itr_rlocs)} ITR-RLOCs instead of 1 to {MOST_ITR_RLOCS}")
        word = self.flags | (len(self.itr_rlocs) - 1) << IRC_SHIFT
        parts = [pack_head(self.TYPE, word, self.questions), NONCE.pack(self.nonce)]
        parts += map(pack_address, (self.source, *self.itr_rlocs))
        parts += [question.packed() for question in self.questions]
        if self.reply is not None:
            require_unprobed((self.reply,))
            parts.append(self.reply.packed())
        if self.identity is not None:
            parts.append(self.identity.packed())
        return b"".join(parts)

    @classmethod
    def read(cls, word: int, reader: Reader) -> Self:
        """What follows the first word. Raises WireError, also where there is no question, or not
        what the flags M and I announce."""
        nonce = read_nonce(reader)
        flags = known(MapRequestFlags, word)
        source = read_address(reader)
        itr_rlocs = reader.several(1 + (word >> IRC_SHIFT & IRC), "ITR-RLOC", read_address)
        start = reader.offset
        questions = read_records(word, reader, Question.read)
        if not questions:
            raise WireError("a Map-Request without records", start)
        return cls(
            nonce=nonce,
            itr_rlocs=itr_rlocs,
            questions=questions,
            source=source,
            flags=flags,
            reply=unprobed(EidRecord.read(reader)) if flags & MapRequestFlags.M else None,
            identity=XtrIdentity.read(reader) if flags & MapRequestFlags.I else None,
        )


class MapReply(msgspec.Struct, frozen=True, kw_only=True):
    """An answer; with records without locators a negative one (RFC 9301 §5.4).

    `security` are the authentication data of LISP-SEC; the flag S follows from them.
    """

    TYPE: ClassVar = MessageType.MAP_REPLY

    nonce: int
    records: tuple[EidRecord, ...]
    flags: MapReplyFlags = MapReplyFlags(0)
    security: ReplySecurity | None = None

    def __post_init__(self) -> None:
        flags = known(MapReplyFlags, self.flags) & ~MapReplyFlags.S
        flags |= MapReplyFlags.S if self.security is not None else 0
        msgspec.structs.force_setattr(self, "flags", flags)

    def packed(self) -> bytes:
        """The UDP payload. Raises WireError or struct.error for impossible values."""
        self._require_authority(0)
        records = [record.packed() for record in self.records]
        security = self.security.packed() if self.security is not None else b""
        head = pack_head(self.TYPE, self.flags, self.records)
        return b"".join((head, NONCE.pack(self.nonce), *records, security))

    @classmethod
    def read(cls, word: int, reader: Reader) -> Self:
        """What follows the first word. Raises WireError."""
        nonce = read_nonce(reader)
        flags = known(MapReplyFlags, word)
        records = read_records(word, reader, EidRecord.read)
        security = ReplySecurity.read(reader) if flags & MapReplyFlags.S else None
        reply = cls(nonce=nonce, records=records, flags=flags, security=security)
        reply._require_authority(reader.records_end)
        return reply

    def _require_authority(self, offset: int) -> None:
        """A reply to a probe whose records are not authoritative "MUST be silently discarded"."""
        if self.flags & MapReplyFlags.P and not all(one.authoritative for one in self.records):
            raise WireError("the answer to a probe is not authoritative", offset)
