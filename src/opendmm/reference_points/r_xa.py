"""R_XA, FE_MCTX – FE_MA_C: retrieve (export) and provide (import) mobility context (draft §3)."""

from opendmm.model.addressing import Egress, HomePrefix, Locator
from opendmm.model.context import MobilityContext
from opendmm.model.identity import MobileNodeId
from opendmm.model.order import MoveOrder
from opendmm.reference_points.message import ContextMessage, Message


class ContextQuery(ContextMessage, frozen=True):
    """FE_MCTX asks what the anchor's binding cache holds of a mobile node."""


class ContextReport(ContextMessage, frozen=True):
    """FE_MA_C answers; `context` None when it has no binding."""

    context: MobilityContext | None


class ContextImport(Message, frozen=True):
    """FE_MCTX provides the context of a mobile node that is attached on `interface` here.

    With a `gateway` the mobile node is on a link of that mobile access gateway, which the
    anchor reaches by a tunnel (RFC 5213 §5.6.1: the Proxy-CoA). With a `care_of` address the
    tunnel leads to the mobile node itself (RFC 6275 §10.4.2).
    """

    context: MobilityContext
    interface: str
    link_layer_id: bytes
    gateway: Egress | None = None
    care_of: Locator | None = None


class ContextImported(ContextMessage, frozen=True):
    """FE_MA_C says whether it now delivers to the mobile node."""

    order: MoveOrder
    status: int


class ContextExported(ContextMessage, frozen=True):
    """The mobile node is elsewhere: FE_MA_C forwards what still arrives to `egress`.

    `egress` None when the new location is not known (attachment lost): the binding stays,
    nothing is forwarded.
    """

    order: MoveOrder
    egress: Egress | None


class ContextRelease(ContextMessage, frozen=True):
    """Forget the binding up to `order` and everything installed for it."""

    order: MoveOrder


class PrefixAllocate(Message, frozen=True):
    """FE_MCTX asks for home prefixes for a mobile node that is new to the network.

    `wanted` are prefixes of a subscriber's profile; empty asks for any from the pool.
    """

    mobile_node: MobileNodeId
    wanted: tuple[HomePrefix, ...] = ()


class PrefixAllocated(Message, frozen=True):
    """FE_MA_C's answer; no prefixes when the pool is exhausted or the wanted are not its own."""

    mobile_node: MobileNodeId
    prefixes: tuple[HomePrefix, ...]


class BindingExpired(ContextMessage, frozen=True):
    """FE_MA_C tells that a binding's lifetime ended without refresh."""

    order: MoveOrder
