"""Who speaks iBGP in a deployment, with whom, and what each may announce.

Speakers are the routers that are not ours and all anchors; sessions lead from locator to
locator (IPv6 routes) and between the nodes' IPv4 addresses (IPv4 routes). Anchors originate,
routers only pass on. What a neighbour may announce follows from the file: an anchor its own
pools, and prefixes out of pools that mobile nodes bring along to it; a reflector what all
anchors together may; nobody else anything.
"""

import msgspec

from opendmm.constellation.deployment import Deployment
from opendmm.constellation.file import BindingName, RouterSoftware
from opendmm.constellation.topology import NoRouteError, Topology
from opendmm.model.addressing import HomePrefix, Locator
from opendmm.model.identity import FunctionalEntity, NodeId
from opendmm.model.rules import EVERYWHERE
from opendmm.reference_points.catalogue import ReferencePointName

ANCHOR_SOFTWARE = RouterSoftware.BIRD
"""What speaks BGP beside an anchor of ours: it can learn routes by protocol number and turn
their metric into attributes."""

FOLLOWS = {RouterSoftware.BIRD: 0.03, RouterSoftware.FRR: 0.15}
"""Seconds from an announcement to its route in the kernel, with a margin: BIRD takes 1 ms, FRR's
bgpd holds updates back for 50 ms, and its zebra up to 10 ms."""


class Announcements(msgspec.Struct, frozen=True):
    """What a neighbour may announce."""

    pools: tuple[HomePrefix, ...] = ()
    """Exactly these."""
    moved: tuple[HomePrefix, ...] = ()
    """Longer prefixes out of these, marked as moved."""


class Neighbour(msgspec.Struct, frozen=True, kw_only=True):
    """The far end of a session, as one speaker sees it."""

    node: NodeId
    locator: Locator
    ipv4: str
    hops: int
    """Links that packets between the two pass, at most."""
    client: bool
    """The speaker reflects to it what others announce (RFC 4456)."""
    may_announce: Announcements
    ring: int
    """From which ring on an anchor announces moved prefixes to it."""


def speakers(deployment: Deployment) -> dict[NodeId, RouterSoftware]:
    """Every node that speaks BGP and its software, in the order of the file; empty where no
    node is a router that is not ours."""
    if not any(plan.router for plan in deployment.nodes.values()):
        return {}
    return {
        name: plan.router or ANCHOR_SOFTWARE
        for name, plan in deployment.nodes.items()
        if plan.router or _is_anchor(deployment, name) or _is_announcer(deployment, name)
    }


def forwarders(deployment: Deployment) -> frozenset[NodeId]:
    """The speakers whose kernels have what BGP tells them."""
    found = speakers(deployment).items()
    return frozenset(name for name, software in found if software is not RouterSoftware.GOBGP)


def neighbours(deployment: Deployment, node: NodeId) -> tuple[Neighbour, ...]:
    """The sessions of one speaker."""
    reflectors = deployment.bgp.reflectors
    reflecting = node in reflectors
    hops = Topology(deployment).most_hops(node)
    return tuple(
        _neighbour(
            deployment,
            other,
            hops=hops.get(other, 1),
            client=reflecting and other not in reflectors,
            ring=rings(deployment, node).get(other, EVERYWHERE),
        )
        for other in _far_ends(deployment, node)
    )


def session_associations(deployment: Deployment) -> set[tuple[NodeId, NodeId]]:
    """Which speakers need a key between them, by name: those that have sessions."""
    return {
        (min(node, other), max(node, other))
        for node in speakers(deployment)
        for other in _far_ends(deployment, node)
    }


def _far_ends(deployment: Deployment, node: NodeId) -> tuple[NodeId, ...]:
    reflectors = deployment.bgp.reflectors
    everyone = node in reflectors or not reflectors
    told = rings(deployment, node)
    return tuple(
        other
        for other in speakers(deployment)
        if other != node
        and (everyone or other in reflectors or other in told or node in rings(deployment, other))
    )


def _neighbour(
    deployment: Deployment, node: NodeId, *, hops: int, client: bool, ring: int
) -> Neighbour:
    plan = deployment.nodes[node]
    return Neighbour(
        node=node,
        locator=plan.locator,
        ipv4=plan.ipv4,
        hops=hops,
        client=client,
        may_announce=announcements(deployment, node),
        ring=ring,
    )


def rings(deployment: Deployment, anchor: NodeId) -> dict[NodeId, int]:
    """The routers that an anchor tells of moves itself, numbered by their hops to it: one that
    follows a move sends packets to the next of a lower number, which follows it already.
    Empty for what is no anchor; what is too far to be numbered hears from everyone's ring."""
    if not _is_announcer(deployment, anchor):
        return {}
    topology = Topology(deployment)
    routers = [name for name in forwarders(deployment) if deployment.nodes[name].router]
    hops = {router: len(_path(topology, router, anchor)) for router in routers}
    distances = sorted({far for far in hops.values() if far})
    return {
        router: distances.index(far) + 1
        for router, far in sorted(hops.items())
        if far and distances.index(far) + 1 < EVERYWHERE
    }


def _path(topology: Topology, router: NodeId, anchor: NodeId) -> tuple[NodeId, ...]:
    try:
        return topology.path(router, anchor)
    except NoRouteError:
        return ()


def times_to_follow(deployment: Deployment, anchor: NodeId) -> tuple[float, ...]:
    """For each ring, how long its routers may take to follow an announcement, in seconds."""
    topology = Topology(deployment)
    slowest: dict[int, float] = {}
    for router, ring in rings(deployment, anchor).items():
        software = deployment.nodes[router].router or ANCHOR_SOFTWARE
        time = FOLLOWS[software] + topology.delay(anchor, router)
        slowest[ring] = max(slowest.get(ring, 0.0), time)
    return tuple(slowest[ring] for ring in sorted(slowest))


def announcements(deployment: Deployment, node: NodeId) -> Announcements:
    """What a speaker may announce."""
    if deployment.nodes[node].router is None:
        moved = (
            p
            for anchor in _anchors_before(deployment, node)
            for p in _brought_along(deployment, anchor)
        )
        return Announcements(deployment.nodes[node].pools, tuple(dict.fromkeys(moved)))
    if node in deployment.bgp.reflectors:
        everyone = tuple(pool for plan in deployment.nodes.values() for pool in plan.pools)
        return Announcements(everyone, everyone)
    return Announcements()


def _brought_along(deployment: Deployment, anchor: NodeId) -> tuple[HomePrefix, ...]:
    """Pools that prefixes at an anchor can be out of: its own, and those of the homes of mobile
    nodes that can come to it."""
    homes = {
        home
        for subscriber in deployment.subscribers.values()
        if anchor in deployment.agents_of(subscriber)
        for home in (subscriber.homes or (subscriber.home,))
    }
    nodes = deployment.nodes.items()
    return tuple(p for name, plan in nodes if name in {anchor, *homes} for p in plan.pools)


def announces(deployment: Deployment) -> bool:
    """Whether FE_IEC instances announce prefixes to routers, in place of telling FE_I."""
    return deployment.bindings[ReferencePointName.R_IC] is BindingName.BGP


def _anchors_before(deployment: Deployment, node: NodeId) -> list[NodeId]:
    """The anchors for which a node of ours announces what has moved to them: itself, or those
    whose egress it is."""
    if not announces(deployment):
        return [node]
    nodes = deployment.nodes.items()
    return [name for name, plan in nodes if plan.egress is not None and plan.egress.node == node]


def _is_announcer(deployment: Deployment, node: NodeId) -> bool:
    entities = deployment.nodes[node].entities
    return announces(deployment) and FunctionalEntity.FE_IEC in entities


def _is_anchor(deployment: Deployment, node: NodeId) -> bool:
    return FunctionalEntity.FE_MA_C in deployment.nodes[node].entities
