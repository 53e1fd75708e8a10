"""Policies an FE_IEC gives to ingress and egress (draft §3, R_IC and R_EC)."""

from enum import StrEnum

import msgspec

from opendmm.model.addressing import Egress, HomePrefix, Locator
from opendmm.model.context import ContextId
from opendmm.model.flow import FlowRule
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.model.order import MoveOrder
from opendmm.model.quantities import Seconds


class Direction(StrEnum):
    """Which way the packets of a policy travel, seen from the mobile node."""

    DOWNLINK = "downlink"
    UPLINK = "uplink"


class ForwardingPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """FE_I: packets of these prefixes go to this egress. Per host, or a group moving as one.

    `egress` None takes the redirection away: the packets follow normal routing again. It
    carries its order and grant (to the home anchor, or of a release) like any other policy,
    so a late older one cannot bring the redirection back. `expires_at` is in seconds since
    1970, never later than the grant's own expiry.

    With `flows` only packets that match one of them are redirected; all others follow normal
    routing, as do those of a prefix of a family that no flow speaks of. Empty: all packets.
    A flow rule needs no grant of its own: it only makes less of what was granted.
    """

    mobile_node: MobileNodeId
    home_anchor: NodeId
    prefixes: tuple[HomePrefix, ...]
    order: MoveOrder
    egress: Egress | None
    expires_at: Seconds
    grant: bytes = b""
    direction: Direction = Direction.DOWNLINK
    flows: tuple[FlowRule, ...] = ()

    @property
    def key(self) -> ContextId:
        return ContextId(self.mobile_node, self.home_anchor)


class Delivery(StrEnum):
    """What an FE_E does with a mobile node's packet that arrived redirected."""

    LOCAL = "local"
    ANCHOR = "anchor"
    FORWARD = "forward"
    REMOVE = "remove"


class DeliveryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """FE_E: how to recognise a redirected packet and where to deliver it (draft R_EC).

    Recognition is by tunnel endpoint and flow. `endpoint` is the egress's own locator, out of
    which every forwarding means derives its tunnel ends; an FE_E that has another refuses the
    policy, for nothing would ever arrive there. Of what arrives at the endpoint only packets
    that match one of `flows` are delivered (empty: all).
    LOCAL: the FE_MA beside it delivers. ANCHOR: by host route to `anchor`. FORWARD: the
    mobile node has moved on, to `onward`. REMOVE: forget the prefixes. Packets on the uplink
    need no policy at their egress: taken out of the tunnel, they follow normal routing.
    """

    mobile_node: MobileNodeId
    home_anchor: NodeId
    prefixes: tuple[HomePrefix, ...]
    order: MoveOrder
    endpoint: Locator
    delivery: Delivery
    expires_at: Seconds
    anchor: Locator | None = None
    onward: Egress | None = None
    flows: tuple[FlowRule, ...] = ()
    grant: bytes = b""

    @property
    def key(self) -> ContextId:
        return ContextId(self.mobile_node, self.home_anchor)
