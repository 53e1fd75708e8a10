"""The auditor: the invariants of design §5, checked after every change and once all is quiet.

It looks only at what is installed, at the links that are up and at the grants that were
issued; it asks no entity what it believes.
"""

from collections.abc import Iterable, Sequence

import msgspec

from opendmm.authority.authority import Authority
from opendmm.constellation.bgp import speakers
from opendmm.entities.host import RuleRequest
from opendmm.model.addressing import HomePrefix
from opendmm.model.flow import FlowRule
from opendmm.model.identity import FunctionalEntity, MobileNodeId, NodeId
from opendmm.model.order import NEVER, MoveOrder
from opendmm.model.rules import Access, Redirect, Rule, RuleKey, Table, Tunnel
from opendmm.report.leftovers import Place, leftovers, missing, needless_routes
from opendmm.simulation.dataplane import Fate, Packet
from opendmm.simulation.mobile_node import SimulatedMobileNode
from opendmm.simulation.world import Trail, World


class Violation(msgspec.Struct, frozen=True):
    """An invariant that did not hold; `at` in seconds from the start of the run."""

    at: float
    invariant: str
    text: str

    def __str__(self) -> str:
        return f"{self.at:.4f}s {self.invariant}: {self.text}"


class IssuedGrant(msgspec.Struct, frozen=True):
    """A grant as its issuer made it."""

    mobile_node: MobileNodeId
    anchor: NodeId
    released: bool


class GrantLog:
    """Every grant that was issued, whoever issued it: by prefix and move order."""

    def __init__(self) -> None:
        self._grants: dict[tuple[HomePrefix, MoveOrder], list[IssuedGrant]] = {}

    def clear(self) -> None:
        """Forget everything; a new run begins."""
        self._grants.clear()

    def note(self, prefixes: Iterable[HomePrefix], order: MoveOrder, grant: IssuedGrant) -> None:
        """A grant was issued."""
        for prefix in prefixes:
            self._grants.setdefault((prefix, order), []).append(grant)

    def of(self, prefix: HomePrefix, order: MoveOrder) -> list[IssuedGrant]:
        """The grants of one move of a prefix."""
        return self._grants.get((prefix, order), [])


class WitnessedAuthority(Authority):
    """An authority that tells the auditor of every grant it issues."""

    witness: GrantLog | None = None

    def issue(
        self,
        *,
        mobile_node: MobileNodeId,
        prefixes: tuple[HomePrefix, ...],
        anchor: NodeId,
        order: MoveOrder,
        now: float,
        lifetime: float,
        released: bool = False,
        delegation: bytes = b"",
        proof: bytes = b"",
    ) -> bytes:
        """As `Authority.issue`."""
        token = super().issue(
            mobile_node=mobile_node,
            prefixes=prefixes,
            anchor=anchor,
            order=order,
            now=now,
            lifetime=lifetime,
            released=released,
            delegation=delegation,
            proof=proof,
        )
        if self.witness is not None:
            self.witness.note(prefixes, order, IssuedGrant(mobile_node, anchor, released))
        return token


class Auditor:
    """Watches one world. With `unbroken` no packet may be lost at any moment from now on."""

    def __init__(self, world: World, grants: GrantLog | None) -> None:
        self.violations: list[Violation] = []
        self.unbroken = False
        self._world = world
        self._grants = grants
        self._began = world.scheduler.now
        self._highest: dict[tuple[NodeId, FunctionalEntity, RuleKey], MoveOrder] = {}
        self._owners = {
            prefix: mobile
            for mobile in world.mobile_nodes.values()
            for prefix in mobile.subscriber.prefixes
        }
        flows = world.deployment.flows
        self._samples = {
            prefix: (None, *(flow for flow in flows if flow.concerns(prefix)))
            for prefix in self._owners
        }
        """Of which packets to a prefix are looked at: of no flow that is named, and of each."""
        self._sources = [
            NodeId(name)
            for name, plan in world.deployment.nodes.items()
            if set(plan.entities) <= {FunctionalEntity.FE_R}
        ]
        self._hop_by_hop = bool(speakers(world.deployment))
        """Whether routers follow announcements: those of moves that overlap reach them in any
        order, so packets may go round until all have. In a move alone none may be lost."""
        world.on_rules = self._rules_changed
        world.on_route = self._route_changed

    def _violated(self, invariant: str, text: str) -> None:
        at = self._world.scheduler.now - self._began
        if not any(v.invariant == invariant and v.text == text for v in self.violations):
            self.violations.append(Violation(at, invariant, text))

    # After every change

    def _rules_changed(self, node: NodeId, requests: Sequence[RuleRequest]) -> None:
        prefixes: dict[HomePrefix, None] = {}
        for request in requests:
            prefixes.setdefault(request.key.prefix)
            if request.rule is not None:
                self._order(node, request.owner, request.rule)
                self._authority(node, request.rule)
        for prefix in prefixes if requests else self._owners:
            if prefix in self._owners:
                self.look(self._owners[prefix], prefix)

    def _route_changed(self, prefix: HomePrefix) -> None:
        if prefix in self._owners:
            self.look(self._owners[prefix], prefix)

    def _order(self, node: NodeId, owner: FunctionalEntity, rule: Rule) -> None:
        """Order: what one entity installs in a slot never goes back to an earlier move.

        A gateway's link has no order before its anchor has given it one.
        """
        if not rule.order.sequence:
            return
        slot = (node, owner, rule.key)
        highest = self._highest.get(slot, NEVER)
        if rule.order < highest:
            text = f"{owner}@{node} went back from {highest} to {rule.order} in {rule.key}"
            self._violated("order", text)
        self._highest[slot] = max(highest, rule.order)

    def _authority(self, node: NodeId, rule: Rule) -> None:
        """Authority: no redirection, and no delivery of a foreign prefix, without a grant."""
        mobile = self._owners.get(rule.key.prefix)
        if self._grants is None or mobile is None:
            return
        deployment = self._world.deployment
        if not rule.order.sequence and deployment.anchor_at(node) != node:
            return  # a gateway delivers to its own link; the anchor decides what comes to it
        grants = self._grants.of(rule.key.prefix, rule.order)
        if not any(self._allows(grant, node, mobile, rule) for grant in grants):
            self._violated("authority", f"{node} installs {rule} without a grant for it")

    def _allows(
        self, grant: IssuedGrant, node: NodeId, mobile: SimulatedMobileNode, rule: Rule
    ) -> bool:
        if grant.mobile_node != mobile.subscriber.mobile_node:
            return False
        if isinstance(rule.action, Access):
            return grant.anchor == self._world.deployment.anchor_at(node)
        if isinstance(rule.action, Tunnel):
            guests = mobile.subscriber.care_of
            visited = {guests[access] for access in mobile.visited if access in guests}
            return grant.anchor == node and rule.action.exit in visited
        if isinstance(rule.action, Redirect) and rule.key.table is not Table.UPLINK:
            to = rule.action.egress
            if grant.anchor == node and to.node in self._world.deployment.gateways_of(node):
                return to.node in mobile.visited
            return to == self._world.deployment.nodes[grant.anchor].egress
        return True

    def look_everywhere(self) -> None:
        """Check the packets of every prefix; for changes that are not rules (links)."""
        for prefix, mobile in self._owners.items():
            self.look(mobile, prefix)

    def look(self, mobile: SimulatedMobileNode, prefix: HomePrefix) -> None:
        """No loop, no blackhole by us; and while nothing may be lost, delivery."""
        for flow in self._samples[prefix]:
            self._look(mobile, prefix, flow)

    def _look(self, mobile: SimulatedMobileNode, prefix: HomePrefix, flow: FlowRule | None) -> None:
        for source in self._starting_points(prefix):
            trail = self._trail(source, prefix, flow)
            way = " ".join(trail.nodes)
            if trail.looped or trail.why == "hop limit":
                if not self._hop_by_hop:
                    self._violated("no loop", f"{prefix} from {source}: {way}")
            elif trail.ingress in self._world.deployment.ingresses:
                self._no_blackhole(mobile, prefix, trail)
            delivered = trail.fate is Fate.DELIVERED and trail.nodes[-1] in mobile.links
            if self.unbroken and mobile.links and source in self._sources and not delivered:
                text = f"{prefix} from {source}: {way}, {trail.why or 'link down'}"
                self._violated("unbroken", text)

    def _starting_points(self, prefix: HomePrefix) -> list[NodeId]:
        keys = [RuleKey(Table.EGRESS, prefix)]
        keys += [RuleKey(Table.DOWNLINK, prefix, flow) for flow in self._samples[prefix]]
        holding = [
            name
            for name, node in self._world.nodes.items()
            if any(key in node.kernel for key in keys) and name not in self._sources
        ]
        return self._sources + holding

    def _no_blackhole(self, mobile: SimulatedMobileNode, prefix: HomePrefix, trail: Trail) -> None:
        """Lost only at an anchor it was attached to (or, when it is nowhere, at its egress)."""
        last = trail.nodes[-1]
        anchors = {self._world.deployment.anchor_at(access) for access in mobile.visited}
        if last in mobile.visited | anchors or last == mobile.subscriber.home_of(prefix):
            return
        if not mobile.links and last in self._egresses_of(mobile):
            return
        way = " ".join(trail.nodes)
        self._violated("no blackhole", f"{prefix} redirected by {trail.ingress}: {way}, then lost")

    def _egresses_of(self, mobile: SimulatedMobileNode) -> set[NodeId]:
        deployment = self._world.deployment
        plans = (deployment.nodes[deployment.anchor_at(access)] for access in mobile.visited)
        return {plan.egress.node for plan in plans if plan.egress is not None}

    def _trail(self, source: NodeId, prefix: HomePrefix, flow: FlowRule | None = None) -> Trail:
        address = self._world.data_plane.address_of(source, ipv6=prefix.is_ipv6)
        return self._world.trail(source, _sample(address, _host_in(prefix), flow))

    # When all is quiet

    def judge_quiet(self) -> None:
        """Truth, return and nothing left over, after messages have stopped."""
        places = [self._place(mobile) for mobile in self._world.mobile_nodes.values()]
        alive = {name: node for name, node in self._world.nodes.items() if node.alive}
        kernels = {name: node.kernel for name, node in alive.items()}
        plans = self._world.deployment
        items = {name: list(kernel.items()) for name, kernel in kernels.items()}
        routes = self._world.announcements.moved_prefixes()
        needless = needless_routes(plans, places, routes)
        for text in (*leftovers(plans, places, items), *needless):
            self._violated("nothing left over", text)
        for text in missing(plans, places, kernels):
            if text.partition(":")[0] in alive:
                self._violated("truth", f"missing: {text}")
        for place in places:
            if place.access is not None:
                mobile = self._world.mobile_nodes[place.subscriber.mobile_node]
                self._reachable(mobile)
                # Of two links a mobile node without a client sends over the one in use.
                self._heard(mobile, place.access if mobile.client is None else mobile.default_route)

    def _place(self, mobile: SimulatedMobileNode) -> Place:
        """Where a mobile node counts as attached: of several links up, the one in use."""
        if mobile.has_released or not mobile.links:
            return Place(mobile.subscriber, None)
        for prefix in mobile.subscriber.prefixes[:1]:
            for source in self._sources:
                last = self._trail(source, prefix).nodes[-1]
                if last in mobile.links:
                    return Place(mobile.subscriber, last, tuple(mobile.links))
        return Place(mobile.subscriber, mobile.anchor, tuple(mobile.links))

    def _reachable(self, mobile: SimulatedMobileNode) -> None:
        for prefix in mobile.subscriber.prefixes:
            ways = [(source, flow) for source in self._sources for flow in self._samples[prefix]]
            for source, flow in ways:
                trail = self._trail(source, prefix, flow)
                if trail.fate is not Fate.DELIVERED or trail.nodes[-1] not in mobile.links:
                    way = " ".join(trail.nodes)
                    why = trail.why or "link down"
                    what = f"{prefix} unreachable from {source} {flow or ''}".rstrip()
                    self._violated("truth", f"{what}: {way}, {why}")

    def _heard(self, mobile: SimulatedMobileNode, anchor: NodeId | None) -> None:
        """What the mobile node sends over an anchor arrives, source filters or not."""
        if anchor is None:
            self._violated("truth", f"{mobile.name} has links and no default route")
            return
        for prefix in mobile.subscriber.prefixes:
            for source in self._sources:
                address = self._world.data_plane.address_of(source, ipv6=prefix.is_ipv6)
                packet = Packet(_host_in(prefix), address)
                sent = mobile.sent(packet) if mobile.client is not None else (anchor, packet)
                if sent is None:
                    self._violated("truth", f"{mobile.name} has no way for packets of {prefix}")
                    continue
                trail = self._world.trail(*sent, from_access=True)
                if trail.fate is not Fate.ARRIVED:
                    way = " ".join(trail.nodes)
                    text = f"{source} does not hear {prefix}: {way}, {trail.why}"
                    self._violated("truth", text)


def _host_in(prefix: HomePrefix) -> bytes:
    """An address of the prefix, packed."""
    network = int.from_bytes(prefix.network, "big") + (0 if prefix.is_host else 1)
    return network.to_bytes(len(prefix.network), "big")


def _sample(source: bytes, destination: bytes, flow: FlowRule | None) -> Packet:
    """A packet of a flow, as far as its sender can send it; without one, of no flow by name."""
    if flow is None:
        return Packet(source, destination)
    return Packet(
        source,
        destination,
        protocol=flow.protocol,
        source_port=flow.source_ports.first,
        destination_port=flow.destination_ports.first,
    )
