"""Which LISP message carries which message of a reference point.

A location is a Map-Register; a policy is a Map-Notify to who has subscribed (RFC 9437), a
Map-Reply to who has asked, and a Solicit-Map-Request to who has asked before.
"""

from collections.abc import Sequence
from typing import Any

from opendmm.model.addressing import Egress, HomePrefix
from opendmm.model.identity import EntityAddress, NodeId
from opendmm.reference_points import r_ec, r_ic, r_xc
from opendmm.reference_points.catalogue import CATALOGUE, Envelope, ReferencePointName
from opendmm.reference_points.message import Message
from opendmm.wire.lisp.messages import MapReply, MapRequest
from opendmm.wire.lisp.registrations import MapNotify, MapNotifyAck, MapRegister

Carrier = type[MapRegister | MapNotify | MapNotifyAck | MapRequest | MapReply]
CARRIERS: dict[type[Message], Carrier] = {
    r_xc.LocationUpdate: MapRegister,
    r_xc.LocationAcknowledgement: MapNotify,
    r_xc.IndirectionComplete: MapNotify,
    r_ec.DeliverySubscribe: MapRegister,
    r_ec.DeliverySynchronised: MapNotify,
    r_ec.DeliveryUpdate: MapNotify,
    r_ec.DeliveryAcknowledgement: MapNotifyAck,
    r_ic.PolicySubscribe: MapRequest,
    r_ic.PolicySynchronised: MapNotify,
    r_ic.PolicyUpdate: MapNotify,
    r_ic.PolicyAcknowledgement: MapNotifyAck,
    r_ic.PolicyRequest: MapRequest,
    r_ic.PolicyAbsent: MapReply,
}
"""What carries each message, if it is not a policy that was asked for."""

CARRIED_AS = {
    kind: {
        MapRegister: "Map-Register",
        MapNotify: "Map-Notify",
        MapNotifyAck: "Map-Notify-Ack",
        MapRequest: "Map-Request",
        MapReply: "Map-Reply",
    }[carrier]
    for kind, carrier in CARRIERS.items()
}
"""The same by name, for people."""

NAMES: dict[str, type[Message]] = {kind.__name__: kind for kind in CARRIERS}
POINTS: dict[type[Message], ReferencePointName] = {
    kind: name for name, point in CATALOGUE.items() for kind in point.messages if kind in CARRIERS
}
ANSWERS: dict[type[Message], type[Message]] = {
    r_xc.LocationAcknowledgement: r_xc.LocationUpdate,
    r_ec.DeliveryAcknowledgement: r_ec.DeliveryUpdate,
    r_ic.PolicyAcknowledgement: r_ic.PolicyUpdate,
}
"""Which request an answer belongs to: it bears that one's nonce."""


def ends(message: Message, sender: NodeId, receiver: NodeId) -> Envelope:
    """A message between two nodes as one between their entities."""
    name = POINTS[type(message)]
    point = CATALOGUE[name]
    one, other = point.ends if type(message) in point.forward else reversed(point.ends)
    return Envelope(name, EntityAddress(sender, one), EntityAddress(receiver, other), message)


def subject_of(message: Any) -> str:
    """What a request and its answer are both about."""
    match message:
        case r_xc.LocationUpdate():
            return str(message.context.key)
        case r_ec.DeliveryUpdate():
            return str(message.policy.key)
        case r_ic.PolicyUpdate() | r_ic.PolicyAcknowledgement():
            return str(message.transaction)
        case _:
            return str(getattr(message, "key", ""))


def mapping_of(message: Any) -> tuple[Sequence[HomePrefix], Egress | None]:
    """The EID-prefixes that a message is about, and where they are, for whoever reads no more."""
    match message:
        case r_xc.LocationUpdate():
            return message.context.prefixes, None if message.released else message.egress
        case r_ec.DeliveryUpdate():
            return message.policy.prefixes, message.policy.onward
        case r_ic.PolicyUpdate(policies=(policy, *_)):
            return policy.prefixes, policy.egress
        case r_ic.PolicyRequest() | r_ic.PolicyAbsent():
            return (message.prefix,), None
        case _:
            return (), None
