"""What an anchor tells a gateway unasked: UPN and UPA (RFC 7077 §4)."""

from struct import Struct
from typing import Self

from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import (
    MessageType,
    NotificationReason,
    NotificationStatus,
    UpdateNotificationFlags,
)
from opendmm.wire.mobility.options.base import MobilityOption


class UpdateNotification(MobilityMessage, frozen=True):
    """Parameters of a mobility session have changed (RFC 7077 §4.1)."""

    TYPE = MessageType.UPDATE_NOTIFICATION
    LAYOUT = Struct("!HHH")

    sequence: int
    reason: NotificationReason
    flags: UpdateNotificationFlags

    @classmethod
    def from_fields(
        cls, sequence: int, reason: int, flags: int, *, options: tuple[MobilityOption, ...]
    ) -> Self:
        known = UpdateNotificationFlags(flags)
        return cls(sequence, NotificationReason(reason), known, options=options)


class UpdateNotificationAcknowledgement(MobilityMessage, frozen=True):
    """What became of it (RFC 7077 §4.2)."""

    TYPE = MessageType.UPDATE_NOTIFICATION_ACKNOWLEDGEMENT
    LAYOUT = Struct("!HB3x")

    sequence: int
    status: NotificationStatus

    @classmethod
    def from_fields(
        cls, sequence: int, status: int, *, options: tuple[MobilityOption, ...]
    ) -> Self:
        return cls(sequence, NotificationStatus(status), options=options)
