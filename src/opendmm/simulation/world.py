"""A whole deployment in virtual time: nodes, network, mobile nodes and their packets."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Protocol

import msgspec

from opendmm.bindings.carried import Carried
from opendmm.bindings.mobility.outputs import Complain
from opendmm.constellation.deployment import Deployment
from opendmm.constellation.topology import Topology
from opendmm.entities.effects import Advertise, Notice, PacketWithoutPolicy, Severity
from opendmm.entities.host import EntityHost, HostNotice, RuleRequest
from opendmm.model.addressing import HomePrefix, Locator
from opendmm.model.identity import FunctionalEntity, MobileNodeId, NodeId
from opendmm.model.rules import RuleKey, Table, Tunnel
from opendmm.reference_points.catalogue import Envelope
from opendmm.reference_points.r_ic import PolicyMode
from opendmm.reference_points.r_xu import AttachNotification, DetachNotification
from opendmm.report.trace import TraceRecord, notice_record
from opendmm.simulation.announcements import Announcements
from opendmm.simulation.dataplane import DataPlane, Fate, Packet, RuleIndex
from opendmm.simulation.mobile_node import SimulatedMobileNode
from opendmm.simulation.network import Network
from opendmm.simulation.node import SimulatedNode
from opendmm.simulation.octets import OctetNetwork
from opendmm.simulation.packets import PacketNetwork
from opendmm.simulation.scheduler import Scheduler

EPOCH = 1_900_000_000.0
"""When every run begins, in seconds since 1970; fixed, so that a seed gives the same bytes."""

PROCESSING = 0.0001
"""Seconds a node needs for a message; of the order measured for the daemon."""


class Hosts(Protocol):
    """Where the entities come from."""

    def host(self, node: NodeId) -> EntityHost:
        """The entities of a network element, new."""
        ...

    def mobile_host(self, mobile_node: MobileNodeId) -> EntityHost:
        """The entities on a mobile node with a client, new."""
        ...


class Trail(msgspec.Struct, frozen=True):
    """Where a packet went through the rules of one moment, and its fate at the last node.

    `ingress` is the first node that put it into a tunnel. `looped` when it came back to a
    node in the same state.
    """

    nodes: tuple[NodeId, ...]
    fate: Fate
    why: str = ""
    interface: str = ""
    ingress: NodeId | None = None
    looped: bool = False


class World:
    """A run. `on_rules` is called after every change of a node's rules, with the requests;
    `on_route` after every change of a router's route to a prefix."""

    def __init__(
        self,
        deployment: Deployment,
        hosts: Hosts,
        *,
        seed: int,
        recording: bool = True,
        processing: float = PROCESSING,
        skew: Callable[[NodeId], float] = lambda _node: 0.0,
    ) -> None:
        self.deployment = deployment
        self.topology = Topology(deployment)
        self.random = Random(seed)
        self.scheduler = Scheduler(EPOCH)
        self.trace: list[TraceRecord] = []
        self.recording = recording
        self.on_rules: Callable[[NodeId, Sequence[RuleRequest]], None] | None = None
        self.on_route: Callable[[HomePrefix], None] | None = None
        self.network = Network(
            self.scheduler,
            self.topology,
            self.random,
            processing=processing,
            peer_timeout=deployment.timers.peer_timeout,
        )
        self.octets = OctetNetwork(deployment, self.scheduler, self.network, self._complained)
        self.carried = Carried(deployment.bindings, deployment.subscribers)
        self.data_plane = DataPlane(deployment, self.topology)
        self.packets = PacketNetwork(self, Random(seed + 2), self._complained)
        self.announcements = Announcements(
            deployment,
            self.topology,
            self.scheduler,
            self.network,
            Random(seed + 3),
            self._route_changed,
        )
        for speaker, routes in self.announcements.routes.items():
            self.data_plane.routes[speaker] = RuleIndex(routes)
        self._heard: dict[tuple[NodeId, bytes], float] = {}
        self.nodes: dict[NodeId, SimulatedNode] = {}
        self.mobile_nodes: dict[MobileNodeId, SimulatedMobileNode] = {}
        for name in deployment.nodes:
            self._add_node(NodeId(name), hosts, skew(NodeId(name)))
        for mobile_node in deployment.subscribers:
            self._add_mobile_node(mobile_node, hosts)

    def _add_node(self, name: NodeId, hosts: Hosts, skew: float) -> None:
        node = SimulatedNode(name, lambda: hosts.host(name), self, skew=skew)
        self.nodes[name] = node
        self.data_plane.indexes[name] = RuleIndex(node.kernel)
        if self.deployment.nodes[name].entities:
            self.network.join(name, node)
            self.octets.join(name, node)
        self.packets.join(name, node)

    def _add_mobile_node(self, mobile_node: MobileNodeId, hosts: Hosts) -> None:
        subscriber = self.deployment.subscribers[mobile_node]
        client = None
        if subscriber.client:
            name = hosts.mobile_host(mobile_node).node
            client = SimulatedNode(name, lambda: hosts.mobile_host(mobile_node), self)
            self.network.join_mobile(name, client)
            self.packets.join(name, client)
        self.mobile_nodes[mobile_node] = SimulatedMobileNode(
            subscriber, self, self.network, self.nodes, client, self.deployment
        )

    def start(self) -> None:
        """Start every node that hosts entities."""
        for name, node in self.nodes.items():
            if self.deployment.nodes[name].entities or name in self.deployment.correspondents:
                node.start()
        for mobile in self.mobile_nodes.values():
            if mobile.client is not None:
                mobile.client.start()

    def run(self, seconds: float) -> None:
        """Let virtual time pass."""
        self.scheduler.run(self.scheduler.now + seconds)

    # What nodes call

    def send(self, envelope: Envelope) -> None:
        """Hand an envelope to what carries it, completed as the receiving binding would."""
        if self.packets.carries(envelope):
            self.packets.send(envelope)
        elif self.octets.carries(envelope):
            self.network.sent.append(envelope)
            self.octets.send(envelope)
        else:
            self.network.send(self._completed(envelope))

    def _completed(self, envelope: Envelope) -> Envelope:
        message = envelope.message
        if isinstance(message, AttachNotification | DetachNotification):
            mobile = self.mobile_nodes.get(message.mobile_node)
            if mobile is not None and mobile.client is not None:
                message = msgspec.structs.replace(message, interface=mobile.name)
                return msgspec.structs.replace(envelope, message=message)
        return envelope

    def _complained(self, node: NodeId, complaint: Complain) -> None:
        """A protocol has something to say of a peer."""
        if self.recording:
            fields = {"peer": str(complaint.peer), **complaint.fields}
            notice = Notice(complaint.event, fields, Severity.WARNING)
            owner = HostNotice(FunctionalEntity.FE_R, self.scheduler.now, notice)
            self.record(notice_record(node, owner))

    def record(self, record: TraceRecord) -> None:
        """Keep a trace record."""
        self.trace.append(record)

    def rules_changed(self, node: NodeId, requests: Sequence[RuleRequest]) -> None:
        """A node's rules are not what they were."""
        if node not in self.data_plane.indexes:
            return  # a mobile node's own default route
        self.data_plane.indexes[node].stale = True
        self.announcements.announced(node, self.nodes[node].kernel)
        if self.on_rules is not None:
            self.on_rules(node, requests)

    def _route_changed(self, node: NodeId, prefix: HomePrefix) -> None:
        self.data_plane.routes[node].stale = True
        if self.on_route is not None:
            self.on_route(prefix)

    def advertised(self, node: NodeId, advertise: Advertise) -> None:
        """A node advertises prefixes on an access link."""
        mobile = self.mobile_nodes.get(advertise.mobile_node)
        if mobile is not None:
            delay = mobile.subscriber.access_delay
            self.scheduler.after(delay, lambda: mobile.hear(node, advertise))

    def node_started(self, node: NodeId) -> None:
        """A process runs: sessions come up, and it learns the state of its access links."""
        if node not in self.deployment.correspondents:
            self.network.started(node)
        self.octets.started(node)
        self.packets.started(node)
        for mobile in self.mobile_nodes.values():
            if node in mobile.subscriber.access:
                mobile.report_link(node)

    def node_died(self, node: NodeId) -> None:
        """A process is gone."""
        if node not in self.deployment.correspondents:
            self.network.died(node)
        self.octets.died(node)
        self.packets.died(node)

    def optimise(self, correspondent: NodeId, home: HomePrefix, care_of: Locator | None) -> None:
        """A correspondent sends directly to a care-of address what is for a home address; None:
        as ever (RFC 6275 §9.3.2)."""
        key = RuleKey(Table.DOWNLINK, home)
        kernel = self.nodes[correspondent].kernel
        kernel.pop(key, None)
        if care_of is not None:
            kernel[key] = Tunnel(care_of, self.deployment.nodes[correspondent].locator)
        self.data_plane.indexes[correspondent].stale = True

    # Packets

    def destination_in(self, mobile: SimulatedMobileNode, *, ipv6: bool) -> bytes | None:
        """An address of the mobile node: the first host of its first prefix of the family."""
        for prefix in mobile.subscriber.prefixes:
            if prefix.is_ipv6 == ipv6:
                return prefix.first_host
        return None

    def first_packet(self, node: NodeId, destination: bytes) -> None:
        """An ingress that asks (pull) hears of a packet, of each destination once a second."""
        plan = self.deployment.ingresses.get(node)
        if plan is None or plan.mode is not PolicyMode.PULL:
            return
        now = self.scheduler.now
        if self._heard.get((node, destination), 0.0) <= now:
            self._heard[node, destination] = now + 1.0
            prefix = HomePrefix(destination, len(destination) * 8)
            self.nodes[node].local(FunctionalEntity.FE_I, PacketWithoutPolicy(prefix))

    def trail(self, source: NodeId, packet: Packet, *, from_access: bool = False) -> Trail:
        """Where a packet goes if nothing changes on its way."""
        node, nodes = source, [source]
        seen = {(node, packet.tunnel, packet.care_of)}
        ingress: NodeId | None = None
        while True:
            step = self.data_plane.step(node, packet, from_access=from_access)
            from_access = False
            if step.fate is not Fate.FORWARDED:
                return Trail(tuple(nodes), step.fate, step.why, step.interface, ingress)
            if step.redirected and ingress is None:
                ingress = node
            packet, node = step.packet, step.next_node
            if node != nodes[-1]:
                nodes.append(node)
            state = (node, packet.tunnel, packet.care_of)
            if state in seen:
                return Trail(tuple(nodes), Fate.DROPPED, "loop", "", ingress, looped=True)
            seen.add(state)
