"""From a deployment to one node's Proxy Mobile IPv6."""

from collections.abc import Mapping
from ipaddress import IPv6Address

from opendmm.bindings.mobility.association import SecurityAssociation
from opendmm.bindings.pmipv6.config import PmipConfig, PolicyProfile
from opendmm.constellation.deployment import Deployment
from opendmm.constellation.file import BindingName
from opendmm.model.identity import FunctionalEntity, NodeId

SPI = 256
"""The first that RFC 4285 §5.1 leaves free; two nodes share one association."""


def pmip_config(
    deployment: Deployment, node: NodeId, shared_keys: Mapping[NodeId, bytes]
) -> PmipConfig:
    """What `node` is told. Locators are LMAA and Proxy-CoA."""
    addresses = {name: IPv6Address(plan.locator.address) for name, plan in deployment.nodes.items()}
    anchor = deployment.anchor_at(node)
    return PmipConfig(
        node=node,
        address=addresses[node],
        associations={
            peer: SecurityAssociation(peer=peer, address=addresses[peer], spi=SPI, key=key)
            for peer, key in shared_keys.items()
            if peer in addresses
        },
        nodes={
            name: addresses[name]
            for name, plan in deployment.nodes.items()
            if FunctionalEntity.FE_MCTX in plan.entities
        },
        profiles={
            name: PolicyProfile(prefixes=plan.prefixes, proxied=not plan.client)
            for name, plan in deployment.subscribers.items()
        },
        gateways=frozenset(deployment.gateways_of(node)),
        anchor=anchor if anchor != node else None,
        strangers_are_told_of=BindingName.MIPV6 not in deployment.bindings.values(),
        lifetime=deployment.timers.lifetime,
    )
