"""What one daemon is in its deployment: a network element, a correspondent, or a mobile node.

Everything that differs between the two is decided here, once; the daemon runs a role.
"""

from collections.abc import Callable, Mapping
from ipaddress import IPv6Address

import msgspec

from opendmm.authority.authority import Authority, MobileNodeCredential
from opendmm.bindings.carried import Carried
from opendmm.constellation.assembly import host_for, host_for_mobile_node, peers_of
from opendmm.constellation.deployment import Deployment, SubscriberPlan
from opendmm.entities.host import EntityHost
from opendmm.forwarding.contract import ForwardingDriver
from opendmm.forwarding.kernel.config import NodeForwardingConfig
from opendmm.forwarding.kernel.driver import KernelForwarding
from opendmm.forwarding.memory import MemoryForwarding
from opendmm.model.addressing import Egress, HomePrefix
from opendmm.model.identity import FunctionalEntity, MobileNodeId, NodeId
from opendmm.node.attachment.access import AccessDetection, Subscriber
from opendmm.node.attachment.own_links import OwnLink, OwnLinks
from opendmm.node.attachment.watch import Detection
from opendmm.node.mobile_node_forwarding import MobileNodeForwarding
from opendmm.reference_points.catalogue import Envelope
from opendmm.reference_points.r_ic import PolicyMode

FE = FunctionalEntity


class UnknownNodeError(Exception):
    """The constellation has no such node; the message names those it has."""


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """What a daemon runs.

    `first_packets` are the prefixes whose first packets FE_I wants to be told of (pull mode).
    `carried` says as what a message leaves the node, for people.
    `advertised`: how long prefixes advertised on access links are valid, in seconds.
    `mobile`: a mobile node. Nobody dials it, for it comes and goes, and what it finds in its
    kernel at a start stays until an anchor has spoken.
    """

    name: NodeId
    entities: tuple[FunctionalEntity, ...]
    build: Callable[[], EntityHost]
    driver: Callable[[], ForwardingDriver]
    detection: Callable[[], Detection] | None
    first_packets: tuple[HomePrefix, ...]
    advertised: float | None
    peers: frozenset[NodeId]
    owners: Mapping[HomePrefix, MobileNodeId]
    carried: Callable[[Envelope], str]
    mobile: bool


def network_element(deployment: Deployment, node: NodeId, authority: Authority) -> Role:
    """A node of the network. Raises UnknownNodeError."""
    plan = deployment.nodes.get(node)
    if plan is None:
        known = ", ".join(sorted(deployment.nodes))
        raise UnknownNodeError(
            f"constellation {deployment.name} has no node {node}; it has {known}"
        )
    config = forwarding_config(deployment, node)
    watches = FE.FE_MU_C in plan.entities
    return Role(
        name=node,
        entities=plan.entities,
        build=lambda: host_for(deployment, node, authority),
        driver=lambda: KernelForwarding(config),
        detection=(lambda: AccessDetection(_subscribers(deployment, node))) if watches else None,
        first_packets=_first_packets(deployment, node),
        advertised=deployment.timers.lifetime if watches else None,
        peers=frozenset(peers_of(deployment, node)),
        owners=_owners(deployment),
        carried=Carried(deployment.bindings, deployment.subscribers),
        mobile=False,
    )


def correspondent(deployment: Deployment, node: NodeId) -> Role:
    """A host that takes part in route optimisation (RFC 6275 §9): no entity, no rules."""
    return Role(
        name=node,
        entities=(),
        build=lambda: EntityHost(node, []),
        driver=lambda: MemoryForwarding({}),
        detection=None,
        first_packets=(),
        advertised=None,
        peers=frozenset(),
        owners=_owners(deployment),
        carried=Carried(deployment.bindings, deployment.subscribers),
        mobile=False,
    )


def subscriber(deployment: Deployment, name: str) -> SubscriberPlan:
    """A mobile node by its name or identifier. Raises UnknownNodeError."""
    for profile in deployment.subscribers.values():
        if name in (profile.name, profile.mobile_node):
            return profile
    known = ", ".join(sorted(s.name for s in deployment.subscribers.values())) or "none"
    raise UnknownNodeError(
        f"constellation {deployment.name} has no mobile node {name}; it has {known}"
    )


def mobile_node(
    deployment: Deployment, profile: SubscriberPlan, credential: MobileNodeCredential
) -> Role:
    """A mobile node that runs its own client."""
    identity = profile.mobile_node
    return Role(
        name=NodeId(identity),
        entities=(FE.FE_MU_C,),
        build=lambda: host_for_mobile_node(deployment, identity, credential),
        driver=lambda: _mobile_node_forwarding(deployment, profile),
        detection=lambda: OwnLinks(identity, _own_links(deployment, profile)),
        first_packets=(),
        advertised=None,
        peers=frozenset(),
        owners=_owners(deployment),
        carried=Carried(deployment.bindings, deployment.subscribers),
        mobile=True,
    )


def _mobile_node_forwarding(
    deployment: Deployment, profile: SubscriberPlan
) -> MobileNodeForwarding:
    if not profile.care_of:
        return MobileNodeForwarding()
    return MobileNodeForwarding(
        [IPv6Address(p.network) for p in profile.prefixes if p.is_ipv6 and p.is_host],
        [
            IPv6Address(deployment.nodes[agent].locator.address)
            for agent in deployment.agents_of(profile)
        ],
    )


def _own_links(deployment: Deployment, profile: SubscriberPlan) -> dict[str, OwnLink]:
    return {
        access: OwnLink(deployment.anchor_at(access), access in profile.care_of)
        for access in profile.access
    }


def forwarding_config(deployment: Deployment, node: NodeId) -> NodeForwardingConfig:
    """A node's place in the forwarding plane."""
    plan = deployment.nodes[node]
    ends = {*deployment.gateways_of(node), deployment.anchor_at(node)}
    return NodeForwardingConfig(
        node=node,
        locator=plan.locator,
        means=deployment.means,
        egresses=tuple(
            Egress(name, other.locator)
            for name, other in deployment.nodes.items()
            if FE.FE_E in other.entities or name in ends
        ),
        anchors=tuple(
            other.locator for other in deployment.nodes.values() if FE.FE_MA_C in other.entities
        ),
        access_interfaces=tuple(
            s.name for s in deployment.subscribers.values() if node in s.access
        ),
        pools=plan.pools,
        redirected=_redirected(deployment, node),
        source_filter=plan.source_filter,
        flows=deployment.flows,
        guests=FE.FE_MA_C in plan.entities
        and any(s.care_of for s in deployment.subscribers.values()),
        core_mtu=deployment.core_mtu,
        access_mtu=deployment.access_mtu,
    )


def _redirected(deployment: Deployment, node: NodeId) -> tuple[HomePrefix, ...]:
    if node not in deployment.ingresses:
        return ()
    pools = (pool for plan in deployment.nodes.values() for pool in plan.pools)
    return (*pools, *deployment.foreign_eids)


def _subscribers(deployment: Deployment, node: NodeId) -> list[Subscriber]:
    return [
        Subscriber(s.name, s.mobile_node, s.link_layer_ids.get(node, b""))
        for s in deployment.subscribers.values()
        if node in s.access
    ]


def _first_packets(deployment: Deployment, node: NodeId) -> tuple[HomePrefix, ...]:
    ingress = deployment.ingresses.get(node)
    if ingress is None:
        return ()
    if ingress.mode is not PolicyMode.PULL:
        return deployment.foreign_eids
    pools = (pool for plan in deployment.nodes.values() for pool in plan.pools)
    return (*(ingress.groups or pools), *deployment.foreign_eids)


def _owners(deployment: Deployment) -> dict[HomePrefix, MobileNodeId]:
    return {
        prefix: subscriber.mobile_node
        for subscriber in deployment.subscribers.values()
        for prefix in subscriber.prefixes
    }
