"""Which Mobility Header message carries which message of R_XX and R_II.

Contexts travel as RFC 5949 has it: asked for, given and acknowledged by Handover Initiate and
Acknowledge, with the F flag where forwarding is asked for. What a home anchor takes back is a
Binding Revocation (RFC 5846). For everything else there is the Update Notification (RFC 7077).
"""

from collections.abc import Callable
from typing import Any

from opendmm.reference_points import r_ii, r_xx
from opendmm.reference_points.catalogue import CATALOGUE, ReferencePointName
from opendmm.reference_points.message import Message, Status, accepted
from opendmm.wire.mobility.fast_handover import HandoverAcknowledge, HandoverInitiate
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import (
    HandoverAcknowledgeCode,
    HandoverAcknowledgeFlags,
    HandoverInitiateCode,
    HandoverInitiateFlags,
    NotificationReason,
    NotificationStatus,
    RevocationFlags,
    RevocationStatus,
    RevocationTrigger,
    UpdateNotificationFlags,
)
from opendmm.wire.mobility.options.base import MobilityOption
from opendmm.wire.mobility.revocation import (
    BindingRevocationAcknowledgement,
    BindingRevocationIndication,
)
from opendmm.wire.mobility.update_notification import (
    UpdateNotification,
    UpdateNotificationAcknowledgement,
)

Options = tuple[MobilityOption, ...]
Build = Callable[[int, Any, Options], MobilityMessage]
MESSAGES: dict[str, tuple[ReferencePointName, type[Message]]] = {
    kind.__name__: (name, kind)
    for name in (ReferencePointName.R_XX, ReferencePointName.R_II)
    for kind in CATALOGUE[name].messages
}
"""By their names, which the two reference points do not share."""


def _initiate(
    code: HandoverInitiateCode, flags: HandoverInitiateFlags = HandoverInitiateFlags.P
) -> Build:
    def build(sequence: int, _message: Any, options: Options) -> MobilityMessage:
        return HandoverInitiate(sequence=sequence, flags=flags, code=code, options=options)

    return build


def _acknowledge(
    code: HandoverAcknowledgeCode, flags: HandoverAcknowledgeFlags = HandoverAcknowledgeFlags.P
) -> Build:
    def build(sequence: int, message: Any, options: Options) -> MobilityMessage:
        status = getattr(message, "status", Status.ACCEPTED)
        refused = _REFUSALS.get(status, HandoverAcknowledgeCode.REASON_UNSPECIFIED)
        return HandoverAcknowledge(
            sequence=sequence,
            flags=flags,
            code=code if accepted(status) else refused,
            options=options,
        )

    return build


def _notify(sequence: int, _message: Any, options: Options) -> MobilityMessage:
    return UpdateNotification(
        sequence=sequence,
        reason=NotificationReason.VENDOR_SPECIFIC_REASON,
        flags=UpdateNotificationFlags.A,
        options=options,
    )


def _notified(sequence: int, message: Any, options: Options) -> MobilityMessage:
    done = accepted(getattr(message, "status", Status.ACCEPTED))
    status = NotificationStatus.SUCCESS if done else NotificationStatus.REASON_UNSPECIFIED
    return UpdateNotificationAcknowledgement(sequence=sequence, status=status, options=options)


def _revoke(sequence: int, _message: Any, options: Options) -> MobilityMessage:
    return BindingRevocationIndication(
        trigger=RevocationTrigger.USER_INITIATED_SESSION_TERMINATION,
        sequence=sequence,
        flags=RevocationFlags.P,
        options=options,
    )


def _revoked(sequence: int, message: Any, options: Options) -> MobilityMessage:
    done = accepted(getattr(message, "status", Status.ACCEPTED))
    status = RevocationStatus.SUCCESS if done else RevocationStatus.BINDING_DOES_NOT_EXIST
    return BindingRevocationAcknowledgement(
        status=status, sequence=sequence, flags=RevocationFlags.P, options=options
    )


_REFUSALS = {
    Status.NOT_AUTHORISED: HandoverAcknowledgeCode.ADMINISTRATIVELY_PROHIBITED,
    Status.UNKNOWN_MOBILE_NODE: HandoverAcknowledgeCode.CONTEXT_NOT_AVAILABLE,
    Status.STALE: HandoverAcknowledgeCode.CONTEXT_NOT_AVAILABLE,
    Status.FORWARDING_FAILED: HandoverAcknowledgeCode.FORWARDING_NOT_AVAILABLE,
}
_ASK = HandoverInitiateCode.FBU_FROM_PREVIOUS_CARE_OF_ADDRESS
_FORWARD = HandoverInitiateFlags.P | HandoverInitiateFlags.F
_FORWARDS = HandoverAcknowledgeFlags.P | HandoverAcknowledgeFlags.F
CARRIAGE: dict[type[Message], Build] = {
    r_xx.ContextRequest: _initiate(_ASK),
    r_xx.ContextResponse: _acknowledge(HandoverAcknowledgeCode.ALL_CONTEXT_TRANSFERRED),
    r_xx.ContextPush: _initiate(HandoverInitiateCode.ALL_CONTEXT_TRANSFERRED),
    r_xx.ContextPushAcknowledgement: _acknowledge(
        HandoverAcknowledgeCode.CONTEXT_TRANSFER_ACCEPTED
    ),
    r_xx.AnchorChanged: _initiate(_ASK, _FORWARD),
    r_xx.AnchorChangedAcknowledgement: _acknowledge(HandoverAcknowledgeCode.ACCEPTED, _FORWARDS),
    r_xx.MobilityComplete: _initiate(HandoverInitiateCode.FORWARDING_COMPLETED),
    r_xx.MobilityCompleteAcknowledgement: _acknowledge(HandoverAcknowledgeCode.ACCEPTED),
    r_xx.AttachmentLost: _notify,
    r_xx.AttachmentLostAcknowledgement: _notified,
    r_xx.ContextRelease: _revoke,
    r_xx.ContextReleased: _revoked,
    r_ii.LocationForward: _notify,
    r_ii.LocationForwardAcknowledgement: _notified,
    r_ii.IndirectionComplete: _notify,
    r_ii.EgressSuperseded: _notify,
    r_ii.BindingReplica: _notify,
    r_ii.ReplicaRequest: _notify,
    r_ii.MobileNodeQuery: _notify,
    r_ii.MobileNodeReply: _notified,
}
ANSWERS: dict[type[Message], type[Message]] = {
    r_xx.ContextResponse: r_xx.ContextRequest,
    r_xx.ContextPushAcknowledgement: r_xx.ContextPush,
    r_xx.AnchorChangedAcknowledgement: r_xx.AnchorChanged,
    r_xx.MobilityCompleteAcknowledgement: r_xx.MobilityComplete,
    r_xx.AttachmentLostAcknowledgement: r_xx.AttachmentLost,
    r_xx.ContextReleased: r_xx.ContextRelease,
    r_ii.LocationForwardAcknowledgement: r_ii.LocationForward,
    r_ii.MobileNodeReply: r_ii.MobileNodeQuery,
}
"""Which request an answer belongs to: it bears that one's sequence number."""

HEADERS: dict[type[Message], type[MobilityMessage]] = {
    kind: type(build(0, None, ())) for kind, build in CARRIAGE.items()
}
"""The kind of Mobility Header of each."""
