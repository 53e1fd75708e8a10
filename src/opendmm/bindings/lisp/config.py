"""What a node's part in LISP is told of its deployment."""

from functools import cached_property
from ipaddress import IPv6Address

import msgspec

from opendmm.model.identity import NodeId
from opendmm.model.quantities import Seconds

REGISTRATION_LASTS: Seconds = 180.0
"""Seconds after which a Map-Server forgets what nobody registers again (RFC 9301 §8.2)."""


class LispConfig(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One xTR, or Map-Server and Map-Resolver. `nodes` are the locators of all that speak LISP,
    `keys` the secrets shared with each of them.

    `keepalive` is how often peers are asked whether they are there, `missing_allowed` how many of
    these questions may stay without an answer. `smr_interval`: a peer is solicited about an EID no
    more often (RFC 9301 §6.1).
    """

    node: NodeId
    address: IPv6Address
    nodes: dict[NodeId, IPv6Address]
    keys: dict[NodeId, bytes]
    lifetime: Seconds = REGISTRATION_LASTS
    keepalive: Seconds = 5.0
    missing_allowed: int = 3
    smr_interval: Seconds = 3.0

    @cached_property
    def names(self) -> dict[IPv6Address, NodeId]:
        """The peers by their locators."""
        return {self.nodes[peer]: peer for peer in self.keys if peer in self.nodes}

    @property
    def ttl(self) -> int:
        """How long a mapping holds, in minutes (RFC 9301 §5.4)."""
        return max(1, round(self.lifetime / 60))
