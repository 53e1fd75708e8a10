"""EIDs and locators: an address family, then an address (RFC 9301 §5.1, RFC 8060)."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from opendmm.wire.errors import WireError
from opendmm.wire.lisp.lcaf.base import (
    Address,
    Ip,
    Lcaf,
    require_prefix_length,
    understood,
)
from opendmm.wire.lisp.lcaf.eids import InstanceId, MulticastInfo
from opendmm.wire.lisp.lcaf.locators import FAMILY
from opendmm.wire.lisp.lcaf.registry import pack_lcaf, read_lcaf, require_depth
from opendmm.wire.lisp.numbers import AddressFamily
from opendmm.wire.lisp.reading import Reader

BROADCAST = IPv4Address("255.255.255.255")
LINK_LOCAL_GROUPS = IPv4Network("224.0.0.0/24"), IPv6Network("ff02::/16")


def read_address(reader: Reader) -> Address:
    """An address, or None for family 0. Raises WireError for a family whose length is unknown:
    such a message "MUST be dropped" (RFC 9301 §5.1)."""
    start = reader.offset
    (family,) = reader.fields(FAMILY, "address family")
    if family == AddressFamily.IPV6:
        return IPv6Address(reader.octets(16, "IPv6 address"))
    if family == AddressFamily.IPV4:
        return IPv4Address(reader.octets(4, "IPv4 address"))
    if family == AddressFamily.NONE:
        return None
    if family == AddressFamily.LCAF:
        return read_lcaf(reader, read_address)
    raise WireError(f"address family {family} is not understood", start)


def pack_address(address: Address, depth: int = 0) -> bytes:
    """Family and address, which is within `depth` others. Raises WireError or struct.error for
    impossible values."""
    if isinstance(address, IPv6Address):
        return FAMILY.pack(AddressFamily.IPV6) + address.packed
    if isinstance(address, IPv4Address):
        return FAMILY.pack(AddressFamily.IPV4) + address.packed
    if address is None:
        return FAMILY.pack(AddressFamily.NONE)
    require_depth(depth)
    inside = pack_lcaf(address, lambda inner: pack_address(inner, depth + 1))
    return FAMILY.pack(AddressFamily.LCAF) + inside


def read_eid(reader: Reader, mask_length: int) -> Address:
    """An EID of which the first bits count. Raises WireError where there are not so many, and
    where the EID is of an unknown canonical type: such a message "MUST be dropped" (RFC 9306 §3).
    """
    start = reader.offset
    eid = read_address(reader)
    _require_eid(eid, mask_length, start)
    return eid


def pack_eid(eid: Address, mask_length: int) -> bytes:
    """Family and address. Raises WireError or struct.error for what `read_eid` would refuse."""
    _require_eid(eid, mask_length, 0)
    return pack_address(eid)


def prefix_of(eid: Address, mask_length: int) -> IPv4Network | IPv6Network | None:
    """An EID's prefix, bits beyond its length ignored; None where it is no IP prefix.

    The instance, if any, is not told.
    """
    match eid:
        case IPv4Address():
            return IPv4Network((eid.packed, mask_length), strict=False)
        case IPv6Address():
            return IPv6Network((eid.packed, mask_length), strict=False)
        case InstanceId():
            return prefix_of(eid.address, mask_length)
    return None


def covers(outer: Address, outer_length: int, inner: Address, inner_length: int) -> bool:
    """Whether all EIDs of one prefix are in another; an instance's are in no other instance."""
    match outer, inner:
        case InstanceId(), InstanceId():
            same = outer.instance == inner.instance
            return same and covers(outer.address, outer_length, inner.address, inner_length)
        case ((IPv4Address() | IPv6Address()), (IPv4Address() | IPv6Address())):
            if outer.version != inner.version or outer_length > inner_length:
                return False
            bits = outer.max_prefixlen - outer_length
            return int(outer) >> bits == int(inner) >> bits
        case MulticastInfo(), MulticastInfo():
            sources = covers(outer.source, outer.source_length, inner.source, inner.source_length)
            groups = covers(outer.group, outer.group_length, inner.group, inner.group_length)
            return outer.instance == inner.instance and sources and groups
    return (outer, outer_length) == (inner, inner_length)


def plain_addresses(address: Address) -> tuple[Ip, ...]:
    """The IP addresses, any of which a packet to this locator can be sent to.

    None of a replication list, where a packet goes to all.
    """
    match address:
        case None:
            return ()
        case Lcaf():
            return tuple(one for inner in address.inside for one in plain_addresses(inner))
    return (address,)


def can_be_sent_to(address: Ip) -> bool:
    """Whether a locator may be the destination of packets: broadcast and link-local multicast
    addresses may not (RFC 9301 §5.4)."""
    return address != BROADCAST and not any(address in groups for groups in LINK_LOCAL_GROUPS)


def locator_order(address: Address) -> tuple[int, bytes]:
    """How locators of a record are sorted: by family, then by address, or by the type of a
    canonical address (RFC 9301 §5.5, RFC 8060 §3)."""
    match address:
        case IPv4Address():
            return AddressFamily.IPV4, address.packed
        case IPv6Address():
            return AddressFamily.IPV6, address.packed
        case None:
            return AddressFamily.NONE, b""
    return AddressFamily.LCAF, bytes((address.number,))


def _require_eid(eid: Address, mask_length: int, offset: int) -> None:
    if not understood(eid):
        raise WireError("an EID in canonical formats that are unknown", offset)
    require_prefix_length("EID", eid, mask_length, offset)
