"""The protocols over the Mobility Header that a node of a deployment speaks."""

from collections.abc import Callable, Mapping

from opendmm.bindings.mobility.transport import Core
from opendmm.bindings.pmipv6.node import ProxyMobilityNode
from opendmm.bindings.rfc8885.node import DistributedMobilityNode
from opendmm.constellation.deployment import Deployment
from opendmm.constellation.file import BindingName
from opendmm.model.identity import NodeId
from opendmm.node.pmipv6 import pmip_config
from opendmm.node.rfc8885 import distributed_config

Keys = Mapping[NodeId, bytes]
BUILDERS: dict[BindingName, Callable[[Deployment, NodeId, Keys], Core]] = {
    BindingName.PMIPV6: lambda *part: ProxyMobilityNode(pmip_config(*part)),
    BindingName.RFC8885: lambda *part: DistributedMobilityNode(distributed_config(*part)),
}


def cores(deployment: Deployment, node: NodeId, shared_keys: Keys) -> dict[BindingName, Core]:
    """The pure part of each, by the binding's name; `shared_keys` are the node's own."""
    used = set(deployment.bindings.values())
    return {
        name: build(deployment, node, shared_keys)
        for name, build in BUILDERS.items()
        if name in used
    }
