"""Packets as Mobile IPv6 writes them: with a type 2 routing header, a Home Address option, or both.

The order is that of RFC 6275 §6.3: IPv6 header, routing header, Destination Options header with
the Home Address option, whatever the packet is about. Only this form is known here: what has other
extension headers before, is a fragment, or has other destination options before the Home Address
option, is left to the kernel. Pure.
"""

from ipaddress import IPv6Address

import msgspec

from opendmm.wire.errors import WireError
from opendmm.wire.mobility.home_address import (
    DESTINATION_OPTIONS,
    HOME_ADDRESS_OPTION,
    decode_home_address,
    encode_home_address,
)
from opendmm.wire.mobility.routing_header import (
    ROUTING,
    ROUTING_TYPE,
    decode_routing_header,
    encode_routing_header,
)

FIXED = 40
"""Octets of an IPv6 header."""
ADDED = 24
"""Octets of either header that Mobile IPv6 adds."""
NEXT_HEADER_AT = 6
SOURCE, DESTINATION = slice(8, 24), slice(24, 40)
ADDRESSES = slice(8, 40)
"""Source and destination."""
HOP_LIMIT = 64
ICMPV6_HEADER = 8
OPTION_AT = 6
"""Where alignment (8n + 6) puts the Home Address option of a Destination Options header."""


class Dissected(msgspec.Struct, frozen=True, kw_only=True):
    """A packet taken apart; `payload` is behind the headers of Mobile IPv6."""

    source: IPv6Address
    destination: IPv6Address
    home_address: IPv6Address | None
    routed_to: IPv6Address | None
    next_header: int
    payload: bytes


def dissect(packet: bytes) -> Dissected:
    """Take a packet apart. Raises WireError where it is cut short or RFC 6275 has it dropped."""
    if len(packet) < FIXED or packet[0] >> 4 != 6:
        raise WireError(f"{len(packet)} octets are no IPv6 packet")
    end = FIXED + int.from_bytes(packet[4:6], "big")
    if end > len(packet):
        raise WireError(f"{len(packet)} octets of a packet of {end}", 4)
    next_header, offset = packet[NEXT_HEADER_AT], FIXED
    routed_to = home_address = None
    if next_header == ROUTING:
        routed_to, next_header = decode_routing_header(packet[offset:end])
        offset += ADDED
    if next_header == DESTINATION_OPTIONS and has_home_address(packet, offset):
        home_address, next_header, length = decode_home_address(packet[offset:end])
        offset += length
    return Dissected(
        source=IPv6Address(packet[SOURCE]),
        destination=IPv6Address(packet[DESTINATION]),
        home_address=home_address,
        routed_to=routed_to,
        next_header=next_header,
        payload=packet[offset:end],
    )


def has_home_address(packet: bytes, offset: int) -> bool:
    """Whether the Destination Options header there has the option where alignment puts it."""
    at = offset + OPTION_AT
    return at < len(packet) and packet[at] == HOME_ADDRESS_OPTION


def assemble(
    source: IPv6Address,
    destination: IPv6Address,
    next_header: int,
    payload: bytes,
    *,
    home_address: IPv6Address | None = None,
    routed_to: IPv6Address | None = None,
) -> bytes:
    """A whole packet. Raises WireError for a home address that is not unicast routable."""
    headers = b""
    if home_address is not None:
        headers = encode_home_address(next_header, home_address)
        next_header = DESTINATION_OPTIONS
    if routed_to is not None:
        headers = encode_routing_header(next_header, routed_to) + headers
        next_header = ROUTING
    length = len(headers) + len(payload)
    start = b"\x60\0\0\0" + length.to_bytes(2, "big") + bytes((next_header, HOP_LIMIT))
    return start + source.packed + destination.packed + headers + payload


def matches(next_header: str) -> list[str]:
    """nftables matches of this node's packets in this form, whose payload has a next header that
    `next_header` describes; the same as `dissect` takes.

    Headers of fixed length stand at fixed places, in bits from the start of the packet.
    """
    option = _bits(FIXED + OPTION_AT, 1) + f" {HOME_ADDRESS_OPTION}"
    second = FIXED + ADDED
    option_second = _bits(second + OPTION_AT, 1) + f" {HOME_ADDRESS_OPTION}"
    routing = f"ip6 nexthdr {ROUTING} {_bits(FIXED + 2, 1)} {ROUTING_TYPE}"
    here = "fib daddr type local"
    return [
        f"ip6 nexthdr {DESTINATION_OPTIONS} {option} {_bits(FIXED, 1)} {next_header} {here}",
        f"{routing} {_bits(FIXED, 1)} {next_header} {here}",
        f"{routing} {_bits(FIXED, 1)} {DESTINATION_OPTIONS} {option_second} "
        f"{_bits(second, 1)} {next_header} {here}",
    ]


def matches_of_errors() -> list[str]:
    """nftables matches of the Packet Too Big messages that quote packets in this form."""
    quoted = ICMPV6_HEADER + NEXT_HEADER_AT
    headers = f"{{ {ROUTING}, {DESTINATION_OPTIONS} }}"
    return [f"icmpv6 type packet-too-big @th,{quoted * 8},8 {headers} fib daddr type local"]


def _bits(octet: int, length: int) -> str:
    return f"@nh,{octet * 8},{length * 8}"
