"""Ingresses of ours as ITRs of Map-Resolvers of other makes (here our own, in its place)."""

import math
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendmm.bindings.lisp import itr as module
from opendmm.bindings.lisp.itr import Itr
from opendmm.bindings.lisp.nonces import Nonces
from opendmm.bindings.lisp.outputs import Mapped, Send
from opendmm.model.addressing import HomePrefix
from opendmm.wire.lisp.codec import decode, receive_inner
from opendmm.wire.lisp.encapsulated import EncapsulatedControl
from opendmm.wire.lisp.messages import MapReply, MapRequest
from opendmm.wire.lisp.numbers import LocatorFlags, MapRequestFlags
from opendmm.wire.lisp.records import EidRecord, Locator, Question

NOW = 1_900_000_000.0
OWN, FIRST, SECOND, ETR, ETR_2, ATTACKER = (
    IPv6Address(f"2001:db8:{name}::1") for name in ("9", "53", "54", "e1", "e2", "bad")
)
SITE = HomePrefix.parse("2001:db8:f000::/36")
EID = HomePrefix.parse("2001:db8:f000::7")
UP = LocatorFlags.R


@pytest.fixture
def itr() -> Itr:
    eids = (SITE, HomePrefix.parse("10.77.0.0/16"))
    return Itr(OWN, (FIRST, SECOND), eids, Nonces())


def asked(sent: Sequence[object]) -> tuple[IPv6Address, MapRequest]:
    """Whom, and what."""
    (one,) = sent
    assert isinstance(one, Send)
    assert isinstance(one.to, IPv6Address)
    outer = decode(one.data)
    assert isinstance(outer, EncapsulatedControl)
    request = receive_inner(outer).message
    assert isinstance(request, MapRequest)
    return one.to, request


def record(text: str, *locators: Locator, ttl: int = 10) -> EidRecord:
    prefix = HomePrefix.parse(text)
    kind = IPv6Address if prefix.is_ipv6 else IPv4Address
    return EidRecord(
        eid=kind(prefix.network), mask_length=prefix.length, ttl=ttl, locators=locators
    )


def answer(itr: Itr, *records: EidRecord, now: float = NOW, source: IPv6Address = ETR) -> object:
    """To the question of a first packet."""
    _, request = asked(itr.packet(EID, now))
    return itr.replied(MapReply(nonce=request.nonce, records=records), source, now)


def at(
    rloc: IPv6Address, priority: int = 1, weight: int = 100, flags: LocatorFlags = UP
) -> Locator:
    return Locator(address=rloc, priority=priority, weight=weight, flags=flags)


def test_a_first_packet_asks_and_the_answer_is_where_packets_go(itr: Itr) -> None:
    to, request = asked(itr.packet(EID, NOW))
    assert to == FIRST
    assert request.itr_rlocs == (OWN,)
    assert str(request.questions[0].prefix) == str(EID)
    told = record("2001:db8:f000::/48", at(ETR))
    prefix = HomePrefix.parse("2001:db8:f000::/48")
    assert itr.replied(MapReply(nonce=request.nonce, records=(told,)), ETR, NOW) == [
        Mapped(prefix, ETR)
    ]
    assert itr.packet(HomePrefix.parse("2001:db8:f000::99"), NOW) == [Mapped(prefix, ETR)]


def test_eids_of_ipv4_are_asked_for_too(itr: Itr) -> None:
    eid = HomePrefix.parse("10.77.1.2")
    _, request = asked(itr.packet(eid, NOW))
    told = record("10.77.1.0/24", at(ETR))
    answered = itr.replied(MapReply(nonce=request.nonce, records=(told,)), ETR, NOW)
    assert answered == [Mapped(HomePrefix.parse("10.77.1.0/24"), ETR)]


def test_nothing_else_is_asked_for(itr: Itr) -> None:
    assert itr.packet(HomePrefix.parse("2001:db8:a::1"), NOW) == []


def test_of_several_locators_the_best_that_is_up_is_taken(itr: Itr) -> None:
    """RFC 9300 §9: the least priority, then the greater weight; 255 is never used."""
    told = record(
        "2001:db8:f000::/48",
        at(ATTACKER, 0, flags=LocatorFlags(0)),
        at(OWN, 255),
        at(ETR_2, 2),
        at(ETR, 1, 60),
        at(FIRST, 1, 40),
    )
    assert answer(itr, told) == [Mapped(HomePrefix.parse("2001:db8:f000::/48"), ETR)]


def test_a_mapping_ends_and_is_asked_for_again(itr: Itr) -> None:
    answer(itr, record("2001:db8:f000::/48", at(ETR), ttl=2))
    assert itr.next_timer() == NOW + 120
    prefix = HomePrefix.parse("2001:db8:f000::/48")
    assert itr.fire(NOW + 120) == [Mapped(prefix, None)]
    asked(itr.packet(EID, NOW + 120))


def test_what_nobody_has_is_not_asked_for_while_that_lasts(itr: Itr) -> None:
    assert answer(itr, record("2001:db8:f000::/48", ttl=1)) == []
    assert itr.packet(EID, NOW + 59) == []
    asked(itr.packet(EID, NOW + 61))


def test_who_does_not_answer_is_asked_again_and_then_the_next_one(itr: Itr) -> None:
    to, _ = asked(itr.packet(EID, NOW))
    put = [to]
    assert itr.packet(EID, NOW + 0.5) == []
    while (due := itr.next_timer()) < math.inf:
        sent = itr.fire(due)
        put += [asked([one])[0] for one in sent]
    assert put == [FIRST, SECOND] * 3


def test_a_solicitation_has_the_mapping_system_asked_and_changes_nothing_itself(itr: Itr) -> None:
    answer(itr, record("2001:db8:f000::/48", at(ETR)))
    smr = MapRequest(
        nonce=1,
        itr_rlocs=(ATTACKER,),
        questions=(Question(eid=IPv6Address(EID.network), mask_length=128),),
        flags=MapRequestFlags.S,
    )
    to, request = asked(itr.solicited(smr, NOW + 2))
    assert to == FIRST
    assert request.flags & MapRequestFlags.SMR_INVOKED
    assert itr.solicited(smr, NOW + 2.5) == []  # a flood is one question a second
    assert itr.packet(EID, NOW + 2.5) == [Mapped(HomePrefix.parse("2001:db8:f000::/48"), ETR)]
    moved = record("2001:db8:f000::/48", at(ETR_2))
    taken = itr.replied(MapReply(nonce=request.nonce, records=(moved,)), ETR_2, NOW + 3)
    assert taken == [Mapped(HomePrefix.parse("2001:db8:f000::/48"), ETR_2)]


def test_a_solicitation_about_what_is_not_in_use_is_passed_over(itr: Itr) -> None:
    smr = MapRequest(
        nonce=1,
        itr_rlocs=(ATTACKER,),
        questions=(Question(eid=IPv6Address(EID.network), mask_length=128),),
        flags=MapRequestFlags.S,
    )
    assert itr.solicited(smr, NOW) == []


def test_an_answer_that_nobody_asked_for_is_refused(itr: Itr) -> None:
    _, request = asked(itr.packet(EID, NOW))
    told = record("2001:db8:f000::/48", at(ATTACKER))
    forged = MapReply(nonce=request.nonce ^ 1, records=(told,))
    assert "nobody asked" in str(itr.replied(forged, ATTACKER, NOW))
    real = MapReply(nonce=request.nonce, records=(told,))
    assert isinstance(itr.replied(real, ETR, NOW), list)
    assert "nobody asked" in str(itr.replied(real, ETR, NOW))  # and once only


def test_an_answer_about_something_else_is_refused(itr: Itr) -> None:
    assert "not about" in str(answer(itr, record("2001:db8:f111::/48", at(ATTACKER))))


def test_nobody_claims_more_than_may_be_asked_for(itr: Itr) -> None:
    assert "claims" in str(answer(itr, record("2001:db8::/32", at(ATTACKER))))
    assert itr.packet(EID, NOW) == []


def test_a_scan_pushes_no_mapping_out(itr: Itr, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROOM", 1)
    answer(itr, record("2001:db8:f000::/48", at(ETR)))
    for number in range(2, 50):
        eid = HomePrefix.parse(f"2001:db8:f00{number % 10}:{number:x}::1")
        for one in itr.packet(eid, NOW):
            if isinstance(one, Send):
                _, request = asked([one])
                told = record(f"{eid.address}/128", at(ATTACKER))
                reply = MapReply(nonce=request.nonce, records=(told,))
                assert itr.replied(reply, ATTACKER, NOW) == []
    assert itr.packet(EID, NOW) == [Mapped(HomePrefix.parse("2001:db8:f000::/48"), ETR)]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["2001:db8:f000::7", "2001:db8:f000::8", "2001:db8:f001::1"]),
            st.sampled_from(["2001:db8:f000::/48", "2001:db8:f000::/64", "::/0", "10.0.0.0/8"]),
            st.booleans(),
            st.floats(0, 100),
        ),
        max_size=30,
    )
)
def test_whatever_is_answered_packets_go_nowhere_but_where_a_question_was_answered(
    steps: list[tuple[str, str, bool, float]],
) -> None:
    itr = Itr(OWN, (FIRST,), (SITE,), Nonces())
    now = NOW
    for packet, told, positive, later in steps:
        now += later
        itr.fire(now)
        for one in itr.packet(HomePrefix.parse(packet), now):
            if isinstance(one, Send):
                _, request = asked([one])
                told_record = record(told, *([at(ETR)] if positive else []))
                reply = MapReply(nonce=request.nonce, records=(told_record,))
                itr.replied(reply, ETR, now)
            else:
                assert one.rloc == ETR
                assert SITE.covers(one.prefix)
                assert one.prefix.covers(HomePrefix.parse(packet))
