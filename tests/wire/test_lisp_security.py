"""LISP-SEC (RFC 9303): keys, the Map-Server's word, the ETR's, what an ITR believes.

Keys and digests that are written out are OpenSSL's.
"""

from ipaddress import IPv6Address

import msgspec
import pytest
from lisp_samples import (
    ANSWERED,
    EID,
    EIDS,
    ETR,
    FORWARDED,
    ITR,
    MESSAGES,
    NEGATIVE,
    NONCE,
    RECORD,
    REQUEST,
)

from opendmm.wire.errors import WireError
from opendmm.wire.lisp.codec import Received, decode, encode, receive
from opendmm.wire.lisp.encapsulated import EncapsulatedControl
from opendmm.wire.lisp.lcaf.eids import InstanceId
from opendmm.wire.lisp.lcaf.others import VendorSpecific
from opendmm.wire.lisp.messages import MapReply
from opendmm.wire.lisp.numbers import DerivationId, HmacId, WrappingId
from opendmm.wire.lisp.one_time_keys import derived, unwrapped, wrapped, wrapping_key
from opendmm.wire.lisp.protection import (
    authorised_records,
    eids_hold,
    reply_holds,
    sign_eids,
    sign_reply,
)
from opendmm.wire.lisp.reading import Tolerance
from opendmm.wire.lisp.records import EidRecord, Locator
from opendmm.wire.lisp.security import (
    NO_EIDS,
    AuthorisedEid,
    EidAuthentication,
    ReplySecurity,
    RequestSecurity,
)

SECRET = b"secret"
KEY = bytes(range(16))
SHA_1, SHA_256 = HmacId.AUTH_HMAC_SHA_1_96, HmacId.AUTH_HMAC_SHA_256_128
HKDF_SHA_1, HKDF_SHA_256 = DerivationId.HKDF_SHA1_128, DerivationId.HKDF_SHA256
AES = WrappingId.AES_KEY_WRAP_128_HKDF_SHA256
HERE = AuthorisedEid(EID, 64)
OUTER = EncapsulatedControl(source=ITR, destination=EID, source_port=50000, message=encode(REQUEST))


def answer(
    records: tuple[EidRecord, ...] = (RECORD,),
    eids: tuple[AuthorisedEid, ...] = (HERE,),
    hmac_id: HmacId = SHA_256,
    derivation: DerivationId = HKDF_SHA_256,
) -> bytes:
    """A Map-Reply as Map-Server and ETR make it for an ITR whose key is KEY."""
    word = sign_eids(eids, KEY, hmac_id, derivation)
    return sign_reply(
        MapReply(nonce=NONCE, records=records), word, derived(KEY, derivation), hmac_id
    )


# One-time keys


def test_a_key_is_wrapped_as_openssl_wraps_it() -> None:
    """openssl kdf HKDF, then openssl enc -id-aes128-wrap."""
    assert wrapping_key(SECRET, NONCE).hex() == "56506ce1a09ed84cfef1a40d2937f26b"
    there = wrapped(KEY, SECRET, NONCE, AES)
    assert there.hex() == "a83122a520aa64832a8e20fc3ac8fd6fb58ca9dac619c9c7"
    assert unwrapped(there, SECRET, NONCE, AES) == KEY


def test_a_key_that_is_not_wrapped_has_a_preamble_of_zeros() -> None:
    there = wrapped(KEY, SECRET, NONCE, WrappingId.NULL_KEY_WRAP_128)
    assert there == bytes(8) + KEY
    assert unwrapped(there, b"", 0, WrappingId.NULL_KEY_WRAP_128) == KEY


@pytest.mark.parametrize(("secret", "nonce"), [(b"other", NONCE), (SECRET, NONCE + 1)])
def test_a_key_wrapped_with_another_secret_or_nonce_is_refused(secret: bytes, nonce: int) -> None:
    with pytest.raises(WireError, match="another secret"):
        unwrapped(wrapped(KEY, SECRET, NONCE, AES), secret, nonce, AES)


def test_any_changed_bit_of_a_wrapped_key_is_noticed() -> None:
    there = wrapped(KEY, SECRET, NONCE, AES)
    for at in range(len(there) * 8):
        changed = (int.from_bytes(there, "big") ^ 1 << at).to_bytes(len(there), "big")
        with pytest.raises(WireError):
            unwrapped(changed, SECRET, NONCE, AES)


@pytest.mark.parametrize("wrapping", [WrappingId(0), WrappingId(3)])
def test_unknown_wrappings_are_refused_both_ways(wrapping: WrappingId) -> None:
    with pytest.raises(WireError, match="not known"):
        wrapped(KEY, SECRET, NONCE, wrapping)
    with pytest.raises(WireError, match="not known"):
        unwrapped(bytes(24), SECRET, NONCE, wrapping)


def test_keys_of_other_lengths_are_refused() -> None:
    with pytest.raises(WireError, match="15 octets instead of 16"):
        wrapped(KEY[:-1], SECRET, NONCE, AES)
    for wrapping in (AES, WrappingId.NULL_KEY_WRAP_128):
        with pytest.raises(WireError, match="23 octets instead of 24"):
            unwrapped(bytes(23), SECRET, NONCE, wrapping)


def test_the_key_of_the_etr_is_what_openssl_derives() -> None:
    assert derived(KEY, HKDF_SHA_256).hex() == "4e24185f0cf7d7413ccbe2ba72d38dfc"
    assert derived(KEY, HKDF_SHA_1).hex() == "a3cb62376327483300cf1304d4330601"
    for unknown in (DerivationId.NOPREF, DerivationId(3)):
        with pytest.raises(WireError, match="not known"):
            derived(KEY, unknown)


# The Map-Server's word


def test_an_itr_asks_with_nothing_but_the_derivation() -> None:
    """ "The ITR MUST set the EID-AD Length to 4 bytes" (RFC 9303 §6.1)."""
    assert NO_EIDS.hex() == "00040000"
    assert EidAuthentication.parse(NO_EIDS) == EidAuthentication(derivation=DerivationId.NOPREF)


def test_the_word_on_eids_is_signed_as_openssl_signs_it() -> None:
    word = sign_eids((HERE,), KEY, SHA_256, HKDF_SHA_256, cannot_sign=True)
    assert word[-16:].hex() == "57ce2fc25584ada0451f17b2b643b35c"
    assert EidAuthentication.parse(word) == msgspec.structs.replace(EIDS, digest=word[-16:])


@pytest.mark.parametrize(("hmac_id", "size"), [(SHA_1, 96), (SHA_256, 128)])
def test_digests_are_shortened_to_as_many_bits_as_their_names_say(
    hmac_id: HmacId, size: int
) -> None:
    said = EidAuthentication.parse(sign_eids((HERE,), KEY, hmac_id, HKDF_SHA_256))
    assert (len(said.digest) * 8, said.cannot_sign) == (size, False)
    reply = decode(answer(hmac_id=hmac_id))
    assert isinstance(reply, MapReply)
    assert reply.security is not None
    assert len(reply.security.digest) * 8 == size


def test_eids_of_an_organisation_are_signed_and_believed_where_they_are_understood() -> None:
    eid = VendorSpecific(0xFFFFFF, b"EID")
    record = EidRecord(eid=eid, mask_length=0, ttl=1)
    octets = answer((record,), (AuthorisedEid(eid, 0),))
    tolerance = Tolerance(organisations=frozenset((0xFFFFFF,)))
    assert authorised_records(receive(octets, tolerance), KEY) == (record,)
    with pytest.raises(WireError, match="not understood"):
        receive(octets)


@pytest.mark.parametrize("hmac_id", [SHA_1, SHA_256])
def test_any_changed_bit_of_the_word_is_noticed(hmac_id: HmacId) -> None:
    word = sign_eids((HERE, AuthorisedEid(ITR, 128)), KEY, hmac_id, HKDF_SHA_256)
    assert eids_hold(word, KEY)
    assert not eids_hold(word, bytes(16))
    for at in range(len(word) * 8):
        changed = (int.from_bytes(word, "big") ^ 1 << at).to_bytes(len(word), "big")
        try:
            assert not eids_hold(changed, KEY), f"bit {at}"
        except WireError:
            continue


def test_an_etr_hands_the_word_on_as_it_came() -> None:
    """Reserved bits too: what is signed are octets."""
    word = bytearray(sign_eids((HERE,), KEY, SHA_256, HKDF_SHA_256))
    word[5] |= 0x01
    asked = msgspec.structs.replace(FORWARDED, eids=bytes(word))
    octets = encode(msgspec.structs.replace(OUTER, security=asked))
    assert security_of(octets).eids == word


@pytest.mark.parametrize("hmac_id", [HmacId.NOPREF, HmacId(3)])
def test_nothing_is_signed_with_an_unknown_algorithm_nor_believed(hmac_id: HmacId) -> None:
    with pytest.raises(WireError, match="no algorithm"):
        sign_eids((HERE,), KEY, hmac_id, HKDF_SHA_256)
    with pytest.raises(WireError, match="no algorithm"):
        sign_reply(MapReply(nonce=1, records=()), NO_EIDS, KEY, hmac_id)
    said = msgspec.structs.replace(EIDS, hmac_id=hmac_id, digest=b"")
    assert not eids_hold(said.packed(), KEY)
    assert not eids_hold(NO_EIDS, KEY)
    security = ReplySecurity(eids=NO_EIDS, hmac_id=hmac_id, digest=b"")
    octets = encode(MapReply(nonce=1, records=(), security=security))
    assert not reply_holds(receive(octets), KEY)


# The answer


@pytest.mark.parametrize("derivation", [HKDF_SHA_1, HKDF_SHA_256])
@pytest.mark.parametrize("hmac_id", [SHA_1, SHA_256])
def test_an_itr_believes_an_answer_that_both_have_signed(
    hmac_id: HmacId, derivation: DerivationId
) -> None:
    received = receive(answer(hmac_id=hmac_id, derivation=derivation))
    assert authorised_records(received, KEY) == (RECORD,)
    assert authorised_records(received, KEY, hmac_id, derivation) == (RECORD,)
    assert reply_holds(received, derived(KEY, derivation))
    assert not reply_holds(received, KEY)


def test_any_changed_bit_of_an_answer_is_noticed() -> None:
    octets = answer((RECORD, NEGATIVE))
    for at in range(len(octets) * 8):
        changed = (int.from_bytes(octets, "big") ^ 1 << at).to_bytes(len(octets), "big")
        with pytest.raises(WireError):
            authorised_records(receive(changed), KEY)


def test_what_follows_an_answer_is_not_covered() -> None:
    assert authorised_records(receive(answer() + b"whatever"), KEY) == (RECORD,)


def test_an_answer_without_lisp_sec_is_refused() -> None:
    for name in ("reply", "request", "notify"):
        with pytest.raises(WireError, match="no Map-Reply with LISP-SEC"):
            authorised_records(receive(encode(MESSAGES[name])), KEY)
        assert not reply_holds(receive(encode(MESSAGES[name])), KEY)


def test_an_answer_with_other_algorithms_than_were_asked_for_is_refused() -> None:
    """RFC 9303 §6.9."""
    received = receive(answer())
    with pytest.raises(WireError, match="AUTH_HMAC_SHA_1_96 was asked for"):
        authorised_records(received, KEY, SHA_1)
    with pytest.raises(WireError, match="HKDF_SHA1_128 was asked for"):
        authorised_records(received, KEY, SHA_256, HKDF_SHA_1)


def test_an_etr_that_was_not_told_the_key_of_the_itr_cannot_widen_the_eids() -> None:
    forged = sign_eids((AuthorisedEid(EID, 0),), bytes(16), SHA_256, HKDF_SHA_256)
    reply = MapReply(nonce=NONCE, records=(RECORD,))
    octets = sign_reply(reply, forged, derived(KEY, HKDF_SHA_256), SHA_256)
    with pytest.raises(WireError, match="the EIDs are not signed"):
        authorised_records(receive(octets), KEY)


def of(prefix: str) -> tuple[IPv6Address, int]:
    address, _, length = prefix.partition("/")
    return IPv6Address(address), int(length)


def test_records_that_claim_too_much_are_left_out_as_in_the_example() -> None:
    """RFC 9303 §6.9.1."""
    claimed = [of(one) for one in ("2001:db8:102::/48", "2001:db8:103::/48", "2001:db8:200::/40")]
    records = tuple(
        EidRecord(eid=eid, mask_length=length, ttl=1, locators=(Locator(address=ETR),))
        for eid, length in claimed
    )
    signed = tuple(AuthorisedEid(*of(one)) for one in ("2001:db8:103::/48", "2001:db8:203::/48"))
    found = authorised_records(receive(answer(records, signed)), KEY)
    assert [str(one.prefix) for one in found] == ["2001:db8:103::/48"]


def test_an_instance_is_authorised_for_itself_only() -> None:
    def record(instance: int) -> EidRecord:
        return EidRecord(eid=InstanceId(instance, EID), mask_length=128, ttl=1)

    signed = (AuthorisedEid(InstanceId(9, EID), 64),)
    received = receive(answer((record(9), record(8), RECORD), signed))
    assert authorised_records(received, KEY) == (record(9),)


def test_a_question_goes_to_the_etr_and_its_answer_comes_back() -> None:
    """ITR, Map-Resolver, Map-Server, ETR and back, a secret for each pair (RFC 9303 §5)."""
    of_itr, of_etr = b"of ITR and Map-Resolver", b"of Map-Server and ETR"
    secured = RequestSecurity(wrapped=wrapped(KEY, of_itr, NONCE, AES))
    octets = encode(msgspec.structs.replace(OUTER, security=secured))

    asked = security_of(octets)
    itr_key = unwrapped(asked.wrapped, of_itr, NONCE, asked.wrapping)
    ms_key = derived(itr_key, HKDF_SHA_256)
    forwarded = RequestSecurity(
        wrapped=wrapped(ms_key, of_etr, NONCE, AES),
        eids=sign_eids((HERE,), itr_key, asked.requested, HKDF_SHA_256),
        requested=asked.requested,
    )
    octets = encode(msgspec.structs.replace(OUTER, security=forwarded))

    told = security_of(octets)
    etr_key = unwrapped(told.wrapped, of_etr, NONCE, told.wrapping)
    overclaiming = EidRecord(eid=EID, mask_length=48, ttl=1, locators=RECORD.locators)
    reply = MapReply(nonce=NONCE, records=(RECORD, overclaiming))
    answered = receive(sign_reply(reply, told.eids, etr_key, told.requested))

    assert authorised_records(answered, KEY, secured.requested) == (RECORD,)


def security_of(octets: bytes) -> RequestSecurity:
    message = decode(octets)
    assert isinstance(message, EncapsulatedControl)
    assert message.security is not None
    return message.security


# What is refused


@pytest.mark.parametrize(
    ("data", "why", "offset"),
    [
        ("", "authentication data: 0 octets where 4", 0),
        ("02000000", "authentication data of type 2", 0),
        ("01000000 0003", "EID-AD Length: 2 octets where 4", 4),
        ("01000000 00030000 00040000", "EID-AD Length 3", 4),
        ("01000000 00090000 01000000", "EID-AD: 4 octets where 5", 8),
        ("01000000 00080000 00000000 00040000", "no EID-prefixes", 8),
        ("01000000 00080000 01000000 00040000", "EID-prefix 1: mask length", 12),
        ("01000000 000c0000 01000000 00004004", "EID-prefix 1: address family 16388", 14),
        ("01000000 00040000 00030000", "PKT-AD Length 3", 8),
        ("01000000 00040000 00060001 ff", "PKT HMAC: 1 octets where 2", 12),
    ],
)
def test_malformed_data_are_refused_with_their_place(data: str, why: str, offset: int) -> None:
    before = b"\x22" + encode(MapReply(nonce=NONCE, records=(RECORD,)))[1:]
    with pytest.raises(WireError, match=why) as caught:
        decode(before + bytes.fromhex(data))
    assert caught.value.offset == len(before) + offset


@pytest.mark.parametrize("eids", [b"", NO_EIDS + b"\0", NO_EIDS[:-1], EIDS.packed()[:-1]])
def test_an_eid_ad_that_would_be_read_otherwise_is_not_written(eids: bytes) -> None:
    with pytest.raises(WireError):
        RequestSecurity(wrapped=bytes(24), eids=eids).packed()
    with pytest.raises(WireError):
        msgspec.structs.replace(ANSWERED, eids=eids).packed()


def test_there_is_room_for_255_eids() -> None:
    word = sign_eids((HERE,) * 255, KEY, SHA_256, HKDF_SHA_256)
    assert EidAuthentication.parse(word).eids == (HERE,) * 255
    with pytest.raises(WireError, match="256 EID-prefixes"):
        sign_eids((HERE,) * 256, KEY, SHA_256, HKDF_SHA_256)


def test_data_of_another_type_hide_where_the_inner_header_is() -> None:
    octets = bytearray(encode(MESSAGES["encapsulated with security"]))
    octets[4] = 2
    with pytest.raises(WireError, match="authentication data of type 2"):
        decode(bytes(octets))


def test_received_octets_and_meaning_belong_together() -> None:
    octets = answer()
    received = receive(octets)
    assert isinstance(received, Received)
    assert received.octets is octets
    assert received.records_end == len(encode(MapReply(nonce=NONCE, records=(RECORD,))))
