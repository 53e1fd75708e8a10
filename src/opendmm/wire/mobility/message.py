"""What all Mobility Header messages share: a fixed part, then options (RFC 6275 §6.1.1)."""

from struct import Struct
from typing import Any, ClassVar, Self, TypeVar

import msgspec

from opendmm.wire.mobility.numbers import MessageType
from opendmm.wire.mobility.options.base import MobilityOption
from opendmm.wire.mobility.options.sequence import parse_options

#: Octets before the message data: Payload Proto, Header Len, MH Type, Reserved, Checksum.
HEADER_LENGTH = 6

Option = TypeVar("Option", bound=MobilityOption)


class MobilityMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message, without its framing: length, padding and checksum belong to the codec."""

    #: The number in the MH Type field.
    TYPE: ClassVar[MessageType]
    #: The fixed part of the message data, from the octet behind the checksum.
    LAYOUT: ClassVar[Struct]

    #: In the order of the message, without padding.
    options: tuple[MobilityOption, ...] = ()

    def fixed(self) -> bytes:
        """The fixed part. Raises WireError or struct.error for values that do not fit."""
        return self.LAYOUT.pack(*self.fields())

    @classmethod
    def parse(cls, data: bytes) -> "MobilityMessage":
        """From a whole Mobility Header that is long enough for LAYOUT. Raises WireError."""
        fields = cls.LAYOUT.unpack_from(data, HEADER_LENGTH)
        return cls.from_fields(*fields, options=parse_options(data, cls.options_begin(data)))

    @classmethod
    def options_begin(cls, data: bytes) -> int:  # noqa: ARG003 - some messages look into it
        """At which octet of a header of this type the options begin. Raises WireError."""
        return HEADER_LENGTH + cls.LAYOUT.size

    def fields(self) -> tuple[Any, ...]:
        """The numbers and octets of the layout."""
        return tuple(getattr(self, name) for name in self.__struct_fields__ if name != "options")

    @classmethod
    def from_fields(cls, *fields: Any, **options: Any) -> Self:
        """From the numbers and octets of the layout, and `options`."""
        return cls(*fields, **options)

    def first(self, kind: type[Option]) -> Option | None:
        """The first option of a kind, or None."""
        return next((option for option in self.options if isinstance(option, kind)), None)

    def every(self, kind: type[Option]) -> tuple[Option, ...]:
        """All options of a kind, in the order of the message."""
        return tuple(option for option in self.options if isinstance(option, kind))
