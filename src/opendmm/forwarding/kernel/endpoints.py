"""Tunnel ends, derived from an egress's locator: the same at both ends, with no exchange.

A node owns the /64 around its locator. Out of it come four segment identifiers: one for each
family of the inner packet, and for each direction, because a packet that an uplink tunnel
carried is routed normally at its end, while one for a mobile node must not be (it would
follow the route it was just taken off). A home agent has two more, which no packet is addressed
to: its node rewrites to them what it takes in from guests (`guests`).
"""

import hashlib

from opendmm.forwarding.kernel.errors import RefusedError
from opendmm.model.addressing import Egress, Locator

BLOCK = 8
"""Octets of a locator that name the node's block."""

IPV6_END = 0x06
IPV4_END = 0x04
UPLINK_IPV6_END = 0x16
UPLINK_IPV4_END = 0x14
GUEST_END, GUEST_TO_NODE_END = 0x26, 0x27
TRANSLATED_BIT = 1 << 63
ENDS = (IPV6_END, IPV4_END, UPLINK_IPV6_END, UPLINK_IPV4_END)


def segment(locator: Locator, end: int) -> bytes:
    """The packed segment identifier of a tunnel end. Raises RefusedError for an IPv4 locator."""
    if not locator.is_ipv6:
        raise RefusedError(f"{locator}: tunnels run over IPv6, the egress needs an IPv6 locator")
    return locator.address[:BLOCK] + end.to_bytes(BLOCK, "big")


def end_for(*, ipv6: bool, uplink: bool) -> int:
    """Which end takes packets of this family and direction."""
    if uplink:
        return UPLINK_IPV6_END if ipv6 else UPLINK_IPV4_END
    return IPV6_END if ipv6 else IPV4_END


def translated(locator: Locator, home: bytes) -> bytes:
    """The packed address at an egress that stands for a home address (packed).

    In the upper half of the node's block, so it never meets a segment identifier.
    """
    name = int.from_bytes(hashlib.blake2b(home, digest_size=BLOCK).digest(), "big")
    return locator.address[:BLOCK] + (name | TRANSLATED_BIT).to_bytes(BLOCK, "big")


class EgressDirectory:
    """Egresses by their block, to read a tunnel's end back as the egress it leads to."""

    def __init__(self) -> None:
        self._by_block: dict[bytes, Egress] = {}

    def add(self, egress: Egress) -> None:
        self._by_block[egress.locator.address[:BLOCK]] = egress

    def find(self, endpoint: bytes) -> Egress | None:
        return self._by_block.get(endpoint[:BLOCK])


def identifier(*parts: str | bytes) -> int:
    """A number for a next hop or a table that is the same in every life of the node.

    31 bits of a hash, the highest bit set to keep clear of numbers that people choose.
    """
    digest = hashlib.blake2b(digest_size=4)
    for part in parts:
        packed = part.encode() if isinstance(part, str) else part
        digest.update(len(packed).to_bytes(2, "big") + packed)
    return int.from_bytes(digest.digest(), "big") | 0x80000000
