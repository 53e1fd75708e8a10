"""What is to be drawn: nodes with their entities, and the nets of lines that join them.

A net joins all entities that share a reference point across nodes, as one tree with one label:
seven reference points stay seven lines, however many anchors there are.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum

import msgspec

from opendmm.constellation.assembly import ingress_controllers
from opendmm.constellation.bgp import announces, forwarders
from opendmm.constellation.deployment import Deployment, SubscriberPlan
from opendmm.constellation.file import RouterSoftware, UplinkMode
from opendmm.model.identity import FunctionalEntity, NodeId
from opendmm.reference_points.catalogue import CATALOGUE, ReferencePointName

FE = FunctionalEntity
MANY = 6
"""Of more mobile nodes those that are alike share a box."""


SOFTWARE = {
    RouterSoftware.FRR: "FRR",
    RouterSoftware.BIRD: "BIRD",
    RouterSoftware.GOBGP: "GoBGP",
}


class Kind(StrEnum):
    """What a line stands for; decides colour and style."""

    LINK = "link"
    ACCESS = "access"
    REDIRECTION = "redirection"
    CONTROL = "control"


class Tier(StrEnum):
    """From top to bottom."""

    CORRESPONDENTS = "correspondents"
    NETWORK = "network"
    ANCHORS = "anchors"
    GATEWAYS = "gateways"
    MOBILE_NODES = "mobile nodes"


class SceneNode(msgspec.Struct, frozen=True):
    """A box: its name, small lines of text under it, and the entities inside."""

    name: str
    tier: Tier
    entities: tuple[FunctionalEntity, ...]
    details: tuple[str, ...] = ()
    inside: tuple[ReferencePointName, ...] = ()
    """Reference points between entities of this node; named in the box, not drawn."""


class End(msgspec.Struct, frozen=True, order=True):
    """Where a line ends: at an entity of a node, or at the node itself ("")."""

    node: str
    entity: str = ""


class Net(msgspec.Struct, frozen=True):
    """One tree of lines; arrows at `heads`."""

    kind: Kind
    ends: tuple[End, ...]
    label: str = ""
    heads: tuple[End, ...] = ()


class Scene(msgspec.Struct, frozen=True):
    title: str
    description: str
    nodes: tuple[SceneNode, ...]
    nets: tuple[Net, ...]


def scene_of(deployment: Deployment) -> Scene:
    """Everything of a deployment that the picture shows."""
    nodes = [*_network_nodes(deployment), *_mobile_nodes(deployment)]
    nets = [
        *_links(deployment),
        *_redirections(deployment),
        *_accesses(deployment),
        *_reference_points(deployment),
    ]
    return Scene(deployment.name, deployment.description, tuple(nodes), tuple(nets))


# Nodes


def _network_nodes(deployment: Deployment) -> Iterator[SceneNode]:
    for name, plan in deployment.nodes.items():
        tier = Tier.NETWORK
        if not plan.entities:
            tier = Tier.CORRESPONDENTS
        elif FE.FE_MA_C in plan.entities:
            tier = Tier.ANCHORS
        elif plan.anchor is not None:
            tier = Tier.GATEWAYS
        details = [str(pool) for pool in plan.pools]
        if plan.router is not None:
            details.append(SOFTWARE[plan.router])
        if name in deployment.bgp.reflectors:
            details.append("route reflector")
        if plan.anchor not in (None, name):
            details.append(f"registers with {plan.anchor}")
        if plan.source_filter:
            details.append("source filter")
        controller = deployment.controllers.get(name)
        if controller is not None and controller.standby_for is not None:
            details.append(f"standby for {controller.standby_for}")
        entities = _entities(deployment, name)
        yield SceneNode(name, tier, entities, tuple(details), _inside(plan.entities))


def _entities(deployment: Deployment, node: NodeId) -> tuple[FunctionalEntity, ...]:
    """In a router that is told of moves iBGP is a member of the distributed FE_IEC; one that
    forwards is FE_E and FE_I, too (draft Figure 5)."""
    plan = deployment.nodes[node]
    if plan.router is None or not announces(deployment):
        return plan.entities
    forwards = (FE.FE_E, FE.FE_I) if node in forwarders(deployment) else ()
    return (*plan.entities, *forwards, FE.FE_IEC)


def _mobile_nodes(deployment: Deployment) -> Iterator[SceneNode]:
    for name, (subscriber, *others) in _alike(deployment).items():
        entities = (FE.FE_MU_C, FE.FE_MU_U) if subscriber.client else (FE.FE_MU_U,)
        details = [str(prefix) for prefix in subscriber.prefixes]
        if others:
            details = [f"{len(others) + 1} mobile nodes"]
        details.append(f"home {subscriber.home}")
        yield SceneNode(name, Tier.MOBILE_NODES, entities, tuple(details))


def _alike(deployment: Deployment) -> dict[str, list[SubscriberPlan]]:
    """Mobile nodes by the name of their box: one each, or many that differ in nothing drawn."""
    subscribers = list(deployment.subscribers.values())
    if len(subscribers) <= MANY:
        return {one.name: [one] for one in subscribers}
    groups: dict[object, list[SubscriberPlan]] = {}
    for one in subscribers:
        drawn = (one.home, one.access, one.client, one.access_delay)
        groups.setdefault(drawn, []).append(one)
    return {_together(group): group for group in groups.values()}


def _together(group: list[SubscriberPlan]) -> str:
    return group[0].name if len(group) == 1 else f"{group[0].name} … {group[-1].name}"


def _inside(entities: tuple[FunctionalEntity, ...]) -> tuple[ReferencePointName, ...]:
    return tuple(
        name
        for name, point in CATALOGUE.items()
        if point.ends[0] != point.ends[1] and set(point.ends) <= set(entities)
    )


# The data plane


def _links(deployment: Deployment) -> Iterator[Net]:
    for link in deployment.links:
        ends = tuple(End(end.node) for end in link.ends)
        yield Net(Kind.LINK, ends, _milliseconds(link.delay))


def _milliseconds(delay: float) -> str:
    return f"{delay * 1000:g} ms" if delay else ""


def _redirections(deployment: Deployment) -> Iterator[Net]:
    """From every ingress to every egress of an anchor."""
    used = {plan.egress.node for plan in deployment.nodes.values() if plan.egress}
    starts = [End(node, FE.FE_I) for node in deployment.ingresses]
    heads = [End(node, FE.FE_E) for node in deployment.nodes if node in used]
    if deployment.uplink is UplinkMode.TUNNEL:
        heads += [
            End(node, FE.FE_E)
            for node in deployment.ingresses
            if node not in used and FE.FE_E in deployment.nodes[node].entities
        ]
    if len({end.node for end in (*starts, *heads)}) > 1 and starts and heads:
        yield Net(Kind.REDIRECTION, (*starts, *heads), deployment.means, tuple(heads))


def _accesses(deployment: Deployment) -> Iterator[Net]:
    for name, (subscriber, *_) in _alike(deployment).items():
        ends = (End(name), *(End(anchor) for anchor in subscriber.access))
        yield Net(Kind.ACCESS, ends, _milliseconds(subscriber.access_delay))


# The control plane


def _reference_points(deployment: Deployment) -> Iterator[Net]:
    for name, pairs in (
        (ReferencePointName.R_XX, _among(deployment, FE.FE_MCTX)),
        (_between_controllers(deployment), _among(deployment, FE.FE_IEC)),
        (ReferencePointName.R_IC, _policies(deployment)),
        (ReferencePointName.R_EC, _deliveries(deployment)),
        (ReferencePointName.R_XC, _locations(deployment)),
        (ReferencePointName.R_XU, _notifications(deployment)),
    ):
        across = {end for pair in pairs if pair[0].node != pair[1].node for end in pair}
        if across:
            yield Net(Kind.CONTROL, tuple(sorted(across)), name)


Pairs = Iterable[tuple[End, End]]


def _between_controllers(deployment: Deployment) -> str:
    both = (ReferencePointName.R_II, ReferencePointName.R_IC)
    return f"{' '.join(both)} by iBGP" if announces(deployment) else ReferencePointName.R_II


def _hosting(deployment: Deployment, entity: FunctionalEntity) -> list[NodeId]:
    return [name for name, plan in deployment.nodes.items() if entity in plan.entities]


def _among(deployment: Deployment, entity: FunctionalEntity) -> Pairs:
    hosts = [name for name in deployment.nodes if entity in _entities(deployment, name)]
    return [(End(a, entity), End(b, entity)) for a in hosts for b in hosts if a < b]


def _policies(deployment: Deployment) -> Pairs:
    return [
        (End(controller, FE.FE_IEC), End(ingress, FE.FE_I))
        for ingress in deployment.ingresses
        for controller in ingress_controllers(deployment, ingress)
    ]


def _deliveries(deployment: Deployment) -> Pairs:
    return [
        (End(controller, FE.FE_IEC), End(egress, FE.FE_E))
        for egress in _hosting(deployment, FE.FE_E)
        for controller in _nearest(deployment, egress)
    ]


def _locations(deployment: Deployment) -> Pairs:
    return [
        (End(anchor, FE.FE_MCTX), End(controller, FE.FE_IEC))
        for anchor in _hosting(deployment, FE.FE_MCTX)
        for controller in _nearest(deployment, anchor)
    ]


def _nearest(deployment: Deployment, node: NodeId) -> list[NodeId]:
    """A node's own FE_IEC alone, where there is one; else all that it may turn to."""
    plan = deployment.nodes[node]
    return [node] if FE.FE_IEC in plan.entities else list(plan.controllers)


def _notifications(deployment: Deployment) -> Pairs:
    return [
        (End(name, FE.FE_MU_C), End(deployment.anchor_at(node), FE.FE_MCTX))
        for name, (subscriber, *_) in _alike(deployment).items()
        if subscriber.client
        for node in subscriber.access
    ] + [
        (End(node, FE.FE_MU_C), End(deployment.anchor_at(node), FE.FE_MCTX))
        for node in _hosting(deployment, FE.FE_MU_C)
        if deployment.anchor_at(node) != node
    ]
