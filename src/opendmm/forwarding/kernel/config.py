"""What a node's forwarding must be told; the same at every start of the node."""

import msgspec

from opendmm.model.addressing import Egress, HomePrefix, Locator
from opendmm.model.flow import FlowRule
from opendmm.model.identity import NodeId

OUTER_HEADER = 40
"""Octets of an IPv6 header (RFC 2473)."""


class NodeForwardingConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A node's place in the forwarding plane.

    `means` names how redirected packets travel (`opendmm.forwarding.kernel.means.MEANS`).
    `locator` is the node's own IPv6 locator, in the /64 that is routed to it. `egresses` and
    `anchors` are those that redirections and host routes may name: by them what the kernel
    has is read back into words; one that is missing is read back as unknown and so replaced.
    `access_interfaces` are the links mobile nodes attach to, by name ("wlan*" for all that
    begin so); they need not exist yet. With `source_filter` a packet from one of them must
    have its source in `pools`, be permitted by a rule, or be link-local (BCP 38, RFC 2827).
    `redirected` are the prefixes that mobile nodes have theirs out of, at an ingress: a means may
    keep redirections of parts of them apart from the routes.
    With `guests` it is a home agent of mobile nodes that are reached by care-of addresses.
    `flows` are those that policies may name: an egress must be set up to tell them apart. MTUs
    are in octets, of links between nodes and of access links.
    """

    node: NodeId
    locator: Locator
    means: str = "srv6"
    egresses: tuple[Egress, ...] = ()
    anchors: tuple[Locator, ...] = ()
    access_interfaces: tuple[str, ...] = ()
    pools: tuple[HomePrefix, ...] = ()
    redirected: tuple[HomePrefix, ...] = ()
    source_filter: bool = False
    flows: tuple[FlowRule, ...] = ()
    core_mtu: int = 2000
    access_mtu: int = 1500
    guests: bool = False

    def mobile_node_mtu(self, overhead: int) -> int:
        """The largest packet that a mobile node can exchange with anyone, tunnelled or not; where
        it is a guest, the tunnel goes over its access link as well.

        To be announced on access links (RFC 4861 §4.6.4); where it is less than their own
        MTU, the driver lowers the segment size of TCP sessions to fit (`base_ruleset`).
        """
        visited = self.access_mtu - OUTER_HEADER if self.guests else self.access_mtu
        return min(visited, self.core_mtu - overhead)
