"""Acknowledgements of MAD-PMIPv6, an implementation of 2016, as a controller of our MAARs.

It was written before RFC 8885 and before IANA numbered its options: it sends no flag of proxy
registrations, pads no option to its alignment, lets options run past the header's own length,
numbers three options 28 to 30, which belong to others by now, puts a link-layer address or a name
in the Mobile Node Identifier with subtype 2, and authenticates nothing. All of that is read here,
and only here, for nodes that are told to (`compatibility: mad-pmipv6`); the codec stays strict.

What such a controller says is no grant, and nobody can know that it is from there. So it is put
in the log, counted, and redirects nothing: mobile nodes have what their MAAR gives them by itself.
"""

from collections.abc import Iterator
from ipaddress import IPv6Address
from struct import Struct

import msgspec

from opendmm.wire.errors import WireError
from opendmm.wire.mobility.numbers import MessageType, OptionType

FIXED = Struct("!BBBBHBBHH")
PRIVATE = (28, 29, 30)
PAD1 = 0
SUBTYPE_OF_ITS_OWN = 2
PREFIX = Struct("!BB16s")


class Acknowledgement(msgspec.Struct, frozen=True, kw_only=True):
    """A Proxy Binding Acknowledgement, every field of it; `lifetime` in units of four seconds.

    `options` are by number, in order and without padding; `past_the_end` octets of them are not
    covered by the length that the header gives itself.
    """

    status: int
    flags: int
    sequence: int
    lifetime: int
    checksum: int
    options: tuple[tuple[int, bytes], ...]
    past_the_end: int

    def every(self, number: int) -> tuple[bytes, ...]:
        return tuple(body for kind, body in self.options if kind == number)

    @property
    def mobile_node(self) -> str:
        """As text where it is one, else the octets in hexadecimal; empty where it is not said."""
        for body in self.every(OptionType.MOBILE_NODE_IDENTIFIER):
            name = body[1:]
            printable = all(0x21 <= octet < 0x7F for octet in name)
            return name.decode() if printable else name.hex(":")
        return ""

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Home network prefixes, as text."""
        bodies = self.every(OptionType.HOME_NETWORK_PREFIX)
        found = (PREFIX.unpack(body) for body in bodies if len(body) == PREFIX.size)
        return tuple(f"{IPv6Address(packed)}/{length}" for _, length, packed in found)

    @property
    def private(self) -> dict[int, str]:
        """The options that it numbers itself, in hexadecimal."""
        return {number: body.hex() for number, body in self.options if number in PRIVATE}


def acknowledgement(data: bytes) -> Acknowledgement:
    """Read one. Raises WireError for what is no Binding Acknowledgement or is cut short."""
    if len(data) < FIXED.size:
        raise WireError(f"{len(data)} octets are too short for an acknowledgement")
    _, length, kind, _, checksum, status, flags, sequence, lifetime = FIXED.unpack_from(data)
    if kind != MessageType.BINDING_ACKNOWLEDGEMENT:
        raise WireError(f"MH Type {kind} is no acknowledgement", 2)
    return Acknowledgement(
        status=status,
        flags=flags,
        sequence=sequence,
        lifetime=lifetime,
        checksum=checksum,
        options=tuple(_options(data)),
        past_the_end=max(0, len(data) - (length + 1) * 8),
    )


def _options(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = FIXED.size
    while offset < len(data):
        number = data[offset]
        if number == PAD1:
            offset += 1
            continue
        if offset + 2 > len(data) or offset + 2 + data[offset + 1] > len(data):
            raise WireError(f"option {number} is cut short", offset)
        end = offset + 2 + data[offset + 1]
        if number != OptionType.PADN:
            yield number, data[offset + 2 : end]
        offset = end


def heard(data: bytes) -> dict[str, object]:
    """What is said of an acknowledgement, and why nothing comes of it. Raises WireError."""
    found = acknowledgement(data)
    return {
        "status": found.status,
        "mobile_node": found.mobile_node,
        "prefixes": found.prefixes,
        "private": found.private,
        "why": "of MAD-PMIPv6: unauthenticated and without a grant, so nothing is redirected by it",
    }
