"""Canonical addresses that are not read: of organisations, and of types unknown (RFC 9306)."""

from struct import Struct
from typing import ClassVar, Self

from opendmm.wire.errors import WireError
from opendmm.wire.lisp.lcaf.base import Lcaf, Pack, Read
from opendmm.wire.lisp.numbers import LcafType
from opendmm.wire.lisp.reading import Reader

LARGEST_TYPE = 255
KNOWN_TYPES = frozenset(LcafType)


class VendorSpecific(Lcaf, frozen=True):
    """What an organisation has for itself (RFC 9306 §4).

    A message with one of an organisation that is not understood is dropped: see `Tolerance`.
    """

    TYPE = LcafType.VENDOR_SPECIFIC
    LAYOUT: ClassVar[Struct] = Struct("!I")
    LARGEST_OUI: ClassVar[int] = 0xFFFFFF

    organisation: int
    data: bytes

    def body(self, _pack: Pack) -> bytes:
        if not 0 <= self.organisation <= self.LARGEST_OUI:
            raise WireError(f"organisation {self.organisation:#x} has over 24 bits")
        return self.LAYOUT.pack(self.organisation) + self.data

    @classmethod
    def parse(cls, reader: Reader, _rsvd2: int, _read: Read) -> Self:
        start = reader.offset
        (word,) = reader.fields(cls.LAYOUT, "organisation")
        organisation = word & cls.LARGEST_OUI
        if organisation not in reader.tolerance.organisations:
            raise WireError(f"organisation {organisation:#08x} is not understood", start)
        return cls(organisation, reader.rest())


class UnknownLcaf(Lcaf, frozen=True):
    """A type that nobody here knows: ignored by receivers, kept for logs and re-encoding."""

    type_number: int
    data: bytes
    octet: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.type_number <= LARGEST_TYPE or self.type_number in KNOWN_TYPES:
            raise WireError(f"{self.type_number} is not the number of an unknown type")

    @property
    def number(self) -> int:
        return self.type_number

    @property
    def rsvd2(self) -> int:
        return self.octet

    @property
    def understood(self) -> bool:
        return False

    def body(self, _pack: Pack) -> bytes:
        return self.data
