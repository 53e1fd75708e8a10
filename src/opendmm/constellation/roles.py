"""What the registry of a deployment says of its nodes, read off the constellation."""

from opendmm.authority.material import Roles
from opendmm.constellation.deployment import Deployment
from opendmm.constellation.file import BindingName, DatabaseMode
from opendmm.constellation.lisp import lisp_pairs
from opendmm.constellation.rfc8885 import database_of
from opendmm.model.identity import FunctionalEntity, NodeId
from opendmm.reference_points.catalogue import ReferencePointName

FE = FunctionalEntity
MAAR = {FE.FE_MCTX, FE.FE_I, FE.FE_E}
"""What the CMD exchanges Mobility Headers with has one of these."""


def registered_roles(deployment: Deployment) -> dict[NodeId, Roles]:
    """Every node's entities, home pools and the egress it may name as an anchor."""
    return {
        name: Roles(plan.entities, plan.pools, (plan.egress,) if plan.egress else ())
        for name, plan in deployment.nodes.items()
    }


def mobility_associations(deployment: Deployment) -> set[tuple[NodeId, NodeId]]:
    """Which nodes need a key between them, by name: those that exchange Mobility Headers
    or LISP's control messages."""
    over = {name for name, binding in deployment.bindings.items() if binding is BindingName.PMIPV6}
    pairs = _associations_of_maars(deployment) | _associations_of_mobile_nodes(deployment)
    pairs |= lisp_pairs(deployment)
    anchors = [n for n, plan in deployment.nodes.items() if FE.FE_MCTX in plan.entities]
    if over & {ReferencePointName.R_XX, ReferencePointName.R_II}:
        pairs |= {(a, b) for a in anchors for b in anchors if a < b}
    if ReferencePointName.R_XU in over:
        for anchor in anchors:
            for gateway in deployment.gateways_of(anchor):
                pairs.add((min(anchor, gateway), max(anchor, gateway)))
    return pairs


def _associations_of_mobile_nodes(deployment: Deployment) -> set[tuple[NodeId, NodeId]]:
    """RFC 4285: each mobile node with every home agent that it may register with."""
    if deployment.bindings[ReferencePointName.R_XU] is not BindingName.MIPV6:
        return set()
    return {
        (NodeId(subscriber.mobile_node), agent)
        for subscriber in deployment.subscribers.values()
        if subscriber.client
        for agent in deployment.agents_of(subscriber)
    }


def _associations_of_maars(deployment: Deployment) -> set[tuple[NodeId, NodeId]]:
    """RFC 8885 §6: each MAAR with the CMD; where the CMD is a locator, with all others, too."""
    database = database_of(deployment)
    if database is None:
        return set()
    maars = sorted(n for n, plan in deployment.nodes.items() if MAAR & set(plan.entities))
    pairs = {(min(database, maar), max(database, maar)) for maar in maars}
    if deployment.rfc8885.mode is DatabaseMode.LOCATOR:
        pairs |= {(a, b) for a in maars for b in maars if a < b}
    return pairs
