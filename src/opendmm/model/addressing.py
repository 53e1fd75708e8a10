"""Home prefixes (identifiers) and locators (routable addresses), IPv4 and IPv6.

A home prefix imported at another anchor is an identifier, never a locator (draft §3),
so the two are different types.
"""

import ipaddress
from typing import Self

import msgspec

from opendmm.model.identity import NodeId

BITS = {4: 32, 16: 128}
NETWORK_PREFIX = 64
"""Bits of the network in an IPv6 address whose host part is its own affair (RFC 4291 §2.5.1)."""


class HomePrefix(msgspec.Struct, frozen=True, order=True, array_like=True):
    """A home address (/128, /32) or home network prefix of a mobile node.

    `network` is packed in network byte order (4 or 16 octets), host bits zero;
    `length` is in bits. Raises ValueError when the two do not fit.
    """

    network: bytes
    length: int

    def __post_init__(self) -> None:
        bits = BITS.get(len(self.network))
        if bits is None:
            raise ValueError(f"a prefix has 4 or 16 octets, not {len(self.network)}")
        if not 0 <= self.length <= bits:
            raise ValueError(f"prefix length {self.length} is outside 0..{bits}")
        host_bits = bits - self.length
        if int.from_bytes(self.network, "big") & ((1 << host_bits) - 1):
            raise ValueError(f"host bits set in {self}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """From "2001:db8:a::/64", or a bare address for a host prefix. Raises ValueError."""
        net = ipaddress.ip_network(text.strip())
        return cls(net.network_address.packed, net.prefixlen)

    @property
    def is_ipv6(self) -> bool:
        return len(self.network) == 16

    @property
    def is_host(self) -> bool:
        """True for a home address, false for a home network prefix."""
        return self.length == BITS[len(self.network)]

    @property
    def is_autonomous(self) -> bool:
        """Whether hosts make addresses out of it by themselves (RFC 4862, RFC 2464 §4)."""
        return self.is_ipv6 and self.length == NETWORK_PREFIX

    @property
    def first_host(self) -> bytes:
        """A home address itself, or the first address in a home network prefix; packed."""
        value = int.from_bytes(self.network, "big") + (not self.is_host)
        return value.to_bytes(len(self.network), "big")

    def covers(self, other: "HomePrefix") -> bool:
        """Whether every address of `other` lies in this prefix."""
        if len(self.network) != len(other.network) or self.length > other.length:
            return False
        shift = BITS[len(self.network)] - self.length
        mine = int.from_bytes(self.network, "big") >> shift
        return mine == int.from_bytes(other.network, "big") >> shift

    @property
    def address(self) -> str:
        """The network address as text, without the length."""
        return str(ipaddress.ip_address(self.network))

    def __str__(self) -> str:
        return f"{ipaddress.ip_address(self.network)}/{self.length}"


class Locator(msgspec.Struct, frozen=True, order=True, array_like=True):
    """A routable address of an egress or an anchor; packed, 4 or 16 octets."""

    address: bytes

    def __post_init__(self) -> None:
        if len(self.address) not in BITS:
            raise ValueError(f"a locator has 4 or 16 octets, not {len(self.address)}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """From "2001:db8:b0::2". Raises ValueError."""
        return cls(ipaddress.ip_address(text.strip()).packed)

    @property
    def is_ipv6(self) -> bool:
        return len(self.address) == 16

    def __str__(self) -> str:
        return str(ipaddress.ip_address(self.address))


class Egress(msgspec.Struct, frozen=True, order=True):
    """Where redirected packets leave the DMM plane: an FE_E and its tunnel endpoint.

    `locator` is the base address of the node's egress; each forwarding means derives
    its own endpoint from it (a SID, a tunnel address) in the way its driver documents.
    """

    node: NodeId
    locator: Locator

    def __str__(self) -> str:
        return f"{self.node}[{self.locator}]"
