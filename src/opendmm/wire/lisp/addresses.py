"""EIDs and locators: an address family, then an address (RFC 9301 §5.2, RFC 8060)."""

from ipaddress import IPv4Address, IPv6Address
from struct import Struct

from opendmm.wire.errors import WireError
from opendmm.wire.layout import IPV4_BITS, IPV6_BITS
from opendmm.wire.lisp.lcaf import Lcaf, read_lcaf
from opendmm.wire.lisp.numbers import AddressFamily
from opendmm.wire.lisp.reading import Reader

FAMILY = Struct("!H")

Address = IPv4Address | IPv6Address | Lcaf | None
"""None is address family 0: no address."""


def read_address(reader: Reader) -> Address:
    """An address of any family that has a length. Raises WireError."""
    start = reader.offset
    (family,) = reader.fields(FAMILY, "address family")
    match family:
        case AddressFamily.NONE:
            return None
        case AddressFamily.IPV4:
            return IPv4Address(reader.octets(4, "IPv4 address"))
        case AddressFamily.IPV6:
            return IPv6Address(reader.octets(16, "IPv6 address"))
        case AddressFamily.LCAF:
            return read_lcaf(reader, read_address)
    raise WireError(f"address family {family} has no known length", start)


def packed_address(address: Address) -> bytes:
    """Family and address."""
    match address:
        case None:
            return FAMILY.pack(AddressFamily.NONE)
        case IPv4Address():
            return FAMILY.pack(AddressFamily.IPV4) + address.packed
        case IPv6Address():
            return FAMILY.pack(AddressFamily.IPV6) + address.packed
        case _:
            return FAMILY.pack(AddressFamily.LCAF) + address.packed(packed_address)


def address_bits(address: Address) -> int | None:
    """How long a prefix of it can be; None where the family says nothing of it."""
    match address:
        case IPv4Address():
            return IPV4_BITS
        case IPv6Address():
            return IPV6_BITS
        case None:
            return None
        case _:
            return address_bits(address.within)
