"""Registrations: BRR, BU, BA and BE (RFC 6275 §6.1.2 and §6.1.7 to §6.1.9).

With the P flag these are the Proxy Binding Update and Acknowledgement of RFC 5213.
"""

from ipaddress import IPv6Address
from struct import Struct
from typing import Self

from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import (
    LIFETIME_UNIT,
    BindingAcknowledgementFlags,
    BindingErrorStatus,
    BindingStatus,
    BindingUpdateFlags,
    MessageType,
)
from opendmm.wire.mobility.options.base import MobilityOption


class BindingRefreshRequest(MobilityMessage, frozen=True):
    """A correspondent node asks for a new Binding Update (RFC 6275 §6.1.2)."""

    TYPE = MessageType.BINDING_REFRESH_REQUEST
    LAYOUT = Struct("!2x")


class BindingUpdate(MobilityMessage, frozen=True):
    """Registers, refreshes or (lifetime 0) removes a binding (RFC 6275 §6.1.7, RFC 5213 §8.1).

    `lifetime` is in units of four seconds.
    """

    TYPE = MessageType.BINDING_UPDATE
    LAYOUT = Struct("!HHH")

    sequence: int
    flags: BindingUpdateFlags
    lifetime: int

    @property
    def lifetime_seconds(self) -> int:
        return self.lifetime * LIFETIME_UNIT

    @classmethod
    def from_fields(
        cls, sequence: int, flags: int, lifetime: int, *, options: tuple[MobilityOption, ...]
    ) -> Self:
        return cls(sequence, BindingUpdateFlags(flags), lifetime, options=options)


class BindingAcknowledgement(MobilityMessage, frozen=True):
    """What became of a Binding Update (RFC 6275 §6.1.8, RFC 5213 §8.2).

    `lifetime` is in units of four seconds, and undefined when the update was rejected.
    """

    TYPE = MessageType.BINDING_ACKNOWLEDGEMENT
    LAYOUT = Struct("!BBHH")

    status: BindingStatus
    flags: BindingAcknowledgementFlags
    sequence: int
    lifetime: int

    @property
    def lifetime_seconds(self) -> int:
        return self.lifetime * LIFETIME_UNIT

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
            BindingStatus(status),
            BindingAcknowledgementFlags(flags),
            sequence,
            lifetime,
            options=options,
        )


class BindingError(MobilityMessage, frozen=True):
    """A packet's home address has no binding, or its MH Type is unknown (RFC 6275 §6.1.9)."""

    TYPE = MessageType.BINDING_ERROR
    LAYOUT = Struct("!Bx16s")

    status: BindingErrorStatus
    home_address: IPv6Address

    def fields(self) -> tuple[int, bytes]:
        return self.status, self.home_address.packed

    @classmethod
    def from_fields(
        cls, status: int, home_address: bytes, *, options: tuple[MobilityOption, ...]
    ) -> Self:
        return cls(BindingErrorStatus(status), IPv6Address(home_address), options=options)
