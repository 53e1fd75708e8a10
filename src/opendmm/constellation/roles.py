"""What the registry of a deployment says of its nodes, read off the constellation."""

from opendmm.authority.material import Roles
from opendmm.constellation.deployment import Deployment
from opendmm.model.identity import NodeId


def registered_roles(deployment: Deployment) -> dict[NodeId, Roles]:
    """Every node's entities, home pools and the egress it may name as an anchor."""
    return {
        name: Roles(plan.entities, plan.pools, (plan.egress,) if plan.egress else ())
        for name, plan in deployment.nodes.items()
    }
