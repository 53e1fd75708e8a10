"""What a node's Proxy Mobile IPv6 is told of its deployment; names as in RFC 5213 §9."""

from ipaddress import IPv6Address

import msgspec

from opendmm.bindings.mobility.association import SecurityAssociation
from opendmm.bindings.mobility.backoff import INITIAL_BINDACK_TIMEOUT
from opendmm.model.identity import NodeId
from opendmm.model.quantities import Seconds


class PmipConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One node. `address` is its LMAA or Proxy-CoA; `associations` are by peer.

    `gateways` are the MAGs whose registrations this node accepts as LMA, `anchor` is the LMA
    it registers with as MAG. `nodes` are the addresses of all anchors, to name them by.
    """

    node: NodeId
    address: IPv6Address
    associations: dict[NodeId, SecurityAssociation]
    nodes: dict[NodeId, IPv6Address]
    gateways: frozenset[NodeId] = frozenset()
    anchor: NodeId | None = None
    lifetime: Seconds = 300.0
    initial_timeout: Seconds = INITIAL_BINDACK_TIMEOUT
    min_delay_before_bce_delete: Seconds = 10.0
    timestamp_validity_window: Seconds = 0.3
