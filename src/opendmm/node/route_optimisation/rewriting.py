"""Payload to the form of Mobile IPv6 and back, octet by octet, for this is done to every packet.

Transport checksums are made with home addresses, so they hold before and after, and nowhere in
between. Addresses are packed. Pure.
"""

from typing import NamedTuple

from opendmm.bindings.mipv6.wire_form import (
    ADDED,
    DESTINATION,
    FIXED,
    NEXT_HEADER_AT,
    OPTION_AT,
    SOURCE,
    has_home_address,
)
from opendmm.wire.errors import WireError
from opendmm.wire.mobility.home_address import (
    ADDRESS_LENGTH,
    DESTINATION_OPTIONS,
    HEADER,
    decode_home_address,
)
from opendmm.wire.mobility.routing_header import (
    HDR_EXT_LEN,
    ROUTING,
    ROUTING_TYPE,
    SEGMENTS_LEFT,
)

HOP_BY_HOP = 0
ICMPV6 = 58
NEIGHBOR_DISCOVERY = range(133, 138)
LENGTH = slice(4, 6)
ROUTING_HEADER = bytes((HDR_EXT_LEN, ROUTING_TYPE, SEGMENTS_LEFT, 0, 0, 0, 0))


class Optimised(NamedTuple):
    """What becomes of packets from one address to another.

    `addresses` are the new source and destination, `headers` go behind them: all octets of the
    added headers but the first, which is the next header of the original, with `before` before it.
    """

    addresses: bytes
    next_header: bytes
    before: bytes
    headers: bytes

    @property
    def added(self) -> int:
        return len(self.before) + 1 + len(self.headers)


def optimised(
    source: bytes, destination: bytes, *, from_care_of: bytes = b"", to_care_of: bytes = b""
) -> Optimised:
    """How packets from `source` to `destination` go directly.

    With `from_care_of` the source is the home address of this node (§11.3.1), with `to_care_of`
    the destination is another's (§9.3.2); where both are, both headers are added (§6.3).
    """
    named = HEADER + source
    routed = ROUTING_HEADER + destination
    addresses = (from_care_of or source) + (to_care_of or destination)
    if from_care_of and to_care_of:
        return Optimised(
            addresses, bytes((ROUTING,)), bytes((DESTINATION_OPTIONS,)) + routed, named
        )
    if from_care_of:
        return Optimised(addresses, bytes((DESTINATION_OPTIONS,)), b"", named)
    return Optimised(addresses, bytes((ROUTING,)), b"", routed)


def rewrite(packet: bytes, how: Optimised) -> bytes:
    """The packet as it goes directly.

    The headers are added at the front, so they are in each fragment of a packet that has been
    fragmented (§6.3: before the Fragment header).
    """
    length = int.from_bytes(packet[LENGTH], "big") + how.added
    return b"".join(
        (
            packet[:4],
            length.to_bytes(2, "big"),
            how.next_header,
            packet[7:8],
            how.addresses,
            how.before,
            packet[NEXT_HEADER_AT : NEXT_HEADER_AT + 1],
            how.headers,
            packet[FIXED:],
        )
    )


def can_be_optimised(packet: bytes) -> bool:
    """Not what already has a routing header, which must stay before the Home Address option, nor
    a Hop-by-Hop Options header, which must be the first (RFC 8200 §4.1); nor Neighbor Discovery
    (§9.3.2, §11.3.1)."""
    next_header = packet[NEXT_HEADER_AT]
    if next_header == ICMPV6:
        return len(packet) > FIXED and packet[FIXED] not in NEIGHBOR_DISCOVERY
    return next_header not in (HOP_BY_HOP, ROUTING)


class Received(NamedTuple):
    """What a packet in the form of Mobile IPv6 says of itself; `restored` is without it."""

    source: bytes
    destination: bytes
    home_address: bytes
    routed_to: bytes
    next_header: int
    restored: bytes


def received(packet: bytes, *, quoted: bool = False) -> Received:
    """Take the headers of Mobile IPv6 off; what is not there is empty.

    A packet that is `quoted` in an ICMPv6 error may end early. Raises WireError where RFC 6275 has
    a packet dropped whatever is registered (§9.3.1, §11.3.3).
    """
    next_header, offset = packet[NEXT_HEADER_AT], FIXED
    source, destination = packet[SOURCE], packet[DESTINATION]
    routed_to = home_address = b""
    if next_header == ROUTING:
        if packet[41:44] != ROUTING_HEADER[:3]:
            raise WireError("no type 2 routing header", FIXED)
        routed_to, next_header = packet[48:64], packet[FIXED]
        offset = FIXED + ADDED
    if next_header == DESTINATION_OPTIONS and has_home_address(packet, offset):
        home_address, next_header, length = _option(packet, offset)
        offset += length
    end = FIXED + int.from_bytes(packet[LENGTH], "big")
    if not offset <= end or not (quoted or end <= len(packet)):
        raise WireError(f"{len(packet)} octets of a packet of {end}", 4)
    if next_header == ICMPV6 and offset < end and packet[offset] in NEIGHBOR_DISCOVERY:
        raise WireError("Neighbor Discovery", offset)
    start = packet[:4] + (end - offset).to_bytes(2, "big") + bytes((next_header, packet[7]))
    restored = b"".join(
        (start, home_address or source, routed_to or destination, packet[offset:end])
    )
    return Received(source, destination, home_address, routed_to, next_header, restored)


def _option(packet: bytes, offset: int) -> tuple[bytes, int, int]:
    """As `decode_home_address`; at once where the header holds nothing else."""
    start = offset + 1
    if packet[start : start + len(HEADER)] == HEADER:
        first = offset + OPTION_AT + 2
        return packet[first : first + ADDRESS_LENGTH], packet[offset], ADDED
    address, next_header, length = decode_home_address(packet[offset:])
    return (address.packed if address is not None else b""), next_header, length
