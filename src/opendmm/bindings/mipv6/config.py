"""What a node's Mobile IPv6 is told of its deployment; names as in RFC 6275 §12 and §13."""

from collections.abc import Mapping
from ipaddress import IPv6Address

import msgspec

from opendmm.bindings.mobility.association import SharedKey
from opendmm.bindings.mobility.backoff import INITIAL_BINDACK_TIMEOUT
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.model.quantities import Seconds


class HomeProfile(msgspec.Struct, frozen=True, kw_only=True):
    """A mobile node as the network knows it.

    `agents` are the home agents that may serve it: by RFC 6275 the one on its home link, by the
    DMM extension others as well. With `homes`, known on the mobile node, several serve it at once,
    each the home addresses that belong to it.
    """

    home_addresses: tuple[IPv6Address, ...]
    agents: frozenset[NodeId]
    homes: Mapping[NodeId, tuple[IPv6Address, ...]] = {}


class MipConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One node: a home agent (`agents` has it), a mobile node (`mobile_node`), a correspondent.

    `address` is its own, None on a mobile node: that has home addresses, and a care-of address
    where it is. `agents` are the addresses of all home agents, `nodes` those of the network nodes
    whose Mobility Headers are another binding's. `associations` are by peer: of a home agent with
    mobile nodes, of a mobile node with home agents. `home_links` are the interfaces of this node
    to the home links of mobile nodes (a mobile node: of its own). `route_optimisation` is for a
    mobile node, `correspondent` for whoever takes part in it at the other end.
    """

    node: NodeId
    address: IPv6Address | None = None
    mobile_node: MobileNodeId | None = None
    agents: Mapping[NodeId, IPv6Address] = {}
    nodes: Mapping[NodeId, IPv6Address] = {}
    associations: Mapping[NodeId, SharedKey] = {}
    profiles: Mapping[MobileNodeId, HomeProfile] = {}
    home_links: Mapping[MobileNodeId, str] = {}
    lifetime: Seconds = 300.0
    initial_timeout: Seconds = INITIAL_BINDACK_TIMEOUT
    initial_bindack_timeout_first_reg: Seconds = 1.5
    route_optimisation: bool = False
    correspondent: bool = False

    @property
    def home_addresses(self) -> tuple[IPv6Address, ...]:
        """Of the mobile node that this is."""
        if self.mobile_node is None:
            return ()
        return self.profiles[self.mobile_node].home_addresses
