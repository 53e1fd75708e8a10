"""Two mobile nodes that need not go through their anchors: LRI and LRA (RFC 6705 §10)."""

from struct import Struct
from typing import Self

from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import (
    LocalizedRoutingFlags,
    LocalizedRoutingStatus,
    MessageType,
)
from opendmm.wire.mobility.options.base import MobilityOption


class LocalizedRoutingInitiation(MobilityMessage, frozen=True):
    """Asks for local forwarding (RFC 6705 §10.1).

    `lifetime` is in seconds; 0 ends it, 0xffff is for ever.
    """

    TYPE = MessageType.LOCALIZED_ROUTING_INITIATION
    LAYOUT = Struct("!H2xH")

    sequence: int
    lifetime: int


class LocalizedRoutingAcknowledgment(MobilityMessage, frozen=True):
    """What became of it (RFC 6705 §10.2). `lifetime` is in seconds."""

    TYPE = MessageType.LOCALIZED_ROUTING_ACKNOWLEDGMENT
    LAYOUT = Struct("!HBBH")

    sequence: int
    flags: LocalizedRoutingFlags
    status: LocalizedRoutingStatus
    lifetime: int

    @classmethod
    def from_fields(
        cls,
        sequence: int,
        flags: int,
        status: int,
        lifetime: int,
        *,
        options: tuple[MobilityOption, ...],
    ) -> Self:
        return cls(
            sequence,
            LocalizedRoutingFlags(flags),
            LocalizedRoutingStatus(status),
            lifetime,
            options=options,
        )
