"""Whole Mobility Headers: framing, checksum, what RFC 6275 §9.2 refuses and in which order."""

import struct
from ipaddress import IPv6Address

from opendmm.wire.errors import Reaction, WireError
from opendmm.wire.mobility.checksum import checksum
from opendmm.wire.mobility.message import HEADER_LENGTH, MobilityMessage
from opendmm.wire.mobility.numbers import NO_NEXT_HEADER
from opendmm.wire.mobility.options.sequence import UNIT, append_options
from opendmm.wire.mobility.registry import MESSAGES

PAYLOAD_PROTO_AT = 0
HEADER_LEN_AT = 1
MH_TYPE_AT = 2
CHECKSUM_AT = slice(4, 6)
LONGEST = 256 * UNIT


def encode(message: MobilityMessage, source: IPv6Address, destination: IPv6Address) -> bytes:
    """A Mobility Header for an IPv6 packet between these addresses.

    With a Home Address option in the packet, `source` is that home address; with a type 2
    routing header, `destination` is the home address in it. Raises WireError for values that
    have no encoding.
    """
    data = _assembled(message)
    data[CHECKSUM_AT] = checksum(data, source, destination).to_bytes(2, "big")
    return bytes(data)


def encode_without_checksum(message: MobilityMessage) -> bytes:
    """A Mobility Header for a UDP payload, or to be authenticated: the Checksum field is zero.

    RFC 5844 §4.2.2.1, RFC 6275 §6.2.7. Raises WireError.
    """
    return bytes(_assembled(message))


def decode(data: bytes, source: IPv6Address, destination: IPv6Address) -> MobilityMessage:
    """The message in a Mobility Header; addresses as for `encode`.

    Octets behind the header are ignored, as behind any No Next Header. Raises WireError, whose
    reaction says what the receiver owes to the sender.
    """
    header = _whole_header(data)
    if checksum(header, source, destination):
        raise WireError("wrong checksum", CHECKSUM_AT.start)
    return _message_class(header).parse(header)


def decode_without_checksum(data: bytes) -> MobilityMessage:
    """The message in a UDP payload, whose Checksum field is ignored (RFC 5844 §4.1.3.1)."""
    header, kind = framed(data)
    return kind.parse(header)


def _assembled(message: MobilityMessage) -> bytearray:
    try:
        fixed = message.fixed()
    except struct.error as error:
        raise WireError(f"{type(message).__name__}: {error}") from None
    data = bytearray((NO_NEXT_HEADER, 0, message.TYPE, 0, 0, 0))
    data += fixed
    append_options(data, message.options)
    if len(data) > LONGEST:
        raise WireError(f"{len(data)} octets are too long for a Mobility Header")
    data[HEADER_LEN_AT] = len(data) // UNIT - 1
    return data


def framed(data: bytes) -> tuple[bytes, type[MobilityMessage]]:
    """The octets of one whole header, and which message they have; no checksum is looked at.

    Raises WireError for what RFC 6275 §9.2 refuses.
    """
    header = _whole_header(data)
    return header, _message_class(header)


def _whole_header(data: bytes) -> bytes:
    if len(data) < UNIT:
        raise WireError(f"{len(data)} octets are too short for a Mobility Header")
    length = (data[HEADER_LEN_AT] + 1) * UNIT
    if length > len(data):
        raise WireError(f"{len(data)} octets of a header of {length}", HEADER_LEN_AT)
    return data[:length]


def _message_class(header: bytes) -> type[MobilityMessage]:
    kind = MESSAGES.get(header[MH_TYPE_AT])
    if kind is None:
        unknown = f"unknown MH Type {header[MH_TYPE_AT]}"
        raise WireError(unknown, MH_TYPE_AT, Reaction.BINDING_ERROR)
    if header[PAYLOAD_PROTO_AT] != NO_NEXT_HEADER:
        wrong = f"Payload Proto {header[PAYLOAD_PROTO_AT]}"
        raise WireError(wrong, PAYLOAD_PROTO_AT, Reaction.PARAMETER_PROBLEM)
    if len(header) < HEADER_LENGTH + kind.LAYOUT.size:
        short = f"{len(header)} octets are too short for a {kind.__name__}"
        raise WireError(short, HEADER_LEN_AT, Reaction.PARAMETER_PROBLEM)
    return kind
