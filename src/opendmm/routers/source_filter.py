"""An nftables ruleset: which sources a router accepts from the anchors next to it.

A mobile node's source address is foreign at its new anchor. The router's own route back to it is
the exception (strict reverse path forwarding, RFC 3704 §2.2): BGP brings it with the move and
takes it away. A source that may come at all (feasible paths, RFC 8704 §3) passes for a short time
before, and so does one whose route has just gone: its last packets are still on the way.
"""

import ipaddress
from collections.abc import Iterable, Iterator

import msgspec

from opendmm.constellation.deployment import Deployment
from opendmm.constellation.quantities import seconds
from opendmm.constellation.source_filters import FilteredLink, filtered_links
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import NodeId
from opendmm.routers.templates import render

FILE = "sources.nft"
TABLE = "opendmm-sources"
"""Of family inet; no daemon of ours touches it."""
MOST_PASSING = 65535
"""Visitors' addresses of a family that are remembered at a time."""
MOST_SEEN = 4096
"""Sources of a family that pass without a route in one minute; who invents them gets no further."""
AGAIN = 60.0
"""Seconds until a source without a route passes for a while again."""


class SourceFamily(msgspec.Struct, frozen=True):
    """An address family, and the word for its source address."""

    name: str
    source: str


IPV6, IPV4 = SourceFamily("ipv6", "ip6 saddr"), SourceFamily("ipv4", "ip saddr")
FAMILIES = (IPV6, IPV4)


class LinkRules(msgspec.Struct, frozen=True):
    """The sources of one link, by family; families without any are left out."""

    interface: str
    anchor: NodeId
    own: tuple[tuple[SourceFamily, tuple[str, ...]], ...]
    visiting: tuple[tuple[SourceFamily, tuple[str, ...]], ...]


def source_filter(deployment: Deployment, router: NodeId) -> str:
    """The ruleset of one router, which replaces what it had of us, in one transaction."""
    return render(
        "sources.nft.j2",
        constellation=deployment.name,
        router=router,
        table=TABLE,
        families=FAMILIES,
        links=[_rules(link) for link in filtered_links(deployment, router)],
        grace=round(1000 * seconds(deployment.bgp.uplink_grace)),
        again=round(1000 * max(AGAIN, 2 * seconds(deployment.bgp.uplink_grace))),
        most_passing=MOST_PASSING,
        most_seen=MOST_SEEN,
    )


def _rules(link: FilteredLink) -> LinkRules:
    return LinkRules(link.interface, link.anchor, tuple(_of(link.own)), tuple(_of(link.visiting)))


def _of(prefixes: Iterable[HomePrefix]) -> Iterator[tuple[SourceFamily, tuple[str, ...]]]:
    """By family, none within another: a set of nftables has no overlapping intervals."""
    ipv6 = [ipaddress.IPv6Network(str(prefix)) for prefix in prefixes if prefix.is_ipv6]
    ipv4 = [ipaddress.IPv4Network(str(prefix)) for prefix in prefixes if not prefix.is_ipv6]
    if ipv6:
        yield IPV6, tuple(map(str, ipaddress.collapse_addresses(ipv6)))
    if ipv4:
        yield IPV4, tuple(map(str, ipaddress.collapse_addresses(ipv4)))
