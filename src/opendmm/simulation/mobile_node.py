"""A mobile node in the simulation: its links, its addresses and, with a client, its FE_MU_C."""

import ipaddress

import msgspec

from opendmm.constellation.deployment import Deployment, SubscriberPlan
from opendmm.entities.effects import (
    Advertise,
    HandoverExpected,
    Input,
    LinkAttached,
    LinkDetached,
    SessionsEnded,
)
from opendmm.model.addressing import HomePrefix, Locator
from opendmm.model.identity import FunctionalEntity, NodeId
from opendmm.model.rules import Access, Action, Tunnel
from opendmm.report.report import HostAddress
from opendmm.report.trace import link_record
from opendmm.simulation.dataplane import Packet
from opendmm.simulation.network import Network
from opendmm.simulation.node import SimulatedNode, Surroundings

MOBILITY_HEADER = 135
"""It is never optimised (RFC 6275 §5.2.5)."""


class SimulatedMobileNode:
    """One subscriber. `client` runs its own entities; None when the network detects it."""

    def __init__(
        self,
        subscriber: SubscriberPlan,
        world: Surroundings,
        network: Network,
        anchors: dict[NodeId, SimulatedNode],
        client: SimulatedNode | None,
        deployment: Deployment,
    ) -> None:
        self.subscriber = subscriber
        self.client = client
        self.links: list[NodeId] = []
        """Anchors whose link is up, the most recent last."""
        self.visited: set[NodeId] = set()
        """Every anchor it was attached to."""
        self.has_released: set[HomePrefix] = set()
        self._chosen: NodeId | None = None
        self._optimised: dict[tuple[bytes, bytes], Locator] = {}
        """Care-of addresses by home address and correspondent, packed."""
        self._told: dict[NodeId, Advertise] = {}
        """What was last advertised on each link that is up."""
        self._world = world
        self._network = network
        self._anchors = anchors
        self._deployment = deployment

    @property
    def name(self) -> str:
        return self.subscriber.name

    @property
    def anchor(self) -> NodeId | None:
        """The anchor of the most recent link."""
        return self.links[-1] if self.links else None

    @property
    def default_route(self) -> NodeId | None:
        """Where its packets go: with a client where that says, else as `route_over` chose, else
        over the link it had first."""
        if self.client is None:
            if self._chosen in self.links:
                return self._chosen
            return self.links[0] if self.links else None
        default = next((a for key, a in self.client.kernel.items() if not key.prefix.length), None)
        chosen = self._leads_over(default)
        return chosen if chosen in self.links else None

    def _leads_over(self, action: Action | None) -> NodeId | None:
        """Which link packets take that a rule of the client's is for."""
        match action:
            case Access(interface=interface):
                return NodeId(interface)
            case Tunnel(entry=care_of):
                places = self.subscriber.care_of.items()
                return next((access for access, mine in places if mine == care_of), None)
            case _:
                return None

    def sent(self, packet: Packet) -> tuple[NodeId, Packet] | None:
        """The node at the other end of the link that a packet takes, and the packet as it comes
        there: in a tunnel where the client says so. None when it takes none."""
        directly = self._directly(packet)
        if directly is not None:
            return directly
        chosen = self.default_route
        if self.client is not None:
            action = self._rule_for(packet.source)
            chosen = self._leads_over(action)
            if isinstance(action, Tunnel):
                packet = msgspec.structs.replace(packet, tunnel=self._node_at(action.exit))
        return (chosen, packet) if chosen is not None and chosen in self.links else None

    def optimise(self, home: bytes, correspondent: bytes, care_of: Locator | None) -> None:
        """Send directly from a care-of address what goes from a home address to a correspondent;
        None: as ever (RFC 6275 §11.3.1)."""
        if care_of is None:
            self._optimised.pop((home, correspondent), None)
        else:
            self._optimised[home, correspondent] = care_of

    def _directly(self, packet: Packet) -> tuple[NodeId, Packet] | None:
        care_of = self._optimised.get((packet.source, packet.destination))
        if care_of is None or packet.protocol == MOBILITY_HEADER:
            return None
        places = self.subscriber.care_of.items()
        access = next(at for at, mine in places if mine == care_of)
        if access not in self.links:
            return None
        correspondent = self._node_at(Locator(packet.destination))
        return access, msgspec.structs.replace(packet, tunnel=correspondent)

    def _rule_for(self, source: bytes) -> Action | None:
        """The client's rule for packets from an address: the longest prefix that covers it."""
        address = HomePrefix(source, len(source) * 8)
        rules = self.client.kernel.items() if self.client is not None else ()
        covering = {k.prefix.length: action for k, action in rules if k.prefix.covers(address)}
        return covering[max(covering)] if covering else None

    def _node_at(self, locator: Locator) -> NodeId:
        plans = self._deployment.nodes.items()
        return next(name for name, plan in plans if plan.locator == locator)

    def route_over(self, anchor: NodeId) -> None:
        """Choose the default route of a mobile node without a client."""
        self._chosen = anchor

    def attach(self, anchor: NodeId) -> None:
        """The link to an anchor comes up."""
        if anchor in self.links:
            return
        self.links.append(anchor)
        self.visited.add(anchor)
        self.has_released.clear()
        self._record(anchor, up=True)
        if self.client is not None:
            if not self.subscriber.care_of:
                delay = self.subscriber.access_delay
                self._network.attach(self.client.name, anchor, delay)
            self._report(self.client, anchor, anchor, heard=self._deployment.anchor_at(anchor))
        self.report_link(anchor)

    def detach(self, anchor: NodeId) -> None:
        """The link to an anchor goes down."""
        if anchor not in self.links:
            return
        self.links.remove(anchor)
        self._told.pop(anchor, None)
        self._record(anchor, up=False)
        if self.client is not None:
            if not self.subscriber.care_of:
                self._network.detach(self.client.name, anchor)
            self._report(self.client, anchor, anchor, heard=self._deployment.anchor_at(anchor))
        self.report_link(anchor)

    def hear(self, anchor: NodeId, advertise: Advertise) -> None:
        """A Router Advertisement on a link."""
        if anchor in self.links:
            self._told[anchor] = advertise

    def addresses(self) -> tuple[HostAddress, ...]:
        """What it has made out of advertised prefixes, the preferred ones first."""
        told = self._told.values()
        preferred = {p for one in told for p in one.preferred}
        deprecated = {p for one in told for p in one.deprecated} - preferred
        return tuple(
            HostAddress(str(ipaddress.ip_address(prefix.first_host)), prefix in deprecated)
            for prefix in (*sorted(preferred), *sorted(deprecated))
            if self.subscriber.makes_address_of(prefix)
        )

    def source_address(self, home: NodeId | None, *, ipv6: bool) -> bytes | None:
        """What a new session begins from: a preferred address of the link that it goes over
        (RFC 6724 §5, rules 3 and 5), or what it was configured with, of a home if one is named."""
        if home is not None:
            chosen = self.subscriber.address(home, ipv6=ipv6)
            return None if chosen is None else chosen.first_host
        told = None if self.default_route is None else self._told.get(self.default_route)
        candidates = [
            *filter(self.subscriber.makes_address_of, told.preferred if told else ()),
            *self.subscriber.prefixes,
        ]
        return next((p.first_host for p in candidates if p.is_ipv6 == ipv6), None)

    def report_link(self, anchor: NodeId) -> None:
        """Tell the anchor the state of a link (also after a restart of the anchor)."""
        self._report(self._anchors[anchor], anchor, self.subscriber.name, heard=None)

    def _report(
        self, node: SimulatedNode, anchor: NodeId, interface: str, *, heard: NodeId | None
    ) -> None:
        mobile_node = self.subscriber.mobile_node
        event: Input = LinkDetached(mobile_node, interface)
        if anchor in self.links:
            link_layer_id = self.subscriber.link_layer_ids.get(anchor, b"")
            care_of = None if heard is None else self.subscriber.care_of.get(anchor)
            event = LinkAttached(mobile_node, interface, link_layer_id, heard, care_of)
        node.local(FunctionalEntity.FE_MU_C, event)

    def expect(self, target: NodeId) -> None:
        """A move to `target` is expected soon."""
        if self.anchor is not None:
            self._tell(self.anchor, HandoverExpected(self.subscriber.mobile_node, target))

    def release(self, prefixes: tuple[HomePrefix, ...]) -> None:
        """No session uses the prefixes any more (empty: none of them)."""
        if self.anchor is not None:
            self.has_released.update(prefixes or self.subscriber.prefixes)
            self._tell(self.anchor, SessionsEnded(self.subscriber.mobile_node, prefixes))

    def _tell(self, anchor: NodeId, event: Input) -> None:
        node = self.client if self.client is not None else self._anchors[anchor]
        node.local(FunctionalEntity.FE_MU_C, event)

    def _record(self, anchor: NodeId, *, up: bool) -> None:
        if self._world.recording:
            where = self.client.name if self.client is not None else anchor
            mobile_node = self.subscriber.mobile_node
            at = self._world.scheduler.now
            self._world.record(link_record(where, mobile_node, anchor, up=up, at=at))
