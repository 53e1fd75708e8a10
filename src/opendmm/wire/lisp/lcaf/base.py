"""What all canonical addresses share: a type, and a body with a length (RFC 8060 §3).

A class says how its body (what follows Length) is read and written. Addresses can contain others,
of any family: how those are read and written comes as an argument, from `addresses`.
"""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from typing import ClassVar, Self

import msgspec

from opendmm.wire.errors import WireError
from opendmm.wire.lisp.numbers import LcafType
from opendmm.wire.lisp.reading import Reader


class Lcaf(msgspec.Struct, frozen=True):
    """An address with a type of its own."""

    #: The number in the Type field.
    TYPE: ClassVar[LcafType]

    @property
    def number(self) -> int:
        return self.TYPE

    @property
    def rsvd2(self) -> int:
        """The octet between Type and Length, to which one type gives a meaning."""
        return 0

    @property
    def inside(self) -> "tuple[Address, ...]":
        """The addresses, each of which is what this one says more about."""
        return ()

    @property
    def bits(self) -> int | None:
        """How long a prefix of it can be; None where the format does not say."""
        return None

    @property
    def understood(self) -> bool:
        """Whether there is something in it for a receiver here."""
        return True

    def body(self, pack: "Pack") -> bytes:
        """What follows Length. Raises WireError or struct.error for impossible values."""
        raise NotImplementedError

    @classmethod
    def parse(cls, reader: Reader, rsvd2: int, read: "Read") -> Self:
        """From what follows Length. Raises WireError."""
        raise NotImplementedError


Ip = IPv4Address | IPv6Address
Address = Ip | Lcaf | None
Read = Callable[[Reader], Address]
Pack = Callable[[Address], bytes]


def understood(address: Address) -> bool:
    """Whether a receiver here can do something with it: RFC 9306 §3 has the others ignored."""
    return not isinstance(address, Lcaf) or address.understood


def address_bits(address: Address) -> int | None:
    """How long a prefix of it can be; None where its family does not say."""
    if isinstance(address, Lcaf):
        return address.bits
    return address.max_prefixlen if address is not None else None


def require_prefix_length(name: str, address: Address, length: int, offset: int = 0) -> None:
    """Raises WireError for a prefix longer than its address."""
    bits = address_bits(address)
    if bits is not None and not 0 <= length <= bits:
        raise WireError(f"{name}: prefix length {length} is over {bits}", offset)
