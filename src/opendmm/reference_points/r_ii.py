"""R_II, FE_IEC – FE_IEC: several instances, split by prefix or one standing in for the other."""

from opendmm.model.addressing import Egress
from opendmm.model.context import MobilityContext
from opendmm.model.identity import MobileNodeId
from opendmm.model.order import MoveOrder
from opendmm.reference_points.message import ContextMessage, Message


class LocationForward(Message, frozen=True):
    """To the instance responsible for the prefixes; the sender has seen to the egress."""

    context: MobilityContext
    egress: Egress
    released: bool = False


class LocationForwardAcknowledgement(ContextMessage, frozen=True):
    order: MoveOrder
    status: int
    latest: MoveOrder | None = None


class IndirectionComplete(ContextMessage, frozen=True):
    """Back to the forwarding instance: every FE_I of the responsible one has acknowledged."""

    order: MoveOrder


class EgressSuperseded(Message, frozen=True):
    """To the instance that controls the previous egress: forward to `onward`, then `drain`."""

    context: MobilityContext
    egress: Egress
    onward: Egress
    drain: bool


class BindingReplica(Message, frozen=True):
    """To the standby: a binding as recorded here; answered by LocationForwardAcknowledgement."""

    context: MobilityContext
    egress: Egress
    released: bool = False


class ReplicaRequest(Message, frozen=True):
    """An instance that (re)started asks its companion for every binding it holds."""


class MobileNodeQuery(Message, frozen=True):
    """Does the peer hold the context of this mobile node?"""

    mobile_node: MobileNodeId


class MobileNodeReply(Message, frozen=True):
    mobile_node: MobileNodeId
    contexts: tuple[MobilityContext, ...]
