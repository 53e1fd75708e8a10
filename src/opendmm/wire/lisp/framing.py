"""What control messages begin with: a word with type, flags and count, then a nonce (RFC 9301 §5).

A message's `packed` is all of its UDP payload; its `read` begins behind the first word.
"""

from collections.abc import Callable, Sequence
from struct import Struct
from typing import Self, TypeVar

import msgspec

from opendmm.wire.errors import WireError
from opendmm.wire.layout import require_octets
from opendmm.wire.lisp.numbers import MessageType
from opendmm.wire.lisp.reading import Reader

WORD = Struct("!I")
NONCE = Struct("!Q")
TYPE_SHIFT = 28
MOST_RECORDS = 255
XTR_ID_OCTETS = 16

Record = TypeVar("Record")


class XtrIdentity(msgspec.Struct, frozen=True):
    """Who sent a message, wherever from: xTR-ID (16 octets) and Site-ID (RFC 9301 §5.6)."""

    LAYOUT = Struct("!16sQ")

    xtr: bytes
    site: int = 0

    def packed(self) -> bytes:
        """Raises WireError or struct.error for impossible values."""
        require_octets("xTR-ID", self.xtr, XTR_ID_OCTETS)
        return self.LAYOUT.pack(self.xtr, self.site)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Raises WireError."""
        return cls(*reader.fields(cls.LAYOUT, "xTR-ID and Site-ID"))


def pack_head(kind: MessageType, flags: int, records: Sequence[object]) -> bytes:
    """The first word of a message with records. Raises WireError for too many."""
    if len(records) > MOST_RECORDS:
        raise WireError(f"{len(records)} records in a message")
    return WORD.pack(kind << TYPE_SHIFT | flags | len(records))


def read_nonce(reader: Reader) -> int:
    """Raises WireError."""
    nonce: int = reader.fields(NONCE, "nonce")[0]
    return nonce


def read_records(word: int, reader: Reader, read: Callable[[Reader], Record]) -> tuple[Record, ...]:
    """As many as the first word says, and notes where they end. Raises WireError."""
    records = reader.several(word & MOST_RECORDS, "record", read)
    reader.records_end = reader.offset
    return records
