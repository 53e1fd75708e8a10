"""From a deployment to one node's Mobile IPv6: a home agent, a mobile node, or a correspondent."""

from collections.abc import Iterable, Mapping
from ipaddress import IPv6Address

from opendmm.bindings.mipv6.config import HomeProfile, MipConfig
from opendmm.bindings.mobility.association import SharedKey
from opendmm.constellation.deployment import Deployment, SubscriberPlan
from opendmm.model.addressing import HomePrefix, Locator
from opendmm.model.identity import FunctionalEntity, MobileNodeId, NodeId

SPI = 256
"""The first that RFC 4285 §5.1 leaves free; two nodes share one association."""


def mip_config(
    deployment: Deployment, node: NodeId, shared_keys: Mapping[NodeId, bytes]
) -> MipConfig:
    """What `node` is told: a network element's name, or a mobile node's identifier."""
    agents = {
        name: _address(plan.locator)
        for name, plan in deployment.nodes.items()
        if FunctionalEntity.FE_MA_C in plan.entities
    }
    subscribers = deployment.subscribers
    mobile_node = MobileNodeId(node) if MobileNodeId(node) in subscribers else None
    others = {NodeId(name) for name in subscribers} if mobile_node is None else set(agents)
    return MipConfig(
        node=node,
        address=None if mobile_node is not None else _address(deployment.nodes[node].locator),
        mobile_node=mobile_node,
        agents=agents,
        nodes={name: address for name, address in agents.items() if name != node},
        associations={
            peer: SharedKey(peer=peer, spi=SPI, key=key)
            for peer, key in shared_keys.items()
            if peer in others
        },
        profiles={
            name: _profile(deployment, plan, node)
            for name, plan in subscribers.items()
            if plan.client and (mobile_node is None or name == mobile_node)
        },
        home_links={
            name: plan.name if mobile_node is None else str(plan.home)
            for name, plan in subscribers.items()
            if plan.home in plan.access
            and (name == mobile_node or node in (plan.home, *plan.homes))
        },
        lifetime=deployment.timers.lifetime,
        route_optimisation=deployment.mipv6.route_optimisation,
        correspondent=node in deployment.correspondents,
    )


def _profile(deployment: Deployment, plan: SubscriberPlan, node: NodeId) -> HomeProfile:
    """As the mobile node knows it, or, of several homes, as one of them does."""
    homes = {home: _addresses(prefixes) for home, prefixes in plan.homes.items()}
    if node in homes:
        return HomeProfile(home_addresses=homes[node], agents=frozenset({node}))
    return HomeProfile(
        home_addresses=_addresses(plan.prefixes), agents=deployment.agents_of(plan), homes=homes
    )


def _addresses(prefixes: Iterable[HomePrefix]) -> tuple[IPv6Address, ...]:
    return tuple(IPv6Address(prefix.network) for prefix in prefixes)


def _address(locator: Locator) -> IPv6Address:
    return IPv6Address(locator.address)
