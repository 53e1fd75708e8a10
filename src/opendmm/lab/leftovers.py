"""What the kernels of a laboratory have of ours, read without asking any daemon.

Rules are judged against the mobile nodes' places by `opendmm.report.leftovers`. Besides, what
rules share (next hops, neighbours, routes between attached mobile nodes) must not outlive
them. What a node has for itself (tunnel ends, policy rules, base filter) is no leftover.
"""

import ipaddress
from collections.abc import Iterator

import msgspec

from opendmm.constellation.deployment import Deployment
from opendmm.forwarding.kernel.conventions import ATTACHED_TABLE
from opendmm.forwarding.kernel.driver import KernelForwarding
from opendmm.forwarding.kernel.snapshot import Snapshot, flow_tables, take_snapshot
from opendmm.forwarding.netlink.route import TABLE_MAIN
from opendmm.forwarding.netlink.socket import NETLINK_NETFILTER, NetlinkSocket
from opendmm.lab.daemons import USER_PLANE
from opendmm.lab.namespaces import Namespaces, inside
from opendmm.lab.route_watch import moved_routes
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import NodeId
from opendmm.model.rules import Action, RuleKey
from opendmm.node.role import forwarding_config


class Kernels(msgspec.Struct, frozen=True):
    """Rules by node, what is installed although no rule uses it, as sentence fragments, and the
    routes to parts of pools that routers which are not ours have."""

    rules: dict[NodeId, dict[RuleKey, Action]]
    unused: tuple[str, ...]
    moved: dict[NodeId, list[HomePrefix]]


def read_kernels(deployment: Deployment, namespaces: Namespaces) -> Kernels:
    """All that carries our protocol number now."""
    rules: dict[NodeId, dict[RuleKey, Action]] = {}
    unused: list[str] = []
    for name, plan in deployment.nodes.items():
        if not set(plan.entities) - USER_PLANE:
            continue
        with inside(namespaces.name(name)):
            driver = KernelForwarding(forwarding_config(deployment, name))
            rules[name] = {rule.key: rule.action for rule in driver.installed()}
            driver.close(remove=False)
            sockets = NetlinkSocket(), NetlinkSocket(NETLINK_NETFILTER)
            snapshot = take_snapshot(*sockets, forwarding_config(deployment, name).flows)
            unused.extend(f"{name}: {what}" for what in unused_in(snapshot))
            for one in sockets:
                one.close()
    return Kernels(rules, tuple(unused), moved_routes(deployment, namespaces))


def unused_in(snapshot: Snapshot) -> Iterator[str]:
    """Shared parts that nothing shares any more."""
    main = {(r.destination, r.length) for r in snapshot.routes if r.form.table == TABLE_MAIN}
    next_hops = {route.form.next_hop for route in snapshot.routes}
    interfaces = {route.form.output for route in snapshot.routes}
    for hop in snapshot.next_hops:
        if hop.identifier not in next_hops:
            yield f"next hop {hop.identifier} that no route uses"
    for neighbour in snapshot.neighbours:
        if neighbour.interface not in interfaces:
            yield f"neighbour {ipaddress.ip_address(neighbour.address)} that no route uses"
    for route in snapshot.routes:
        if route.form.table == ATTACHED_TABLE and (route.destination, route.length) not in main:
            yield f"route to {ipaddress.ip_address(route.destination)} between mobile nodes"
    routed = {(route.family, route.form.table) for route in snapshot.routes}
    for where, flow in flow_tables(snapshot).items():
        if where not in routed:
            yield f"policy rule of flow {flow} that no route uses"
    for _, home in snapshot.guests:
        if (home, 128) not in main:
            yield f"tunnel from {ipaddress.ip_address(home)} that no route leads back to"
    recognised = {counter.key.prefix for counter in snapshot.recognised}
    yield from (f"{p} limited to no flow" for p in snapshot.limited if p not in recognised)
