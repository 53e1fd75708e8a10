"""R_XX, FE_MCTX – FE_MCTX: direct transfer of a mobile node's context (draft §3).

The home anchor's FE_MCTX numbers and grants the moves of its prefixes (design §6); the
previous anchor's exports what it knows. Often they are the same.
"""

from opendmm.model.addressing import Egress, HomePrefix
from opendmm.model.context import MobilityContext
from opendmm.model.identity import NodeId
from opendmm.model.order import MoveOrder
from opendmm.model.quantities import Microseconds
from opendmm.reference_points.message import ContextMessage, Message


class ContextRequest(ContextMessage, frozen=True):
    """Asks for the context and, of the home anchor, a grant.

    Sent by the new anchor on attachment; by the current anchor on behalf of a predicted
    target (`predicted`), or to refresh its own grant (same `attached_at` as before).
    `known_grant` is the latest grant the sender has seen, so that a home anchor which lost
    its memory numbers above it.
    """

    new_anchor: NodeId
    attached_at: Microseconds
    predicted: bool = False
    proof: bytes = b""
    known_grant: bytes = b""


class ContextResponse(ContextMessage, frozen=True):
    """The context as the sender knows it; from the home anchor with the grant inside.

    `previous_anchor` is where the mobile node was before; `former_anchors` are all that may
    still hold something of earlier moves and must be told of this one. On STALE, `latest`
    is the move that was recorded instead.
    """

    attached_at: Microseconds
    status: int
    context: MobilityContext | None = None
    previous_anchor: NodeId | None = None
    former_anchors: tuple[NodeId, ...] = ()
    latest: MoveOrder | None = None


class ContextPush(Message, frozen=True):
    """Predicted handover: the current anchor gives the context ahead of the attachment."""

    context: MobilityContext


class ContextPushAcknowledgement(ContextMessage, frozen=True):
    order: MoveOrder
    status: int


class AnchorChanged(Message, frozen=True):
    """The new anchor delivers now; the receiver forwards what still arrives to `egress`.

    The grant inside `context` is the receiver's licence to do so.
    """

    context: MobilityContext
    egress: Egress


class AnchorChangedAcknowledgement(ContextMessage, frozen=True):
    """Told. A home anchor adds the `former_anchors` it knows of that must be told too."""

    order: MoveOrder
    status: int
    former_anchors: tuple[NodeId, ...] = ()


class MobilityComplete(ContextMessage, frozen=True):
    """Every ingress follows the new policy; a former anchor may forget after draining.

    The home anchor is told last, when all others have acknowledged.
    """

    order: MoveOrder


class AttachmentLost(ContextMessage, frozen=True):
    """An anchor tells the home anchor that the attachment begun at `attached_at` has ended.

    Any other attachment is then believed whatever its clock says, and no claim of this
    attachment that may still be under way. `order` is the move that ended with it, if it had
    come so far.
    """

    attached_at: Microseconds
    order: MoveOrder | None = None


class MobilityCompleteAcknowledgement(ContextMessage, frozen=True):
    order: MoveOrder


class AttachmentLostAcknowledgement(ContextMessage, frozen=True):
    attached_at: Microseconds


class ContextRelease(ContextMessage, frozen=True):
    """Release of prefixes, to the home anchor; from it, `context` carries the new grant.

    `prefixes` empty releases the whole context. After a partial release `context` holds
    what is left.
    """

    requested_at: Microseconds
    prefixes: tuple[HomePrefix, ...] = ()
    proof: bytes = b""
    context: MobilityContext | None = None


class ContextReleased(ContextMessage, frozen=True):
    requested_at: Microseconds
    status: int
