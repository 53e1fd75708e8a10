"""The Home Address option, which tells from whom a packet really is (RFC 6275 §6.3).

A Destination Options header (Next Header 60) around it is written here whole, 24 octets long;
reading takes any such header, with other options and padding around.
"""

from ipaddress import IPv6Address

from opendmm.wire.errors import WireError
from opendmm.wire.layout import unicast_routable

#: The Next Header value of a Destination Options header (RFC 8200 §4.6).
DESTINATION_OPTIONS = 60
HOME_ADDRESS_OPTION = 201
PAD1 = 0
ADDRESS_LENGTH = 16
UNIT = 8
FIRST_OPTION = 2
#: Next Header and Hdr Ext Len, PadN of four octets up to the alignment of 8n + 6, the option.
HEADER = bytes((2, 1, 2, 0, 0, HOME_ADDRESS_OPTION, ADDRESS_LENGTH))


def encode_home_address(next_header: int, home_address: IPv6Address) -> bytes:
    """A Destination Options header with the Home Address option, before `next_header`.

    Raises WireError for an address that is not unicast routable.
    """
    return bytes((next_header,)) + HEADER + unicast_routable(home_address.packed, 0).packed


def decode_home_address(data: bytes) -> tuple[IPv6Address | None, int, int]:
    """From a Destination Options header: the home address, the next header, the length in octets.

    None where the header has no such option. Options other than padding are left to whoever
    knows them. Raises WireError for what ends too early, an option of another length, an address
    that is not unicast routable (RFC 6275 §9.3.1), and a second option (§6.3).
    """
    if len(data) < UNIT or len(data) < (data[1] + 1) * UNIT:
        raise WireError("a Destination Options header ends too early")
    length = (data[1] + 1) * UNIT
    address = None
    offset = FIRST_OPTION
    while offset < length:
        if data[offset] == PAD1:
            offset += 1
            continue
        end = offset + 2 + data[offset + 1] if offset + 1 < length else length + 1
        if end > length:
            raise WireError("a destination option runs past the end", offset)
        if data[offset] == HOME_ADDRESS_OPTION:
            if address is not None:
                raise WireError("a second Home Address option", offset)
            address = _address(data, offset, end)
        offset = end
    return address, data[0], length


def _address(data: bytes, offset: int, end: int) -> IPv6Address:
    if end - offset != 2 + ADDRESS_LENGTH:
        raise WireError(f"a Home Address option of {end - offset - 2} octets", offset + 1)
    return unicast_routable(data[offset + 2 : end], offset + 2)
