"""What an FE_MCTX is told about its anchor and its subscribers."""

import msgspec

from opendmm.model.addressing import Egress, HomePrefix, Locator
from opendmm.model.identity import MobileNodeId, NodeId


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """A subscriber's profile, as every anchor has it (RFC 5213 §6.2).

    `interface` and `link_layer_id` are where the mobile node attaches at this anchor, for
    notifications that do not say. `simultaneous`: it gets prefixes of every anchor it visits.
    """

    mobile_node: MobileNodeId
    home_anchor: NodeId
    prefixes: tuple[HomePrefix, ...]
    simultaneous: bool = False
    interface: str = ""
    link_layer_id: bytes = b""


class MctxConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One FE_MCTX. Times are in seconds.

    `egress` is the FE_E in this anchor's network, `controllers` its FE_IEC instances in order
    of preference. `proof_required`: a move is granted only on the mobile node's signature.
    `delegates` may grant in this home anchor's place; with `network_delegation` also moves that
    only the network has noticed, without the mobile node's proof. `gateways` are the mobile
    access gateways that may register mobile nodes here, and their tunnel ends (Proxy-CoA).
    `sees_links`: some FE_MU_C of the network tells when a link here is gone. `announced`: FE_IEC
    announces host routes, of what is here and of nothing else.
    """

    node: NodeId
    egress: Egress
    controllers: tuple[NodeId, ...]
    profiles: dict[MobileNodeId, Profile]
    lifetime: float = 300.0
    drain: float = 1.0
    retransmit: float = 0.2
    peer_timeout: float = 1.0
    proof_required: bool = False
    delegates: tuple[NodeId, ...] = ()
    network_delegation: bool = False
    gateways: dict[NodeId, Locator] = {}
    sees_links: bool = True
    announced: bool = False
