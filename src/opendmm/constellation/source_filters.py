"""Routers that are not ours and filter sources (BCP 38: RFC 2827, RFC 3704), and whose.

A router with `source_filter` looks at what anchors send it over a link of their own. What may come
from there at any time follows from the file; what moves follows the routes that BGP brings.
"""

from collections.abc import Iterator

import msgspec

from opendmm.constellation.bgp import announcements, speakers
from opendmm.constellation.deployment import Deployment, InterfaceAddress
from opendmm.constellation.file import RouterSoftware
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import NodeId


class FilteredLink(msgspec.Struct, frozen=True, kw_only=True):
    """A link from a router to an anchor: which sources come from there."""

    interface: str
    """The router's."""
    anchor: NodeId
    own: tuple[HomePrefix, ...]
    """Of the anchor, at any time: its pools, its locator's block, its addresses."""
    visiting: tuple[HomePrefix, ...]
    """Pools of other anchors whose mobile nodes can come there."""


def filtering_routers(deployment: Deployment) -> tuple[NodeId, ...]:
    """Those with `source_filter` whose kernel has what BGP tells."""
    return tuple(
        name
        for name, plan in deployment.nodes.items()
        if plan.source_filter and plan.router not in (None, RouterSoftware.GOBGP)
    )


def filtered_links(deployment: Deployment, router: NodeId) -> tuple[FilteredLink, ...]:
    """The links of a router that lead to anchors directly."""
    return tuple(
        _filtered(deployment, here, there)
        for link in deployment.links
        for here, there in (link.ends, link.ends[::-1])
        if here.node == router and _announces(deployment, there.node)
    )


def _filtered(
    deployment: Deployment, here: InterfaceAddress, there: InterfaceAddress
) -> FilteredLink:
    plan = deployment.nodes[there.node]
    return FilteredLink(
        interface=here.interface,
        anchor=there.node,
        own=(
            *plan.pools,
            HomePrefix.parse(plan.egress_block),
            HomePrefix.parse(f"{plan.ipv4}/32"),
            *_addresses(there),
        ),
        visiting=tuple(
            pool for pool in announcements(deployment, there.node).moved if pool not in plan.pools
        ),
    )


def _addresses(end: InterfaceAddress) -> Iterator[HomePrefix]:
    for address, bits in ((end.ipv6, 128), (end.ipv4, 32)):
        yield HomePrefix.parse(f"{address.split('/')[0]}/{bits}")


def _announces(deployment: Deployment, node: NodeId) -> bool:
    """An anchor, or the egress before it."""
    return node in speakers(deployment) and deployment.nodes[node].router is None
