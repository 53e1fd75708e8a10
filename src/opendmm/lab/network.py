"""A deployment's nodes and links as namespaces, devices, addresses and static routes.

Routes follow the file's costs and never change; where BGP speaks, it tells of the pools.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path

from opendmm.constellation.bgp import forwarders
from opendmm.constellation.deployment import (
    CoreLink,
    Deployment,
    InterfaceAddress,
    NodePlan,
    SubscriberPlan,
)
from opendmm.constellation.topology import NoRouteError, Topology
from opendmm.lab.link import Impairment, LinkEnd, join, netem_available
from opendmm.lab.namespaces import Namespaces, configure, execute, set_kernel_parameters
from opendmm.lab.relaying import RelayProcess
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import NodeId

ANCHOR_IPV6, MOBILE_IPV6, ANCHOR_IPV4 = "fe80::1", "fe80::2", "169.254.0.1"
GATEWAY_IPV6, GATEWAY_LINK_LAYER = "fe80::200:5eff:fe00:5213", "00:00:5e:00:52:13"
"""Of every mobile access gateway on every access link (RFC 6543 §4)."""
INTERFACE_IDENTIFIER = "::1"
"""Of a mobile node that makes its addresses by itself; `home_address` is what comes of it."""
LAST_RESORT = 4096
"""Metric of the route that keeps packets of a home pool from leaving its anchor again."""

_HOST = {
    "net/ipv6/conf/all/accept_dad": 0,
    "net/ipv6/conf/default/accept_dad": 0,
    "net/ipv6/conf/all/accept_ra": 0,
    "net/ipv6/conf/default/accept_ra": 0,
    "net/ipv6/conf/default/router_solicitations": 0,
    "net/ipv4/conf/all/rp_filter": 0,
    "net/ipv4/conf/default/rp_filter": 0,
}
_ROUTER = {
    "net/ipv6/conf/all/forwarding": 1,
    "net/ipv6/conf/default/forwarding": 1,
    "net/ipv4/ip_forward": 1,
}


class LabNetwork:
    """The network of one laboratory. `close` ends its processes; namespaces go separately."""

    def __init__(self, deployment: Deployment, namespaces: Namespaces) -> None:
        self.deployment = deployment
        self.namespaces = namespaces
        self.topology = Topology(deployment)
        self._told_by_bgp = forwarders(deployment)
        self._indexes = itertools.count(100)
        self._relay = None if netem_available() else RelayProcess()

    def nodes(self) -> list[str]:
        """Every namespace's node name: network elements and mobile nodes."""
        return [*self.deployment.nodes, *(s.name for s in self.deployment.subscribers.values())]

    def build(self, constellation: Path) -> None:
        """Everything up to routing; access links are down."""
        self.namespaces.create(self.nodes(), constellation)
        for plan in self.deployment.nodes.values():
            self._node(plan)
        for subscriber in self.deployment.subscribers.values():
            self._mobile_node(subscriber)
        for link in self.deployment.links:
            self._core_link(link)
        for subscriber in self.deployment.subscribers.values():
            for anchor in subscriber.access:
                self._access_link(subscriber, anchor)
        for plan in self.deployment.nodes.values():
            configure(self.namespaces.name(plan.name), list(self._routes(plan)))

    def close(self) -> None:
        """End the relay, if there is one (its devices go with it)."""
        if self._relay is not None:
            self._relay.close()

    # Nodes

    def _node(self, plan: NodePlan) -> None:
        namespace = self.namespaces.name(plan.name)
        set_kernel_parameters(namespace, _HOST | _ROUTER)
        configure(
            namespace,
            [
                "link set lo up",
                f"addr add {plan.locator}/128 dev lo nodad",
                f"addr add {plan.ipv4}/32 dev lo",
            ],
        )

    def _mobile_node(self, subscriber: SubscriberPlan) -> None:
        namespace = self.namespaces.name(subscriber.name)
        set_kernel_parameters(namespace, _HOST)
        lines = ["link set lo up"]
        for prefix in subscriber.prefixes:
            if subscriber.makes_address_of(prefix):
                continue
            lines.append(f"addr add {home_address(prefix)} dev lo" + " nodad" * prefix.is_ipv6)
        configure(namespace, lines)

    # Links

    def _core_link(self, link: CoreLink) -> None:
        impairment = Impairment(link.delay, link.rate, link.loss)
        ends = LinkEnd(*_place(link.ends[0])), LinkEnd(*_place(link.ends[1]))
        self._join(ends, impairment)
        for end_ in link.ends:
            configure(
                self.namespaces.name(end_.node),
                [
                    f"link set {end_.interface} mtu {self.deployment.core_mtu} up",
                    f"addr add {end_.ipv6} dev {end_.interface} nodad",
                    f"addr add {end_.ipv4} dev {end_.interface}",
                ],
            )

    def _access_link(self, subscriber: SubscriberPlan, anchor: NodeId) -> None:
        ends = LinkEnd(anchor, subscriber.name), LinkEnd(subscriber.name, anchor)
        commands = carrier_commands(self.namespaces, subscriber.name, anchor)
        commands.parent.mkdir(exist_ok=True)
        self._join(ends, Impairment(subscriber.access_delay), commands)
        mtu = self.deployment.access_mtu
        address = subscriber.link_layer_ids[anchor].hex(":")
        gateway = f"address {GATEWAY_LINK_LAYER}" if anchor in subscriber.gateways else ""
        configure(
            self.namespaces.name(subscriber.name),
            [f"link set {anchor} mtu {mtu} address {address}"],
        )
        if any(subscriber.makes_address_of(prefix) for prefix in subscriber.prefixes):
            self._listen_to_routers(self.namespaces.name(subscriber.name), anchor)
        # A solicitation can be lost while the anchor's end is still coming up; the default of
        # RFC 4861 §10 (RetransTimer) would then be a second of silence on the uplink.
        retransmission = {f"net/{ip}/neigh/{anchor}/retrans_time_ms": 20 for ip in ("ipv6", "ipv4")}
        set_kernel_parameters(self.namespaces.name(subscriber.name), retransmission)
        configure(
            self.namespaces.name(anchor),
            [
                f"link set {subscriber.name} mtu {mtu} {gateway} up",
                f"addr add {router_of(subscriber, anchor)}/64 dev {subscriber.name} nodad",
                f"addr add {ANCHOR_IPV4}/32 dev {subscriber.name}",
                *_guest(subscriber, anchor),
            ],
        )

    def _listen_to_routers(self, namespace: str, interface: str) -> None:
        """Addresses from Router Advertisements, with the same interface identifier on every
        link: the mobile node keeps its addresses when it moves. Its connection manager, not
        the advertisements, says where packets go; and the anchors advertise unasked."""
        settings = f"net/ipv6/conf/{interface}"
        listening = {f"{settings}/accept_ra": 1, f"{settings}/accept_ra_defrtr": 0}
        set_kernel_parameters(namespace, listening | {f"{settings}/router_solicitations": 1})
        # The kernel takes an identifier only from who solicits.
        execute(namespace, "ip", "token", "set", INTERFACE_IDENTIFIER, "dev", interface)
        set_kernel_parameters(namespace, {f"{settings}/router_solicitations": 0})

    def _join(
        self, ends: tuple[LinkEnd, LinkEnd], impairment: Impairment, commands: Path | None = None
    ) -> None:
        indexes = next(self._indexes), next(self._indexes)
        join(self.namespaces, ends, indexes, impairment, relay=self._relay, commands=commands)

    # Routes

    def _routes(self, plan: NodePlan) -> Iterator[str]:
        """Static routes of a node to everything that does not move."""
        for pool in plan.pools:
            yield f"route add unreachable {pool} metric {LAST_RESORT}"
        for other in self.deployment.nodes.values():
            if other.name == plan.name:
                continue
            try:
                hop = self.topology.next_hop(plan.name, other.name)
            except NoRouteError:
                continue
            ipv6, ipv4 = self._neighbour_addresses(plan.name, hop)
            yield f"route add {other.egress_block} via {ipv6} src {plan.locator}"
            yield f"route add {other.ipv4}/32 via {ipv4} src {plan.ipv4}"
            for pool in other.pools if plan.name not in self._told_by_bgp else ():
                via, source = (ipv6, plan.locator) if pool.is_ipv6 else (ipv4, plan.ipv4)
                yield f"route add {pool} via {via} src {source}"

    def _neighbour_addresses(self, node: NodeId, neighbour: NodeId) -> tuple[str, str]:
        link = self.topology.link(node, neighbour)
        far = next(end_ for end_ in link.ends if end_.node == neighbour)
        return far.ipv6.split("/")[0], far.ipv4.split("/")[0]


def router_of(subscriber: SubscriberPlan, access: NodeId) -> str:
    """The link-local address of an anchor, or a gateway, on a mobile node's link."""
    return GATEWAY_IPV6 if access in subscriber.gateways else ANCHOR_IPV6


def _guest(subscriber: SubscriberPlan, access: NodeId) -> Iterator[str]:
    """What a router has of a mobile node with a care-of address on its link. The neighbour is
    permanent: the search for one that has just come would cost the first packets."""
    care_of = subscriber.care_of.get(access)
    if care_of is not None:
        device = f"dev {subscriber.name}"
        address = subscriber.link_layer_ids[access].hex(":")
        yield f"route add {care_of}/128 {device}"
        yield f"neigh replace {care_of} lladdr {address} {device} nud permanent"


def home_address(prefix: HomePrefix) -> str:
    """The address a mobile node uses out of a home prefix, with its length: the first host."""
    return str(HomePrefix(prefix.first_host, len(prefix.network) * 8))


def carrier_commands(namespaces: Namespaces, mobile_node: str, anchor: str) -> Path:
    """Where the relay of an access link, if it has one, is told of the carrier."""
    return namespaces.folder / "carrier" / f"{mobile_node}-{anchor}"


def _place(end: InterfaceAddress) -> tuple[str, str]:
    return end.node, end.interface
