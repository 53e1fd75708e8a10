"""A constellation with every value resolved: addresses allocated, controllers chosen.

`deployment(file)` is what daemons, lab and simulator start from. Pure; the same file
always gives the same result.
"""

import msgspec

from opendmm.constellation.file import (
    BgpSection,
    BindingName,
    DatabaseMode,
    LispSection,
    Means,
    Mipv6Section,
    MobilityHeaderSecurity,
    ProofMode,
    Rfc8885Section,
    RouterSoftware,
    ScenarioSection,
    UplinkMode,
)
from opendmm.model.addressing import Egress, HomePrefix, Locator
from opendmm.model.flow import FlowRule, FlowSelection, selected
from opendmm.model.identity import FunctionalEntity, MobileNodeId, NodeId
from opendmm.reference_points.catalogue import ReferencePointName
from opendmm.reference_points.r_ic import PolicyMode

FE_MU_C = FunctionalEntity.FE_MU_C


class Timers(msgspec.Struct, frozen=True):
    """All in seconds."""

    lifetime: float
    drain: float
    retransmit: float
    peer_timeout: float


class InterfaceAddress(msgspec.Struct, frozen=True):
    """An end of a core link: the interface's name on its node and its addresses."""

    node: NodeId
    interface: str
    ipv6: str
    """Address with length, e.g. "2001:db8:f:1::1/64"."""
    ipv4: str


class CoreLink(msgspec.Struct, frozen=True):
    """A link between two nodes; delay in seconds one way, rate in bit/s (0: unlimited)."""

    ends: tuple[InterfaceAddress, InterfaceAddress]
    delay: float
    rate: float
    loss: float
    cost: int


class IngressPlan(msgspec.Struct, frozen=True):
    """How one FE_I subscribes, and to which FE_IEC instances (first choice first)."""

    node: NodeId
    mode: PolicyMode
    groups: tuple[HomePrefix, ...]
    controllers: tuple[NodeId, ...]
    flows: tuple[FlowSelection, ...] = ()

    def flows_of(self, subscriber: "SubscriberPlan") -> tuple[FlowRule, ...]:
        """What it redirects of a mobile node; empty: everything."""
        return selected(self.flows, subscriber.mobile_node, subscriber.prefixes)


class ControllerPlan(msgspec.Struct, frozen=True):
    """What one FE_IEC instance is responsible for; `serves` empty means everything."""

    node: NodeId
    serves: tuple[HomePrefix, ...]
    standby_for: NodeId | None
    standby: NodeId | None
    """The instance that stands by for this one."""


class NodePlan(msgspec.Struct, frozen=True, kw_only=True):
    """A network element, resolved."""

    name: NodeId
    entities: tuple[FunctionalEntity, ...]
    pools: tuple[HomePrefix, ...]
    locator: Locator
    """Its own address (a /128 on loopback, inside `egress_block`)."""
    ipv4: str
    """Its own IPv4 address (a /32 on loopback)."""
    egress_block: str
    """The /64 routed to it; SRv6 SIDs and tunnel ends come out of it."""
    controllers: tuple[NodeId, ...]
    """FE_IEC instances for its FE_MCTX, FE_I and FE_E, first choice first."""
    anchor: NodeId | None
    """Where mobile nodes on its access links are anchored: itself, for a mobile access gateway
    the anchor that it registers them with, for an access router the one they register with."""
    egress: Egress | None
    """The FE_E in its network (its own, or the one it sits behind); None when it is no anchor."""
    source_filter: bool
    router: RouterSoftware | None = None
    """The software of a router that is not ours."""


class SubscriberPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A mobile node's profile, as every anchor has it (RFC 5213 §6.2)."""

    name: str
    mobile_node: MobileNodeId
    home: NodeId
    prefixes: tuple[HomePrefix, ...]
    client: bool
    simultaneous: bool
    access: tuple[NodeId, ...]
    access_delay: float
    link_layer_ids: dict[NodeId, bytes]
    """Of its interface towards each node of `access`."""
    autoconfigured: bool = False
    """It is a plain host: what it is told in Router Advertisements is all it knows."""
    gateways: frozenset[NodeId] = frozenset()
    """Those of `access` that are mobile access gateways: to it they are one and the same router
    (RFC 6543)."""
    care_of: dict[NodeId, Locator] = {}
    """Its address on links of those nodes of `access` that are not its home anchor, where it
    registers it with an anchor by itself (RFC 6275). With several homes, on all links."""
    homes: dict[NodeId, tuple[HomePrefix, ...]] = {}
    """With several homes: all of them, and its addresses there. Its prefixes then stay with the
    anchors they belong to, wherever it is."""

    def home_of(self, prefix: HomePrefix) -> NodeId:
        """Which of its homes a prefix belongs to."""
        return next((home for home, mine in self.homes.items() if prefix in mine), self.home)

    def address(self, home: NodeId | None, *, ipv6: bool) -> HomePrefix | None:
        """Its first prefix of a family, of one home if that is named; None when it has none."""
        prefixes = self.prefixes if home is None else self.homes.get(home, self.prefixes)
        return next((prefix for prefix in prefixes if prefix.is_ipv6 == ipv6), None)

    def makes_address_of(self, prefix: HomePrefix) -> bool:
        """Whether the mobile node makes an address of a prefix by itself when it is told of
        it on a link (RFC 4862). Other addresses it has from the beginning, by configuration."""
        return self.autoconfigured and prefix.is_autonomous


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """The whole constellation, resolved."""

    name: str
    description: str
    nodes: dict[NodeId, NodePlan]
    links: tuple[CoreLink, ...]
    ingresses: dict[NodeId, IngressPlan]
    controllers: dict[NodeId, ControllerPlan]
    subscribers: dict[MobileNodeId, SubscriberPlan]
    bindings: dict[ReferencePointName, BindingName]
    """What carries each reference point between nodes."""
    means: Means
    uplink: UplinkMode
    core_mtu: int
    access_mtu: int
    attachment_proof: ProofMode
    delegation: bool
    delegation_proof: ProofMode = ProofMode.MOBILE_NODE
    rfc8885: Rfc8885Section = Rfc8885Section()
    lisp: LispSection = LispSection()
    mipv6: Mipv6Section = Mipv6Section()
    mobility_headers: MobilityHeaderSecurity = MobilityHeaderSecurity.AUTHENTICATION_OPTION
    bgp: BgpSection = BgpSection()
    material: str
    timers: Timers
    scenario: ScenarioSection | None

    @property
    def pools(self) -> tuple[HomePrefix, ...]:
        """Of all anchors."""
        return tuple(pool for plan in self.nodes.values() for pool in plan.pools)

    @property
    def correspondents(self) -> tuple[NodeId, ...]:
        """Hosts that take part in route optimisation (RFC 6275 §9)."""
        if not self.mipv6.route_optimisation:
            return ()
        return tuple(name for name, plan in self.nodes.items() if not plan.entities)

    @property
    def proxied(self) -> bool:
        """Whether FE_IEC grants in the home anchors' place also while these are alive."""
        by_proxy = self.rfc8885.mode is DatabaseMode.PROXY
        return by_proxy and BindingName.RFC8885 in self.bindings.values()

    def anchor_at(self, access: NodeId) -> NodeId:
        """The anchor of mobile nodes attached at a node: itself, unless that is a gateway or an
        access router."""
        return self.nodes[access].anchor or access

    def anchor_of(self, plan: SubscriberPlan, prefix: HomePrefix, access: NodeId) -> NodeId:
        """The anchor of a mobile node's prefix while it is attached at a node."""
        return plan.home_of(prefix) if plan.homes else self.anchor_at(access)

    def agents_of(self, plan: SubscriberPlan) -> frozenset[NodeId]:
        """The anchors that may ever serve a mobile node."""
        if plan.homes:
            return frozenset(plan.homes)
        return frozenset(self.anchor_at(access) for access in (plan.home, *plan.access))

    def anchor_during(self, plan: SubscriberPlan, access: NodeId) -> NodeId:
        """The anchor that a mobile node's moves are told of by: of its first prefix."""
        return self.anchor_of(plan, plan.prefixes[0], access)

    def home_of(self, address: bytes) -> NodeId | None:
        """Which anchor an address belongs to, by the longest pool; None when to none."""
        one = HomePrefix(address, len(address) * 8)
        covering = [
            (pool.length, name)
            for name, plan in self.nodes.items()
            for pool in plan.pools
            if pool.covers(one)
        ]
        return max(covering)[1] if covering else None

    def gateways_of(self, anchor: NodeId) -> dict[NodeId, Locator]:
        """The mobile access gateways that register with an anchor, and their Proxy-CoA."""
        return {
            name: plan.locator
            for name, plan in self.nodes.items()
            if plan.anchor == anchor and name != anchor and FE_MU_C in plan.entities
        }

    @property
    def foreign_eids(self) -> tuple[HomePrefix, ...]:
        """EIDs that ingresses ask Map-Resolvers of other makes about."""
        return tuple(map(HomePrefix.parse, self.lisp.eid_prefixes))

    @property
    def flows(self) -> tuple[FlowRule, ...]:
        """Every flow that any ingress redirects by itself."""
        named = (one.rule for ingress in self.ingresses.values() for one in ingress.flows)
        return tuple(dict.fromkeys(named))
