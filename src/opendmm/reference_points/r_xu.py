"""R_XU, FE_MU_C – FE_MCTX: the mobile user client tells where the mobile node is (draft §3).

The FE_MU_C is on the mobile node (host mobility) or beside the anchor, seeing link,
neighbour and Router Solicitation events (network mobility); the messages are the same.
"""

from enum import StrEnum

from opendmm.model.addressing import HomePrefix, Locator
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.model.order import MoveOrder
from opendmm.model.quantities import Microseconds
from opendmm.reference_points.message import Message


class AttachNotification(Message, frozen=True):
    """The mobile node is attached here.

    `attached_at` is in microseconds since 1970. `interface` is the anchor's access interface
    (filled in by the receiving binding when a mobile node sends this itself). The anchors
    named are hints, never authority. `care_of` is the address by which a mobile node with a
    client is reached on a link that is not the anchor's (RFC 6275). `proof` is the mobile
    node's signature over (mobile node, anchor, attached_at), empty when the network detected
    the attachment.
    """

    mobile_node: MobileNodeId
    attached_at: Microseconds
    interface: str = ""
    link_layer_id: bytes = b""
    access_technology: int = 3
    home_anchor: NodeId | None = None
    previous_anchor: NodeId | None = None
    proof: bytes = b""
    care_of: Locator | None = None


class AttachAcknowledgement(Message, frozen=True):
    """What the mobile node may use here: `prefixes` for new sessions, `deprecated` for old.

    `order` is the latest granted move of its contexts. With the status STALE the attachment is
    over to the anchor, be it that nobody renewed its binding: a mobile node that is on that link
    all the same begins another.
    """

    mobile_node: MobileNodeId
    attached_at: Microseconds
    status: int
    anchor: NodeId
    home_anchor: NodeId | None = None
    order: MoveOrder | None = None
    prefixes: tuple[HomePrefix, ...] = ()
    deprecated: tuple[HomePrefix, ...] = ()


class DetachNotification(Message, frozen=True):
    """The mobile node's link to this anchor is gone."""

    mobile_node: MobileNodeId
    detached_at: Microseconds
    interface: str = ""


class DetachAcknowledgement(Message, frozen=True):
    """The FE_MCTX knows that this link is gone."""

    mobile_node: MobileNodeId
    detached_at: Microseconds


class RevocationReason(StrEnum):
    """Why an anchor serves a mobile node by a gateway no longer (RFC 5846 §5.1)."""

    MOVED = "moved"
    """It is attached elsewhere; what is on its way to the gateway is still to be delivered."""
    ENDED = "ended"
    """Its prefixes were released, or its binding has expired."""


class AttachmentRevoked(Message, frozen=True):
    """The anchor takes back what it acknowledged, before the gateway has seen the link go.

    `attached_at` says of which attachment. Nothing answers it: an anchor that says so has
    ceased already to send there, and the loss of the link tells the gateway the same.
    """

    mobile_node: MobileNodeId
    attached_at: Microseconds
    reason: RevocationReason


class HandoverPrediction(Message, frozen=True):
    """The mobile node expects to move to `target_anchor` (predicted handover).

    `proof` is its signature over (mobile node, target anchor, predicted_at).
    """

    mobile_node: MobileNodeId
    target_anchor: NodeId
    predicted_at: Microseconds
    proof: bytes = b""


class HandoverPredictionAcknowledgement(Message, frozen=True):
    """Whether the target anchor has the context and a grant."""

    mobile_node: MobileNodeId
    target_anchor: NodeId
    status: int


class ReleaseRequest(Message, frozen=True):
    """The mobile node no longer needs its prefixes: all indirection goes.

    `prefixes` empty releases everything the mobile node holds.
    """

    mobile_node: MobileNodeId
    requested_at: Microseconds
    prefixes: tuple[HomePrefix, ...] = ()
    proof: bytes = b""


class ReleaseAcknowledgement(Message, frozen=True):
    """The release is under way, or there was nothing to release; `prefixes` as requested."""

    mobile_node: MobileNodeId
    status: int
    prefixes: tuple[HomePrefix, ...] = ()
