"""A Map-Server for others: who may register what, and what is answered."""

import math
from ipaddress import IPv4Address, IPv6Address, ip_address

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendmm.bindings.lisp.map_server import MapServer
from opendmm.bindings.lisp.outputs import Send
from opendmm.bindings.lisp.prefixes import hole
from opendmm.bindings.lisp.registry import Registered, Registry
from opendmm.bindings.lisp.sites import STRONG, Eid, Site
from opendmm.bindings.mobility.outputs import Complain
from opendmm.model.addressing import HomePrefix
from opendmm.wire.lisp.authentication import LIBERAL, holds, sign
from opendmm.wire.lisp.codec import decode, encode, receive
from opendmm.wire.lisp.encapsulated import EncapsulatedControl
from opendmm.wire.lisp.framing import XtrIdentity
from opendmm.wire.lisp.lcaf.eids import InstanceId
from opendmm.wire.lisp.messages import MapReply, MapRequest
from opendmm.wire.lisp.numbers import (
    Action,
    AlgorithmId,
    LocatorFlags,
    MapRegisterFlags,
    MapRequestFlags,
)
from opendmm.wire.lisp.records import EidRecord, Locator, Question
from opendmm.wire.lisp.registrations import MapNotify, MapRegister

NOW = 1_900_000_000.0
KEY = b"secret"
PLAIN = MapRequestFlags(0)
ETR, OTHER, ITR = map(ip_address, ("2001:db8:9::1", "2001:db8:9::2", "2001:db8:9::9"))
OWN = IPv6Address("2001:db8:53::1")
EID = IPv6Address("2001:db8:f000::1")
Ip = IPv4Address | IPv6Address


def eid(text: str, instance: int = 0) -> Eid:
    return Eid(instance, HomePrefix.parse(text))


def site(**changes: object) -> Site:
    made = Site(
        name="branch",
        eids=(eid("2001:db8:f000::/48"), eid("10.77.0.0/16"), eid("10.0.0.0/8", 7)),
        keys={0: KEY, 1: b"the next secret"},
    )
    return msgspec.structs.replace(made, **changes)


@pytest.fixture
def server() -> MapServer:
    elsewhere = Site(name="elsewhere", eids=(eid("2001:db8:e000::/48"),), keys={0: b"other"})
    return MapServer([site(), elsewhere], OWN)


def record(text: str = "2001:db8:f000::1/128", locator: Ip = ETR, ttl: int = 10) -> EidRecord:
    address, length = text.split("/")
    return EidRecord(
        eid=ip_address(address),
        mask_length=int(length),
        ttl=ttl,
        locators=(Locator(address=locator, flags=LocatorFlags.L | LocatorFlags.R),),
        authoritative=True,
    )


def register(
    *records: EidRecord,
    nonce: int = 1,
    flags: MapRegisterFlags = MapRegisterFlags.P | MapRegisterFlags.M,
    key: bytes = KEY,
    algorithm: AlgorithmId = AlgorithmId.HMAC_SHA_256_128,
    identity: XtrIdentity | None = None,
) -> bytes:
    plain = MapRegister(nonce=nonce, records=records or (record(),), flags=flags, identity=identity)
    return sign(plain, key, 0, algorithm)


def ask(text: str = "2001:db8:f000::1", flags: MapRequestFlags = PLAIN) -> bytes:
    address = ip_address(text)
    length = 128 if address.version == 6 else 32
    request = MapRequest(
        nonce=77,
        itr_rlocs=(ITR,),
        questions=(Question(eid=address, mask_length=length),),
        flags=flags,
    )
    return encapsulated(request, address)


def encapsulated(request: MapRequest, address: Ip) -> bytes:
    source = ITR if address.version == 6 else IPv4Address("10.9.0.9")
    return encode(
        EncapsulatedControl(
            source=source, destination=address, source_port=50007, message=encode(request)
        )
    )


def answer(server: MapServer, data: bytes, now: float = NOW) -> MapReply:
    (sent,) = server.receive(data, ITR, now)
    assert isinstance(sent, Send)
    assert (sent.to, sent.port) == (ITR, 50007)
    reply = decode(sent.data)
    assert isinstance(reply, MapReply)
    assert reply.nonce == 77
    return reply


def where(server: MapServer, text: str = "2001:db8:f000::1", now: float = NOW) -> list[object]:
    return [one.address for one in answer(server, ask(text), now).records[0].locators]


def complaint(outputs: list[Send | Complain]) -> str:
    (one,) = outputs
    assert isinstance(one, Complain)
    return str(one.fields["why"])


def test_a_registration_is_acknowledged_with_its_nonce_and_found(server: MapServer) -> None:
    (sent,) = server.receive(register(nonce=9), ETR, NOW)
    assert isinstance(sent, Send)
    assert (sent.to, sent.port) == (ETR, 4342)
    notify = decode(sent.data)
    assert isinstance(notify, MapNotify)
    assert notify.nonce == 9
    assert holds(receive(sent.data), KEY)
    reply = answer(server, ask())
    (found,) = reply.records
    assert (found.eid, found.mask_length, found.ttl) == (EID, 128, 10)
    assert not found.authoritative
    assert not found.locators[0].flags & LocatorFlags.L
    assert found.locators[0].address == ETR


def test_without_the_wish_nobody_is_notified(server: MapServer) -> None:
    assert server.receive(register(flags=MapRegisterFlags.P), ETR, NOW) == []
    assert where(server) == [ETR]


def test_the_latest_registration_counts(server: MapServer) -> None:
    server.receive(register(nonce=1), ETR, NOW)
    server.receive(register(record(locator=OTHER), nonce=1), OTHER, NOW + 1)
    assert where(server) == [OTHER]


def test_locators_of_several_xtrs_are_merged_if_they_ask_for_it(server: MapServer) -> None:
    merge = MapRegisterFlags.P | MapRegisterFlags.MERGE
    server.receive(register(flags=merge), ETR, NOW)
    server.receive(register(record(locator=OTHER), flags=merge), OTHER, NOW)
    assert where(server) == [ETR, OTHER]


@pytest.mark.parametrize(
    ("flags", "lasts"),
    [(MapRegisterFlags.P, 180.0), (MapRegisterFlags.P | MapRegisterFlags.T, 600.0)],
)
def test_a_registration_ends(server: MapServer, flags: MapRegisterFlags, lasts: float) -> None:
    server.receive(register(flags=flags), ETR, NOW)
    assert where(server, now=NOW + lasts - 1) == [ETR]
    assert where(server, now=NOW + lasts + 1) == []


def test_a_ttl_of_zero_takes_it_away(server: MapServer) -> None:
    server.receive(register(nonce=1), ETR, NOW)
    server.receive(register(record(ttl=0), nonce=2), ETR, NOW)
    assert where(server) == []
    assert len(server.registry) == 0


def test_without_the_proxy_bit_the_question_goes_to_the_site(server: MapServer) -> None:
    server.receive(register(flags=MapRegisterFlags.M), ETR, NOW)
    question = ask()
    assert server.receive(question, ITR, NOW) == [Send(ETR, 4342, question)]


def test_who_wants_the_site_to_answer_has_it(server: MapServer) -> None:
    server.receive(register(), ETR, NOW)
    question = ask(flags=MapRequestFlags.A)
    assert server.receive(question, ITR, NOW) == [Send(ETR, 4342, question)]


def test_more_specific_prefixes_come_with_the_one_that_matches(server: MapServer) -> None:
    """RFC 9301 §5.5, its own example."""
    server = MapServer([site(eids=(eid("2001:db8::/32"),))], OWN)
    texts = ["2001:db8::/32", "2001:db8:1::/48", "2001:db8:1:1::/64", "2001:db8:1:2::/64"]
    server.receive(register(*(record(text) for text in texts)), ETR, NOW)
    exact = answer(server, ask("2001:db8:1:1::1"))
    assert [(str(r.eid), r.mask_length) for r in exact.records] == [("2001:db8:1:1::", 64)]
    other = answer(server, ask("2001:db8:1:5::5"))
    assert {(str(r.eid), r.mask_length) for r in other.records} == {
        ("2001:db8:1::", 48),
        ("2001:db8:1:1::", 64),
        ("2001:db8:1:2::", 64),
    }


@pytest.mark.parametrize(
    ("text", "ttl", "covered"),
    [
        ("2001:db8:f000:1::1", 1, "2001:db8:f000:1::/64"),
        ("2001:db9::1", 15, "2001:db9::/32"),
        ("192.0.2.1", 15, "128.0.0.0/1"),
    ],
)
def test_what_is_not_registered_goes_natively(
    server: MapServer, text: str, ttl: int, covered: str
) -> None:
    """RFC 9301 §8.3, with the shortest prefix that has nothing else in it."""
    server.receive(register(), ETR, NOW)
    (found,) = answer(server, ask(text)).records
    assert found.locators == ()
    assert (found.action, found.ttl) == (Action.NATIVELY_FORWARD, ttl)
    assert f"{found.eid}/{found.mask_length}" == covered


def test_an_instance_is_a_world_of_its_own(server: MapServer) -> None:
    inside = msgspec.structs.replace(
        record("10.1.0.1/32"), eid=InstanceId(7, IPv4Address("10.1.0.1"))
    )
    server.receive(register(inside), ETR, NOW)
    request = MapRequest(
        nonce=77,
        itr_rlocs=(ITR,),
        questions=(Question(eid=InstanceId(7, IPv4Address("10.1.0.1")), mask_length=32),),
    )
    reply = answer(server, encapsulated(request, IPv4Address("10.1.0.1")))
    assert reply.records[0].eid == InstanceId(7, IPv4Address("10.1.0.1"))
    assert where(server, "10.1.0.1") == []


def test_what_our_own_have_registered_is_answered_too(server: MapServer) -> None:
    ours = record("2001:db8:a::100/128")
    server.learn([ours], ETR, NOW, 100)
    assert where(server, "2001:db8:a::100") == [ETR]
    server.learn([msgspec.structs.replace(ours, locators=())], ETR, NOW, 100)
    assert where(server, "2001:db8:a::100") == []


# Who is to ask again


def solicited(sent: list[object]) -> list[tuple[Ip, str]]:
    """Whom an SMR is for, and what it is about."""
    found = []
    for one in sent:
        message = decode(one.data) if isinstance(one, Send) else None
        if isinstance(message, MapRequest):
            assert isinstance(one, Send)
            assert one.port == 4342
            assert message.flags & MapRequestFlags.S
            assert message.itr_rlocs == (OWN,)
            found.append((one.to, str(message.questions[0].prefix)))
    return found


def test_who_was_told_of_an_eid_is_solicited_when_it_moves(server: MapServer) -> None:
    server.receive(register(nonce=1), ETR, NOW)
    assert solicited(list(server.receive(register(nonce=2), ETR, NOW + 1))) == []
    assert where(server, "2001:db8:f000::1") == [ETR]
    again = server.receive(register(nonce=3), ETR, NOW + 2)
    assert solicited(list(again)) == []  # it is where it was
    moved = server.receive(register(record(locator=OTHER), nonce=1), OTHER, NOW + 3)
    assert solicited(list(moved)) == [(ITR, "2001:db8:f000::1/128")]
    assert server.next_timer() == NOW + 6
    assert solicited(list(server.fire(NOW + 6))) == [(ITR, "2001:db8:f000::1/128")]
    assert where(server, "2001:db8:f000::1") == [OTHER]
    assert server.next_timer() == math.inf


def test_a_solicitation_is_made_three_times_at_most(server: MapServer) -> None:
    server.receive(register(nonce=1), ETR, NOW)
    where(server, "2001:db8:f000::1")
    server.receive(register(record(locator=OTHER), nonce=1), OTHER, NOW + 3)
    made = [server.fire(NOW + 3 + 3 * times) for times in range(1, 6)]
    assert [len(one) for one in made] == [1, 1, 0, 0, 0]


def test_whose_answer_has_run_out_is_left_alone(server: MapServer) -> None:
    server.receive(register(record(ttl=1), nonce=1), ETR, NOW)
    where(server, "2001:db8:f000::1")
    moved = server.receive(register(record(locator=OTHER), nonce=1), OTHER, NOW + 61)
    assert solicited(list(moved)) == []


# Who is refused


@pytest.mark.parametrize(
    "data",
    [
        register(key=b"wrong"),
        register(record("2001:db8:e000::1/128")),
        register(record(), record("2001:db8:e000::1/128")),
        register(record("2001:db8:f000::/47")),
        register(algorithm=AlgorithmId.HMAC_SHA_1_96),
    ],
    ids=["wrong key", "another's EID", "one of two", "overclaiming", "weak algorithm"],
)
def test_who_has_no_right_registers_nothing(server: MapServer, data: bytes) -> None:
    assert "no site" in complaint(server.receive(data, ETR, NOW))
    assert len(server.registry) == 0


def test_a_registration_that_comes_again_changes_nothing(server: MapServer) -> None:
    first = register(nonce=5)
    server.receive(first, ETR, NOW)
    server.receive(register(record(locator=OTHER), nonce=6), ETR, NOW)
    assert "replay" in complaint(server.receive(first, ETR, NOW + 1))
    assert where(server) == [OTHER]


def test_an_xtr_is_known_by_its_identity_wherever_it_is(server: MapServer) -> None:
    who = XtrIdentity(bytes(16), 1)
    first = register(nonce=5, identity=who)
    server.receive(first, ETR, NOW)
    assert "replay" in complaint(server.receive(first, OTHER, NOW))


def test_a_replay_under_another_identity_is_one_too(server: MapServer) -> None:
    """RFC 9301 §5.6 has xTR-ID and Site-ID authenticated by nothing."""
    first = register(nonce=5, identity=XtrIdentity(bytes(16), 1))
    server.receive(first, ETR, NOW)
    server.receive(register(record(locator=OTHER), nonce=6), OTHER, NOW)
    forged = first[:-24] + XtrIdentity(bytes(range(16)), 9).packed()
    assert "replay" in complaint(server.receive(forged, ETR, NOW + 1))
    assert where(server) == [OTHER]


def test_a_replay_is_noticed_by_a_map_server_that_was_started_anew() -> None:
    kept: dict[str, int] = {}
    first = MapServer([site()], OWN, nonces=kept)
    old = register(nonce=5)
    for data in (old, register(nonce=6)):
        assert isinstance(first.receive(data, ETR, NOW)[0], Send)
    second = MapServer([site()], OWN, nonces=kept)
    (complaint,) = second.receive(old, ETR, NOW)
    assert isinstance(complaint, Complain)
    assert "replay" in str(complaint.fields["why"])
    assert isinstance(second.receive(register(nonce=7), ETR, NOW)[0], Send)


def test_some_draw_their_nonces_at_random() -> None:
    server = MapServer([site(any_nonce=True)], OWN)
    server.receive(register(nonce=9), ETR, NOW)
    server.receive(register(record(locator=OTHER), nonce=3), ETR, NOW)
    assert where(server) == [OTHER]


def test_bits_beyond_a_prefix_are_ignored(server: MapServer) -> None:
    server.receive(register(record("2001:db8:f000:5::7/64")), ETR, NOW)
    assert where(server, "2001:db8:f000:5::1") == [ETR]
    request = MapRequest(nonce=77, itr_rlocs=(ITR,), questions=(Question(eid=EID, mask_length=64),))
    assert answer(server, encapsulated(request, EID)).records


def test_keys_are_changed_without_a_break(server: MapServer) -> None:
    plain = MapRegister(nonce=2, records=(record(),), flags=MapRegisterFlags.P)
    data = sign(plain, b"the next secret", 1, AlgorithmId.HMAC_SHA_256_128_HKDF_SHA256)
    assert server.receive(data, ETR, NOW) == []
    assert where(server) == [ETR]


def test_probes_do_not_go_by_the_mapping_system(server: MapServer) -> None:
    server.receive(register(), ETR, NOW)
    assert "probe" in complaint(server.receive(ask(flags=MapRequestFlags.P), ITR, NOW))


@given(st.binary(max_size=200))
def test_any_octets_do_no_harm(data: bytes) -> None:
    server = MapServer([site()], OWN)
    server.receive(data, ETR, NOW)
    assert len(server.registry) == 0


# Made by lispers.net: its own ETR, its key "secret"

OF_OTHERS = {
    "sha1": "380009018877665544332211000100147a49e6f2c3e91d34e4653d3c9ecfae047afa14d1"
    "0000000a018010000000000220010db8f0000000000000000000000101640000000500010a090002",
    "sha1, identity covered": "3a000901887766554433221100010014"
    "115ac34273e5fc335b852dfe9ef948bffd5ca2bc"
    "0000000a018010000000000220010db8f0000000000000000000000101640000000500010a090002"
    "000000000000000000000000000012340000000000000009",
    "sha256": "38000901887766554433221100020020"
    "2cf88bd858a0281a61a9ed80fa57275d14f8c5f4d601ddbbaf22692ad571a49f"
    "0000000a018010000000000220010db8f0000000000000000000000101640000000500010a090002",
    "sha256, identity covered": "3a000901887766554433221100020020"
    "fd2845ce53159e047c3dce9ee45f8d636e4d3ba784a58d8a48e70cb644716bb9"
    "0000000a018010000000000220010db8f0000000000000000000000101640000000500010a090002"
    "000000000000000000000000000012340000000000000009",
}


@pytest.mark.parametrize("made", OF_OTHERS)
def test_another_make_registers_and_is_answered_in_its_own_way(made: str) -> None:
    """Whole digests, over xTR-ID and Site-ID, too, where the RFC has neither."""
    weak = frozenset({*STRONG, AlgorithmId.HMAC_SHA_1_96})
    server = MapServer([site(algorithms=weak)], OWN)
    data = bytes.fromhex(OF_OTHERS[made])
    (sent,) = server.receive(data, IPv4Address("10.9.0.2"), NOW)
    assert isinstance(sent, Send)
    notify, registered = decode(sent.data), decode(data)
    assert isinstance(notify, MapNotify)
    assert isinstance(registered, MapRegister)
    assert len(notify.authentication.data) == len(registered.authentication.data)
    assert holds(receive(sent.data), KEY, LIBERAL)
    assert where(server) == [IPv4Address("10.9.0.2")]


# The registry

prefixes = st.builds(
    lambda bits, length: HomePrefix(
        (bits >> (128 - length) << (128 - length) if length else 0).to_bytes(16, "big"), length
    ),
    st.integers(0, 2**128 - 1).map(lambda bits: bits & (0xFF << 120)),
    st.integers(0, 8),
)


@given(st.sets(prefixes, max_size=12), prefixes)
def test_the_longest_match_is_found(known: set[HomePrefix], asked: HomePrefix) -> None:
    registry = Registry()
    for prefix in known:
        registry.put(Eid(0, prefix), Registered("s", (), ETR, 1, NOW, proxy=True))
    expected = max(
        (one for one in known if one.covers(asked)), key=lambda one: one.length, default=None
    )
    found = registry.covering(Eid(0, asked), NOW - 1)
    assert (found[0].prefix if found else None) == expected
    assert len(registry) == len(known)


@given(st.sets(prefixes, min_size=1, max_size=12), prefixes)
def test_a_hole_has_nothing_in_it_and_no_wider_one_has(
    known: set[HomePrefix], asked: HomePrefix
) -> None:
    if any(one.covers(asked) or asked.covers(one) for one in known):
        return
    eids = {Eid(0, one) for one in known}
    found = hole(Eid(0, asked), 0, eids)
    assert found.covers(Eid(0, asked))
    assert not any(found.covers(one) or one.covers(found) for one in eids)
    if found.prefix.length:
        wider = hole(found, found.prefix.length - 1, eids)
        assert wider == found


def test_what_is_put_again_or_removed_is_counted_once() -> None:
    registry = Registry()
    one = eid("2001:db8::/32")
    for name in ("s", "t"):
        registry.put(one, Registered(name, (), ETR, 1, NOW, proxy=True))
    assert len(registry) == 1
    registry.remove(one)
    registry.remove(one)
    assert len(registry) == 0
