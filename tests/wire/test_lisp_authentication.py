"""Who registered, and who notified (RFC 9301 §5.6 and §5.7). The digests are OpenSSL's."""

import itertools

import msgspec
import pytest
from lisp_samples import EID, IDENTITY, ITR, MESSAGES, NONCE, RECORD, REGISTER

from opendmm.wire.errors import WireError
from opendmm.wire.lisp.authentication import (
    LIBERAL,
    STRICT,
    Acceptance,
    Authenticated,
    Extent,
    Filling,
    holds,
    per_message_key,
    sign,
)
from opendmm.wire.lisp.codec import decode, encode, receive
from opendmm.wire.lisp.framing import XtrIdentity
from opendmm.wire.lisp.numbers import AlgorithmId, MessageType
from opendmm.wire.lisp.registrations import (
    Authentication,
    MapNotify,
    MapNotifyAck,
    MapRegister,
)

SECRET = b"secret"
SHA_1 = AlgorithmId.HMAC_SHA_1_96
SHA_256 = AlgorithmId.HMAC_SHA_256_128
HKDF = AlgorithmId.HMAC_SHA_256_128_HKDF_SHA256
PLAIN = MapRegister(nonce=NONCE, records=(RECORD,))

#: openssl dgst -mac HMAC over the golden Map-Register, key ID 3, its data zero.
DIGESTS = {
    (SHA_1, Filling.SHORTENED): "16fd0544c4d0c0124afe0a55",
    (SHA_256, Filling.SHORTENED): "16b19eb63f451dc660584ae6fea3227b",
    (HKDF, Filling.SHORTENED): "06ddeee0e06c89436ac261ac5254b6aa",
    (SHA_256, Filling.WHOLE): "c34558999e60669cb38fd4a47a27bdd740d9a3e6cbed8f7b1965a8069384ab7f",
}
DIGEST_WITH_IDENTITY = "bf7ae50ee6037037b1000a4e50aa6bc186dfca7df25480aa4ee9e90fce3a81c7"
#: openssl kdf HKDF, SHA-256, of the nonce and "secret".
KEYS = {
    MessageType.MAP_REGISTER: "b1e2beaa24f3ff40102405e13a58003e53fb1180c37185f78ca73b7c890244a3",
    MessageType.MAP_NOTIFY: "b7ab025b8ea9fab992051f663ea4990101064e830c9f7a003c8489bfeab719a7",
    MessageType.MAP_NOTIFY_ACK: "61255126d6349836531ae7ba2763481451659103e1654ea0e31b66c1f4251f28",
}


@pytest.mark.parametrize(("algorithm", "filling"), DIGESTS)
def test_the_digest_is_what_openssl_makes_of_the_octets(
    algorithm: AlgorithmId, filling: Filling
) -> None:
    message = decode(sign(REGISTER, SECRET, 3, algorithm, filling))
    assert isinstance(message, MapRegister)
    said = message.authentication
    assert (said.key_id, said.algorithm) == (3, algorithm)
    assert said.data.hex() == DIGESTS[algorithm, filling]


@pytest.mark.parametrize("kind", KEYS)
def test_a_per_message_key_is_what_openssl_derives(kind: MessageType) -> None:
    assert per_message_key(kind, NONCE, SECRET).hex() == KEYS[kind]


@pytest.mark.parametrize("extent", Extent)
@pytest.mark.parametrize("filling", Filling)
@pytest.mark.parametrize("algorithm", [SHA_1, SHA_256, HKDF])
@pytest.mark.parametrize("kind", [MapRegister, MapNotify, MapNotifyAck])
@pytest.mark.parametrize("identity", [None, IDENTITY])
def test_whoever_has_the_secret_is_believed_and_nobody_else(
    kind: type[Authenticated],
    algorithm: AlgorithmId,
    filling: Filling,
    extent: Extent,
    identity: XtrIdentity | None,
) -> None:
    message = kind(nonce=NONCE, records=(RECORD,), identity=identity)
    octets = sign(message, SECRET, 3, algorithm, filling, extent)
    received = receive(octets)
    said = received.message
    assert isinstance(said, kind)
    assert msgspec.structs.replace(said, authentication=Authentication()) == message
    assert holds(received, SECRET, LIBERAL)
    assert not holds(received, b"secreT", LIBERAL)
    moved = octets.replace(EID.packed, ITR.packed)
    assert not holds(receive(moved), SECRET, LIBERAL)


@pytest.mark.parametrize("filling", Filling)
@pytest.mark.parametrize("algorithm", [SHA_1, SHA_256, HKDF])
def test_only_what_is_accepted_is_believed(algorithm: AlgorithmId, filling: Filling) -> None:
    received = receive(sign(PLAIN, SECRET, 0, algorithm, filling))
    for algorithms, fillings in itertools.product(
        [{SHA_1}, {SHA_256}, {HKDF}], [{Filling.SHORTENED}, {Filling.WHOLE}]
    ):
        acceptance = Acceptance(algorithms=frozenset(algorithms), fillings=frozenset(fillings))
        expected = algorithm in algorithms and filling in fillings
        assert holds(received, SECRET, acceptance) is expected
    strictly = algorithm is not SHA_1 and filling is Filling.SHORTENED
    assert holds(received, SECRET, STRICT) is strictly


def test_digests_of_any_other_length_are_worth_nothing() -> None:
    whole = bytes.fromhex(DIGESTS[SHA_256, Filling.WHOLE])
    for length in set(range(40)) - {16, 32}:
        said = Authentication(3, SHA_256, (whole + bytes(8))[:length])
        received = receive(encode(msgspec.structs.replace(REGISTER, authentication=said)))
        assert not holds(received, SECRET, LIBERAL), length


@pytest.mark.parametrize("algorithm", [AlgorithmId.NONE, AlgorithmId(4), AlgorithmId(255)])
def test_an_unknown_algorithm_or_none_authenticates_nothing(algorithm: AlgorithmId) -> None:
    for length in (0, 12, 16, 20, 32):
        said = Authentication(0, algorithm, bytes(length))
        received = receive(encode(msgspec.structs.replace(REGISTER, authentication=said)))
        assert not holds(received, SECRET, LIBERAL)
    with pytest.raises(WireError, match="not known"):
        sign(PLAIN, SECRET, 0, algorithm)


def test_a_message_of_another_kind_is_not_authenticated() -> None:
    for name in ("request", "reply", "referral", "encapsulated"):
        assert not holds(receive(encode(MESSAGES[name])), SECRET, LIBERAL)


@pytest.mark.parametrize("kind", [MapRegister, MapNotify, MapNotifyAck])
def test_a_per_message_digest_holds_for_one_kind_of_message_only(
    kind: type[Authenticated],
) -> None:
    octets = sign(kind(nonce=NONCE, records=(RECORD,)), SECRET, 0, HKDF)
    for other in (MapRegister, MapNotify, MapNotifyAck):
        changed = bytes((other.TYPE << 4,)) + octets[1:]
        assert holds(receive(changed), SECRET) is (other is kind)


def test_the_identity_is_covered_only_where_both_sides_want_it() -> None:
    """RFC 9301 §5.6 covers a message up to its last record."""
    both = Acceptance(extents=frozenset((Extent.IDENTITY,)))
    short = sign(REGISTER, SECRET)
    assert holds(receive(short), SECRET)
    assert not holds(receive(short), SECRET, both)
    whole = sign(REGISTER, SECRET, 3, SHA_256, Filling.WHOLE, Extent.IDENTITY)
    said = decode(whole)
    assert isinstance(said, MapRegister)
    assert said.authentication.data.hex() == DIGEST_WITH_IDENTITY
    stolen = short[:-1] + b"\x08"
    assert holds(receive(stolen), SECRET)
    stolen = whole[:-1] + b"\x08"
    assert not holds(receive(stolen), SECRET, LIBERAL)


@pytest.mark.parametrize("extent", Extent)
@pytest.mark.parametrize("message", [REGISTER, PLAIN], ids=["identity", "no identity"])
def test_what_follows_a_message_is_not_covered(message: MapRegister, extent: Extent) -> None:
    octets = sign(message, SECRET, extent=extent)
    acceptance = Acceptance(extents=frozenset((extent,)))
    assert holds(receive(octets + b"whatever"), SECRET, acceptance)


def test_the_first_key_is_that_with_the_id_0() -> None:
    message = decode(sign(PLAIN, SECRET))
    assert isinstance(message, MapRegister)
    assert message.authentication.key_id == 0
    assert XtrIdentity(bytes(16)).site == 0


def test_reserved_bits_are_covered_as_they_came() -> None:
    """A speaker of tomorrow may set them; the digest is of its octets, not of our reading."""
    octets = bytearray(sign(PLAIN, SECRET, 0, SHA_256))
    octets[2] |= 0x40
    assert decode(bytes(octets)) == decode(sign(PLAIN, SECRET, 0, SHA_256))
    assert not holds(receive(bytes(octets)), SECRET)
