"""Packet Too Big for who does not know of the octets that are added (RFC 6275 §9.3.2). Pure.

A router that cannot forward an optimised packet quotes it as it was on the way. The transport
protocol is told of the packet that it sent, and of as many octets less as were added.
"""

from opendmm.bindings.mipv6.wire_form import ADDRESSES, DESTINATION, FIXED, HOP_LIMIT, SOURCE
from opendmm.node.route_optimisation.rewriting import ICMPV6, received
from opendmm.node.route_optimisation.rules import Route
from opendmm.wire.errors import WireError

PACKET_TOO_BIG = 2
HEADER = 8
MTU_AT = slice(FIXED + 4, FIXED + 8)
QUOTED_AT = FIXED + HEADER
LEAST_MTU = 1280
ONES = 0xFFFF


def told_of_optimised(error: bytes, routes: dict[bytes, Route]) -> bytes:
    """The error for the sender, from one about an optimised packet. Raises WireError where it is
    about nothing that this node sends."""
    if len(error) < QUOTED_AT + FIXED:
        raise WireError("an ICMPv6 error that quotes nothing")
    packet = received(error[QUOTED_AT:], quoted=True)
    route = routes.get(packet.restored[ADDRESSES])
    if route is None or packet.source + packet.destination != route.how.addresses:
        raise WireError("an ICMPv6 error about no packet of this node")
    mtu = int.from_bytes(error[MTU_AT], "big") - route.how.added
    return packet_too_big(error[SOURCE], packet.restored, mtu)


def packet_too_big(source: bytes, packet: bytes, mtu: int) -> bytes:
    """The error about a packet, to its sender (RFC 4443 §3.2); never less than every link has."""
    least = max(mtu, LEAST_MTU)
    body = bytes((PACKET_TOO_BIG, 0, 0, 0)) + least.to_bytes(4, "big")
    body = (body + packet)[: LEAST_MTU - FIXED]
    destination = packet[SOURCE]
    checksum = _checksum(source + destination, body).to_bytes(2, "big")
    start = b"\x60\0\0\0" + len(body).to_bytes(2, "big") + bytes((ICMPV6, HOP_LIMIT))
    return start + source + destination + body[:2] + checksum + body[4:]


def too_big_for(packet: bytes, mtu: int) -> bytes:
    """The error for a packet that does not even leave this node, as from where it is going."""
    return packet_too_big(packet[DESTINATION], packet, mtu)


def _checksum(addresses: bytes, body: bytes) -> int:
    """A remainder by 0xFFFF is the folded sum of 16-bit words, see `wire.mobility.checksum`."""
    padded = body + bytes(len(body) % 2)
    words = addresses + len(body).to_bytes(2, "big") + bytes((0, ICMPV6)) + padded
    return -int.from_bytes(words, "big") % ONES
