"""Fast handover: FBU, FBack (RFC 5568 §6.2.2, §6.2.3), HI, HAck (RFC 5568 §6.2.1, RFC 5949 §6.1).

With the P flag, HI and HAck carry the context of one mobile node between anchors.
"""

from struct import Struct
from typing import Self

from opendmm.wire.errors import WireError
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import (
    BindingAcknowledgementFlags,
    BindingUpdateFlags,
    FastBindingStatus,
    HandoverAcknowledgeCode,
    HandoverAcknowledgeFlags,
    HandoverInitiateCode,
    HandoverInitiateFlags,
    MessageType,
)
from opendmm.wire.mobility.options.base import MobilityOption

#: "Additional flags defined by other related protocols are not relevant" (RFC 5568 §6.2.2).
UPDATE_FLAGS = (
    BindingUpdateFlags.A | BindingUpdateFlags.H | BindingUpdateFlags.L | BindingUpdateFlags.K
)
ACKNOWLEDGMENT_FLAGS = BindingAcknowledgementFlags.K


class FastBindingUpdate(MobilityMessage, frozen=True):
    """Asks the previous router to redirect (RFC 5568 §6.2.2). `lifetime` is in seconds."""

    TYPE = MessageType.FAST_BINDING_UPDATE
    LAYOUT = Struct("!HHH")

    sequence: int
    flags: BindingUpdateFlags
    lifetime: int

    def __post_init__(self) -> None:
        if self.flags & ~UPDATE_FLAGS:
            raise WireError(f"{self.flags!r} are not all flags of a Fast Binding Update")

    @classmethod
    def from_fields(
        cls, sequence: int, flags: int, lifetime: int, *, options: tuple[MobilityOption, ...]
    ) -> Self:
        known = BindingUpdateFlags(flags & UPDATE_FLAGS)
        return cls(sequence, known, lifetime, options=options)


class FastBindingAcknowledgment(MobilityMessage, frozen=True):
    """What became of a Fast Binding Update (RFC 5568 §6.2.3). `lifetime` is in seconds."""

    TYPE = MessageType.FAST_BINDING_ACKNOWLEDGMENT
    LAYOUT = Struct("!BBHH")

    status: FastBindingStatus
    flags: BindingAcknowledgementFlags
    sequence: int
    lifetime: int

    def __post_init__(self) -> None:
        if self.flags & ~ACKNOWLEDGMENT_FLAGS:
            raise WireError(f"{self.flags!r} are not all flags of a Fast Binding Acknowledgment")

    @classmethod
    def from_fields(
        cls,
        status: int,
        flags: int,
        sequence: int,
        lifetime: int,
        *,
        options: tuple[MobilityOption, ...],
    ) -> Self:
        return cls(
            FastBindingStatus(status),
            BindingAcknowledgementFlags(flags & ACKNOWLEDGMENT_FLAGS),
            sequence,
            lifetime,
            options=options,
        )


class HandoverInitiate(MobilityMessage, frozen=True):
    """Announces a mobile node, brings its context, or asks for it (RFC 5949 §6.1.1)."""

    TYPE = MessageType.HANDOVER_INITIATE
    LAYOUT = Struct("!HBB")

    sequence: int
    flags: HandoverInitiateFlags
    code: HandoverInitiateCode

    @classmethod
    def from_fields(
        cls, sequence: int, flags: int, code: int, *, options: tuple[MobilityOption, ...]
    ) -> Self:
        known = HandoverInitiateFlags(flags)
        return cls(sequence, known, HandoverInitiateCode(code), options=options)


class HandoverAcknowledge(MobilityMessage, frozen=True):
    """The answer to a Handover Initiate, possibly with context (RFC 5949 §6.1.2)."""

    TYPE = MessageType.HANDOVER_ACKNOWLEDGE
    LAYOUT = Struct("!HBB")

    sequence: int
    flags: HandoverAcknowledgeFlags
    code: HandoverAcknowledgeCode

    @classmethod
    def from_fields(
        cls, sequence: int, flags: int, code: int, *, options: tuple[MobilityOption, ...]
    ) -> Self:
        known = HandoverAcknowledgeFlags(flags)
        return cls(sequence, known, HandoverAcknowledgeCode(code), options=options)
