"""Whether the other end lives, and whether it has forgotten: Heartbeat (RFC 5847 §3.3)."""

from struct import Struct
from typing import Self

from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import HeartbeatFlags, MessageType
from opendmm.wire.mobility.options.base import MobilityOption


class Heartbeat(MobilityMessage, frozen=True):
    """A request, a response (R), or a response nobody asked for, after a restart (U and R)."""

    TYPE = MessageType.HEARTBEAT
    LAYOUT = Struct("!HI")

    flags: HeartbeatFlags
    sequence: int

    @classmethod
    def from_fields(cls, flags: int, sequence: int, *, options: tuple[MobilityOption, ...]) -> Self:
        return cls(HeartbeatFlags(flags), sequence, options=options)
