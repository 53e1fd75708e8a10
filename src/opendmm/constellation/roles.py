"""What the registry of a deployment says of its nodes, read off the constellation."""

from opendmm.authority.material import Roles
from opendmm.constellation.deployment import Deployment
from opendmm.constellation.file import BindingName
from opendmm.model.identity import FunctionalEntity, NodeId
from opendmm.reference_points.catalogue import ReferencePointName

FE = FunctionalEntity


def registered_roles(deployment: Deployment) -> dict[NodeId, Roles]:
    """Every node's entities, home pools and the egress it may name as an anchor."""
    return {
        name: Roles(plan.entities, plan.pools, (plan.egress,) if plan.egress else ())
        for name, plan in deployment.nodes.items()
    }


def mobility_associations(deployment: Deployment) -> set[tuple[NodeId, NodeId]]:
    """Which nodes need a key between them, by name: those that exchange Mobility Headers."""
    over = {name for name, binding in deployment.bindings.items() if binding is BindingName.PMIPV6}
    pairs: set[tuple[NodeId, NodeId]] = set()
    anchors = [n for n, plan in deployment.nodes.items() if FE.FE_MCTX in plan.entities]
    if over & {ReferencePointName.R_XX, ReferencePointName.R_II}:
        pairs |= {(a, b) for a in anchors for b in anchors if a < b}
    if ReferencePointName.R_XU in over:
        for anchor in anchors:
            for gateway in deployment.gateways_of(anchor):
                pairs.add((min(anchor, gateway), max(anchor, gateway)))
    return pairs
