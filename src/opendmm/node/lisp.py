"""From a deployment to one node's LISP."""

from collections.abc import Iterable, Mapping
from ipaddress import IPv6Address, ip_address
from pathlib import Path

from opendmm.bindings.lisp.config import LispConfig
from opendmm.bindings.lisp.delegations import Delegation
from opendmm.bindings.lisp.etr import ForeignServer
from opendmm.bindings.lisp.map_server import MapServer
from opendmm.bindings.lisp.node import LispNode
from opendmm.bindings.lisp.sites import Eid, Site
from opendmm.constellation.deployment import Deployment
from opendmm.constellation.file import (
    LispAlgorithm,
    LispDelegationSection,
    LispMapServerSection,
    LispSiteSection,
)
from opendmm.constellation.lisp import lisp_pairs, serves_others
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import FunctionalEntity, NodeId
from opendmm.store.counters import KeptCounters
from opendmm.wire.lisp.authentication import Filling
from opendmm.wire.lisp.numbers import AlgorithmId

FE = FunctionalEntity
ALGORITHMS = {
    LispAlgorithm.SHA1: AlgorithmId.HMAC_SHA_1_96,
    LispAlgorithm.SHA256: AlgorithmId.HMAC_SHA_256_128,
    LispAlgorithm.SHA256_HKDF: AlgorithmId.HMAC_SHA_256_128_HKDF_SHA256,
}


def lisp_node(
    deployment: Deployment,
    node: NodeId,
    shared_keys: Mapping[NodeId, bytes],
    counters: Path | None = None,
) -> LispNode | None:
    """What a node does of LISP; None when it has no part in it. `counters` is the file for nonces
    of sites of other makes, if they are to be known after a restart. Raises OSError."""
    plan = deployment.nodes.get(node)
    if plan is None:
        return None
    elsewhere = deployment.lisp.map_servers if FE.FE_MA_U in plan.entities else ()
    serves = serves_others(deployment, node)
    asks = deployment.foreign_eids if node in deployment.ingresses else ()
    if (
        not serves
        and not elsewhere
        and not asks
        and not any(node in p for p in lisp_pairs(deployment))
    ):
        return None
    config = lisp_config(deployment, node, shared_keys)
    server = _map_server(deployment, node, config.address, counters) if serves else None
    resolvers = [ip_address(text) for text in deployment.lisp.map_resolvers] if asks else []
    servers = [_elsewhere(one) for one in elsewhere]
    return LispNode(config, server, servers, resolvers, asks)


def _map_server(
    deployment: Deployment,
    node: NodeId,
    address: IPv6Address,
    counters: Path | None,
) -> MapServer:
    """Other instances of FE_IEC are asked about what they serve."""
    others = [
        Delegation(_eids(plan.serves), (IPv6Address(deployment.nodes[name].locator.address),))
        for name, plan in deployment.controllers.items()
        if name != node and plan.serves
    ]
    lisp = deployment.lisp
    return MapServer(
        [_site(section) for section in lisp.sites],
        address,
        serves=_eids(deployment.controllers[node].serves),
        delegations=[*others, *(_delegation(section) for section in lisp.delegations)],
        authority=_eids(map(HomePrefix.parse, lisp.authority)),
        nonces=KeptCounters(counters) if counters is not None else None,
    )


def _eids(prefixes: Iterable[HomePrefix]) -> tuple[Eid, ...]:
    return tuple(Eid(0, prefix) for prefix in prefixes)


def _delegation(section: LispDelegationSection) -> Delegation:
    return Delegation(
        eids=_eids(map(HomePrefix.parse, section.eid_prefixes)),
        to=tuple(ip_address(text) for text in section.to),
        map_servers=section.map_servers,
    )


def lisp_config(
    deployment: Deployment, node: NodeId, shared_keys: Mapping[NodeId, bytes]
) -> LispConfig:
    """What `node` is told of the nodes of ours. Locators are the RLOCs."""
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


def _elsewhere(section: LispMapServerSection) -> ForeignServer:
    return ForeignServer(
        address=ip_address(section.address),
        key=section.key.encode(),
        key_id=section.key_id,
        algorithm=ALGORITHMS[section.algorithm],
        filling=Filling.WHOLE if section.whole_digests else Filling.SHORTENED,
    )


def _site(section: LispSiteSection) -> Site:
    return Site(
        name=section.name,
        eids=tuple(Eid(section.instance, HomePrefix.parse(text)) for text in section.eid_prefixes),
        keys={section.key_id: section.key.encode()},
        algorithms=frozenset(ALGORITHMS[one] for one in section.algorithms),
        any_nonce=section.any_nonce,
    )
