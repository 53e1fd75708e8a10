"""The one form of everything signed: a CWT (RFC 8392) in a COSE_Sign1 (RFC 9052), Ed25519.

The protected header names the signer (`kid`) and the kind of thing (`typ`, RFC 9596); a
verifier asks for one kind, so a proof can never pass for a release nor a grant for a
delegation. Only what `sign` produces is accepted: one signature, nothing unprotected.
"""

from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeVar

import cbor2
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cwt import COSE, COSEKey
from cwt.cose_key_interface import COSEKeyInterface

from opendmm.authority.grant import Unauthorised

LONGEST_TOKEN = 16384
"""Octets of a token that travels in messages; a longer one is refused unread."""

COSE_SIGN1 = 18  # CBOR tag, RFC 9052 §2
EDDSA = -8  # RFC 9053 §2.2
HEADER_ALG, HEADER_KID, HEADER_TYP = 1, 4, 16  # RFC 9052 §3.1, RFC 9596
KTY, KTY_OKP, KEY_KID, KEY_ALG, CRV, CRV_ED25519, KEY_X, KEY_D = 1, 1, 2, 3, -1, 6, -2, -4

CLAIMS = {
    # Registered (RFC 8392 §4)
    "issuer": 1,
    "mobile_node": 2,
    "expires_at": 4,
    "issued_at": 6,
    # Private use (below -65536)
    "prefixes": -70001,
    "anchor": -70002,
    "order": -70003,
    "released": -70004,
    "delegation": -70005,
    "proof": -70006,
    "delegates": -70007,
    "not_before": -70008,
    "attached_at": -70009,
    "requested_at": -70010,
    "deployment": -70011,
    "serial": -70012,
    "nodes": -70013,
    "mobile_nodes": -70014,
    "network_attachments": -70015,
}
"""Claim labels by the name of the field they carry."""
NAMES = {label: name for name, label in CLAIMS.items()}

Claims = TypeVar("Claims", bound=msgspec.Struct)


class Kind(StrEnum):
    """What a signed thing is; its media type in the `typ` header."""

    GRANT = "application/opendmm-grant+cwt"
    DELEGATION = "application/opendmm-delegation+cwt"
    ATTACHMENT = "application/opendmm-attachment+cwt"
    RELEASE = "application/opendmm-release+cwt"
    REGISTRY = "application/opendmm-registry+cwt"


def sign(kind: Kind, claims: msgspec.Struct, signer: str, private_key: bytes) -> bytes:
    """Sign claims with a raw 32-octet Ed25519 seed. Raises ValueError for another key."""
    named = msgspec.to_builtins(claims, builtin_types=(bytes,))
    payload = cbor2.dumps({CLAIMS[name]: value for name, value in named.items()})
    header = {HEADER_ALG: EDDSA, HEADER_KID: signer.encode(), HEADER_TYP: str(kind)}
    signed = COSE.new().encode_and_sign(payload, _signing_key(signer, private_key), header)
    return bytes(signed)


def signer_of(token: bytes) -> str:
    """Who a token says has signed it: nothing is verified yet. Raises Unauthorised."""
    _not_too_long(token)
    try:
        return _header(token)[HEADER_KID].decode()  # type: ignore[no-any-return]  # CBOR is untyped
    # What a parser of others may raise on hostile octets is not promised by its makers.
    except Exception as problem:
        raise Unauthorised(f"not a signed token: {problem}") from problem


def verified(token: bytes, kind: Kind, signer: str, public_key: bytes, of: type[Claims]) -> Claims:
    """The claims of a token, once the signature holds. Raises Unauthorised.

    Memoised: several entities of a node verify the same grant within milliseconds. Times are
    not looked at here, so that a memoised token still expires.
    """
    _not_too_long(token)
    claims: Claims = _verified(token, kind, signer, public_key, of)
    return claims


@lru_cache(maxsize=4096)
def _verified(token: bytes, kind: Kind, signer: str, public_key: bytes, of: type[Any]) -> Any:
    return verified_once(token, kind, signer, public_key, of)


def verified_once(
    token: bytes, kind: Kind, signer: str, public_key: bytes, of: type[Claims]
) -> Claims:
    """As `verified`, without keeping anything: for what is large and read once."""
    try:
        kind_of_this = _header(token).get(HEADER_TYP)
        payload = COSE.new().decode(token, _verifying_key(signer, public_key))
    # As above; a signature that does not hold ends here as well.
    except Exception as problem:
        raise Unauthorised(f"not signed by {signer}: {problem}") from problem
    if kind_of_this != kind:
        raise Unauthorised(f"a signed {kind_of_this}, where {kind} is needed")
    try:
        labelled = cbor2.loads(payload)
        named = {NAMES[label]: value for label, value in labelled.items() if label in NAMES}
        return msgspec.convert(named, of)
    except Exception as problem:
        raise Unauthorised(f"{signer} has signed what is no {kind}: {problem}") from problem


def _not_too_long(token: bytes) -> None:
    if len(token) > LONGEST_TOKEN:
        raise Unauthorised(f"a token of {len(token)} octets, more than {LONGEST_TOKEN}")


def _header(token: bytes) -> dict[Any, Any]:
    """The protected header of a token that has exactly the form `sign` gives it."""
    message = cbor2.loads(token)
    if message.tag != COSE_SIGN1:
        raise ValueError(f"CBOR tag {message.tag} is not COSE_Sign1")
    protected, unprotected, _payload, _signature = message.value
    if unprotected:
        raise ValueError("unprotected header fields")
    header: dict[Any, Any] = cbor2.loads(protected)
    if header[HEADER_ALG] != EDDSA:
        raise ValueError(f"algorithm {header[HEADER_ALG]} is not EdDSA")
    return header


@lru_cache(maxsize=1024)
def _signing_key(signer: str, private_key: bytes) -> COSEKeyInterface:
    public = Ed25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw()
    return COSEKey.new({**_key(signer), KEY_X: public, KEY_D: private_key})


@lru_cache(maxsize=4096)
def _verifying_key(signer: str, public_key: bytes) -> COSEKeyInterface:
    return COSEKey.new({**_key(signer), KEY_X: public_key})


def _key(signer: str) -> dict[int, Any]:
    return {KTY: KTY_OKP, KEY_KID: signer.encode(), KEY_ALG: EDDSA, CRV: CRV_ED25519}
