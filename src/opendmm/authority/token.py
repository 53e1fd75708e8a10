"""Signed tokens: CWT claims in COSE_Sign1 with Ed25519, of one kind each.

A token says in its claims what kind it is, so that one made for one purpose is worth
nothing for another.
"""

from collections.abc import Callable
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cwt import COSE, COSEAlgs, COSEHeaders, COSEKey
from cwt.cose_key_interface import COSEKeyInterface

from opendmm.authority.grant import Unauthorised

KIND = -70000
"""Private claim that names a token's kind (RFC 8392 §9.1: private use below -65536)."""
ISSUER, SUBJECT, EXPIRES_AT, ISSUED_AT = 1, 2, 4, 6

LONGEST = 1 << 20
"""Octets; a longer token is refused unread."""

SKEW = 2.0
"""Seconds by which the clocks of honest nodes may differ."""

Claims = dict[int, Any]

_cose = COSE.new(alg_auto_inclusion=False)


def signing_key(seed: bytes) -> COSEKeyInterface:
    """From a raw 32-octet Ed25519 seed."""
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public = private.public_key().public_bytes_raw()
    return COSEKey.new({1: 1, 3: -8, -1: 6, -2: public, -4: seed, 4: [1, 2]})


def verification_key(public: bytes) -> COSEKeyInterface:
    """From a raw 32-octet Ed25519 public key. Raises ValueError for anything else."""
    Ed25519PublicKey.from_public_bytes(public)
    return COSEKey.new({1: 1, 3: -8, -1: 6, -2: public, 4: [2]})


def sign(kind: str, claims: Claims, key: COSEKeyInterface) -> bytes:
    """A token of this kind."""
    payload = cbor2.dumps({**claims, KIND: kind})
    return bytes(_cose.encode(payload, key, protected={COSEHeaders.ALG: COSEAlgs.EDDSA}))


def read(kind: str, token: bytes, key_of: Callable[[Claims], COSEKeyInterface | None]) -> Claims:
    """The claims of a token whose signature holds under the key of whoever it names.

    Raises Unauthorised for everything else, whatever the bytes are.
    """
    if len(token) > LONGEST:
        raise Unauthorised("the token is too long")
    claims = _unverified(token)
    key = key_of(claims)
    if key is None:
        raise Unauthorised("nobody known has issued the token")
    try:
        _cose.decode(token, key)
    except Exception as problem:
        raise Unauthorised("the signature does not hold") from problem
    if claims.get(KIND) != kind:
        raise Unauthorised(f"the token is no {kind}")
    return claims


def _unverified(token: bytes) -> Claims:
    try:
        outer = cbor2.loads(token)
        claims = cbor2.loads(outer.value[2])
    except Exception as problem:
        raise Unauthorised("not a signed token") from problem
    if not isinstance(claims, dict):
        raise Unauthorised("the token carries no claims")
    return claims


def current(claims: Claims, now: float) -> None:
    """Raises Unauthorised unless the token is valid at `now` (seconds since 1970)."""
    expires_at, issued_at = claims.get(EXPIRES_AT), claims.get(ISSUED_AT)
    if not isinstance(expires_at, int | float) or not isinstance(issued_at, int | float):
        raise Unauthorised("the token says nothing of its time")
    if now > expires_at:
        raise Unauthorised(f"expired {now - expires_at:.1f} s ago")
    if issued_at > now + SKEW:
        raise Unauthorised(f"issued {issued_at - now:.1f} s in the future")
