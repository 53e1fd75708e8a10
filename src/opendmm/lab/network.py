"""A deployment's nodes and links as namespaces, devices, addresses and static routes.

Links are veth pairs with distinct interface indexes at both ends (equal ones make the kernel
treat carrier changes as not urgent), or a relayed pair of TAPs where a link has delay or
loss and the kernel has no netem. Routes follow the file's costs and never change.
"""

import itertools
import subprocess
from collections.abc import Iterator

from opendmm.constellation.deployment import CoreLink, Deployment, NodePlan, SubscriberPlan
from opendmm.lab.namespaces import (
    Namespaces,
    configure,
    execute,
    set_kernel_parameters,
)
from opendmm.lab.processes import Process, await_ready, end, start_python
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import NodeId
from opendmm.report.topology import NoRouteError, Topology

ANCHOR_IPV6, MOBILE_IPV6, ANCHOR_IPV4 = "fe80::1", "fe80::2", "169.254.0.1"
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
        self.netem = netem_available()
        self._indexes = itertools.count(100)
        self._core_relays: list[Process] = []
        self.access_relays: dict[tuple[str, NodeId], Process] = {}

    def nodes(self) -> list[str]:
        """Every namespace's node name: network elements and mobile nodes."""
        return [*self.deployment.nodes, *(s.name for s in self.deployment.subscribers.values())]

    def build(self) -> None:
        """Everything up to routing; access links are down."""
        self.namespaces.create(self.nodes())
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
        """End the relays (their devices go with them)."""
        for relay in [*self._core_relays, *self.access_relays.values()]:
            end(relay)

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
            lines.append(f"addr add {home_address(prefix)} dev lo" + " nodad" * prefix.is_ipv6)
        configure(namespace, lines)

    # Links

    def _core_link(self, link: CoreLink) -> None:
        a, b = link.ends
        relay = self._device_pair(
            (a.node, a.interface), (b.node, b.interface), link.delay, link.loss
        )
        if relay is not None:
            self._core_relays.append(relay)
        for end_ in link.ends:
            namespace = self.namespaces.name(end_.node)
            configure(
                namespace,
                [
                    f"link set {end_.interface} mtu {self.deployment.core_mtu} up",
                    f"addr add {end_.ipv6} dev {end_.interface} nodad",
                    f"addr add {end_.ipv4} dev {end_.interface}",
                ],
            )
            if link.rate:
                rate = f"{round(link.rate)}bit"
                shaper = ("tbf", "rate", rate, "burst", "64kb", "latency", "50ms")
                parent = ("parent", "1:1") if self.netem and link.delay else ("root",)
                execute(namespace, "tc", "qdisc", "add", "dev", end_.interface, *parent, *shaper)

    def _access_link(self, subscriber: SubscriberPlan, anchor: NodeId) -> None:
        relay = self._device_pair(
            (anchor, subscriber.name), (subscriber.name, anchor), subscriber.access_delay, 0.0
        )
        if relay is not None:
            self.access_relays[subscriber.name, anchor] = relay
        mtu = self.deployment.access_mtu
        address = ":".join(f"{octet:02x}" for octet in subscriber.link_layer_ids[anchor])
        configure(
            self.namespaces.name(subscriber.name),
            [f"link set {anchor} mtu {mtu} address {address}"],
        )
        configure(
            self.namespaces.name(anchor),
            [
                f"link set {subscriber.name} mtu {mtu} up",
                f"addr add {ANCHOR_IPV6}/64 dev {subscriber.name} nodad",
                f"addr add {ANCHOR_IPV4}/32 dev {subscriber.name}",
            ],
        )

    def _device_pair(
        self, a: tuple[str, str], b: tuple[str, str], delay: float, loss: float
    ) -> Process | None:
        """Two joined devices, down; the relay's process when they need one."""
        namespaces = [self.namespaces.name(node) for node, _ in (a, b)]
        if (delay or loss) and not self.netem:
            relay = start_python(
                None,
                "opendmm.lab.relay",
                namespaces[0],
                a[1],
                namespaces[1],
                b[1],
                str(delay),
                str(loss),
            )
            await_ready(relay, f"the relay of link {a[0]} – {b[0]}")
            return relay
        index = next(self._indexes), next(self._indexes)
        configure(
            namespaces[0],
            [
                f"link add {a[1]} index {index[0]} type veth "
                f"peer name {b[1]} index {index[1]} netns {namespaces[1]}"
            ],
        )
        if delay or loss:
            emulation = ("netem", "delay", f"{delay * 1e6:.0f}us", "loss", f"{loss * 100}%")
            for namespace, (_, interface) in zip(namespaces, (a, b), strict=True):
                where = ("dev", interface, "root", "handle", "1:")
                execute(namespace, "tc", "qdisc", "add", *where, *emulation)
        return None

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
            for pool in other.pools:
                via, source = (ipv6, plan.locator) if pool.is_ipv6 else (ipv4, plan.ipv4)
                yield f"route add {pool} via {via} src {source}"

    def _neighbour_addresses(self, node: NodeId, neighbour: NodeId) -> tuple[str, str]:
        link = self.topology.link(node, neighbour)
        far = next(end_ for end_ in link.ends if end_.node == neighbour)
        return far.ipv6.split("/")[0], far.ipv4.split("/")[0]


def home_address(prefix: HomePrefix) -> str:
    """The address a mobile node uses out of a home prefix, with its length: the first host."""
    if prefix.is_host:
        return str(prefix)
    value = int.from_bytes(prefix.network, "big") + 1
    bits = len(prefix.network) * 8
    return str(HomePrefix(value.to_bytes(len(prefix.network), "big"), bits))


def netem_available() -> bool:
    """Whether this kernel can delay and lose packets by itself (CONFIG_NET_SCH_NETEM)."""
    trial = "ip link set lo up && tc qdisc add dev lo root netem delay 1ms"
    command = ["unshare", "--net", "sh", "-c", trial]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
