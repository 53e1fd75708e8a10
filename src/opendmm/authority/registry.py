"""The deployment's registry: who may be which entity, anchor which prefixes, name which egress.

Signed by the deployment's CA, handed to every node. A peer's role is what stands here, never
what it claims.
"""

from functools import cached_property

import msgspec

from opendmm.authority.grant import Unauthorised
from opendmm.authority.signed import Kind, sign, verified_once
from opendmm.model.addressing import BITS, Egress, HomePrefix
from opendmm.model.identity import FunctionalEntity, MobileNodeId, NodeId

SIGNER = "registry"
"""The `kid` of a signed registry."""


class NodeRecord(msgspec.Struct, frozen=True):
    """What the registry says of one network element.

    `public_key` verifies its grants (raw Ed25519, 32 octets). `egresses` are those that it,
    as an anchor, may have packets of visiting mobile nodes sent to.
    """

    public_key: bytes
    entities: tuple[FunctionalEntity, ...] = ()
    home_pools: tuple[HomePrefix, ...] = ()
    egresses: tuple[Egress, ...] = ()


class Registry(msgspec.Struct, frozen=True, dict=True):
    """The whole registry; `mobile_nodes` are their public keys (raw Ed25519).

    A greater `serial` replaces a smaller one. `expires_at` is in seconds since 1970. Raises
    ValueError when two nodes have the same home pool.
    """

    deployment: str
    serial: int
    expires_at: float
    nodes: dict[NodeId, NodeRecord]
    mobile_nodes: dict[MobileNodeId, bytes]

    def __post_init__(self) -> None:
        owners: dict[HomePrefix, NodeId] = {}
        for name, record in self.nodes.items():
            for pool in record.home_pools:
                if owners.setdefault(pool, name) != name:
                    raise ValueError(f"{pool} is a home pool of both {owners[pool]} and {name}")

    def may_host(self, node: NodeId, entity: FunctionalEntity) -> bool:
        """Whether this node is registered with this entity."""
        record = self.nodes.get(node)
        return record is not None and entity in record.entities

    def home_of(self, prefix: HomePrefix) -> NodeId | None:
        """The node that anchors a prefix: the one with the longest pool that covers it."""
        octets = len(prefix.network)
        bits = BITS[octets]
        address = int.from_bytes(prefix.network, "big")
        for length, owners in self._pools.get(octets, ()):
            if length <= prefix.length and (node := owners.get(address >> (bits - length))):
                return node
        return None

    def may_use_egress(self, anchor: NodeId, egress: Egress) -> bool:
        """Whether packets for a mobile node at this anchor may be sent to this egress."""
        record = self.nodes.get(anchor)
        return record is not None and egress in record.egresses

    def has_egress(self, egress: Egress) -> bool:
        """Whether any anchor may have packets sent to this egress."""
        return egress in self._egresses

    @cached_property
    def _egresses(self) -> frozenset[Egress]:
        return frozenset(egress for record in self.nodes.values() for egress in record.egresses)

    @cached_property
    def _pools(self) -> dict[int, tuple[tuple[int, dict[int, NodeId]], ...]]:
        """Owners by leading bits, by length (longest first), by octets of an address."""
        found: dict[int, dict[int, dict[int, NodeId]]] = {octets: {} for octets in BITS}
        for name, record in self.nodes.items():
            for pool in record.home_pools:
                octets = len(pool.network)
                leading = int.from_bytes(pool.network, "big") >> (BITS[octets] - pool.length)
                found[octets].setdefault(pool.length, {})[leading] = name
        return {
            octets: tuple(sorted(by_length.items(), reverse=True))
            for octets, by_length in found.items()
        }


def sign_registry(registry: Registry, ca_private_key: bytes) -> bytes:
    """The registry signed with the CA's key (raw Ed25519 seed).

    The same key signs certificates; the two cannot be confused, as one signs the DER of a
    certificate and the other the CBOR of a Sig_structure with its own type in it.
    """
    return sign(Kind.REGISTRY, registry, SIGNER, ca_private_key)


def open_registry(token: bytes, ca_public_key: bytes, now: float) -> Registry:
    """The registry, once the CA's signature holds and it has not expired. Raises Unauthorised."""
    registry = verified_once(token, Kind.REGISTRY, SIGNER, ca_public_key, Registry)
    if not now <= registry.expires_at:
        raise Unauthorised(
            f"the registry of {registry.deployment} has expired: have the deployment's CA "
            "sign a new one"
        )
    return registry
