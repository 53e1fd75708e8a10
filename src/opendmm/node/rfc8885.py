"""From a deployment to one node's distributed Proxy Mobile IPv6."""

from collections.abc import Mapping
from ipaddress import IPv6Address

from opendmm.bindings.mobility.association import SecurityAssociation
from opendmm.bindings.rfc8885.config import DistributedConfig
from opendmm.constellation.deployment import Deployment
from opendmm.constellation.rfc8885 import database_of
from opendmm.model.identity import NodeId
from opendmm.node.pmipv6 import SPI


def distributed_config(
    deployment: Deployment, node: NodeId, shared_keys: Mapping[NodeId, bytes]
) -> DistributedConfig:
    """What `node` is told. Locators are the global addresses of MAARs and CMD.

    Raises ValueError where no node is the CMD.
    """
    database = database_of(deployment)
    if database is None:
        raise ValueError(f"{deployment.name} has no FE_IEC to be the CMD of RFC 8885")
    addresses = {name: IPv6Address(plan.locator.address) for name, plan in deployment.nodes.items()}
    return DistributedConfig(
        node=node,
        address=addresses[node],
        database=database,
        mode=deployment.rfc8885.mode,
        nodes={name: addresses[name] for name, plan in deployment.nodes.items() if plan.entities},
        associations={
            peer: SecurityAssociation(peer=peer, address=addresses[peer], spi=SPI, key=key)
            for peer, key in shared_keys.items()
            if peer in addresses
        },
        lifetime=deployment.timers.lifetime,
        previous_maars=deployment.rfc8885.previous_maars,
        compatibility=deployment.rfc8885.compatibility,
    )
