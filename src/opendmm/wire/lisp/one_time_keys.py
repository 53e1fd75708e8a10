"""The keys of LISP-SEC: how one travels, and how another is made of it (RFC 9303 §6.5, §6.7.1)."""

from struct import Struct

from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from opendmm.wire.errors import WireError
from opendmm.wire.layout import require_octets
from opendmm.wire.lisp.numbers import DerivationId, WrappingId

KEY_OCTETS = 16
#: Before a key that travels as it is (RFC 9303 §6.5.1).
PREAMBLE = bytes(8)
WRAPPED_OCTETS = len(PREAMBLE) + KEY_OCTETS
NONCE = Struct("!Q")
WRAP_LABEL = b"OTK-Key-Wrap"


def wrapped(key: bytes, secret: bytes, nonce: int, wrapping: WrappingId) -> bytes:
    """A one-time key as it travels with a Map-Request of this nonce. Raises WireError.

    Without wrapping it must not travel but within DTLS.
    """
    require_octets("one-time key", key, KEY_OCTETS)
    if wrapping is WrappingId.NULL_KEY_WRAP_128:
        return PREAMBLE + key
    _require_known(wrapping)
    return aes_key_wrap(wrapping_key(secret, nonce), key)


def unwrapped(data: bytes, secret: bytes, nonce: int, wrapping: WrappingId) -> bytes:
    """The one-time key. Raises WireError, also where another secret or nonce wrapped it: then the
    whole message is to be discarded."""
    require_octets("wrapped one-time key", data, WRAPPED_OCTETS)
    if wrapping is WrappingId.NULL_KEY_WRAP_128:
        return data[len(PREAMBLE) :]
    _require_known(wrapping)
    try:
        return aes_key_unwrap(wrapping_key(secret, nonce), data)
    except InvalidUnwrap:
        raise WireError("a one-time key wrapped with another secret, or nonce") from None


def wrapping_key(secret: bytes, nonce: int) -> bytes:
    """KDF (nonce + "OTK-Key-Wrap" + PSK) of 128 bits; "+" is concatenation."""
    return _hkdf(SHA256(), NONCE.pack(nonce) + WRAP_LABEL + secret)


def derived(key: bytes, derivation: DerivationId) -> bytes:
    """The Map-Server's one-time key (MS-OTK) from the ITR's. Raises WireError."""
    if derivation is DerivationId.HKDF_SHA256:
        return _hkdf(SHA256(), key)
    if derivation is DerivationId.HKDF_SHA1_128:
        return _hkdf(SHA1(), key)
    raise WireError(f"key derivation {derivation.name} is not known")


def _hkdf(algorithm: HashAlgorithm, material: bytes) -> bytes:
    """RFC 5869 without salt and info, of which RFC 9303 says nothing."""
    return HKDF(algorithm, KEY_OCTETS, salt=None, info=None).derive(material)


def _require_known(wrapping: WrappingId) -> None:
    if wrapping is not WrappingId.AES_KEY_WRAP_128_HKDF_SHA256:
        raise WireError(f"key wrapping {wrapping.name} is not known")
