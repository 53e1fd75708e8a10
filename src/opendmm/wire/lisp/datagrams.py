"""A UDP datagram with its IP header, as it is within an Encapsulated Control Message.

RFC 9301 §5.8; RFC 791, RFC 8200 §3, RFC 768.
"""

from ipaddress import IPv4Address, IPv6Address
from struct import Struct
from typing import NamedTuple

from opendmm.wire.checksum import internet_checksum
from opendmm.wire.errors import WireError
from opendmm.wire.lisp.lcaf.base import Ip
from opendmm.wire.lisp.numbers import DATA_PORT
from opendmm.wire.lisp.reading import Reader

#: Version and IHL, TOS, total length, identification, fragment, TTL, protocol, checksum, addresses.
IPV4 = Struct("!BxHxxHBBH4s4s")
#: Version, class and label; payload length, next header, hop limit, addresses.
IPV6 = Struct("!IHBB16s16s")
#: Ports, length, checksum.
UDP = Struct("!HHHH")
#: The end of either pseudo-header: zero, protocol, length; the sum is that of RFC 8200 §8.1 too.
PSEUDO_TAIL = Struct("!xBH")
UDP_PROTOCOL = 17
HOP_LIMIT = 64
VERSION_4, VERSION_6 = 4, 6
LEAST_WORDS = 5
WORD_OCTETS = 4
#: More fragments, and the offset: either is there in a fragment.
FRAGMENT = 0x3FFF
LARGEST_LENGTH = 0xFFFF


class Datagram(NamedTuple):
    """Whence and whither, and what."""

    source: Ip
    destination: Ip
    source_port: int
    destination_port: int
    payload: bytes


def pack_datagram(datagram: Datagram) -> bytes:
    """With its checksums. Raises WireError or struct.error for impossible values."""
    source, destination = datagram.source, datagram.destination
    if source.version != destination.version:
        raise WireError(f"a datagram from {source} to {destination}")
    _require_ports(datagram.source_port, datagram.destination_port, 0)
    length = UDP.size + len(datagram.payload)
    header = _pack_ipv6 if source.version == VERSION_6 else _pack_ipv4
    ports = datagram.source_port, datagram.destination_port
    ends = source.packed + destination.packed
    return header(length, ends) + _pack_udp(ports, length, datagram.payload, ends)


def _pack_ipv6(length: int, ends: bytes) -> bytes:
    _require_length(length)
    head = VERSION_6 << 28, length, UDP_PROTOCOL, HOP_LIMIT
    return IPV6.pack(*head, ends[:16], ends[16:])


def _pack_ipv4(length: int, ends: bytes) -> bytes:
    total = IPV4.size + length
    _require_length(total)
    head = VERSION_4 << 4 | LEAST_WORDS, total, 0, HOP_LIMIT, UDP_PROTOCOL
    checksum = internet_checksum(IPV4.pack(*head, 0, ends[:4], ends[4:]))
    return IPV4.pack(*head, checksum, ends[:4], ends[4:])


def _pack_udp(ports: tuple[int, int], length: int, payload: bytes, ends: bytes) -> bytes:
    unsummed = UDP.pack(*ports, length, 0) + payload
    checksum = _sum(ends, unsummed) or LARGEST_LENGTH
    return UDP.pack(*ports, length, checksum) + payload


def read_datagram(reader: Reader) -> Datagram:
    """From a whole IP packet. Raises WireError for wrong lengths and checksums, for fragments, and
    for what is not UDP."""
    start = reader.offset
    if not reader.left:
        raise WireError("no inner IP header", start)
    version = reader.data[start] >> 4
    if version == VERSION_6:
        source, destination, room = _read_ipv6(reader)
    elif version == VERSION_4:
        source, destination, room = _read_ipv4(reader)
    else:
        raise WireError(f"inner IP version {version}", start)
    return _read_udp(reader, room, source, destination)


def _read_ipv6(reader: Reader) -> tuple[Ip, Ip, int]:
    """The addresses, and the length of the payload."""
    start = reader.offset
    fields = reader.fields(IPV6, "inner IPv6 header")
    _, length, next_header, _, source, destination = fields
    _require_udp(next_header, start)
    return IPv6Address(source), IPv6Address(destination), length


def _read_ipv4(reader: Reader) -> tuple[Ip, Ip, int]:
    """The addresses, and the length of the payload."""
    start = reader.offset
    fields = reader.fields(IPV4, "inner IPv4 header")
    first, total, fragment, _, protocol, _, source, destination = fields
    words = first & 0xF
    if words < LEAST_WORDS:
        raise WireError(f"inner IPv4 header of {words} words", start)
    reader.octets((words - LEAST_WORDS) * WORD_OCTETS, "inner IPv4 options")
    if internet_checksum(reader.data[start : reader.offset]):
        raise WireError("wrong checksum of the inner IPv4 header", start)
    if fragment & FRAGMENT:
        raise WireError("a fragment", start)
    _require_udp(protocol, start)
    room = total - (reader.offset - start)
    if room < 0:
        raise WireError(f"inner IPv4 total length {total}", start)
    return IPv4Address(source), IPv4Address(destination), room


def _read_udp(reader: Reader, room: int, source: Ip, destination: Ip) -> Datagram:
    """What is in `room` octets."""
    start = reader.offset
    fields = reader.fields(UDP, "inner UDP header")
    source_port, destination_port, length, checksum = fields
    _require_ports(source_port, destination_port, start)
    if not UDP.size <= length <= room:
        raise WireError(f"inner UDP length {length} in {room} octets", start)
    payload = reader.octets(length - UDP.size, "inner message")
    if checksum:
        udp = reader.data[start : reader.offset]
        if _sum(source.packed + destination.packed, udp):
            raise WireError("wrong checksum of the inner UDP datagram", start)
    elif not reader.tolerance.no_inner_checksum:
        raise WireError("no checksum of the inner UDP datagram", start)
    return Datagram(source, destination, source_port, destination_port, payload)


def _sum(ends: bytes, udp: bytes) -> int:
    return internet_checksum(ends + PSEUDO_TAIL.pack(UDP_PROTOCOL, len(udp)) + udp)


def _require_ports(source: int, destination: int, offset: int) -> None:
    """ "Port number 4341 MUST NOT be assigned to either port" (RFC 9301 §5.8)."""
    if DATA_PORT in (source, destination):
        raise WireError(f"inner port {DATA_PORT}", offset)


def _require_udp(protocol: int, offset: int) -> None:
    if protocol != UDP_PROTOCOL:
        raise WireError(f"inner protocol {protocol} is not UDP", offset)


def _require_length(length: int) -> None:
    if length > LARGEST_LENGTH:
        raise WireError(f"a packet of {length} octets")
