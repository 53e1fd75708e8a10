"""The checksum of a Mobility Header with its IPv6 pseudo-header (RFC 6275 §6.1.1)."""

from ipaddress import IPv6Address

from opendmm.wire.mobility.numbers import MOBILITY_HEADER

ONES = 0xFFFF


def checksum(data: bytes | bytearray, source: IPv6Address, destination: IPv6Address) -> int:
    """The one's complement of the one's complement sum, which is 0 over data that carry it.

    A remainder by 0xFFFF is the folded sum of 16-bit words, whatever words it is taken from.
    """
    pseudo_header = int(source) + int(destination) + len(data) + MOBILITY_HEADER
    return -(pseudo_header + int.from_bytes(data, "big")) % ONES
