"""What an FE_MCTX holds of a mobile node attached here, or gone from here."""

from enum import StrEnum

import msgspec

from opendmm.model.addressing import Egress, Locator
from opendmm.model.context import ContextId, MobilityContext
from opendmm.model.identity import EntityAddress, MobileNodeId, NodeId
from opendmm.model.order import MoveOrder


class Attachment(msgspec.Struct, kw_only=True):
    """A mobile node's link to this anchor, or to a gateway of it, as its FE_MU_C reported it.

    `reported_at` is when it began by the client's clock; `attached_at` the same, but never
    earlier than the attachment here before it, whose gateway may have had another clock.
    """

    mobile_node: MobileNodeId
    client: EntityAddress
    attached_at: int = 0
    reported_at: int = 0
    interface: str = ""
    link_layer_id: bytes = b""
    access_technology: int = 0
    proof: bytes = b""
    attached: bool = True
    ended: dict[NodeId, int] = {}
    """When links were last gone, by the clock of the client that told."""
    superseded: tuple["Attachment", ...] = ()
    """Links to other gateways of this anchor that were there before and have not gone."""
    gateway: Egress | None = None
    care_of: Locator | None = None


class Phase(StrEnum):
    """How far the arrival of one context has come.

    REQUESTING → IMPORTING → REGISTERING → ANCHORED is the ordinary way; STANDBY: attached,
    but a later attachment elsewhere is recorded; FAILED: refused, to be asked again later.
    """

    REQUESTING = "requesting"
    IMPORTING = "importing"
    REGISTERING = "registering"
    ANCHORED = "anchored"
    STANDBY = "standby"
    FAILED = "failed"


class Visit(msgspec.Struct, kw_only=True):
    """One context of an attached mobile node.

    `former` are the anchors that must be told of the move and later that it is complete.
    `delivering`: the FE_E has what it needs. `complete`: every ingress follows.
    `delegated`: granted in the home anchor's absence. `alone`: FE_IEC, where it announces host
    routes, is to know that no former anchor holds anything.
    """

    key: ContextId
    phase: Phase
    context: MobilityContext | None = None
    former: set[NodeId] = set()
    delivering: bool = False
    complete: bool = False
    delegated: bool = False
    alone: bool = False


class Departure(msgspec.Struct, kw_only=True):
    """A context that left: what still arrives is forwarded until the move is complete.

    `context` and `egress` are where it went, as the new anchor said.
    """

    key: ContextId
    order: MoveOrder
    context: MobilityContext | None = None
    egress: Egress | None = None
    draining: bool = False
