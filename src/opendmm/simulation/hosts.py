"""The real entities for a simulated deployment, with keys made from names.

Keys here protect nothing, so they need not be secret; making them from names keeps a run
the same from one process to the next.
"""

from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from opendmm.authority.authority import Authority, MobileNodeCredential
from opendmm.authority.registry import NodeRecord, Registry
from opendmm.constellation.assembly import host_for, host_for_mobile_node
from opendmm.constellation.deployment import Deployment
from opendmm.constellation.roles import registered_roles
from opendmm.entities.host import EntityHost
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.simulation.auditor import GrantLog, WitnessedAuthority

FAR_FUTURE = 4_000_000_000.0
"""When the registry expires, in seconds since 1970: after every run."""


class AssembledHosts:
    """Builds entity hosts of one deployment; every grant is told to `witness`."""

    def __init__(self, deployment: Deployment, *, witness: GrantLog | None = None) -> None:
        self.witness = witness or GrantLog()
        self._deployment = deployment
        registry = simulated_registry(deployment)
        self._authorities = {
            NodeId(name): WitnessedAuthority(NodeId(name), _seed(name), registry)
            for name in deployment.nodes
        }
        for authority in self._authorities.values():
            authority.witness = self.witness

    def authority(self, node: NodeId) -> Authority:
        """What a network element signs and checks with."""
        return self._authorities[node]

    def host(self, node: NodeId) -> EntityHost:
        """The entities of a network element, new."""
        return host_for(self._deployment, node, self._authorities[node])

    def mobile_host(self, mobile_node: MobileNodeId) -> EntityHost:
        """The entities on a mobile node with a client, new."""
        credential = MobileNodeCredential(mobile_node, _seed(mobile_node))
        return host_for_mobile_node(self._deployment, mobile_node, credential)


def simulated_registry(deployment: Deployment) -> Registry:
    """The roles of the deployment with the simulation's keys."""
    nodes = {
        name: NodeRecord(_public_key(name), roles.entities, roles.home_pools, roles.egresses)
        for name, roles in registered_roles(deployment).items()
    }
    mobile_nodes = {name: _public_key(name) for name in deployment.subscribers}
    return Registry(deployment.name, 1, FAR_FUTURE, nodes, mobile_nodes)


def _seed(name: str) -> bytes:
    return sha256(name.encode()).digest()


def _public_key(name: str) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(_seed(name)).public_key().public_bytes_raw()
