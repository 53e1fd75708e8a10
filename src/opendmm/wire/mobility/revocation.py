"""Binding revocation: BRI and BRA, two messages under one MH Type (RFC 5846 §5)."""

from struct import Struct
from typing import Any, Self

from opendmm.wire.errors import WireError
from opendmm.wire.mobility.message import HEADER_LENGTH, MobilityMessage
from opendmm.wire.mobility.numbers import (
    MessageType,
    RevocationFlags,
    RevocationStatus,
    RevocationTrigger,
    RevocationType,
)
from opendmm.wire.mobility.options.base import MobilityOption


class BindingRevocation(MobilityMessage, frozen=True):
    """Either of the two; which one is in the octet behind the checksum."""

    TYPE = MessageType.BINDING_REVOCATION
    LAYOUT = Struct("!BBHH")

    @classmethod
    def parse(cls, data: bytes) -> MobilityMessage:
        revocation_type = data[HEADER_LENGTH]
        if revocation_type == RevocationType.INDICATION:
            return BindingRevocationIndication.parse_one(data)
        if revocation_type == RevocationType.ACKNOWLEDGEMENT:
            return BindingRevocationAcknowledgement.parse_one(data)
        raise WireError(f"unknown Binding Revocation Type {revocation_type}", HEADER_LENGTH)

    @classmethod
    def parse_one(cls, data: bytes) -> MobilityMessage:
        """From a header of the very type of this class."""
        return super().parse(data)


class BindingRevocationIndication(BindingRevocation, frozen=True):
    """Takes bindings back (RFC 5846 §5.1)."""

    trigger: RevocationTrigger
    sequence: int
    flags: RevocationFlags

    def fields(self) -> tuple[Any, ...]:
        return RevocationType.INDICATION, self.trigger, self.sequence, self.flags

    @classmethod
    def from_fields(
        cls,
        _: int,
        trigger: int,
        sequence: int,
        flags: int,
        *,
        options: tuple[MobilityOption, ...],
    ) -> Self:
        return cls(RevocationTrigger(trigger), sequence, RevocationFlags(flags), options=options)


class BindingRevocationAcknowledgement(BindingRevocation, frozen=True):
    """What became of a revocation (RFC 5846 §5.2)."""

    status: RevocationStatus
    sequence: int
    flags: RevocationFlags

    def fields(self) -> tuple[Any, ...]:
        return RevocationType.ACKNOWLEDGEMENT, self.status, self.sequence, self.flags

    @classmethod
    def from_fields(
        cls,
        _: int,
        status: int,
        sequence: int,
        flags: int,
        *,
        options: tuple[MobilityOption, ...],
    ) -> Self:
        return cls(RevocationStatus(status), sequence, RevocationFlags(flags), options=options)
