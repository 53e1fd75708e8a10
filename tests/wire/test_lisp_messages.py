"""LISP's control messages: against the RFCs' figures, captures, themselves, and Wireshark."""

import contextlib
from ipaddress import IPv4Address, IPv6Address

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lisp_samples import ANSWERED, ASKED, EID, EIDS, ETR, ITR, MESSAGES, NONCE, RECORD, REQUEST

from opendmm.wire.errors import WireError
from opendmm.wire.lisp import Filling, Message, decode, is_authentic, signed
from opendmm.wire.lisp.data_header import DataFlags, DataHeader
from opendmm.wire.lisp.lcaf import InstanceId, UnknownLcaf
from opendmm.wire.lisp.messages import (
    Authentication,
    MapNotify,
    MapNotifyAck,
    MapRegister,
    MapReply,
    MapRequest,
    Registration,
)
from opendmm.wire.lisp.numbers import (
    Action,
    AlgorithmId,
    LocatorFlags,
    MapReplyFlags,
    MapRequestFlags,
    MessageType,
)
from opendmm.wire.lisp.records import EidRecord, Locator, Question
from opendmm.wire.lisp.security import (
    DerivationId,
    EidAuthentication,
    HmacId,
    ReplySecurity,
    RequestSecurity,
    WrappingId,
    derived,
    unwrapped,
    wrapped,
)

SECRET = b"secret"

# Drawn by hand from the figures: bits of the first word, then field by field.
REQUEST_DRAWN = bytes.fromhex(
    "18400101"  # type 1, A, s, IRC 1, one record
    "0102030405060708"
    "00010a0a0064"  # source EID, AFI 1
    "0002fd00000d000000000000000000000001"  # ITR-RLOC
    "00010a090002"
    "0080000220010db8000a00000000000000000100"  # reserved, mask length, AFI 2, EID
)
REPLY_DRAWN = bytes.fromhex(
    "20000002"
    "0102030405060708"
    "000005a0"  # 1440 minutes
    "02801000"  # two locators, /128, no action, A
    "00050002"  # map version 5, AFI 2
    "20010db8000a00000000000000000100"
    "0232ff000001"  # priority 2, weight 50, multicast 255 0, R
    "00010a090002"
    "0164ff000005"  # L and R
    "0002fd00000d000000000000000000000002"
    "0000000f"
    "00182000"  # no locators, /24, natively forward
    "00000001"
    "0a0a0064"
)
REGISTER_DRAWN = (
    bytes.fromhex(
        "3a000901"  # type 3, P, I, T, M, one record
        "0102030405060708"
        "03020010"  # key 3, HMAC-SHA-256-128, sixteen octets
        "000102030405060708090a0b0c0d0e0f"
    )
    + REPLY_DRAWN[12:-16]
    + bytes(range(16))
    + bytes.fromhex("0000000000000007")
)


@pytest.mark.parametrize(
    ("name", "drawn"),
    [("request", REQUEST_DRAWN), ("reply", REPLY_DRAWN), ("register", REGISTER_DRAWN)],
)
def test_messages_are_as_the_figures_draw_them(name: str, drawn: bytes) -> None:
    assert MESSAGES[name].packed() == drawn
    assert decode(drawn) == MESSAGES[name]


@pytest.mark.parametrize("name", MESSAGES)
def test_decoding_is_the_inverse_of_encoding(name: str) -> None:
    assert decode(MESSAGES[name].packed()) == MESSAGES[name]


@pytest.mark.parametrize("name", MESSAGES)
def test_every_truncation_is_refused_or_a_shorter_message(name: str) -> None:
    whole = MESSAGES[name].packed()
    for length in range(len(whole)):
        with contextlib.suppress(WireError):
            found = decode(whole[:length])
            assert name == "reply with security"
            assert isinstance(found, MapReply)


# Captured from independent implementations.

NOTIFY_SHA1 = bytes.fromhex(
    "40000001a6e788294ff89cc6000100143e51372071f8f0dbd6eaf82306de17487a822cc1"
    "0000000a018010000000000220010db8f000000000000000000000010164ff00000100010a090002"
)
NOTIFY_SHA256 = bytes.fromhex(
    "400000018e169c4a79e49734000200202355a1eb7da569f3876c921267565b1b3717970e639470a8e0b8d9dc8479cffb"
    "0000000a018010000000000220010db8f000000000000000000000060164ff00000500010a090002"
)
REPLY = bytes.fromhex(
    "20000001eb573b33367b05b60000000a018000000000000220010db8f00000000000000000000005"
    "0164ff000001000220010db8000900000000000000000002"
)
PROBE_REPLY = bytes.fromhex(
    "2800000190ae6d1e7e7100b80000000a014010000000000220010db8f00000010000000000000000"
    "0164ff000007000220010db8000900000000000000000003"
)


@pytest.mark.parametrize("captured", [NOTIFY_SHA1, NOTIFY_SHA256, REPLY, PROBE_REPLY])
def test_what_others_sent_is_read_without_loss(captured: bytes) -> None:
    assert decode(captured).packed() == captured


@pytest.mark.parametrize("captured", [NOTIFY_SHA1, NOTIFY_SHA256])
def test_what_others_signed_is_believed_with_their_key_alone(captured: bytes) -> None:
    """Both fill in the whole digest, where the RFCs shorten it."""
    message = decode(captured)
    assert isinstance(message, MapNotify)
    assert is_authentic(message, captured, SECRET)
    assert not is_authentic(message, captured, b"another")
    for at in (1, 10, 17, 40, len(captured) - 1):
        changed = captured[:at] + bytes([captured[at] ^ 0x10]) + captured[at + 1 :]
        try:
            other = decode(changed)
        except WireError:
            continue
        assert isinstance(other, MapNotify)
        assert not is_authentic(other, changed, SECRET)


def test_what_others_answered_says_where_an_eid_is() -> None:
    reply = decode(PROBE_REPLY)
    assert isinstance(reply, MapReply)
    (record,) = reply.records
    assert (record.eid, record.mask_length) == (IPv6Address("2001:db8:f000:1::"), 64)
    (locator,) = record.locators
    assert locator.address == IPv6Address("2001:db8:9::3")
    assert locator.flags & LocatorFlags.PROBED


# Authentication


@pytest.mark.parametrize("filling", Filling)
@pytest.mark.parametrize("algorithm", [a for a in AlgorithmId if a is not AlgorithmId.NONE])
@pytest.mark.parametrize("kind", [MapRegister, MapNotify, MapNotifyAck])
def test_registrations_are_believed_from_who_has_the_key(
    kind: type[Registration], algorithm: AlgorithmId, filling: Filling
) -> None:
    plain = MESSAGES["register"]
    assert isinstance(plain, MapRegister)
    fields = msgspec.structs.asdict(plain)
    message = signed(kind(**fields), SECRET, 3, algorithm, filling)
    payload = message.packed()
    again = decode(payload)
    assert isinstance(again, Registration)
    assert is_authentic(again, payload, SECRET)
    assert not is_authentic(again, payload, b"other")
    assert not is_authentic(again, payload.replace(EID.packed, ITR.packed), SECRET)


def test_a_digest_shorter_than_agreed_or_none_is_not_believed() -> None:
    message = signed(
        MapRegister(nonce=1, records=(RECORD,)), SECRET, 0, AlgorithmId.HMAC_SHA_256_128
    )
    cut = Authentication(0, AlgorithmId.HMAC_SHA_256_128, message.authentication.data[:8])
    none = Authentication(0, AlgorithmId.NONE, b"")
    for said in (cut, none):
        weak = msgspec.structs.replace(message, authentication=said)
        assert not is_authentic(weak, weak.packed(), SECRET)


def test_the_identity_is_not_covered_and_the_records_are() -> None:
    """RFC 9301 §5.6: up to the last RLOC-record."""
    message = MESSAGES["register"]
    assert isinstance(message, MapRegister)
    ours = signed(message, SECRET, 0, AlgorithmId.HMAC_SHA_256_128)
    other = msgspec.structs.replace(ours, identity=None)
    assert ours.covered() == ours.packed()[:-24]
    assert other.covered() != ours.covered()  # the I bit is covered


def test_a_per_message_key_depends_on_nonce_and_kind() -> None:
    digests = {
        signed(
            kind(nonce=nonce, records=()), SECRET, 0, AlgorithmId.HMAC_SHA_256_128_HKDF
        ).authentication.data
        for kind in (MapRegister, MapNotify, MapNotifyAck)
        for nonce in (1, 2)
    }
    assert len(digests) == 6


# What is refused


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"", "control message"),
        (bytes.fromhex("70000000"), "UNASSIGNED_7"),
        (REQUEST_DRAWN[:12] + b"\x40\x00" + REQUEST_DRAWN[14:], "no known length"),
        (REPLY_DRAWN[:17] + b"\x81" + REPLY_DRAWN[18:], "over 128"),
        (b"\x28" + REPLY_DRAWN[1:], "not authoritative"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(payload: bytes, why: str) -> None:
    with pytest.raises(WireError, match=why):
        decode(payload)


def test_addresses_within_addresses_end_somewhere() -> None:
    nested: InstanceId | None = None
    for _ in range(6):
        nested = InstanceId(1, nested)
    payload = MapReply(nonce=1, records=(EidRecord(eid=nested, mask_length=0, ttl=1),)).packed()
    with pytest.raises(WireError, match="deep"):
        decode(payload)


def test_locators_of_unknown_formats_are_passed_over() -> None:
    record = msgspec.structs.replace(
        RECORD, locators=(Locator(address=UnknownLcaf(88, b"?")), Locator(address=ETR))
    )
    assert [one.address for one in record.known_locators] == [ETR]


def test_locators_are_sorted_and_ipv4_comes_first() -> None:
    """RFC 9301 §5.5."""
    mixed = (ETR, IPv4Address("10.0.0.9"), ITR, IPv4Address("10.0.0.1"))
    record = EidRecord(
        eid=EID, mask_length=128, ttl=1, locators=tuple(Locator(address=one) for one in mixed)
    )
    reply = decode(MapReply(nonce=1, records=(record,)).packed())
    assert isinstance(reply, MapReply)
    found = [one.address for one in reply.records[0].locators]
    assert found == [IPv4Address("10.0.0.1"), IPv4Address("10.0.0.9"), ITR, ETR]


def test_what_has_no_encoding_is_refused() -> None:
    with pytest.raises(WireError, match="ITR-RLOCs"):
        MapRequest(nonce=1, itr_rlocs=(), questions=()).packed()
    with pytest.raises(WireError, match="records"):
        MapReply(nonce=1, records=(RECORD,) * 256).packed()
    with pytest.raises(WireError, match="map version"):
        MapReply(nonce=1, records=(msgspec.structs.replace(RECORD, map_version=4096),)).packed()


# LISP-SEC


def test_one_time_keys_are_wrapped_for_who_has_the_secret() -> None:
    key = bytes(range(16))
    for wrapping in WrappingId:
        there = wrapped(key, SECRET, NONCE, wrapping)
        assert len(there) == 24
        assert unwrapped(there, SECRET, NONCE, wrapping) == key
    there = wrapped(key, SECRET, NONCE, WrappingId.AES_128_HKDF_SHA256)
    for secret, nonce in ((b"other", NONCE), (SECRET, NONCE + 1)):
        with pytest.raises(WireError, match="another secret"):
            unwrapped(there, secret, nonce, WrappingId.AES_128_HKDF_SHA256)


@pytest.mark.parametrize("algorithm", [HmacId.HMAC_SHA_1_96, HmacId.HMAC_SHA_256_128])
def test_an_answer_is_signed_by_map_server_and_etr(algorithm: HmacId) -> None:
    itr_key = bytes(range(16))
    eids = EidAuthentication(eids=(Question(eid=EID, mask_length=64),)).signed(itr_key, algorithm)
    etr_key = derived(itr_key, eids.derivation)
    reply = MapReply(nonce=NONCE, records=(RECORD,), flags=MapReplyFlags.S)
    head = msgspec.structs.replace(reply, security=b"-").packed()[:-1]
    security = ReplySecurity(eids=eids, hmac_id=algorithm).signed(head, etr_key)
    payload = msgspec.structs.replace(reply, security=security.packed()).packed()
    found = decode(payload)
    assert isinstance(found, MapReply)
    seen = ReplySecurity.parse(found.security)
    covered = payload[: len(payload) - len(found.security)]
    assert seen.eids.is_authentic(itr_key)
    assert seen.is_authentic(covered, derived(itr_key, seen.eids.derivation))
    overclaimed = msgspec.structs.replace(seen.eids, eids=(Question(eid=EID, mask_length=48),))
    assert not overclaimed.is_authentic(itr_key)
    assert not seen.is_authentic(covered[:-1] + b"\0", etr_key)
    assert not seen.is_authentic(covered, itr_key)


def test_security_data_survive_and_the_derivations_differ() -> None:
    assert RequestSecurity.parse(ASKED.packed()) == ASKED
    assert ReplySecurity.parse(ANSWERED.packed()) == ANSWERED
    key = bytes(range(16))
    assert derived(key, DerivationId.HKDF_SHA256) != derived(key, DerivationId.HKDF_SHA1_128)
    assert not EIDS.is_authentic(key)
    with pytest.raises(WireError, match="NO_PREFERENCE"):
        derived(key, DerivationId.NO_PREFERENCE)


# The data header


def test_the_data_header_is_as_the_figure_draws_it() -> None:
    plain = DataHeader(flags=DataFlags.N | DataFlags.L, nonce=0xABCDEF, status_bits=3)
    assert plain.packed().hex() == "c0abcdef00000003"
    instance = DataHeader(instance=0x123456, status_bits=1)
    assert instance.packed().hex() == "0800000012345601"
    for header in (plain, instance):
        assert DataHeader.read(header.packed()) == header
    versions = DataHeader(flags=DataFlags.V, nonce=0x005007)
    assert versions.versions == (5, 7)
    for flags in ("90", "98"):
        with pytest.raises(WireError, match="at once"):
            DataHeader.read(bytes.fromhex(flags + "00000000000000"))


@given(st.binary(max_size=16))
def test_any_data_header_is_read_or_refused(data: bytes) -> None:
    try:
        header = DataHeader.read(data)
    except WireError:
        return
    assert header.packed() == data[:8]


# Whatever comes


@given(st.binary(max_size=300))
def test_any_octets_are_a_message_or_refused(payload: bytes) -> None:
    survives(payload)


@given(st.sampled_from(sorted(MESSAGES)), st.data())
def test_a_changed_message_is_a_message_or_refused(name: str, data: st.DataObject) -> None:
    payload = bytearray(MESSAGES[name].packed())
    for _ in range(data.draw(st.integers(1, 4))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    survives(bytes(payload[: data.draw(st.integers(0, len(payload)))]))


def survives(payload: bytes) -> None:
    try:
        message = decode(payload)
    except WireError:
        return
    again = message.packed()
    assert decode(again).packed() == again


addresses = st.one_of(
    st.none(), st.ip_addresses(v=4), st.ip_addresses(v=6), st.builds(lambda: InstanceId(1, EID))
)
locators = st.builds(
    Locator,
    address=addresses,
    priority=st.integers(0, 255),
    weight=st.integers(0, 255),
    multicast_priority=st.integers(0, 255),
    multicast_weight=st.integers(0, 255),
    flags=st.sampled_from([LocatorFlags(value) for value in range(8)]),
)
records = st.builds(
    EidRecord,
    eid=st.ip_addresses(v=6),
    mask_length=st.integers(0, 128),
    ttl=st.integers(0, 0xFFFFFFFF),
    locators=st.lists(locators, max_size=4).map(
        lambda found: tuple(sorted(found, key=lambda one: one.order))
    ),
    action=st.sampled_from(Action),
    authoritative=st.booleans(),
    map_version=st.integers(0, 0xFFF),
)
messages: st.SearchStrategy[Message] = st.one_of(
    st.builds(
        MapReply,
        nonce=st.integers(0, 2**64 - 1),
        records=st.lists(records, max_size=3).map(tuple),
    ),
    st.builds(
        MapRequest,
        nonce=st.integers(0, 2**64 - 1),
        itr_rlocs=st.lists(addresses, min_size=1, max_size=32).map(tuple),
        questions=st.lists(
            st.builds(
                Question,
                eid=st.ip_addresses(v=6),
                mask_length=st.integers(0, 128),
                wants_notifications=st.booleans(),
            ),
            max_size=3,
        ).map(tuple),
        source=addresses,
        flags=st.sampled_from([MapRequestFlags.A, MapRequestFlags.S, MapRequestFlags.D]),
    ),
)


@given(messages)
def test_any_message_survives(message: Message) -> None:
    assert decode(message.packed()) == message


def test_every_type_has_a_sample() -> None:
    assert {message.TYPE for message in MESSAGES.values()} == set(MessageType)
    assert isinstance(REQUEST, MapRequest)
