"""Which Mobility Header carries which message, and what it says there.

Registrations and what follows from them are PBUs and PBAs with the D flag (RFC 8885 §4.1, §4.2).
What a home anchor takes back is a Binding Revocation (RFC 5846). For what is no registration,
such as the end of a move or an ingress that reports in, there is the Update Notification
(RFC 7077).
"""

from typing import Any

from opendmm.model.context import ContextId
from opendmm.model.identity import EntityAddress, NodeId
from opendmm.model.policy import Delivery
from opendmm.reference_points import r_ec, r_ic, r_xc, r_xx
from opendmm.reference_points.catalogue import CATALOGUE, Envelope, ReferencePointName
from opendmm.reference_points.message import Message, Status, accepted
from opendmm.wire.mobility.binding import BindingAcknowledgement, BindingUpdate
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import (
    BindingStatus,
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
_REGISTRATIONS: tuple[tuple[type[Message], type[Message]], ...] = (
    (r_xx.ContextRequest, r_xx.ContextResponse),
    (r_xx.AnchorChanged, r_xx.AnchorChangedAcknowledgement),
    (r_xx.AttachmentLost, r_xx.AttachmentLostAcknowledgement),
    (r_xc.LocationUpdate, r_xc.LocationAcknowledgement),
    (r_xc.LocationUpdate, r_xc.IndirectionComplete),
    (r_xc.ContextLookup, r_xc.ContextFound),
    (r_xc.ContinuityRequest, r_xc.ContinuityResponse),
    (r_ic.PolicyUpdate, r_ic.PolicyAcknowledgement),
    (r_ec.DeliveryUpdate, r_ec.DeliveryAcknowledgement),
)
_REVOCATIONS: tuple[tuple[type[Message], type[Message]], ...] = (
    (r_xx.ContextRelease, r_xx.ContextReleased),
)
_NOTIFICATIONS: tuple[tuple[type[Message], type[Message]], ...] = (
    (r_xx.ContextPush, r_xx.ContextPushAcknowledgement),
    (r_xx.MobilityComplete, r_xx.MobilityCompleteAcknowledgement),
    (r_ic.PolicyRequest, r_ic.PolicyAbsent),
)
_NEWS: tuple[type[Message], ...] = (
    r_ic.PolicySubscribe,
    r_ic.PolicySynchronised,
    r_ec.DeliverySubscribe,
    r_ec.DeliverySynchronised,
)
HEADERS: dict[type[Message], type[MobilityMessage]] = {
    **{asked: BindingUpdate for asked, _ in _REGISTRATIONS},
    **{answer: BindingAcknowledgement for _, answer in _REGISTRATIONS},
    **{asked: BindingRevocationIndication for asked, _ in _REVOCATIONS},
    **{answer: BindingRevocationAcknowledgement for _, answer in _REVOCATIONS},
    **{asked: UpdateNotification for asked, _ in _NOTIFICATIONS},
    **{answer: UpdateNotificationAcknowledgement for _, answer in _NOTIFICATIONS},
    **dict.fromkeys(_NEWS, UpdateNotification),
}
"""The Mobility Header of each message that is carried."""

ANSWERS: dict[type[Message], type[Message]] = {
    answer: asked for asked, answer in (*_REGISTRATIONS, *_REVOCATIONS, *_NOTIFICATIONS)
}
"""Which request an answer belongs to: it bears that one's sequence number."""

POINTS: dict[type[Message], ReferencePointName] = {
    kind: name for name, point in CATALOGUE.items() for kind in point.messages if kind in HEADERS
}
NAMES: dict[str, type[Message]] = {kind.__name__: kind for kind in HEADERS}

REFUSALS = {
    Status.REFUSED: BindingStatus.ADMINISTRATIVELY_PROHIBITED,
    Status.UNKNOWN_MOBILE_NODE: BindingStatus.NOT_LMA_FOR_THIS_MOBILE_NODE,
    Status.NOT_AUTHORISED: BindingStatus.NOT_AUTHORIZED_FOR_HOME_NETWORK_PREFIX,
    Status.STALE: BindingStatus.TIMESTAMP_LOWER_THAN_PREV_ACCEPTED,
    Status.FORWARDING_FAILED: BindingStatus.FORWARDING_SETUP_FAILED,
    Status.UNAVAILABLE: BindingStatus.INSUFFICIENT_RESOURCES,
}
"""Every refusal with the status code of RFC 6275 or RFC 5213 that says it."""


def header_of(message: Message) -> type[MobilityMessage]:
    """The Mobility Header that carries a message. Raises KeyError for one that is not carried."""
    if isinstance(message, r_ic.PolicyAcknowledgement) and not message.results:
        return UpdateNotificationAcknowledgement  # of PolicySynchronised: about no mobile node
    return HEADERS[type(message)]


def subject_of(message: Any) -> str:
    """What a message is about, to tell its request and its answer from others of its kind."""
    match message:
        case r_ic.PolicyUpdate(policies=(policy, *_)):
            return f"{policy.key} {policy.direction}"
        case r_ic.PolicyAcknowledgement(results=(result, *_)):
            return f"{ContextId(result.mobile_node, result.home_anchor)} {message.transaction}"
        case r_ec.DeliveryUpdate():
            return str(message.policy.key)
        case r_xx.ContextPush() | r_xx.AnchorChanged() | r_xc.LocationUpdate():
            return str(message.context.key)
        case r_xc.ContextLookup() | r_xc.ContextFound():
            return str(message.mobile_node)
        case _:
            return str(getattr(message, "key", ""))


def asked_about(message: Any) -> str:
    """As `subject_of`, where the answer has to be found again: a policy by its transaction."""
    if isinstance(message, r_ic.PolicyUpdate) and message.policies:
        return f"{message.policies[0].key} {message.transaction}"
    return subject_of(message)


def ends(message: Message, sender: NodeId, receiver: NodeId) -> Envelope:
    """A message between two nodes as one between their entities."""
    name = POINTS[type(message)]
    point = CATALOGUE[name]
    one, other = point.ends if type(message) in point.forward else reversed(point.ends)
    return Envelope(name, EntityAddress(sender, one), EntityAddress(receiver, other), message)


def ends_registration(message: Any) -> bool:
    """Whether a PBU says so with lifetime zero (RFC 5213 §6.9.1.3, RFC 8885 §3.5)."""
    match message:
        case r_xx.AttachmentLost():
            return True
        case r_xc.LocationUpdate():
            return message.released
        case r_ic.PolicyUpdate(policies=(policy, *_)):
            return policy.egress is None
        case r_ec.DeliveryUpdate():
            return message.policy.delivery is Delivery.REMOVE
        case _:
            return False


def serving_node(envelope: Envelope) -> NodeId | None:
    """Whom a PBU of the CMD names in the Serving MAAR option (RFC 8885 §4.6)."""
    message = envelope.message
    match message:
        case r_ic.PolicyUpdate(policies=(policy, *_)):
            return policy.egress.node if policy.egress is not None else None
        case r_ec.DeliveryUpdate():
            return message.policy.onward.node if message.policy.onward is not None else None
        case _:
            return envelope.sender.node


def binding_status(message: Any) -> BindingStatus:
    """The status of a PBA, by that of the answer it carries."""
    results = getattr(message, "results", ())
    status = results[0].status if results else getattr(message, "status", Status.ACCEPTED)
    if accepted(status):
        return BindingStatus.ACCEPTED
    return REFUSALS.get(status, BindingStatus.REASON_UNSPECIFIED)


def unregistering(sequence: int, message: Message, options: Options) -> MobilityMessage:
    """What is neither a PBU nor a PBA."""
    done = accepted(getattr(message, "status", Status.ACCEPTED))
    header = header_of(message)
    if header is BindingRevocationIndication:
        return BindingRevocationIndication(
            trigger=RevocationTrigger.USER_INITIATED_SESSION_TERMINATION,
            sequence=sequence,
            flags=RevocationFlags.P,
            options=options,
        )
    if header is BindingRevocationAcknowledgement:
        revoked = RevocationStatus.SUCCESS if done else RevocationStatus.BINDING_DOES_NOT_EXIST
        return BindingRevocationAcknowledgement(
            status=revoked, sequence=sequence, flags=RevocationFlags.P, options=options
        )
    if header is UpdateNotificationAcknowledgement:
        noted = NotificationStatus.SUCCESS if done else NotificationStatus.REASON_UNSPECIFIED
        return UpdateNotificationAcknowledgement(sequence=sequence, status=noted, options=options)
    return UpdateNotification(
        sequence=sequence,
        reason=NotificationReason.VENDOR_SPECIFIC_REASON,
        flags=UpdateNotificationFlags.A,
        options=options,
    )
