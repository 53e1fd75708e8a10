"""A small deployment and toy entities, to test the runtime itself."""

from opendmm.constellation.deployment import (
    ControllerPlan,
    CoreLink,
    Deployment,
    IngressPlan,
    InterfaceAddress,
    NodePlan,
    SubscriberPlan,
    Timers,
)
from opendmm.constellation.file import BindingName, Means, ProofMode, UplinkMode
from opendmm.entities.effects import (
    CancelTimer,
    Effect,
    Input,
    Install,
    LinkAttached,
    PeerReachable,
    PeerUnreachable,
    Persist,
    Received,
    Send,
    SetTimer,
    Started,
    TimerFired,
)
from opendmm.entities.host import EntityHost
from opendmm.model.addressing import Egress, HomePrefix, Locator
from opendmm.model.identity import EntityAddress, FunctionalEntity, MobileNodeId, NodeId
from opendmm.model.order import MoveOrder, microseconds
from opendmm.model.rules import Access, Rule, RuleKey, Table
from opendmm.reference_points.catalogue import ReferencePointName
from opendmm.reference_points.message import Status
from opendmm.reference_points.r_ic import PolicyMode
from opendmm.reference_points.r_xx import ContextRequest, ContextResponse

FE = FunctionalEntity
CN, R, A, B, C = (NodeId(name) for name in ("cn", "router", "anchor-a", "anchor-b", "control"))
MN = MobileNodeId("mn1@example.org")
HNP = HomePrefix.parse("2001:db8:a:1::/64")
POOL = HomePrefix.parse("2001:db8:a::/48")
LINKS = ((CN, R, 0.001), (R, A, 0.002), (R, B, 0.003), (R, C, 0.004), (A, B, 0.002))
RETRY = 0.2


def node_plan(index: int, name: NodeId) -> NodePlan:
    locator = Locator.parse(f"fd00:d:{index:x}::1")
    anchor = name in (A, B)
    entities: tuple[FunctionalEntity, ...] = ()
    if anchor:
        entities = (FE.FE_MCTX, FE.FE_MA_C, FE.FE_MU_C, FE.FE_E)
    elif name == R:
        entities = (FE.FE_I,)
    elif name == C:
        entities = (FE.FE_IEC,)
    return NodePlan(
        name=name,
        entities=entities,
        pools=(POOL,) if name == A else (),
        locator=locator,
        ipv4=f"10.255.0.{index}",
        egress_block=f"fd00:d:{index:x}::/64",
        controllers=(C,),
        anchor=name if anchor else None,
        egress=Egress(name, locator) if anchor else None,
        source_filter=False,
    )


def end(node: NodeId, other: NodeId) -> InterfaceAddress:
    return InterfaceAddress(node, other, "", "")


def toy_deployment(*, access_delay: float = 0.0) -> Deployment:
    """A cooperative constellation: correspondent, ingress router, two anchors, a controller."""
    subscriber = SubscriberPlan(
        name="mn1",
        mobile_node=MN,
        home=A,
        prefixes=(HNP,),
        client=False,
        simultaneous=False,
        access=(A, B),
        access_delay=access_delay,
        link_layer_ids={A: b"\x02\0\0\0\0\x01", B: b"\x02\0\0\0\0\x02"},
    )
    return Deployment(
        name="toy",
        description="",
        nodes={name: node_plan(i, name) for i, name in enumerate((CN, R, A, B, C), 1)},
        links=tuple(
            CoreLink((end(one, other), end(other, one)), delay, 0.0, 0.0, 1)
            for one, other, delay in LINKS
        ),
        ingresses={R: IngressPlan(R, PolicyMode.PUSH, (), (C,))},
        controllers={C: ControllerPlan(C, (), None, None)},
        subscribers={MN: subscriber},
        bindings=dict.fromkeys(ReferencePointName, BindingName.NATIVE),
        means=Means.SRV6,
        uplink=UplinkMode.DIRECT,
        core_mtu=2000,
        access_mtu=1500,
        attachment_proof=ProofMode.NETWORK,
        delegation=False,
        material="generated",
        timers=Timers(lifetime=300.0, drain=1.0, retransmit=RETRY, peer_timeout=1.0),
        scenario=None,
    )


class Detector:
    """FE_MU_C of a toy anchor: delivers on the link as soon as it is up."""

    kind = FE.FE_MU_C

    def handle(self, event: Input, now: float) -> list[Effect]:
        if not isinstance(event, LinkAttached):
            return []
        order = MoveOrder(1, microseconds(now), A)
        action = Access(event.interface, event.link_layer_id)
        tables = (Table.DOWNLINK, Table.EGRESS)
        return [Install(Rule(RuleKey(table, HNP), action, order)) for table in tables]


class Asker:
    """FE_MCTX of a toy anchor: asks its peer when told to start, until it is answered."""

    kind = FE.FE_MCTX

    def __init__(self, node: NodeId, peer: NodeId | None) -> None:
        self.peers: list[tuple[float, NodeId, bool]] = []
        self.asked = 0
        self.answered_at: float | None = None
        self.restored: dict[str, bytes] = {}
        self._me = EntityAddress(node, FE.FE_MCTX)
        self._peer = EntityAddress(peer, FE.FE_MCTX) if peer else None

    def handle(self, event: Input, now: float) -> list[Effect]:
        match event:
            case Started(facts):
                self.restored = facts
                return [SetTimer("ask", now + 0.5)] if self._peer else []
            case TimerFired("ask") if self._peer:
                request = ContextRequest(
                    mobile_node=MN, home_anchor=A, new_anchor=self._me.node, attached_at=1
                )
                return [Send(self._peer, request), SetTimer("ask", now + RETRY)]
            case Received(sender, ContextRequest()):
                self.asked += 1
                response = ContextResponse(
                    mobile_node=MN, home_anchor=A, attached_at=1, status=Status.ACCEPTED
                )
                return [Persist("asked", str(self.asked).encode()), Send(sender, response)]
            case Received(_, ContextResponse()):
                self.answered_at = now
                return [CancelTimer("ask")]
            case PeerReachable(node):
                self.peers.append((now, node, True))
            case PeerUnreachable(node):
                self.peers.append((now, node, False))
        return []


class ToyHosts:
    """Every anchor asks the other; `built` keeps the latest FE_MCTX of each node."""

    def __init__(self, *, asking: NodeId = B) -> None:
        self.asking = asking
        self.built: dict[NodeId, Asker] = {}

    def host(self, node: NodeId) -> EntityHost:
        if node not in (A, B):
            return EntityHost(node, [])
        peer = {A: B, B: A}[node] if node == self.asking else None
        self.built[node] = Asker(node, peer)
        return EntityHost(node, [self.built[node], Detector()])

    def mobile_host(self, mobile_node: MobileNodeId) -> EntityHost:
        raise NotImplementedError(mobile_node)
