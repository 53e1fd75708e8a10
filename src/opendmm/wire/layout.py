"""Small pieces that every format is made of: fixed layouts, prefixes, open registries."""

import enum
import struct
from ipaddress import IPv6Address, IPv6Network
from typing import Any, Self

from opendmm.wire.errors import WireError

IPV6_BITS = 128
IPV4_BITS = 32


class OpenEnum(enum.IntEnum):
    """A registry that may grow: a number without a name yet is a member named UNASSIGNED_n."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int):
            return None
        member = int.__new__(cls, value)
        member._name_ = f"UNASSIGNED_{value}"
        member._value_ = value
        return member


def unpack_exactly(layout: struct.Struct, body: bytes) -> tuple[Any, ...]:
    """The fields of a body that has a fixed length. Raises WireError for any other length."""
    try:
        return layout.unpack(body)
    except struct.error:
        raise WireError(f"{len(body)} octets where {layout.size} are due") from None


def unpack_head(layout: struct.Struct, body: bytes) -> tuple[Any, ...]:
    """The fields at the start of a body that may go on. Raises WireError when it is too short."""
    if len(body) < layout.size:
        raise WireError(f"{len(body)} octets where at least {layout.size} are due")
    return layout.unpack_from(body)


def ipv6_prefix(packed: bytes, length: int) -> IPv6Network:
    """A prefix; bits beyond its length are ignored, as RFC 8885 §4.3 has it."""
    if length > IPV6_BITS:
        raise WireError(f"prefix length {length} is over {IPV6_BITS}")
    return IPv6Network((packed, length), strict=False)


def ipv4_prefix_length(length: int) -> int:
    """The length of an IPv4 prefix that has a field of six bits. Raises WireError."""
    if not 0 <= length <= IPV4_BITS:
        raise WireError(f"prefix length {length} is outside 0..{IPV4_BITS}")
    return length


def require_octets(name: str, value: bytes, count: int) -> None:
    """Raises WireError where a field of fixed size has another."""
    if len(value) != count:
        raise WireError(f"{name} has {len(value)} octets instead of {count}")


def unicast_routable(packed: bytes, offset: int) -> IPv6Address:
    """An address that packets from another subnet can reach (RFC 6275 §3). Raises WireError."""
    address = IPv6Address(packed)
    unreachable = (
        address.is_multicast
        or address.is_link_local
        or address.is_unspecified
        or address.is_loopback
    )
    if unreachable:
        raise WireError(f"{address} is not a unicast routable address", offset)
    return address
