"""The mobility protocols that a node of a deployment speaks."""

from collections.abc import Callable, Mapping
from pathlib import Path

from opendmm.bindings.lisp.transport import LispTransport
from opendmm.bindings.mipv6.node import MobileIpv6Node
from opendmm.bindings.mipv6.transport import PacketTransport
from opendmm.bindings.mobility.living import Listener
from opendmm.bindings.mobility.transport import Core, MobilityTransport
from opendmm.bindings.pmipv6.node import ProxyMobilityNode
from opendmm.bindings.rfc8885.node import DistributedMobilityNode
from opendmm.constellation.deployment import Deployment
from opendmm.constellation.file import BindingName, MobilityHeaderSecurity
from opendmm.forwarding.kernel.transport_security import TransportSecurity
from opendmm.model.identity import NodeId
from opendmm.node.lisp import lisp_node
from opendmm.node.mipv6 import mip_config
from opendmm.node.pmipv6 import pmip_config
from opendmm.node.rfc8885 import distributed_config
from opendmm.node.route_optimisation.data_path import OptimisedRoutes
from opendmm.node.switchboard import Carrier
from opendmm.wire.mobility.numbers import MOBILITY_HEADER

Keys = Mapping[NodeId, bytes]
BUILDERS: dict[BindingName, Callable[[Deployment, NodeId, Keys], Core]] = {
    BindingName.PMIPV6: lambda *part: ProxyMobilityNode(pmip_config(*part)),
    BindingName.RFC8885: lambda *part: DistributedMobilityNode(distributed_config(*part)),
}


def cores(deployment: Deployment, node: NodeId, shared_keys: Keys) -> dict[BindingName, Core]:
    """The pure part of each over the Mobility Header, by the binding's name; `shared_keys` are the
    node's own."""
    used = set(deployment.bindings.values())
    return {
        name: build(deployment, node, shared_keys)
        for name, build in BUILDERS.items()
        if name in used
    }


def configurations(
    deployment: Deployment, node: NodeId, shared_keys: Keys
) -> dict[BindingName, object]:
    """What each protocol of a daemon over the Mobility Header is told of its deployment."""
    told: dict[BindingName, object] = {}
    lisp = lisp_node(deployment, node, shared_keys)
    if lisp is not None:
        told[BindingName.LISP] = lisp.config
    if node in deployment.nodes and node not in deployment.correspondents:
        told |= {n: core.config for n, core in cores(deployment, node, shared_keys).items()}
    if BindingName.MIPV6 in deployment.bindings.values():
        told[BindingName.MIPV6] = mip_config(deployment, node, shared_keys)
    return told


def carriers(
    deployment: Deployment,
    node: NodeId,
    shared_keys: Keys,
    listener: Callable[[BindingName], Listener],
    now: Callable[[], float],
    counters: Path,
) -> dict[BindingName, Carrier]:
    """What carries reference points besides the native binding, for a daemon of the deployment: a
    network element's, a mobile node's or a correspondent's. `counters` is a file that outlives
    the daemon."""
    made: dict[BindingName, Carrier] = {}
    lisp = lisp_node(deployment, node, shared_keys, counters)
    if lisp is not None:
        listens = listener(BindingName.LISP)
        made[BindingName.LISP] = LispTransport(BindingName.LISP, lisp, listens, now)
    if node in deployment.nodes and node not in deployment.correspondents:
        for name, core in cores(deployment, node, shared_keys).items():
            security = encryption(deployment, core)
            made[name] = MobilityTransport(name, core, listener(name), now, security)
    mipv6 = BindingName.MIPV6
    if mipv6 in deployment.bindings.values():
        mobile_ipv6 = MobileIpv6Node(mip_config(deployment, node, shared_keys))
        data_path = optimised_routes(mobile_ipv6)
        made[mipv6] = PacketTransport(mipv6, mobile_ipv6, listener(mipv6), now, data_path)
    return made


def encryption(deployment: Deployment, core: Core) -> TransportSecurity | None:
    """What encrypts a protocol's Mobility Headers, if the deployment wants them encrypted."""
    if deployment.mobility_headers is not MobilityHeaderSecurity.ESP:
        return None
    keys = {one.address: one.key for one in core.config.associations.values()}
    return TransportSecurity(core.config.address, keys, MOBILITY_HEADER)


def optimised_routes(node: MobileIpv6Node) -> OptimisedRoutes | None:
    """What carries payload of a node that takes part in route optimisation."""
    if not node.optimisations and node.correspondent is None:
        return None
    return OptimisedRoutes(node.optimisations)
