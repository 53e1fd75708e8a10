"""The Encapsulated Control Message: a control message on its way to an EID (RFC 9301 §5.8)."""

from ipaddress import IPv4Address, IPv6Address
from struct import Struct
from typing import ClassVar, Self

import msgspec

from opendmm.wire.checksum import internet_checksum
from opendmm.wire.errors import WireError
from opendmm.wire.lisp.messages import TYPE_SHIFT, WORD
from opendmm.wire.lisp.numbers import CONTROL_PORT, EncapsulatedFlags, MessageType
from opendmm.wire.lisp.reading import Reader

Ip = IPv4Address | IPv6Address
UDP = Struct("!HHHH")
IPV4 = Struct("!BBHHHBBH4s4s")
IPV6 = Struct("!IHBB16s16s")
PROTOCOL_UDP = 17
HOP_LIMIT = 64
VERSION_4, VERSION_6 = 4, 6
LEAST_IPV4_WORDS = 5
OPTION_WORD = 4
FRAGMENT = 0x3FFF
LARGEST_UDP = 0xFFFF
OTK_HEADER = Struct("!BxHHBB")
EID_AD_LENGTH = Struct("!H")


class EncapsulatedControl(msgspec.Struct, frozen=True, kw_only=True):
    """A control message within an IP and a UDP header; `destination` is the EID asked for.

    `security` is LISP-SEC's authentication data (S flag, RFC 9303 §6.1).
    """

    TYPE: ClassVar = MessageType.ENCAPSULATED

    source: Ip
    destination: Ip
    source_port: int
    message: bytes
    destination_port: int = CONTROL_PORT
    flags: EncapsulatedFlags = EncapsulatedFlags(0)
    security: bytes = b""

    def packed(self) -> bytes:
        """The UDP payload. Raises WireError."""
        if self.source.version != self.destination.version:
            raise WireError(f"from {self.source} to {self.destination}")
        length = UDP.size + len(self.message)
        if length > LARGEST_UDP:
            raise WireError(f"a datagram of {length} octets")
        flags = self.flags & ~EncapsulatedFlags.S
        if self.security:
            flags |= EncapsulatedFlags.S
        word = WORD.pack(self.TYPE << TYPE_SHIFT | flags)
        return word + self.security + self._ip(length) + self._udp(length)

    def _ip(self, length: int) -> bytes:
        ends = self.source.packed, self.destination.packed
        if self.source.version == VERSION_6:
            return IPV6.pack(VERSION_6 << 28, length, PROTOCOL_UDP, HOP_LIMIT, *ends)
        first, total = VERSION_4 << 4 | LEAST_IPV4_WORDS, IPV4.size + length
        if total > LARGEST_UDP:
            raise WireError(f"a packet of {total} octets")
        fields = (first, 0, total, 0, 0, HOP_LIMIT, PROTOCOL_UDP)
        checksum = internet_checksum(IPV4.pack(*fields, 0, *ends))
        return IPV4.pack(*fields, checksum, *ends)

    def _udp(self, length: int) -> bytes:
        ports = self.source_port, self.destination_port
        pseudo = self.source.packed + self.destination.packed + UDP.pack(0, length, 0, PROTOCOL_UDP)
        unsummed = UDP.pack(*ports, length, 0) + self.message
        checksum = internet_checksum(pseudo + unsummed) or LARGEST_UDP
        return UDP.pack(*ports, length, checksum) + self.message

    @classmethod
    def read(cls, word: int, reader: Reader) -> Self:
        """Raises WireError. Checksums of inner headers are the network's concern: the outer
        datagram had one (RFC 9301 §5.8)."""
        flags = EncapsulatedFlags(word & (EncapsulatedFlags.S | EncapsulatedFlags.D))
        security = _security(reader) if flags & EncapsulatedFlags.S else b""
        source, destination = _ip_header(reader)
        source_port, destination_port, length, _ = reader.fields(UDP, "inner UDP header")
        if length < UDP.size:
            raise WireError(f"inner UDP length {length}", reader.offset)
        return cls(
            source=source,
            destination=destination,
            source_port=source_port,
            destination_port=destination_port,
            message=reader.octets(length - UDP.size, "inner message"),
            flags=flags,
            security=security,
        )


def _security(reader: Reader) -> bytes:
    """Authentication data whole (RFC 9303 §6.1): a one-time key, then the EIDs, each with a length;
    that of the EIDs counts itself."""
    start = reader.offset
    fields = reader.fields(OTK_HEADER, "one-time key")
    reader.octets(fields[2], "one-time key")
    (length,) = reader.fields(EID_AD_LENGTH, "EID authentication data")
    if length < EID_AD_LENGTH.size:
        raise WireError(f"EID authentication data of {length} octets", reader.offset)
    reader.octets(length - EID_AD_LENGTH.size, "EID authentication data")
    return reader.data[start : reader.offset]


def _ip_header(reader: Reader) -> tuple[Ip, Ip]:
    start = reader.offset
    if not reader.left:
        raise WireError("no inner IP header", start)
    version = reader.data[start] >> 4
    if version == VERSION_6:
        _, _, protocol, _, source, destination = reader.fields(IPV6, "inner IPv6 header")
        found: tuple[Ip, Ip] = IPv6Address(source), IPv6Address(destination)
    elif version == VERSION_4:
        fields = reader.fields(IPV4, "inner IPv4 header")
        first, fragment, protocol, source, destination = (fields[at] for at in (0, 4, 6, 8, 9))
        words = first & 0xF
        if words < LEAST_IPV4_WORDS or fragment & FRAGMENT:
            raise WireError("inner IPv4 header is malformed, or of a fragment", start)
        reader.octets((words - LEAST_IPV4_WORDS) * OPTION_WORD, "inner IPv4 options")
        found = IPv4Address(source), IPv4Address(destination)
    else:
        raise WireError(f"inner IP version {version}", start)
    if protocol != PROTOCOL_UDP:
        raise WireError(f"inner protocol {protocol} is not UDP", start)
    return found
