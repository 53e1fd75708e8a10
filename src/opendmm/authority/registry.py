"""The deployment's registry: what each node may be and do, signed by its authority."""

import msgspec

from opendmm.authority import token
from opendmm.authority.grant import Unauthorised
from opendmm.model.addressing import BITS, Egress, HomePrefix
from opendmm.model.identity import FunctionalEntity, MobileNodeId, NodeId

DOCUMENT = -70001


class NodeRecord(msgspec.Struct, frozen=True):
    """A node: its public key (raw Ed25519), entities, the pools it is home to, its egresses."""

    public_key: bytes
    entities: tuple[FunctionalEntity, ...]
    home_pools: tuple[HomePrefix, ...] = ()
    egresses: tuple[Egress, ...] = ()


class Registry(msgspec.Struct, frozen=True, dict=True):
    """All nodes of a deployment, and the public keys of mobile nodes that speak themselves.

    `serial` grows with each edition; `expires_at` is in seconds since 1970.
    """

    deployment: str
    serial: int
    expires_at: float
    nodes: dict[NodeId, NodeRecord]
    mobile_nodes: dict[MobileNodeId, bytes] = {}

    def __post_init__(self) -> None:
        pools: dict[HomePrefix, NodeId] = {}
        for name, record in self.nodes.items():
            for pool in record.home_pools:
                if pools.setdefault(pool, name) != name:
                    raise ValueError(f"{pool} is at home at both {pools[pool]} and {name}")
        self.__dict__["_pools"] = pools
        self.__dict__["_lengths"] = sorted({p.length for p in pools}, reverse=True)

    def may_host(self, node: NodeId, entity: FunctionalEntity) -> bool:
        """Whether the node is allowed this functional entity."""
        record = self.nodes.get(node)
        return record is not None and entity in record.entities

    def may_use_egress(self, anchor: NodeId, egress: Egress) -> bool:
        """Whether an anchor may name this egress as its own."""
        record = self.nodes.get(anchor)
        return record is not None and egress in record.egresses

    def home_of(self, prefix: HomePrefix) -> NodeId | None:
        """The anchor whose pools cover the prefix, the longest pool first."""
        pools: dict[HomePrefix, NodeId] = self.__dict__["_pools"]
        bits = BITS[len(prefix.network)]
        value = int.from_bytes(prefix.network, "big")
        for length in self.__dict__["_lengths"]:
            if length > prefix.length:
                continue
            network = (value >> (bits - length)) << (bits - length)
            home = pools.get(HomePrefix(network.to_bytes(len(prefix.network), "big"), length))
            if home is not None:
                return home
        return None


def sign_registry(registry: Registry, private_key: bytes, now: float) -> bytes:
    """The registry as a token of the deployment's authority (raw Ed25519 seed)."""
    claims = {
        token.SUBJECT: registry.deployment,
        token.ISSUED_AT: now,
        token.EXPIRES_AT: registry.expires_at,
        DOCUMENT: msgspec.msgpack.encode(registry),
    }
    return token.sign("registry", claims, token.signing_key(private_key))


def open_registry(signed: bytes, public_key: bytes, now: float) -> Registry:
    """Raises Unauthorised unless the deployment's authority signed it and it is valid now."""
    key = token.verification_key(public_key)
    claims = token.read("registry", signed, lambda _claims: key)
    token.current(claims, now)
    try:
        return msgspec.msgpack.decode(claims.get(DOCUMENT, b""), type=Registry)
    except (msgspec.MsgspecError, TypeError, ValueError) as problem:
        raise Unauthorised(f"the registry cannot be read: {problem}") from problem
