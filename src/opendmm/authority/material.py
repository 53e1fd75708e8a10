"""Keys, certificates and the signed registry of a deployment: made, filed and read.

The one place of this room that reads and writes files. A folder of material holds

    ca.pem  ca-key.pem  registry.cwt
    nodes/<NodeId>/{certificate,tls-key,signing-key}.pem
    nodes/<NodeId>/{mobility-keys,bgp-keys}.json
    mobile-nodes/<MobileNodeId>/{certificate,tls-key,signing-key}.pem  (and mobility-keys.json)

A node needs `ca.pem`, `registry.cwt` and its own folder, nothing else; `ca-key.pem` stays with
whoever runs the deployment. The TLS key and the signing key (for grants, or for a mobile
node's proofs) are different keys: the one is bound by the certificate, the other by the
registry, and either can be replaced alone. `mobility-keys.json` has the keys a node shares with
others that it exchanges Mobility Headers with (RFC 4285), by their names, in hexadecimal;
`bgp-keys.json` likewise those it shares with its BGP neighbours.
"""

import os
import secrets
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from opendmm.authority.authority import Authority, MobileNodeCredential
from opendmm.authority.certificates import CertificateAuthority, pem
from opendmm.authority.grant import Unauthorised
from opendmm.authority.names import PLAIN, Holder, MobileNodeName, NodeName
from opendmm.authority.registry import NodeRecord, Registry, open_registry, sign_registry
from opendmm.model.addressing import Egress, HomePrefix
from opendmm.model.identity import FunctionalEntity, MobileNodeId, NodeId

YEAR = 365 * 86400.0
CA_CERTIFICATE, CA_KEY, REGISTRY = "ca.pem", "ca-key.pem", "registry.cwt"
NODES, MOBILE_NODES = "nodes", "mobile-nodes"
CERTIFICATE, TLS_KEY, SIGNING_KEY = "certificate.pem", "tls-key.pem", "signing-key.pem"

SHARED_KEYS = "mobility-keys.json"
SESSION_KEYS = "bgp-keys.json"
SHARED_KEY_LENGTH = 16
"""Octets (RFC 4285 §5.1). In hexadecimal they fit a TCP MD5 key, too, which has 80 at most."""

OWNER_ONLY = 0o600


class MaterialError(Exception):
    """Material is missing, unreadable or not ours; the message says what to do."""


class Roles(msgspec.Struct, frozen=True):
    """What the registry is to say of a node, apart from its key (see NodeRecord)."""

    entities: tuple[FunctionalEntity, ...] = ()
    home_pools: tuple[HomePrefix, ...] = ()
    egresses: tuple[Egress, ...] = ()


class Secrets(msgspec.Struct, frozen=True):
    """One holder's certificate and keys, as PEM."""

    certificate: bytes
    tls_key: bytes
    signing_key: bytes


class Material(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a deployment needs, all PEM but the signed `registry`."""

    ca_certificate: bytes
    ca_key: bytes
    registry: bytes
    nodes: dict[NodeId, Secrets]
    mobile_nodes: dict[MobileNodeId, Secrets]
    shared_keys: dict[NodeId, dict[NodeId, bytes]] = {}
    session_keys: dict[NodeId, dict[NodeId, bytes]] = {}


class TlsFiles(msgspec.Struct, frozen=True):
    """What a TLS endpoint reads: whose certificate it is, and the files."""

    holder: Holder
    certificate: Path
    key: Path
    ca_certificate: Path


class NodeMaterial(msgspec.Struct, frozen=True):
    """A network element's own material."""

    authority: Authority
    tls: TlsFiles
    shared_keys: dict[NodeId, bytes]


class MobileNodeMaterial(msgspec.Struct, frozen=True):
    """A mobile node's own material; it knows the registry to know real anchors."""

    credential: MobileNodeCredential
    registry: Registry
    tls: TlsFiles
    shared_keys: dict[NodeId, bytes]


def generate(
    deployment: str,
    roles: Mapping[NodeId, Roles],
    mobile_nodes: Iterable[MobileNodeId] = (),
    *,
    now: float,
    lifetime: float = YEAR,
    serial: int = 1,
    associations: Iterable[tuple[NodeId, NodeId]] = (),
    sessions: Iterable[tuple[NodeId, NodeId]] = (),
) -> Material:
    """New material for a whole deployment, good for `lifetime` seconds from `now`.

    `associations` are the pairs of nodes, or mobile nodes, that share a key; `sessions` those
    that share another one for BGP.
    """
    ca = CertificateAuthority.create(deployment, now, lifetime)
    signing = {name: Ed25519PrivateKey.generate() for name in roles}
    proving = {name: Ed25519PrivateKey.generate() for name in mobile_nodes}
    registry = Registry(
        deployment=deployment,
        serial=serial,
        expires_at=now + lifetime,
        nodes={
            name: NodeRecord(_public(signing[name]), role.entities, role.home_pools, role.egresses)
            for name, role in roles.items()
        },
        mobile_nodes={name: _public(key) for name, key in proving.items()},
    )
    return Material(
        ca_certificate=ca.certificate.public_bytes(Encoding.PEM),
        ca_key=pem(ca.key),
        registry=sign_registry(registry, ca.key.private_bytes_raw()),
        nodes={
            name: Secrets(*ca.issue(NodeName(name), now, lifetime), pem(key))
            for name, key in signing.items()
        },
        mobile_nodes={
            name: Secrets(*ca.issue(MobileNodeName(name), now, lifetime), pem(key))
            for name, key in proving.items()
        },
        shared_keys=_pairwise(associations),
        session_keys=_pairwise(sessions),
    )


def write(material: Material, folder: Path) -> None:
    """File the material; only the owner may read it. Replaces what is there. Raises OSError."""
    _folder(folder)
    write_private(folder / CA_CERTIFICATE, material.ca_certificate)
    write_private(folder / CA_KEY, material.ca_key)
    write_private(folder / REGISTRY, material.registry)
    owners: dict[Path, Secrets] = {
        folder / NODES / file_name(name): holder for name, holder in material.nodes.items()
    }
    for mobile_node, holder in material.mobile_nodes.items():
        owners[folder / MOBILE_NODES / file_name(mobile_node)] = holder
    for place, holder in owners.items():
        _folder(place.parent)
        _folder(place)
        write_private(place / CERTIFICATE, holder.certificate)
        write_private(place / TLS_KEY, holder.tls_key)
        write_private(place / SIGNING_KEY, holder.signing_key)
    for node, keys in material.shared_keys.items():
        owners_place = MOBILE_NODES if MobileNodeId(node) in material.mobile_nodes else NODES
        write_private(folder / owners_place / file_name(node) / SHARED_KEYS, _by_peer(keys))
    for node, keys in material.session_keys.items():
        write_private(folder / NODES / file_name(node) / SESSION_KEYS, _by_peer(keys))


def load_node(folder: Path, node: NodeId, now: float) -> NodeMaterial:
    """A network element's material. Raises MaterialError."""
    registry = load_registry(folder, now)
    if node not in registry.nodes:
        raise MaterialError(f"{folder / REGISTRY} knows no node {node}: sign one that does")
    place = folder / NODES / file_name(node)
    signing_key = _key(place / SIGNING_KEY)
    if _public(signing_key) != registry.nodes[node].public_key:
        raise MaterialError(f"{place / SIGNING_KEY} is not the key the registry has of {node}")
    authority = Authority(node, signing_key.private_bytes_raw(), registry)
    shared = _shared_keys(place / SHARED_KEYS)
    return NodeMaterial(authority, _tls(folder, place, NodeName(node)), shared)


def load_mobile_node(folder: Path, mobile_node: MobileNodeId, now: float) -> MobileNodeMaterial:
    """A mobile node's material. Raises MaterialError."""
    registry = load_registry(folder, now)
    place = folder / MOBILE_NODES / file_name(mobile_node)
    signing_key = _key(place / SIGNING_KEY)
    if _public(signing_key) != registry.mobile_nodes.get(mobile_node):
        raise MaterialError(
            f"{place / SIGNING_KEY} is not the key the registry has of {mobile_node}"
        )
    credential = MobileNodeCredential(mobile_node, signing_key.private_bytes_raw())
    tls = _tls(folder, place, MobileNodeName(mobile_node))
    return MobileNodeMaterial(credential, registry, tls, _shared_keys(place / SHARED_KEYS))


def load_session_keys(folder: Path, node: NodeId) -> dict[NodeId, bytes]:
    """The keys that a BGP speaker shares with its neighbours, by these. Raises MaterialError."""
    return _shared_keys(folder / NODES / file_name(node) / SESSION_KEYS)


def load_registry(folder: Path, now: float) -> Registry:
    """The deployment's registry, as its CA signed it. Raises MaterialError."""
    path = folder / CA_CERTIFICATE
    try:
        ca_key = x509.load_pem_x509_certificate(_read(path)).public_key()
    except ValueError as error:
        raise MaterialError(f"{path} is no certificate: {error}") from error
    if not isinstance(ca_key, Ed25519PublicKey):
        raise MaterialError(f"{path} has no Ed25519 key")
    try:
        return open_registry(_read(folder / REGISTRY), ca_key.public_bytes_raw(), now)
    except Unauthorised as refusal:
        raise MaterialError(f"{folder / REGISTRY}: {refusal}") from refusal


def file_name(name: str) -> str:
    """A node's or mobile node's name as the name of its folder."""
    quoted = quote(name, safe=PLAIN)
    return f"%2E{quoted[1:]}" if quoted.startswith(".") else quoted


def _pairwise(associations: Iterable[tuple[NodeId, NodeId]]) -> dict[NodeId, dict[NodeId, bytes]]:
    """A new key for each pair, as either end files it."""
    keys: dict[NodeId, dict[NodeId, bytes]] = {}
    for one, other in associations:
        key = secrets.token_bytes(SHARED_KEY_LENGTH)
        keys.setdefault(one, {})[other] = key
        keys.setdefault(other, {})[one] = key
    return keys


def _by_peer(keys: Mapping[NodeId, bytes]) -> bytes:
    text = {peer: key.hex() for peer, key in sorted(keys.items())}
    return msgspec.json.format(msgspec.json.encode(text))


def _shared_keys(path: Path) -> dict[NodeId, bytes]:
    """By peer; none without the file. Raises MaterialError."""
    if not path.exists():
        return {}
    content = _read(path)
    _only_the_owner_reads(path)
    try:
        text = msgspec.json.decode(content, type=dict[NodeId, str])
        keys = {peer: bytes.fromhex(key) for peer, key in text.items()}
    except ValueError as error:
        raise MaterialError(f"{path} has no keys by peer: {error}") from error
    for peer, key in keys.items():
        if len(key) != SHARED_KEY_LENGTH:
            raise MaterialError(f"{path}: the key for {peer} has {len(key)} octets, not 16")
    return keys


def _tls(folder: Path, place: Path, holder: Holder) -> TlsFiles:
    for path in (place / CERTIFICATE, place / TLS_KEY):
        _read(path)
    _only_the_owner_reads(place / TLS_KEY)
    return TlsFiles(holder, place / CERTIFICATE, place / TLS_KEY, folder / CA_CERTIFICATE)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise MaterialError(
            f"cannot read {path} ({error.strerror}): copy it from where the deployment's "
            "material was made"
        ) from error


def _key(path: Path) -> Ed25519PrivateKey:
    content = _read(path)
    _only_the_owner_reads(path)
    try:
        key = load_pem_private_key(content, None)
    except (ValueError, TypeError) as error:
        raise MaterialError(f"{path} is no private key in PEM: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise MaterialError(f"{path} is no Ed25519 key")
    return key


def _only_the_owner_reads(path: Path) -> None:
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise MaterialError(f"others can read {path}: chmod 600 it, and think of a new key")


def _folder(path: Path) -> None:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, from its first octet on. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    with open(os.open(path, flags, OWNER_ONLY), "wb") as file:
        os.fchmod(file.fileno(), OWNER_ONLY)
        file.write(content)


def _public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()
