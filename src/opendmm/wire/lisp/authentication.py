"""Who registered, and who notified: message authentication by a shared secret (RFC 9301 §5.6).

A receiver checks the octets that came, not an encoding of what it understood of them. Replays, and
which secret a Key ID means, are not for this file. The RFC covers a message up to its last
record: what says who sent it (xTR-ID, Site-ID) is behind that, and anybody can change it.
"""

import enum
import hmac

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from opendmm.wire.errors import WireError
from opendmm.wire.lisp.codec import Received, encode
from opendmm.wire.lisp.framing import NONCE, WORD, XtrIdentity
from opendmm.wire.lisp.numbers import AlgorithmId, MessageType
from opendmm.wire.lisp.registrations import (
    Authentication,
    MapNotify,
    MapNotifyAck,
    MapRegister,
    Registration,
)

#: Octets before the authentication data: first word, nonce, key and algorithm, length.
DATA_AT = WORD.size + NONCE.size + Authentication.LAYOUT.size
#: By which a per-message key is one of its kind of message (RFC 9301 §5.6, step 4).
SALTS = {
    MessageType.MAP_REGISTER: b"Map-Register Authentication",
    MessageType.MAP_NOTIFY: b"Map-Notify Authentication",
    MessageType.MAP_NOTIFY_ACK: b"Map-Notify-Ack Authentication",
}
#: Octets of a per-message key: RFC 4868 §2.1.1 wants as many as the hash has.
KEY_OCTETS = 32
Authenticated = MapRegister | MapNotify | MapNotifyAck


class Algorithm(msgspec.Struct, frozen=True):
    """A hash, how many octets of its HMAC count, and how many there are."""

    hash_name: str
    shortened: int
    whole: int
    derives: bool = False


ALGORITHMS = {
    AlgorithmId.HMAC_SHA_1_96: Algorithm("sha1", 12, 20),
    AlgorithmId.HMAC_SHA_256_128: Algorithm("sha256", 16, 32),
    AlgorithmId.HMAC_SHA_256_128_HKDF_SHA256: Algorithm("sha256", 16, 32, derives=True),
}


class Filling(enum.Enum):
    """How much of an HMAC is in the message."""

    #: 12 octets of SHA-1, 16 of SHA-256 (RFC 2404, RFC 4868).
    SHORTENED = "shortened"
    #: All 20 or 32, as many speakers have it.
    WHOLE = "whole"


class Extent(enum.Enum):
    """What of a message is covered; it matters with an identity only."""

    #: Up to the last record (RFC 9301 §5.6).
    RECORDS = "records"
    #: xTR-ID and Site-ID too.
    IDENTITY = "identity"


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """What a receiver takes for authentication."""

    algorithms: frozenset[AlgorithmId] = frozenset(
        (AlgorithmId.HMAC_SHA_256_128, AlgorithmId.HMAC_SHA_256_128_HKDF_SHA256)
    )
    fillings: frozenset[Filling] = frozenset((Filling.SHORTENED,))
    extents: frozenset[Extent] = frozenset((Extent.RECORDS,))


#: What RFC 9301 wants of all.
STRICT = Acceptance()
#: Whatever proves that the sender has the secret, SHA-1 included.
LIBERAL = Acceptance(
    algorithms=frozenset(ALGORITHMS), fillings=frozenset(Filling), extents=frozenset(Extent)
)


def sign(
    message: Authenticated,
    secret: bytes,
    key_id: int = 0,
    algorithm: AlgorithmId = AlgorithmId.HMAC_SHA_256_128,
    filling: Filling = Filling.SHORTENED,
    extent: Extent = Extent.RECORDS,
) -> bytes:
    """The octets of a message with its authentication data. Raises WireError."""
    known = ALGORITHMS.get(algorithm)
    if known is None:
        raise WireError(f"authentication algorithm {algorithm.name} is not known")
    size = known.whole if filling is Filling.WHOLE else known.shortened
    blank = Authentication(key_id, algorithm, bytes(size))
    octets = encode(msgspec.structs.replace(message, authentication=blank))
    end = len(octets)
    if extent is Extent.RECORDS and message.identity is not None:
        end -= XtrIdentity.LAYOUT.size
    digest = _digest(known, _key(known, message, secret), octets[:end])
    return octets[:DATA_AT] + digest[:size] + octets[DATA_AT + size :]


def holds(received: Received, secret: bytes, acceptance: Acceptance = STRICT) -> bool:
    """Whether who has the secret made the message; of a message without authentication, False."""
    message = received.message
    if not isinstance(message, Registration):
        return False
    said = message.authentication
    known = ALGORITHMS.get(said.algorithm)
    if known is None or said.algorithm not in acceptance.algorithms:
        return False
    if _filling(known, said) not in acceptance.fillings:
        return False
    octets, stop = received.octets, DATA_AT + len(said.data)
    blanked = octets[:DATA_AT] + bytes(len(said.data)) + octets[stop:]
    key = _key(known, message, secret)
    return any(
        hmac.compare_digest(_digest(known, key, blanked[:end])[: len(said.data)], said.data)
        for end in _ends(received, message, acceptance)
    )


def per_message_key(kind: MessageType, nonce: int, secret: bytes) -> bytes:
    """KDF (nonce + PSK, salt): HKDF-SHA256, "+" is concatenation (RFC 9301 §5.6, step 4)."""
    hkdf = HKDF(SHA256(), KEY_OCTETS, salt=SALTS[kind], info=None)
    return hkdf.derive(NONCE.pack(nonce) + secret)


def _key(algorithm: Algorithm, message: Registration, secret: bytes) -> bytes:
    if not algorithm.derives:
        return secret
    return per_message_key(message.TYPE, message.nonce, secret)


def _digest(algorithm: Algorithm, key: bytes, covered: bytes) -> bytes:
    return hmac.digest(key, covered, algorithm.hash_name)


def _filling(algorithm: Algorithm, said: Authentication) -> Filling | None:
    """Which one the data's length is; None for others, which are worth nothing."""
    if len(said.data) == algorithm.shortened:
        return Filling.SHORTENED
    return Filling.WHOLE if len(said.data) == algorithm.whole else None


def _ends(received: Received, message: Registration, acceptance: Acceptance) -> set[int]:
    """Where what is covered may end."""
    end = received.records_end
    behind = XtrIdentity.LAYOUT.size if message.identity is not None else 0
    ends = {Extent.RECORDS: end, Extent.IDENTITY: end + behind}
    return {ends[extent] for extent in acceptance.extents}
