"""The data plane: a packet's next step at a node, decided by the installed rules alone.

The tables are consulted as the kernel does. A packet from an access link passes the source
filter, then source rules (UPLINK), then destination rules and routes, longest prefix first
(DOWNLINK). A tunnelled packet is routed by its tunnel's end; there it is taken out and meets
the EGRESS table, which ends with "unreachable" for every mobile prefix, so that it can never
follow the default route back. Other destinations (uplink traffic out of a tunnel) are routed
on. Routes of a routing protocol come after our rules. Where an egress is to recognise certain
flows to a prefix, it drops all others that come out of a tunnel. A slot of a flow comes before
that of all packets.
"""

import ipaddress
from enum import StrEnum

import msgspec

from opendmm.constellation.deployment import Deployment, NodePlan
from opendmm.constellation.topology import NoRouteError, Topology
from opendmm.model.addressing import Egress, HomePrefix, Locator
from opendmm.model.flow import FlowRule
from opendmm.model.identity import NodeId
from opendmm.model.rules import Access, Action, Redirect, RuleKey, Table, ToAnchor, Tunnel

HOP_LIMIT = 64


class Fate(StrEnum):
    """What becomes of a packet at a node."""

    FORWARDED = "forwarded"
    DELIVERED = "delivered"  # handed to an access link
    ARRIVED = "arrived"  # at the host it was sent to
    DROPPED = "dropped"


class Packet(msgspec.Struct, frozen=True):
    """Addresses packed; `tunnel` is the node at whose egress the outer header ends, with a
    `care_of` address the one whose access link it ends on, at the mobile node. Protocol and
    ports are 0 where they are nobody's matter."""

    source: bytes
    destination: bytes
    tunnel: NodeId | None = None
    care_of: bytes = b""
    hop_limit: int = HOP_LIMIT
    protocol: int = 0
    source_port: int = 0
    destination_port: int = 0

    def of(self, flow: FlowRule) -> bool:
        """Whether it matches a flow rule; its destination aside."""
        return (
            flow.protocol in (0, self.protocol)
            and (flow.source is None or _covers(flow.source, self.source))
            and self.source_port in flow.source_ports
            and self.destination_port in flow.destination_ports
        )


class Step(msgspec.Struct, frozen=True):
    """A node's decision. `next_node` when forwarded, `interface` when delivered.

    `redirected` says that a rule of the node put the packet into a tunnel.
    """

    fate: Fate
    packet: Packet
    next_node: NodeId = NodeId("")
    interface: str = ""
    why: str = ""
    redirected: bool = False


class RuleIndex:
    """A node's rules by table and prefix length, for longest-prefix lookups."""

    def __init__(self, rules: dict[RuleKey, Action]) -> None:
        self._rules = rules
        self._tables: dict[tuple[Table, int], list[tuple[int, dict[int, Action]]]] = {}
        self._flows: dict[Table, list[tuple[HomePrefix, FlowRule, Action]]] = {}
        self.stale = True

    def lookup(self, table: Table, address: bytes) -> Action | None:
        """The action of the longest prefix that covers the address."""
        if self.stale:
            self._build()
        lengths = self._tables.get((table, len(address)))
        if lengths is None:
            return None
        value = int.from_bytes(address, "big")
        for shift, networks in lengths:
            action = networks.get(value >> shift)
            if action is not None:
                return action
        return None

    def redirection(self, packet: Packet) -> Action | None:
        """On the downlink: the action of a flow that the packet is of, else of its prefix."""
        for prefix, flow, action in self._of_flows(Table.DOWNLINK):
            if _covers(prefix, packet.destination) and packet.of(flow):
                return action
        return self.lookup(Table.DOWNLINK, packet.destination)

    def recognises(self, packet: Packet) -> bool:
        """Whether an egress takes the packet: of one of its prefix' flows, or none is named."""
        named = [
            flow
            for prefix, flow, _ in self._of_flows(Table.RECOGNITION)
            if _covers(prefix, packet.destination)
        ]
        return not named or any(packet.of(flow) for flow in named)

    def _of_flows(self, table: Table) -> list[tuple[HomePrefix, FlowRule, Action]]:
        if self.stale:
            self._build()
        return self._flows.get(table, [])

    def _build(self) -> None:
        tables: dict[tuple[Table, int], dict[int, dict[int, Action]]] = {}
        self._flows = {}
        for key, action in self._rules.items():
            if key.flow is not None:
                self._flows.setdefault(key.table, []).append((key.prefix, key.flow, action))
                continue
            size = len(key.prefix.network)
            shift = size * 8 - key.prefix.length
            by_shift = tables.setdefault((key.table, size), {})
            network = int.from_bytes(key.prefix.network, "big") >> shift
            by_shift.setdefault(shift, {})[network] = action
        self._tables = {name: sorted(lengths.items()) for name, lengths in tables.items()}
        self.stale = False


class DataPlane:
    """Every node's forwarding. `indexes` are filled by whoever owns the rules, `routes` by whoever
    models a routing protocol: ToAnchor on the downlink, after our rules and before the pools."""

    def __init__(self, deployment: Deployment, topology: Topology) -> None:
        self._deployment = deployment
        self._topology = topology
        self.indexes: dict[NodeId, RuleIndex] = {}
        self.routes: dict[NodeId, RuleIndex] = {}
        self._owners = {
            NodeId(name): {plan.locator.address, _packed(plan.ipv4)}
            for name, plan in deployment.nodes.items()
        }
        self._guests = {
            care_of.address: (access, subscriber.name)
            for subscriber in deployment.subscribers.values()
            for access, care_of in subscriber.care_of.items()
        }
        self._pools = [
            (pool, NodeId(name)) for name, plan in deployment.nodes.items() for pool in plan.pools
        ]

    def address_of(self, node: NodeId, *, ipv6: bool) -> bytes:
        """A node's own address, packed: where a correspondent sends from."""
        plan = self._deployment.nodes[node]
        return plan.locator.address if ipv6 else _packed(plan.ipv4)

    def step(self, node: NodeId, packet: Packet, *, from_access: bool = False) -> Step:
        """What `node` does with a packet it received."""
        if packet.hop_limit <= 0:
            return Step(Fate.DROPPED, packet, why="hop limit")
        if packet.tunnel is None:
            if from_access and not self._passes_filter(node, packet.source):
                return Step(Fate.DROPPED, packet, why="source filter")
            return self._plain(node, packet)
        if packet.tunnel != node:
            return self._towards(node, packet.tunnel, packet)
        if packet.care_of:
            return Step(Fate.DELIVERED, packet, interface=self._guests[packet.care_of][1])
        return self._taken_out(node, msgspec.structs.replace(packet, tunnel=None))

    def _plain(self, node: NodeId, packet: Packet) -> Step:
        index = self.indexes[node]
        action = index.lookup(Table.UPLINK, packet.source)
        if action is None:
            action = index.redirection(packet)
        if action is not None:
            return self._act(node, packet, action)
        return self._routed(node, packet)

    def _taken_out(self, node: NodeId, packet: Packet) -> Step:
        index = self.indexes[node]
        if not index.recognises(packet):
            return Step(Fate.DROPPED, packet, why="of no recognised flow")
        action = index.lookup(Table.EGRESS, packet.destination)
        if action is not None:
            return self._act(node, packet, action)
        if self._home(packet.destination) is not None:
            return Step(Fate.DROPPED, packet, why="unreachable at the egress")
        return self._routed(node, packet)

    def _act(self, node: NodeId, packet: Packet, action: Action) -> Step:
        match action:
            case Access(interface=interface):
                return Step(Fate.DELIVERED, packet, interface=interface)
            case Redirect(egress=egress):
                return self._into_tunnel(node, packet, egress)
            case ToAnchor(anchor=anchor):
                return self._towards(node, self._node_at(anchor), packet)
            case Tunnel(exit=care_of):
                return self._to_guest(node, packet, care_of)
            case _:
                return self._routed(node, packet)

    def _into_tunnel(self, node: NodeId, packet: Packet, egress: Egress) -> Step:
        tunnelled = msgspec.structs.replace(packet, tunnel=egress.node)
        if egress.node == node:
            # A segment of one's own is processed without leaving the node; it costs a hop,
            # so that a rule that leads to itself ends.
            shorter = msgspec.structs.replace(tunnelled, hop_limit=packet.hop_limit - 1)
            return Step(Fate.FORWARDED, shorter, next_node=node, redirected=True)
        step = self._towards(node, egress.node, tunnelled)
        return msgspec.structs.replace(step, redirected=True)

    def _to_guest(self, node: NodeId, packet: Packet, care_of: Locator) -> Step:
        """To a mobile node by its care-of address, whether or not it still is there."""
        access, _ = self._guests[care_of.address]
        tunnelled = msgspec.structs.replace(packet, tunnel=access, care_of=care_of.address)
        return self.step(node, tunnelled)

    def _routed(self, node: NodeId, packet: Packet) -> Step:
        if packet.destination in self._owners[node]:
            return Step(Fate.ARRIVED, packet)
        guest = self._guests.get(packet.destination)
        if guest is not None:
            access, interface = guest
            if access == node:
                return Step(Fate.DELIVERED, packet, interface=interface)
            return self._towards(node, access, packet)
        routes = self.routes.get(node)
        route = routes.lookup(Table.DOWNLINK, packet.destination) if routes else None
        if route is not None:
            return self._act(node, packet, route)
        target = self._home(packet.destination) or self._host(packet.destination)
        if target is None:
            return Step(Fate.DROPPED, packet, why="no route")
        if target == node:
            return Step(Fate.DROPPED, packet, why="not attached at home")
        return self._towards(node, target, packet)

    def _towards(self, node: NodeId, target: NodeId, packet: Packet) -> Step:
        try:
            next_node = self._topology.next_hop(node, target)
        except NoRouteError:
            return Step(Fate.DROPPED, packet, why="no route")
        shorter = msgspec.structs.replace(packet, hop_limit=packet.hop_limit - 1)
        return Step(Fate.FORWARDED, shorter, next_node=next_node)

    def _passes_filter(self, node: NodeId, source: bytes) -> bool:
        plan = self._deployment.nodes[node]
        if not plan.source_filter or _within(plan, source):
            return True
        return self.indexes[node].lookup(Table.SOURCE_FILTER, source) is not None

    def _home(self, address: bytes) -> NodeId | None:
        covering = [(pool.length, owner) for pool, owner in self._pools if _covers(pool, address)]
        return max(covering)[1] if covering else None

    def _host(self, address: bytes) -> NodeId | None:
        return next((node for node, owned in self._owners.items() if address in owned), None)

    def _node_at(self, locator: Locator) -> NodeId:
        return self._host(locator.address) or NodeId("")


def _covers(prefix: HomePrefix, address: bytes) -> bool:
    if len(prefix.network) != len(address):
        return False
    shift = len(address) * 8 - prefix.length
    mine = int.from_bytes(prefix.network, "big") >> shift
    return mine == int.from_bytes(address, "big") >> shift


def _within(plan: NodePlan, address: bytes) -> bool:
    return any(_covers(pool, address) for pool in plan.pools)


def _packed(address: str) -> bytes:
    return ipaddress.ip_interface(address).ip.packed
