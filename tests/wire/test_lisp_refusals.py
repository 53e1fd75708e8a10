"""What is refused and at which octet, and what is ignored because an RFC says so."""

import msgspec
import pytest
from hexdump import octets
from lisp_samples import (
    ADDRESSES,
    EID,
    EID4,
    ETR,
    ETR4,
    IDENTITY,
    ITR,
    MESSAGES,
    NONCE,
    OURS,
    PROBED,
    RECORD,
    REGISTER,
    REQUEST,
    TOLERANCE,
)

from opendmm.wire.checksum import internet_checksum
from opendmm.wire.errors import WireError
from opendmm.wire.lisp.addresses import pack_address
from opendmm.wire.lisp.codec import Message, decode, encode, receive_inner
from opendmm.wire.lisp.encapsulated import EncapsulatedControl
from opendmm.wire.lisp.framing import XtrIdentity
from opendmm.wire.lisp.lcaf.base import Address
from opendmm.wire.lisp.lcaf.eids import InstanceId, MulticastInfo
from opendmm.wire.lisp.lcaf.locators import AfiList, AnotherFamily, SecurityKey
from opendmm.wire.lisp.lcaf.others import UnknownLcaf, VendorSpecific
from opendmm.wire.lisp.lcaf.registry import DEEPEST
from opendmm.wire.lisp.messages import MapReply, MapRequest
from opendmm.wire.lisp.numbers import (
    Action,
    AddressFamily,
    LocatorFlags,
    MapRegisterFlags,
    MapReplyFlags,
    MapRequestFlags,
    ReferralAction,
    SignatureAlgorithm,
)
from opendmm.wire.lisp.reading import Tolerance
from opendmm.wire.lisp.records import EidRecord, Locator, Question
from opendmm.wire.lisp.referrals import MapReferral, ReferralRecord, Signature
from opendmm.wire.lisp.registrations import (
    Authentication,
    MapNotify,
    MapNotifyAck,
    MapRegister,
)

LCAF = "4003 0000"


def reply(record: str) -> bytes:
    """A Map-Reply of one record."""
    return bytes.fromhex("20000001 0102030405060708" + record)


def reply_about(eid: str, length: int = 0) -> bytes:
    return reply(f"00000001 00{length:02x}0000 0000" + eid)


def reply_at(locator: str) -> bytes:
    return reply("00000001 01200000 0000 0001 0a0a0064 0164ff000001" + locator)


def answering(eid: Address, mask_length: int, *locators: Address) -> MapReply:
    there = tuple(Locator(address=address) for address in locators)
    record = EidRecord(eid=eid, mask_length=mask_length, ttl=1, locators=there)
    return MapReply(nonce=1, records=(record,))


# Refused when read


@pytest.mark.parametrize(
    ("payload", "why", "offset"),
    [
        (b"", "type and flags: 0 octets where 4", 0),
        (bytes.fromhex("00000000"), "type UNASSIGNED_0", 0),
        (bytes.fromhex("90000000"), "type UNASSIGNED_9", 0),
        (bytes.fromhex("f0000000"), "type SHARED_EXTENSION", 0),
        (bytes.fromhex("20000001 01020304"), "MapReply: nonce: 4 octets where 8", 4),
        (reply(""), "MapReply: record 1: TTL and counts: 0 octets where 10", 12),
        (reply_about("0003 0000"), "record 1: address family 3", 22),
        (reply_about("0006 020000000001"), "record 1: address family 6", 22),
        (reply_about("0011 6500"), "record 1: address family 17", 22),
        (reply_about("0001 0a0a0064", 33), "EID: prefix length 33 is over 32", 22),
        (reply_about("0002" + EID.packed.hex(), 129), "EID: prefix length 129 is over 128", 22),
        (reply_about("0002 2001"), "IPv6 address: 2 octets where 16", 24),
        (
            reply_about(LCAF + "0200 000a 00000009 0001 0a0a0064", 33),
            "EID: prefix length 33 is over 32",
            22,
        ),
        (reply_about(LCAF + "4d00 0000"), "EID in canonical formats that are unknown", 22),
        (
            reply_about(LCAF + "0200 000c 00000009" + LCAF + "4d00 0000"),
            "EID in canonical formats that are unknown",
            22,
        ),
        (reply_about(LCAF + "0200 0009 00000009 0001 0a0a"), "InstanceId: 8 octets where 9", 30),
        (reply_about(LCAF + "0200 0005 00000009 0001"), "address family: 1 octets where 2", 34),
        (reply_about(LCAF + "0221 0006 00000000 0000"), "IID mask-len 33 is over 32", 30),
        (reply_about(LCAF + "0218 0006 00000101 0000"), "with low-order bits", 30),
        (
            reply_about(LCAF + "0900 0014 00000009 00002120 0001 0a0a0064 0001 e8010101"),
            "MulticastInfo: source: prefix length 33",
            30,
        ),
        (
            reply_about(LCAF + "0900 0014 00000009 00002021 0001 0a0a0064 0001 e8010101"),
            "MulticastInfo: group: prefix length 33",
            30,
        ),
        (reply_at("0001 0a09"), "record 1: locator 1: IPv4 address: 2 octets", 36),
        (reply_at(LCAF + "0b00 0008 02000100 0002 6b65"), "key 2: key length: 0 octets", 50),
        (reply_at(LCAF + "0d00 0003 000000"), "ReplicationList: level: 3 octets where 4", 42),
        (reply_at(LCAF + "0100 0004 0006 0200"), "AfiList: MAC address: 2 octets where 6", 44),
        (reply_at(LCAF + "0100 0004 0003 0200"), "AfiList: address family 3", 42),
        (reply_at(LCAF + "ff00 0004 00abcdef"), "organisation 0xabcdef is not understood", 42),
        (reply_at(LCAF + "ff00 0003 00abcd"), "organisation: 3 octets where 4", 42),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(
    payload: bytes, why: str, offset: int
) -> None:
    with pytest.raises(WireError, match=why) as caught:
        decode(payload)
    assert caught.value.offset == offset


def test_a_request_without_records_is_refused() -> None:
    whole = encode(REQUEST)
    payload = whole[:3] + b"\0" + whole[4:-20]
    with pytest.raises(WireError, match="MapRequest: a Map-Request without records") as caught:
        decode(payload)
    assert caught.value.offset == len(payload)


@pytest.mark.parametrize("name", ["subscription", "register"])
def test_an_identity_that_is_announced_and_not_there_is_refused(name: str) -> None:
    whole = encode(MESSAGES[name])
    for missing in range(1, 25):
        with pytest.raises(WireError, match="xTR-ID and Site-ID") as caught:
            decode(whole[:-missing])
        assert caught.value.offset == len(whole) - 24


def test_a_mapping_that_is_announced_and_not_there_is_refused() -> None:
    octets_of = bytearray(encode(REQUEST))
    octets_of[0] |= 0x04
    with pytest.raises(WireError, match="TTL and counts: 0 octets"):
        decode(bytes(octets_of))


def test_the_answer_to_a_probe_has_only_authoritative_records() -> None:
    """RFC 9301 §5.4: "otherwise, it MUST be silently discarded"."""
    there = encode(MapReply(nonce=1, records=(PROBED, msgspec.structs.replace(RECORD, ttl=1))))
    decode(b"\x28" + there[1:])
    without = bytearray(there)
    without[18] &= ~0x10
    with pytest.raises(WireError, match="not authoritative"):
        decode(b"\x28" + bytes(without[1:]))
    decode(bytes(without))


@pytest.mark.parametrize("name", MESSAGES)
def test_every_truncation_is_refused(name: str) -> None:
    whole = encode(MESSAGES[name])
    for length in range(len(whole)):
        if name == "notify with identity" and length >= len(whole) - 24:
            found = decode(whole[:length])
            assert isinstance(found, MapNotify)
            assert found.identity is None
            continue
        with pytest.raises(WireError) as caught:
            decode(whole[:length], TOLERANCE)
        assert caught.value.offset <= length


def test_addresses_within_addresses_end_somewhere() -> None:
    def octets_of(depth: int) -> str:
        if not depth:
            return "0000"
        inner = octets_of(depth - 1)
        length = 4 + len(inner.replace(" ", "")) // 2
        return f"{LCAF} 0200 {length:04x} 00000000 {inner}"

    def value_of(depth: int) -> Address:
        return InstanceId(0, value_of(depth - 1)) if depth else None

    deepest = msgspec.structs.replace(answering(EID4, 32, value_of(DEEPEST)), nonce=NONCE)
    assert decode(reply_at(octets_of(DEEPEST))) == deepest
    with pytest.raises(WireError, match=f"nested over {DEEPEST} deep"):
        decode(reply_at(octets_of(DEEPEST + 1)))
    with pytest.raises(WireError, match=f"nested over {DEEPEST} deep"):
        encode(answering(EID4, 32, value_of(DEEPEST + 1)))
    many = answering(EID, 128, *((value_of(DEEPEST),) * (DEEPEST + 1)))
    assert decode(encode(many)) == many
    wide = AfiList((value_of(1), value_of(DEEPEST - 1)))
    assert decode(encode(answering(EID, 128, wide))) == answering(EID, 128, wide)
    too_deep = f"{octets_of(1)} {octets_of(DEEPEST)}"
    length = len(bytes.fromhex(too_deep))
    with pytest.raises(WireError, match=f"nested over {DEEPEST} deep"):
        decode(reply_at(f"{LCAF} 0100 {length:04x} {too_deep}"))


# Encapsulated messages


def encapsulated(name: str) -> EncapsulatedControl:
    message = MESSAGES[name]
    assert isinstance(message, EncapsulatedControl)
    return message


OUTER = encapsulated("encapsulated")
OUTER4 = encapsulated("encapsulated in IPv4")


def changed(message: Message, at: int, text: str) -> bytes:
    """The octets of a message with some others in their place."""
    whole, new = encode(message), bytes.fromhex(text)
    return whole[:at] + new + whole[at + len(new) :]


def resummed(payload: bytes) -> bytes:
    """An encapsulated message with the right checksum of its inner IPv4 header."""
    header = payload[4:14] + bytes(2) + payload[16:24]
    return payload[:14] + internet_checksum(header).to_bytes(2, "big") + payload[16:]


@pytest.mark.parametrize(
    ("payload", "why", "offset"),
    [
        (encode(OUTER)[:4], "no inner IP header", 4),
        (changed(OUTER, 4, "50"), "inner IP version 5", 4),
        (changed(OUTER, 10, "06"), "inner protocol 6 is not UDP", 4),
        (changed(OUTER, 8, "0045"), "inner UDP length 70 in 69 octets", 44),
        (changed(OUTER, 48, "0007"), "inner UDP length 7", 44),
        (encode(OUTER)[:-1], "inner message: 61 octets where 62", 52),
        (changed(OUTER, 60, "00"), "wrong checksum of the inner UDP", 44),
        (changed(OUTER, 50, "0000"), "no checksum of the inner UDP", 44),
        (changed(OUTER, 44, "10f5"), "inner port 4341", 44),
        (changed(OUTER, 46, "10f5"), "inner port 4341", 44),
        (changed(OUTER4, 4, "44"), "inner IPv4 header of 4 words", 4),
        (changed(OUTER4, 4, "4f"), "inner IPv4 options: 36 octets where 40", 24),
        (changed(OUTER4, 14, "0000"), "wrong checksum of the inner IPv4 header", 4),
        (resummed(changed(OUTER4, 10, "2000")), "a fragment", 4),
        (resummed(changed(OUTER4, 10, "0001")), "a fragment", 4),
        (resummed(changed(OUTER4, 13, "06")), "inner protocol 6 is not UDP", 4),
        (resummed(changed(OUTER4, 6, "0013")), "inner IPv4 total length 19", 4),
        (resummed(changed(OUTER4, 6, "0037")), "inner UDP length 36 in 35 octets", 24),
    ],
)
def test_an_inner_packet_that_a_host_would_drop_is_refused(
    payload: bytes, why: str, offset: int
) -> None:
    with pytest.raises(WireError, match=why) as caught:
        decode(payload)
    assert caught.value.offset == offset


def test_an_inner_packet_without_a_checksum_passes_where_that_is_configured() -> None:
    tolerance = Tolerance(no_inner_checksum=True)
    assert decode(changed(OUTER, 50, "0000"), tolerance) == OUTER
    with pytest.raises(WireError, match="wrong checksum of the inner UDP"):
        decode(changed(OUTER, 50, "0001"), tolerance)


def test_inner_options_and_padding_are_passed_over() -> None:
    whole = encode(OUTER4)
    header = bytearray(whole[4:24] + b"\1\1\1\0")
    header[0], header[3], header[10:12] = 0x46, header[3] + 4, b"\0\0"
    header[10:12] = internet_checksum(bytes(header)).to_bytes(2, "big")
    assert decode(whole[:4] + bytes(header) + whole[24:] + b"padding") == OUTER4


def test_a_checksum_that_comes_out_as_zero_is_sent_as_all_ones() -> None:
    """RFC 768: zero would mean that there is none."""
    for nonce in range(0x10000):
        outer = msgspec.structs.replace(OUTER4, message=nonce.to_bytes(2, "big"))
        if encode(outer)[30:32] == b"\xff\xff":
            break
    else:
        raise AssertionError("none came out as zero")
    assert decode(encode(outer)) == outer


def test_the_inner_message_is_neither_encapsulated_again_nor_a_probe() -> None:
    inner = receive_inner(OUTER)
    assert inner.message == REQUEST
    assert inner.octets == encode(REQUEST)
    again = msgspec.structs.replace(OUTER, message=encode(OUTER4))
    with pytest.raises(WireError, match="an encapsulated message in another"):
        receive_inner(again)
    probe = msgspec.structs.replace(OUTER, message=encode(MESSAGES["probe"]))
    with pytest.raises(WireError, match="an encapsulated probe"):
        receive_inner(probe)
    with pytest.raises(WireError, match="type and flags"):
        receive_inner(msgspec.structs.replace(OUTER, message=b""))


# Ignored when read


@pytest.mark.parametrize(
    ("name", "reserved"),
    [
        ("request", 0x0020_0000 | 0x000F_8000),
        ("reply", 0x01FF_FF00),
        ("register", 0x01FF_E000 | 0x0000_0200),
        ("notify", 0x0FFF_FF00),
        ("notify ack", 0x0FFF_FF00),
        ("referral", 0x0FFF_FF00),
        ("encapsulated", 0x00FF_FFFF),
    ],
)
def test_reserved_bits_of_the_first_word_are_ignored(name: str, reserved: int) -> None:
    whole = encode(MESSAGES[name])
    word = int.from_bytes(whole[:4], "big")
    for bit in range(32):
        if reserved >> bit & 1:
            assert not word >> bit & 1
            again = decode((word | 1 << bit).to_bytes(4, "big") + whole[4:], TOLERANCE)
            assert again == MESSAGES[name], f"bit {31 - bit}"


def test_the_i_bit_of_a_map_notify_counts_where_there_is_an_identity() -> None:
    """Its place is that which speakers give it, or that of the Map-Register."""
    whole = encode(MESSAGES["notify"])
    for kind in (0x48, 0x58, 0x42, 0x52):
        without = decode(bytes((kind,)) + whole[1:])
        assert isinstance(without, MapNotify | MapNotifyAck)
        assert without.identity is None
        there = decode(bytes((kind,)) + whole[1:] + IDENTITY.packed())
        assert isinstance(there, MapNotify | MapNotifyAck)
        assert there.identity == IDENTITY
    plain = decode(whole + IDENTITY.packed())
    assert plain == MESSAGES["notify"]


def test_reserved_bits_of_a_question_are_ignored() -> None:
    whole = bytearray(encode(MESSAGES["unsubscription"]))
    whole[whole.index(octets("80 18 00 01"))] |= 0x7F
    assert decode(bytes(whole)) == MESSAGES["unsubscription"]


def test_reserved_bits_of_records_and_locators_are_ignored() -> None:
    whole = bytearray(encode(MapReply(nonce=NONCE, records=(RECORD,))))
    whole[18] |= 0x0F
    whole[19] |= 0xFF
    whole[20] |= 0xF0
    whole[44] |= 0xFF
    whole[45] |= 0xF8
    assert decode(bytes(whole)) == MapReply(nonce=NONCE, records=(RECORD,))


def test_reserved_octets_of_canonical_addresses_are_ignored() -> None:
    plain = answering(InstanceId(9, EID), 128, ADDRESSES["replication list"], ADDRESSES["keys"])
    whole = bytearray(encode(plain))
    for begin in [at for at in range(len(whole) - 1) if whole[at : at + 2] == b"\x40\x03"]:
        whole[begin + 2 : begin + 4] = b"\xff\xff"
        if whole[begin + 4] != 2:
            whole[begin + 5] = 0xFF
    keys = whole.index(b"\x0b\xff") + 4
    whole[keys + 1] = 0xFF
    whole[keys + 3] |= 0xFE
    level = whole.index(b"\x0d\xff") + 4
    whole[level : level + 3] = b"\xff\xff\xff"
    assert decode(bytes(whole)) == decode(encode(plain))


def test_the_action_of_a_record_with_locators_is_ignored() -> None:
    """RFC 9301 §5.4: "used only when the 'Locator Count' field is set to 0"."""
    whole = bytearray(encode(MapReply(nonce=NONCE, records=(RECORD,))))
    whole[18] |= 0x60
    assert decode(bytes(whole)) == MapReply(nonce=NONCE, records=(RECORD,))


def test_a_number_without_a_name_is_kept() -> None:
    whole = reply("0000000f 0018e000 0000 0001 0a0a0064")
    found = decode(whole)
    assert isinstance(found, MapReply)
    assert found.records[0].action.name == "UNASSIGNED_7"
    assert encode(found) == whole


@pytest.mark.parametrize("name", ["probe", "register"])
def test_probed_locators_say_nothing_where_no_probe_is_answered(name: str) -> None:
    """RFC 9301 §5.4: the p bit "MUST NOT be set" in Map-Requests and Map-Registers."""
    whole = bytearray(encode(MESSAGES[name]))
    whole[whole.index(octets("02 32 ff 00 00 01")) + 5] |= 2
    assert decode(bytes(whole)) == MESSAGES[name]


@pytest.mark.parametrize("name", MESSAGES)
def test_what_follows_a_message_is_ignored(name: str) -> None:
    assert decode(encode(MESSAGES[name]) + b"whatever", TOLERANCE) == MESSAGES[name]


def test_what_a_canonical_address_has_beyond_what_is_known_is_skipped() -> None:
    longer = reply_about(LCAF + "0200 000c 00000009 0001 0a0a0064 ffff", 32)
    found = decode(longer)
    assert isinstance(found, MapReply)
    assert found.records[0].eid == InstanceId(9, EID4)


def test_a_name_in_a_list_ends_with_a_zero_octet_or_with_the_list() -> None:
    found = decode(reply_at(LCAF + "0100 000f 0011 6500 0011 00 0001 0a090002 0011"))
    assert isinstance(found, MapReply)
    names = [AnotherFamily(AddressFamily.NAME, name) for name in (b"e\0", b"\0", b"")]
    assert found.records[0].locators[0].address == AfiList((*names[:2], ETR4, names[2]))


# Refused when written


RSA = Signature(
    original_ttl=1,
    inception=1,
    expiration=2,
    key_tag=1,
    algorithm=SignatureAlgorithm.RSA_SHA256,
    value=b"",
)
DELEGATED = ReferralRecord(eid=EID, mask_length=48, ttl=1, action=ReferralAction.NODE_REFERRAL)


def with_question(question: Question, **fields: object) -> MapRequest:
    return msgspec.structs.replace(REQUEST, questions=(question,), **fields)


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (msgspec.structs.replace(REQUEST, itr_rlocs=()), "0 ITR-RLOCs"),
        (msgspec.structs.replace(REQUEST, itr_rlocs=(ITR,) * 33), "33 ITR-RLOCs"),
        (msgspec.structs.replace(REQUEST, questions=()), "with 0 records"),
        (msgspec.structs.replace(REQUEST, questions=REQUEST.questions * 2), "with 2 records"),
        (msgspec.structs.replace(REQUEST, reply=PROBED), "a locator that was probed"),
        (msgspec.structs.replace(REQUEST, nonce=1 << 64), "MapRequest: "),
        (msgspec.structs.replace(REQUEST, nonce=-1), "MapRequest: "),
        (
            msgspec.structs.replace(REQUEST, identity=XtrIdentity(bytes(15))),
            "xTR-ID has 15 octets instead of 16",
        ),
        (
            msgspec.structs.replace(REQUEST, identity=XtrIdentity(bytes(16), 1 << 64)),
            "MapRequest: ",
        ),
        (with_question(Question(eid=EID, mask_length=129)), "prefix length 129"),
        (with_question(Question(eid=EID, mask_length=-1)), "MapRequest: "),
        (with_question(Question(eid=None, mask_length=256)), "MapRequest: "),
        (with_question(Question(eid=UnknownLcaf(77, b""), mask_length=0)), "formats"),
        (msgspec.structs.replace(REGISTER, records=(PROBED,)), "a locator that was probed"),
        (msgspec.structs.replace(REGISTER, records=(RECORD,) * 256), "256 records"),
        (
            msgspec.structs.replace(REGISTER, authentication=Authentication(256)),
            "MapRegister: ",
        ),
        (
            msgspec.structs.replace(
                REGISTER, authentication=Authentication(0, data=bytes(0x10000))
            ),
            "MapRegister: ",
        ),
        (
            MapReply(nonce=1, records=(msgspec.structs.replace(RECORD, map_version=4096),)),
            "map version 4096",
        ),
        (MapReply(nonce=1, records=(msgspec.structs.replace(RECORD, ttl=-1),)), "MapReply: "),
        (
            MapReply(
                nonce=1, records=(msgspec.structs.replace(RECORD, action=Action.DROP_NO_REASON),)
            ),
            "the action DROP_NO_REASON in a record with locators",
        ),
        (
            MapReply(
                nonce=1,
                records=(EidRecord(eid=EID, mask_length=1, ttl=1, action=Action(8)),),
            ),
            "MapReply: ",
        ),
        (
            MapReply(
                nonce=1,
                records=(msgspec.structs.replace(PROBED, authoritative=False),),
                flags=MapReplyFlags.P,
            ),
            "not authoritative",
        ),
        (answering(EID, 128, *((ETR,) * 256)), "256 locators"),
        (answering(EID, 128, VendorSpecific(1 << 24, b"")), "over 24 bits"),
        (answering(EID, 128, UnknownLcaf(77, bytes(0x10000))), "an address of 65536 octets"),
        (answering(EID, 128, InstanceId(1 << 32, None, 32)), "MapReply: "),
        (answering(EID, 128, InstanceId(1, None, 31)), "with low-order bits"),
        (answering(EID, 128, InstanceId(0, None, 33)), "IID mask-len 33"),
        (answering(EID, 128, SecurityKey(1, (b"",) * 256, ETR)), "MapReply: "),
        (answering(MulticastInfo(0, 33, 32, EID4, EID4), 0), "source: prefix length 33"),
        (answering(MulticastInfo(0, 32, 33, EID4, EID4), 0), "group: prefix length 33"),
        (
            answering(EID, 128, AfiList((AnotherFamily(AddressFamily.MAC, b"short"),))),
            "MAC address has 5 octets",
        ),
        (
            answering(EID, 128, AfiList((AnotherFamily(AddressFamily.NAME, b"name"), ETR))),
            "a name with a zero octet in it, or without one",
        ),
        (
            answering(EID, 128, AfiList((AnotherFamily(AddressFamily.NAME, b"n\0e"),))),
            "a name with a zero octet in it, or without one",
        ),
        (
            answering(EID, 128, AfiList((AnotherFamily(AddressFamily(8), b""),))),
            "no known length",
        ),
        (
            MapReferral(
                nonce=1, records=(msgspec.structs.replace(DELEGATED, signatures=(RSA,) * 16),)
            ),
            "16 signatures",
        ),
        (
            MapReferral(nonce=1, records=(msgspec.structs.replace(DELEGATED, map_version=-1),)),
            "map version -1",
        ),
        (msgspec.structs.replace(OUTER, destination=EID4), "a datagram from"),
        (msgspec.structs.replace(OUTER, source_port=4341), "inner port 4341"),
        (msgspec.structs.replace(OUTER, destination_port=4341), "inner port 4341"),
        (msgspec.structs.replace(OUTER, source_port=65536), "EncapsulatedControl: "),
        (msgspec.structs.replace(OUTER, message=bytes(65528)), "a packet of 65536 octets"),
        (msgspec.structs.replace(OUTER4, message=bytes(65508)), "a packet of 65536 octets"),
    ],
)
def test_what_would_be_refused_when_read_is_not_written(message: Message, why: str) -> None:
    with pytest.raises(WireError, match=why):
        encode(message)


@pytest.mark.parametrize(
    "message",
    [
        msgspec.structs.replace(REGISTER, records=(RECORD,) * 255),
        msgspec.structs.replace(REQUEST, itr_rlocs=(ITR,) * 32),
        msgspec.structs.replace(REQUEST, nonce=(1 << 64) - 1),
        answering(EID, 128, *((ETR,) * 255)),
        answering(EID, 128, UnknownLcaf(77, bytes(0xFFFF), 255)),
        answering(EID, 128, UnknownLcaf(0, b"")),
        answering(InstanceId(0xFFFFFFFF, None, 32), 255),
        answering(EID, 0, VendorSpecific(0xFFFFFF, b""), VendorSpecific(0, b"")),
        answering(MulticastInfo(0xFFFFFFFF, 32, 128, EID4, EID), 255),
        answering(EID, 128, SecurityKey(255, (b"",) * 255, ETR)),
        MapReply(nonce=0, records=()),
        MapReply(nonce=0, records=(msgspec.structs.replace(RECORD, map_version=4095),)),
        MapReferral(nonce=1, records=(msgspec.structs.replace(DELEGATED, signatures=(RSA,) * 15),)),
        msgspec.structs.replace(OUTER, message=b""),
        msgspec.structs.replace(OUTER4, message=b""),
        msgspec.structs.replace(OUTER, message=bytes(65527)),
        msgspec.structs.replace(OUTER4, message=bytes(65507)),
        msgspec.structs.replace(OUTER, source_port=65535, destination_port=0),
    ],
)
def test_the_largest_and_smallest_values_that_fit_are_written(message: Message) -> None:
    tolerance = Tolerance(organisations=frozenset((0, 0xFFFFFF)))
    assert decode(encode(message), tolerance) == message


@pytest.mark.parametrize("number", [-1, 2, 9, 256])
def test_an_unknown_type_is_one_that_is_not_known(number: int) -> None:
    with pytest.raises(WireError, match="not the number of an unknown type"):
        UnknownLcaf(number, b"")


def test_flags_follow_from_what_is_there_and_reserved_ones_are_not_written() -> None:
    everything = MapRequestFlags(0x0FFF_FFFF)
    request = msgspec.structs.replace(REQUEST, flags=everything)
    assert encode(request)[:4].hex() == "1bc06101"
    assert decode(encode(request)) == request
    register = MapRegister(nonce=1, records=(), flags=MapRegisterFlags(0x0FFF_FFFF))
    assert encode(register)[:4].hex() == "3c001d00"
    assert encode(MapReply(nonce=1, records=(), flags=MapReplyFlags.S))[:4].hex() == "20000000"
    locator = Locator(address=ETR, flags=LocatorFlags(0xFFFF))
    assert locator.packed()[4:6].hex() == "0007"


def test_locators_are_written_in_ascending_order() -> None:
    """RFC 9301 §5.5, RFC 8060 §3."""
    keys, instance = SecurityKey(1, (), ETR), InstanceId(1, ETR)
    ordered = (None, EID4, EID, ETR, instance, keys)
    found = decode(encode(answering(EID, 128, *reversed(ordered))))
    assert isinstance(found, MapReply)
    assert tuple(one.address for one in found.records[0].locators) == ordered


def test_locators_are_read_in_the_order_they_came() -> None:
    """Locator-Status-Bits count them in that order (RFC 9300 §5.3)."""
    locator = "0164ff000001"
    swapped = "0002" + ETR.packed.hex() + locator + "0001 0a090002"
    found = decode(reply("00000001 02200000 0000 0001 0a0a0064" + locator + swapped))
    assert isinstance(found, MapReply)
    assert [one.address for one in found.records[0].locators] == [ETR, ETR4]


def test_vendor_addresses_pass_for_who_understands_them() -> None:
    """RFC 9306 §4: otherwise "it MUST drop the message"."""
    payload = encode(answering(EID, 128, ADDRESSES["vendor"]))
    assert decode(payload, Tolerance(organisations=frozenset((OURS,))))
    with pytest.raises(WireError, match="not understood"):
        decode(payload, Tolerance(organisations=frozenset((OURS + 1,))))


def test_pack_address_is_open_to_all_families() -> None:
    assert pack_address(None) == bytes(2)
