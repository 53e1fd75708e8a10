"""R_XC, FE_MCTX – FE_IEC: initialise and update context and location (draft §3)."""

from opendmm.model.addressing import Egress
from opendmm.model.context import MobilityContext
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.model.order import MoveOrder
from opendmm.model.quantities import Microseconds
from opendmm.reference_points.message import ContextMessage, Message


class LocationUpdate(Message, frozen=True):
    """The context and the FE_E in the network of the current anchor.

    `delivering` says that the anchor already delivers packets arriving at `egress` (FE_E
    beside FE_MA), so the ingresses need not wait for R_EC. `released` takes everything away.
    A repeated update with the same order refreshes. To an FE_IEC that announces host routes
    (draft A.4) a former anchor says so where the context is now, once nobody needs it to forward,
    and the home anchor that no other anchor announces the prefixes any more (`alone`).
    """

    context: MobilityContext
    egress: Egress
    delivering: bool
    released: bool = False
    alone: bool = False


class LocationAcknowledgement(ContextMessage, frozen=True):
    """FE_IEC has recorded the update (or says which later one it holds).

    Sent again with `delivering` once an FE_E apart from the anchor has its policy.
    """

    order: MoveOrder
    status: int
    delivering: bool = False
    latest: MoveOrder | None = None


class IndirectionComplete(ContextMessage, frozen=True):
    """Every FE_I concerned has acknowledged the policy of this order."""

    order: MoveOrder


class ContextLookup(Message, frozen=True):
    """Who holds the context of this mobile node?

    `attached_at` and `proof` say of which attachment to the asking anchor: what carries the
    question may fetch the contexts at once (RFC 8885 §3.2).
    """

    mobile_node: MobileNodeId
    attached_at: Microseconds = 0
    proof: bytes = b""


class ContextFound(Message, frozen=True):
    """FE_IEC's answer: every context it knows of the mobile node, none when it knows nothing."""

    mobile_node: MobileNodeId
    contexts: tuple[MobilityContext, ...]


class ContinuityRequest(ContextMessage, frozen=True):
    """The home anchor cannot be reached: grant in its place, on the mobile node's own proof."""

    new_anchor: NodeId
    attached_at: Microseconds
    proof: bytes


class ContinuityResponse(ContextMessage, frozen=True):
    """The context with a grant by the FE_IEC under the home anchor's delegation, or a refusal.

    `former_anchors` are all that may still hold something of earlier moves.
    """

    attached_at: Microseconds
    status: int
    context: MobilityContext | None = None
    former_anchors: tuple[NodeId, ...] = ()
    latest: MoveOrder | None = None
