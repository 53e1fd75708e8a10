"""What a node's Proxy Mobile IPv6 is told of its deployment; names as in RFC 5213 §9, RFC 5847
§5 and RFC 5846 §11."""

from collections.abc import Mapping
from ipaddress import IPv6Address

import msgspec

from opendmm.bindings.mobility.association import SecurityAssociation
from opendmm.bindings.mobility.backoff import INITIAL_BINDACK_TIMEOUT
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.model.quantities import Seconds


class PolicyProfile(msgspec.Struct, frozen=True, kw_only=True):
    """What the network knows ahead of a mobile node (RFC 5213 §6.2).

    `prefixes` are the only ones it may have; empty: whatever an anchor has for it.
    `proxied`: the network registers it; otherwise it has a client of its own.
    """

    prefixes: tuple[HomePrefix, ...] = ()
    proxied: bool = True

    @property
    def may_use_ipv6(self) -> bool:
        return not self.prefixes or any(prefix.is_ipv6 for prefix in self.prefixes)

    @property
    def may_use_ipv4(self) -> bool:
        return not self.prefixes or not all(prefix.is_ipv6 for prefix in self.prefixes)


class PmipConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One node. `address` is its LMAA or Proxy-CoA; `associations` are by peer.

    `gateways` are the MAGs whose registrations this node accepts as LMA, `anchor` is the LMA
    it registers with as MAG. `nodes` are the addresses of all anchors, to name them by.
    `profiles` are the mobile nodes of the deployment: there are no others. Without
    `strangers_are_told_of` Mobility Headers of no peer are another protocol's of this node.
    """

    node: NodeId
    address: IPv6Address
    associations: dict[NodeId, SecurityAssociation]
    nodes: dict[NodeId, IPv6Address]
    profiles: Mapping[MobileNodeId, PolicyProfile] = {}
    gateways: frozenset[NodeId] = frozenset()
    anchor: NodeId | None = None
    lifetime: Seconds = 300.0
    initial_timeout: Seconds = INITIAL_BINDACK_TIMEOUT
    strangers_are_told_of: bool = True
    timestamp_based_approach_in_use: bool = True
    min_delay_before_bce_delete: Seconds = 10.0
    timestamp_validity_window: Seconds = 0.3
    heartbeat_interval: Seconds = 60.0
    missing_heartbeats_allowed: int = 3
    init_min_delay_bris: Seconds = 1.0
    max_brack_timeout: Seconds = 2.0
    bri_max_retries: int = 1
