"""The type 2 routing header, which tells for whom a packet really is (RFC 6275 §6.4)."""

from ipaddress import IPv6Address
from struct import Struct

from opendmm.wire.errors import WireError
from opendmm.wire.layout import unicast_routable

#: The Next Header value of a Routing header (RFC 8200 §4.4).
ROUTING = 43
LAYOUT = Struct("!BBBB4x16s")
HDR_EXT_LEN = 2
ROUTING_TYPE = 2
SEGMENTS_LEFT = 1
ADDRESS_AT = 8


def encode_routing_header(next_header: int, home_address: IPv6Address) -> bytes:
    """A type 2 routing header to a mobile node, before `next_header`.

    Raises WireError for an address that is not unicast routable.
    """
    packed = unicast_routable(home_address.packed, 0).packed
    return LAYOUT.pack(next_header, HDR_EXT_LEN, ROUTING_TYPE, SEGMENTS_LEFT, packed)


def decode_routing_header(data: bytes) -> tuple[IPv6Address, int]:
    """The home address and the next header; the header has always 24 octets.

    Raises WireError where RFC 6275 §11.3.3 has the packet discarded silently. Whether the address
    is one of the node's home addresses is for the node to check.
    """
    if len(data) < LAYOUT.size:
        raise WireError(f"{len(data)} octets are too short for a type 2 routing header")
    next_header, length, routing_type, segments_left, packed = LAYOUT.unpack_from(data)
    if routing_type != ROUTING_TYPE:
        raise WireError(f"routing type {routing_type} instead of {ROUTING_TYPE}", 2)
    if length != HDR_EXT_LEN:
        raise WireError(f"Hdr Ext Len {length} instead of {HDR_EXT_LEN}", 1)
    if segments_left != SEGMENTS_LEFT:
        raise WireError(f"Segments Left {segments_left} instead of {SEGMENTS_LEFT}", 3)
    return unicast_routable(packed, ADDRESS_AT), next_header
