"""What standard options cannot say, in Vendor Specific options (RFC 5094), skipped by others.

The payload is MessagePack, cut into options of at most `CHUNK` octets; subtype MORE says that
another follows. The vendor is the enterprise number that RFC 5612 reserves for examples: the
project has none of its own.
"""

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from opendmm.model.addressing import HomePrefix
from opendmm.model.order import MoveOrder
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.options.identification import VendorSpecificOption

VENDOR = 32473
LAST, MORE = 1, 2
CHUNK = 240


class Granted(msgspec.Struct, frozen=True):
    """Added to a PBA: the move's order, and which prefixes are for old sessions only."""

    order: MoveOrder | None = None
    deprecated: tuple[HomePrefix, ...] = ()


class Attached(msgspec.Struct, frozen=True):
    """Added to a PBU and a BRI: which attachment is meant, by when it began.

    In microseconds since 1970 by the clock of the gateway. Without it an anchor takes the first
    PBU for the beginning, so one that has restarted cannot tell who was attached last.
    """

    attached_at: int = 0


Said = TypeVar("Said", Granted, Attached)


def added(said: Granted | Attached) -> tuple[VendorSpecificOption, ...]:
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
