"""What all mobility options share: type, length, alignment (RFC 6275 §6.2.1).

An option class says how its body (what follows Type and Length) is read and written; walking,
lengths and padding are in `sequence`.
"""

from ipaddress import IPv6Address, IPv6Network
from struct import Struct
from typing import Any, ClassVar, NamedTuple, Self

import msgspec

from opendmm.wire.errors import WireError
from opendmm.wire.layout import ipv6_prefix, unpack_exactly
from opendmm.wire.mobility.numbers import OptionType


class Alignment(NamedTuple):
    """The requirement xn + y: an option begins y octets after a multiple of x octets.

    Counted from the start of the Mobility Header.
    """

    factor: int
    remainder: int


ANYWHERE = Alignment(1, 0)
LARGEST_TYPE = 255


class MobilityOption(msgspec.Struct, frozen=True):
    """An option of a Mobility Header message."""

    #: The number in the Type field.
    TYPE: ClassVar[OptionType]
    #: Whether Length counts 32-bit words after the first four octets, and not octets after the
    #: first two: RFC 7411 §5.3 and §5.4 alone do so.
    LENGTH_IN_WORDS: ClassVar[bool] = False

    @property
    def number(self) -> int:
        return self.TYPE

    @property
    def alignment(self) -> Alignment:
        """Where the option may begin."""
        return ANYWHERE

    def body(self) -> bytes:
        """What follows Type and Length. Raises WireError or struct.error for impossible values."""
        raise NotImplementedError

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """From what follows Type and Length. Raises WireError."""
        raise NotImplementedError


class UnknownOption(MobilityOption, frozen=True):
    """An option nobody here understands: skipped by receivers, kept for logs and re-encoding.

    `residue` is where in an eight-octet word it began (0..7), since its own requirement is unknown.
    """

    type_number: int
    data: bytes
    residue: int = 0

    def __post_init__(self) -> None:
        if not OptionType.PADN < self.type_number <= LARGEST_TYPE:
            raise WireError(f"option type {self.type_number} is outside 2..{LARGEST_TYPE}")
        if not 0 <= self.residue < 8:
            raise WireError(f"residue {self.residue} is outside 0..7")

    @property
    def number(self) -> int:
        return self.type_number

    @property
    def alignment(self) -> Alignment:
        return Alignment(8, self.residue)

    def body(self) -> bytes:
        return self.data


class FixedOption(MobilityOption, frozen=True):
    """An option of one fixed length whose fields are one `struct` layout, in order."""

    LAYOUT: ClassVar[Struct]
    ALIGNMENT: ClassVar[Alignment] = ANYWHERE

    @property
    def alignment(self) -> Alignment:
        return self.ALIGNMENT

    def body(self) -> bytes:
        return self.LAYOUT.pack(*self.fields())

    @classmethod
    def parse(cls, body: bytes) -> Self:
        return cls.from_fields(*unpack_exactly(cls.LAYOUT, body))

    def fields(self) -> tuple[Any, ...]:
        """The numbers and octets of the layout."""
        return tuple(getattr(self, name) for name in self.__struct_fields__)

    @classmethod
    def from_fields(cls, *fields: Any) -> Self:
        return cls(*fields)


class AddressOption(FixedOption, frozen=True):
    """An option that is one IPv6 address, such as the Alternate Care-of Address."""

    LAYOUT = Struct("!16s")
    ALIGNMENT = Alignment(8, 6)

    address: IPv6Address

    def fields(self) -> tuple[bytes]:
        return (self.address.packed,)

    @classmethod
    def from_fields(cls, packed: bytes) -> Self:
        return cls(IPv6Address(packed))


class PrefixOption(FixedOption, frozen=True):
    """An option that is one IPv6 prefix: reserved octet, prefix length, sixteen octets."""

    LAYOUT = Struct("!xB16s")
    ALIGNMENT = Alignment(8, 4)

    prefix: IPv6Network

    def fields(self) -> tuple[int, bytes]:
        return self.prefix.prefixlen, self.prefix.network_address.packed

    @classmethod
    def from_fields(cls, length: int, packed: bytes) -> Self:
        return cls(ipv6_prefix(packed, length))
