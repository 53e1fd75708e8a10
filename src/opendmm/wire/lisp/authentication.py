"""Who registered, and who notified: keyed digests of messages (RFC 9301 §5.6 and §5.7)."""

import hashlib
import hmac
from enum import Enum

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from opendmm.wire.lisp.messages import (
    NONCE,
    Authentication,
    MapNotify,
    MapNotifyAck,
    MapRegister,
    Registration,
)
from opendmm.wire.lisp.numbers import AlgorithmId

SALTS: dict[type[Registration], bytes] = {
    MapRegister: b"Map-Register Authentication",
    MapNotify: b"Map-Notify Authentication",
    MapNotifyAck: b"Map-Notify-Ack Authentication",
}
DIGESTS = {
    AlgorithmId.HMAC_SHA_1_96: "sha1",
    AlgorithmId.HMAC_SHA_256_128: "sha256",
    AlgorithmId.HMAC_SHA_256_128_HKDF: "sha256",
}
SIZES = {
    AlgorithmId.HMAC_SHA_1_96: 12,
    AlgorithmId.HMAC_SHA_256_128: 16,
    AlgorithmId.HMAC_SHA_256_128_HKDF: 16,
}
"""Octets to which RFC 2404 and RFC 4868 shorten the digests."""

WHOLE = {algorithm: hashlib.new(name).digest_size for algorithm, name in DIGESTS.items()}


class Filling(Enum):
    """How much of a digest goes into a message; speakers differ."""

    SHORTENED = "shortened"  # as the RFCs have it
    WHOLE = "whole"


def signed(
    message: Registration,
    key: bytes,
    key_id: int,
    algorithm: AlgorithmId,
    filling: Filling = Filling.SHORTENED,
) -> Registration:
    """The message with its authentication data. Raises KeyError for an unknown algorithm."""
    sizes = WHOLE if filling is Filling.WHOLE else SIZES
    digest = sizes[algorithm]
    blank = Authentication(key_id, algorithm, bytes(digest))
    unsigned = msgspec.structs.replace(message, authentication=blank)
    data = _mac(unsigned, unsigned.covered(), key)[:digest]
    return msgspec.structs.replace(message, authentication=Authentication(key_id, algorithm, data))


def is_authentic(message: Registration, payload: bytes, key: bytes) -> bool:
    """Whether who has the key made the message; `payload` is as it came.

    A digest that was not shortened is as good (some speakers fill in all of it), and one that
    covers xTR-ID and Site-ID, too; one that was shortened further, or an unknown algorithm, is not.
    """
    said = message.authentication
    if said.algorithm not in SIZES:
        return False
    if len(said.data) not in (SIZES[said.algorithm], WHOLE[said.algorithm]):
        return False
    start, end = _AUTHENTICATION_AT, _AUTHENTICATION_AT + len(said.data)
    blanked = payload[:start] + bytes(len(said.data)) + payload[end:]
    return any(
        hmac.compare_digest(_mac(message, covered, key)[: len(said.data)], said.data)
        for covered in (blanked[: len(payload) - _uncovered(message)], blanked)
    )


_AUTHENTICATION_AT = 16
"""Octets before the authentication data: type word, nonce, key."""


def _uncovered(message: Registration) -> int:
    return len(message.identity.packed()) if message.identity is not None else 0


def _mac(message: Registration, covered: bytes, key: bytes) -> bytes:
    algorithm = message.authentication.algorithm
    if algorithm is AlgorithmId.HMAC_SHA_256_128_HKDF:
        key = _derived(NONCE.pack(message.nonce) + key, SALTS[type(message)])
    return hmac.new(key, covered, DIGESTS[algorithm]).digest()


def _derived(material: bytes, salt: bytes) -> bytes:
    """HKDF-SHA256 (RFC 5869), the salt by the message type."""
    return HKDF(SHA256(), 32, salt=salt, info=None).derive(material)
