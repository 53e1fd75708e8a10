"""The checksum of IPv4, UDP and their kin (RFC 1071)."""

ONES = 0xFFFF


def internet_checksum(data: bytes) -> int:
    """The one's complement of the one's complement sum of 16-bit words, the last one padded.

    A remainder by 0xFFFF is the folded sum of 16-bit words, whatever words it is taken from.
    """
    return -int.from_bytes(data + bytes(len(data) % 2), "big") % ONES
