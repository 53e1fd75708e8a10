"""A mobile node's routes and policy rules: of everything it sends, or from one address. Pure.

A default route in the main table is for everything; for one home address there is a table of its
own. What goes into a tunnel to a home agent comes from the care-of address (see `labels`); a policy
rule and a table of its own lead what comes from there to the router of its link.
"""

from opendmm.forwarding.kernel.conventions import METRIC, PROTOCOL
from opendmm.forwarding.kernel.endpoints import identifier
from opendmm.forwarding.netlink.attributes import nested, u32
from opendmm.forwarding.netlink.lightweight_tunnel import h_encaps_red
from opendmm.forwarding.netlink.policy_rule import PolicyRule
from opendmm.forwarding.netlink.route import AF_INET, AF_INET6, TABLE_MAIN, RouteForm, put_route
from opendmm.model.addressing import HomePrefix, Locator
from opendmm.node.mobile_node_forwarding.surroundings import ANCHOR, Visited

CARE_OF_PRIORITY = 17306
SOURCE_PRIORITY = 17307
OUTER_HEADER = 40
TCP_OVER_IPV6 = 60
METRICS, METRIC_MTU, METRIC_MSS = 8, 2, 8
"""RTA_METRICS, RTAX_MTU, RTAX_ADVMSS (linux/rtnetlink.h)."""


def table_of(prefix: HomePrefix) -> int:
    """Where packets with a source in the prefix look: in a table of their own, or in main."""
    return identifier("source", str(prefix)) if prefix.length else TABLE_MAIN


def table_of_link(care_of: bytes) -> int:
    return identifier("care-of", care_of)


def source_rule(prefix: HomePrefix) -> PolicyRule:
    """Packets from a home address look in its table."""
    return PolicyRule(
        family=AF_INET6 if prefix.is_ipv6 else AF_INET,
        priority=SOURCE_PRIORITY,
        table=table_of(prefix),
        protocol=PROTOCOL,
        source=prefix.network,
        source_length=prefix.length,
    )


def care_of_rule(care_of: bytes) -> PolicyRule:
    """Packets from a care-of address leave by its link."""
    return PolicyRule(
        family=AF_INET6,
        priority=CARE_OF_PRIORITY,
        table=table_of_link(care_of),
        protocol=PROTOCOL,
        source=care_of,
        source_length=len(care_of) * 8,
    )


def link_route(care_of: bytes, link: Visited) -> bytes:
    """By the router of the link."""
    form = RouteForm(
        table_of_link(care_of), PROTOCOL, METRIC, output=link.interface, gateway=link.router
    )
    return put_route(bytes(16), 0, form)


def to_home_agent(prefix: HomePrefix, agent: Locator, link: Visited, source: bytes) -> bytes:
    """In a tunnel that leaves by the link; `source` is for packets that have none yet."""
    form = RouteForm(
        table_of(prefix),
        PROTOCOL,
        METRIC,
        output=link.interface,
        encapsulation=h_encaps_red(agent.address),
        preferred_source=source,
    )
    room = link.mtu - OUTER_HEADER
    metrics = nested(METRICS, u32(METRIC_MTU, room) + u32(METRIC_MSS, room - TCP_OVER_IPV6))
    return put_route(bytes(16), 0, form, form.attributes() + metrics)


def to_anchor(prefix: HomePrefix, interface: int) -> bytes:
    """By the anchor on a link. IPv4 goes by its IPv6 address, too (RFC 8950): one neighbour to
    resolve, and on every link that there is."""
    size = len(prefix.network)
    form = RouteForm(
        table_of(prefix),
        PROTOCOL,
        METRIC,
        output=interface,
        gateway=ANCHOR if prefix.is_ipv6 else b"",
        via=b"" if prefix.is_ipv6 else ANCHOR,
    )
    return put_route(bytes(size), 0, form)


def selector(table: int) -> RouteForm:
    """What names a default route of ours for deletion."""
    return RouteForm(table, PROTOCOL, METRIC)
