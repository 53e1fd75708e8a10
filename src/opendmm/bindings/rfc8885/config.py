"""What a node's part in distributed Proxy Mobile IPv6 is told of its deployment."""

from functools import cached_property
from ipaddress import IPv6Address

import msgspec

from opendmm.bindings.mobility.association import SecurityAssociation
from opendmm.bindings.mobility.backoff import INITIAL_BINDACK_TIMEOUT
from opendmm.constellation.file import Compatibility, DatabaseMode
from opendmm.model.identity import NodeId
from opendmm.model.quantities import Seconds

MAX_UPDATE_RATE = 3
"""Updates about one thing to one node within a second (RFC 6275 §12)."""


class DistributedConfig(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One MAAR, or the CMD (`node` is `database`). `nodes` are the global addresses of all.

    `aggregation` is how long the CMD waits for all previous MAARs before it tells the serving
    one what it has so far (RFC 8885 §3.2), `previous_maars` how many of them a mobile node may
    have (§6). `compatibility` names a controller of another make. `pace` PBUs leave in a second at
    most, after a burst of `burst` (§3.2, §6).
    """

    node: NodeId
    address: IPv6Address
    database: NodeId
    mode: DatabaseMode
    nodes: dict[NodeId, IPv6Address]
    associations: dict[NodeId, SecurityAssociation]
    lifetime: Seconds = 300.0
    initial_timeout: Seconds = INITIAL_BINDACK_TIMEOUT
    aggregation: Seconds = 0.5
    previous_maars: int = 8
    heartbeat_interval: Seconds = 60.0
    missing_heartbeats_allowed: int = 3
    compatibility: Compatibility = Compatibility.NONE
    pace: float = 1000.0
    burst: int = 16

    @property
    def is_database(self) -> bool:
        return self.node == self.database

    @cached_property
    def names(self) -> dict[IPv6Address, NodeId]:
        """The nodes by their addresses."""
        return {address: node for node, address in self.nodes.items()}

    def next_hop(self, receiver: NodeId) -> NodeId:
        """MAARs speak to the CMD, and through it to each other."""
        return receiver if self.is_database else self.database
