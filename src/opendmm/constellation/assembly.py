"""From a resolved deployment to the entities of one node, ready to be run by any runtime."""

from collections.abc import Callable

from opendmm.authority.authority import Authority, MobileNodeCredential
from opendmm.constellation.bgp import announces, times_to_follow
from opendmm.constellation.deployment import Deployment, NodePlan, SubscriberPlan
from opendmm.constellation.file import BindingName, ProofMode, UplinkMode
from opendmm.constellation.quantities import seconds
from opendmm.entities.effects import Entity
from opendmm.entities.fe_e import FeE
from opendmm.entities.fe_i import FeI
from opendmm.entities.fe_iec import Announcing, ControllerConfig, FeIec, IngressScope
from opendmm.entities.fe_ma_c import FeMaC
from opendmm.entities.fe_mctx import FeMctx, MctxConfig, Profile
from opendmm.entities.fe_mu_c import HostClient, NetworkClient, SeveralHomesClient
from opendmm.entities.fe_mu_c.host import DEFAULT_ROUTES
from opendmm.entities.host import EntityHost
from opendmm.model.addressing import Egress, HomePrefix
from opendmm.model.identity import FunctionalEntity, MobileNodeId, NodeId
from opendmm.reference_points.catalogue import CATALOGUE, ReferencePointName

FE = FunctionalEntity
AT_HAND = frozenset({ReferencePointName.R_XA, ReferencePointName.R_XU})
"""R_XA joins entities of one node, R_XU a gateway and its one anchor."""


def host_for(deployment: Deployment, node: NodeId, authority: Authority) -> EntityHost:
    """The entity host of a network element. Raises KeyError for an unknown node."""
    plan = deployment.nodes[node]
    builders: dict[FunctionalEntity, Callable[[], Entity]] = {
        FE.FE_MA_C: lambda: FeMaC(node, plan.pools, authority, plan.locator),
        FE.FE_MCTX: lambda: FeMctx(_mctx_config(deployment, plan), authority),
        FE.FE_IEC: lambda: FeIec(_controller_config(deployment, node), authority),
        FE.FE_E: lambda: FeE(
            node,
            _controllers_of_egress(deployment, node),
            authority,
            retransmit=deployment.timers.retransmit,
            announced=announces(deployment),
        ),
        FE.FE_MU_C: lambda: _network_client(deployment, node),
    }
    if not announces(deployment):
        # Else the routes of the BGP daemon beside an anchor are its FE_I (draft A.4).
        builders[FE.FE_I] = lambda: _ingress(deployment, node, authority)
    entities: list[Entity] = [build() for kind, build in builders.items() if kind in plan.entities]
    return EntityHost(node, entities)


def host_for_mobile_node(
    deployment: Deployment, mobile_node: MobileNodeId, credential: MobileNodeCredential
) -> EntityHost:
    """The entity host of a mobile node that runs its own client."""
    anchors = {
        name: plan.locator for name, plan in deployment.nodes.items() if FE.FE_MA_C in plan.entities
    }
    retransmit = deployment.timers.retransmit
    homes = deployment.subscribers[mobile_node].homes
    if not homes:
        client = HostClient(mobile_node, credential, retransmit, anchors)
        return EntityHost(NodeId(mobile_node), [client])
    first = next(iter(homes))
    clients = {
        home: HostClient(
            mobile_node,
            credential,
            retransmit,
            anchors,
            DEFAULT_ROUTES if home == first else prefixes,
        )
        for home, prefixes in homes.items()
    }
    return EntityHost(NodeId(mobile_node), [SeveralHomesClient(clients, homes)])


def peers_of(deployment: Deployment, node: NodeId) -> set[NodeId]:
    """The nodes this one speaks to over the native binding, to set sessions up ahead of need."""
    mine = deployment.nodes[node].entities
    native = {
        point.ends
        for name, point in CATALOGUE.items()
        if deployment.bindings[name] is BindingName.NATIVE and name not in AT_HAND
    }
    joined = native | {(other, one) for one, other in native}
    found = {
        name
        for name, plan in deployment.nodes.items()
        if any((one, other) in joined for one in mine for other in plan.entities)
    }
    if deployment.bindings[ReferencePointName.R_XU] is BindingName.NATIVE:
        found |= {*deployment.gateways_of(node), deployment.anchor_at(node)}
    return found - {node}


def ingress_controllers(deployment: Deployment, node: NodeId) -> tuple[NodeId, ...]:
    """The FE_IEC instances an FE_I subscribes to: its own node's alone, where there is one."""
    if FE.FE_IEC in deployment.nodes[node].entities:
        return (node,)
    return deployment.ingresses[node].controllers


def _controllers_of_egress(deployment: Deployment, node: NodeId) -> tuple[NodeId, ...]:
    plan = deployment.nodes[node]
    return (node,) if FE.FE_IEC in plan.entities else plan.controllers


def _ingress(deployment: Deployment, node: NodeId, authority: Authority) -> FeI:
    plan = deployment.ingresses[node]
    return FeI(
        node,
        ingress_controllers(deployment, node),
        authority,
        mode=plan.mode,
        groups=plan.groups,
        retransmit=deployment.timers.retransmit,
    )


def _network_client(deployment: Deployment, node: NodeId) -> NetworkClient:
    hosted = frozenset(s.mobile_node for s in deployment.subscribers.values() if s.client)
    anchor = deployment.anchor_at(node)
    end = Egress(anchor, deployment.nodes[anchor].locator)
    profiles = {s.mobile_node: s.prefixes for s in deployment.subscribers.values()}
    timers = deployment.timers
    return NetworkClient(node, hosted, timers.retransmit, end, profiles, timers.drain)


def _mctx_config(deployment: Deployment, plan: NodePlan) -> MctxConfig:
    if plan.egress is None:
        raise ValueError(f"anchor {plan.name} has no egress (FE_E) in its network")
    delegates = tuple(sorted(deployment.controllers)) if deployment.delegation else ()
    return MctxConfig(
        node=plan.name,
        egress=plan.egress,
        controllers=plan.controllers,
        profiles={
            mobile_node: _profile(subscriber, plan.name)
            for mobile_node, subscriber in deployment.subscribers.items()
        },
        lifetime=deployment.timers.lifetime,
        drain=deployment.timers.drain,
        retransmit=deployment.timers.retransmit,
        peer_timeout=deployment.timers.peer_timeout,
        proof_required=deployment.attachment_proof is ProofMode.MOBILE_NODE,
        delegates=delegates,
        network_delegation=deployment.delegation_proof is ProofMode.NETWORK and bool(delegates),
        gateways=deployment.gateways_of(plan.name),
        announced=announces(deployment),
        sees_links=FE.FE_MU_C in plan.entities or bool(deployment.gateways_of(plan.name)),
    )


def _profile(subscriber: SubscriberPlan, anchor: NodeId) -> Profile:
    return Profile(
        mobile_node=subscriber.mobile_node,
        home_anchor=anchor if anchor in subscriber.homes else subscriber.home,
        prefixes=subscriber.homes.get(anchor, subscriber.prefixes),
        simultaneous=subscriber.simultaneous,
        interface=subscriber.name,
        link_layer_id=subscriber.link_layer_ids.get(anchor, b""),
    )


def _controller_config(deployment: Deployment, node: NodeId) -> ControllerConfig:
    if announces(deployment):
        return _announcing_config(deployment, node)
    plan = deployment.controllers[node]
    scopes = {
        name: IngressScope(ingress.mode, ingress.groups, ingress.flows)
        for name, ingress in deployment.ingresses.items()
    }
    mine = {name for name in scopes if node in ingress_controllers(deployment, name)}
    return ControllerConfig(
        node=node,
        peers=tuple(sorted(set(deployment.controllers) - {node})),
        responsibility=_responsibility(deployment),
        standby=plan.standby,
        standby_for=plan.standby_for,
        ingresses={name: scope for name, scope in scopes.items() if name in mine},
        other_ingresses=tuple(scope for name, scope in scopes.items() if name not in mine),
        egress_controllers={
            name: _egress_controller(deployment, name, node)
            for name, other in deployment.nodes.items()
            if FE.FE_E in other.entities
        },
        anchors={
            name: other.locator
            for name, other in deployment.nodes.items()
            if FE.FE_MA_C in other.entities
        },
        uplink_egress=_uplink_egresses(deployment),
        home_egress=_home_egresses(deployment),
        drain=deployment.timers.drain,
        retransmit=deployment.timers.retransmit,
        grants_always=deployment.proxied,
    )


def _announcing_config(deployment: Deployment, node: NodeId) -> ControllerConfig:
    """A member of a distributed FE_IEC: it sees to its own egress and speaks with no other."""
    anchors = {
        name: other.locator
        for name, other in deployment.nodes.items()
        if FE.FE_MA_C in other.entities
    }
    return ControllerConfig(
        node=node,
        egress_controllers={node: node},
        anchors=anchors,
        drain=deployment.timers.drain,
        retransmit=deployment.timers.retransmit,
        announcing=Announcing(
            rings=times_to_follow(deployment, node),
            time_to_spread=seconds(deployment.bgp.time_to_spread),
        ),
    )


def _responsibility(deployment: Deployment) -> tuple[tuple[HomePrefix, NodeId], ...]:
    return tuple(
        (prefix, name)
        for name, controller in sorted(deployment.controllers.items())
        for prefix in controller.serves
    )


def _egress_controller(deployment: Deployment, egress: NodeId, asking: NodeId) -> NodeId:
    """Which instance speaks R_EC to an egress: one that any instance may speak to is its own."""
    controllers = _controllers_of_egress(deployment, egress)
    return asking if asking in controllers else controllers[0]


def _uplink_egresses(deployment: Deployment) -> dict[NodeId, Egress]:
    """Where packets of visiting mobile nodes leave the tunnel: at an ingress that is an egress."""
    ends = _uplink_ends(deployment)
    found: dict[NodeId, Egress] = {}
    for anchor in deployment.ingresses:
        others = [name for name in ends if name != anchor]
        if FE.FE_MA_C in deployment.nodes[anchor].entities and others:
            found[anchor] = Egress(others[0], deployment.nodes[others[0]].locator)
    return found


def _home_egresses(deployment: Deployment) -> dict[NodeId, Egress]:
    """Anchors where packets of their own prefixes leave the tunnel."""
    return {
        name: Egress(name, deployment.nodes[name].locator)
        for name in _uplink_ends(deployment)
        if FE.FE_MA_C in deployment.nodes[name].entities
    }


def _uplink_ends(deployment: Deployment) -> list[NodeId]:
    if deployment.uplink is not UplinkMode.TUNNEL:
        return []
    return [
        name for name in sorted(deployment.ingresses) if FE.FE_E in deployment.nodes[name].entities
    ]
