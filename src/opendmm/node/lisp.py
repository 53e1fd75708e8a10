"""From a deployment to one node's LISP."""

from collections.abc import Mapping
from ipaddress import IPv6Address

from opendmm.bindings.lisp.config import LispConfig
from opendmm.constellation.deployment import Deployment
from opendmm.constellation.lisp import lisp_pairs
from opendmm.model.identity import NodeId


def lisp_config(
    deployment: Deployment, node: NodeId, shared_keys: Mapping[NodeId, bytes]
) -> LispConfig:
    """What `node` is told. Locators are the RLOCs."""
    peers = {other for pair in lisp_pairs(deployment) if node in pair for other in pair} - {node}
    return LispConfig(
        node=node,
        address=IPv6Address(deployment.nodes[node].locator.address),
        nodes={
            name: IPv6Address(plan.locator.address)
            for name, plan in deployment.nodes.items()
            if name in peers
        },
        keys={peer: key for peer, key in shared_keys.items() if peer in peers},
        lifetime=deployment.timers.lifetime,
    )


def speaks_lisp(deployment: Deployment, node: NodeId) -> bool:
    """Whether a node is a tunnel router or of the mapping system."""
    return any(node in pair for pair in lisp_pairs(deployment))
