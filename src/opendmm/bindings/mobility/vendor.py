"""What standard options cannot say, in Vendor Specific options (RFC 5094), skipped by others.

The payload is MessagePack, cut into options of at most `CHUNK` octets; subtype MORE says that
another follows. The vendor is the enterprise number that RFC 5612 reserves for examples: the
project has none of its own.
"""

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.options.identification import VendorSpecificOption

VENDOR = 32473
LAST, MORE = 1, 2
CHUNK = 240

Said = TypeVar("Said", bound=msgspec.Struct)


def added(said: msgspec.Struct) -> tuple[VendorSpecificOption, ...]:
    """The options that carry what is added to a message."""
    return wrapped(msgspec.msgpack.encode(said))


def addition(message: MobilityMessage, kind: type[Said]) -> Said:
    """What one of us added to a message; as if nothing had been said where nobody has."""
    payload = payload_in(message)
    if payload is None:
        return kind()
    try:
        return msgspec.msgpack.decode(payload, type=kind)
    except (msgspec.DecodeError, ValueError):
        return kind()


def wrapped(payload: bytes) -> tuple[VendorSpecificOption, ...]:
    """The options that carry a payload."""
    chunks = [payload[at : at + CHUNK] for at in range(0, max(len(payload), 1), CHUNK)]
    ends = [MORE] * (len(chunks) - 1) + [LAST]
    return tuple(VendorSpecificOption(VENDOR, *part) for part in zip(ends, chunks, strict=True))


def payload_in(message: MobilityMessage) -> bytes | None:
    """The payload of a message; None when it has none, or not all of it."""
    mine = [o for o in message.every(VendorSpecificOption) if o.vendor == VENDOR]
    subtypes = [option.subtype for option in mine]
    if not mine or subtypes != [MORE] * (len(mine) - 1) + [LAST]:
        return None
    return b"".join(_data(mine))


def _data(options: Iterable[VendorSpecificOption]) -> Iterable[bytes]:
    return (option.data for option in options)
