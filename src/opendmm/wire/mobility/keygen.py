"""Tokens and the binding management key of the return routability procedure (RFC 6275 §5.2.5)."""

import hashlib
import hmac
from ipaddress import IPv6Address

#: Octets of a keygen token: the first 64 bits.
TOKEN_LENGTH = 8
HOME = b"\x00"
CARE_OF = b"\x01"


def home_keygen_token(kcn: bytes, home_address: IPv6Address, nonce: bytes) -> bytes:
    """First (64, HMAC_SHA1 (Kcn, (home address | nonce | 0)))."""
    return hmac.digest(kcn, home_address.packed + nonce + HOME, "sha1")[:TOKEN_LENGTH]


def care_of_keygen_token(kcn: bytes, care_of_address: IPv6Address, nonce: bytes) -> bytes:
    """First (64, HMAC_SHA1 (Kcn, (care-of address | nonce | 1)))."""
    return hmac.digest(kcn, care_of_address.packed + nonce + CARE_OF, "sha1")[:TOKEN_LENGTH]


def binding_management_key(home_token: bytes, care_of_token: bytes = b"") -> bytes:
    """Kbm: SHA-1 over both tokens, or over the home token alone to remove a binding."""
    return hashlib.sha1(home_token + care_of_token).digest()
