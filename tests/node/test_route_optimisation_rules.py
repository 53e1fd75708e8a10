"""Payload rewritten for optimised routes and back (RFC 6275 §9.3.1, §9.3.2, §11.3.1, §11.3.3)."""

from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendmm.bindings.mipv6.outputs import End, Optimise, Restore
from opendmm.bindings.mipv6.wire_form import ADDRESSES, assemble, dissect
from opendmm.node.route_optimisation.path_mtu import LEAST_MTU, packet_too_big, told_of_optimised
from opendmm.node.route_optimisation.rewriting import (
    can_be_optimised,
    optimised,
    received,
    rewrite,
)
from opendmm.node.route_optimisation.rules import Rules, Unbound
from opendmm.wire.errors import WireError

HOME, CORRESPONDENT = IPv6Address("2001:db8:9::9"), IPv6Address("2001:db8:c::c")
CARE_OF, ELSEWHERE = IPv6Address("2001:db8:1::1"), IPv6Address("2001:db8:2::1")
UDP, TCP, ICMPV6, FRAGMENT = 17, 6, 58, 44
ROUTER = IPv6Address("2001:db8:f::1")


def rule(end: End, care_of: IPv6Address = CARE_OF) -> Optimise:
    return Optimise(end=end, home_address=HOME, correspondent=CORRESPONDENT, care_of=care_of)


def ended(end: End) -> Restore:
    return Restore(end=end, home_address=HOME, correspondent=CORRESPONDENT)


def at_the_correspondent(*care_of: IPv6Address) -> Rules:
    rules = Rules([])
    for each in care_of:
        rules.put(rule(End.CORRESPONDENT, each), 0)
    return rules


def from_mobile_node(
    care_of: IPv6Address = CARE_OF, next_header: int = UDP, payload: bytes = b"payload!"
) -> bytes:
    return assemble(care_of, CORRESPONDENT, next_header, payload, home_address=HOME)


payloads = st.tuples(st.sampled_from([TCP, UDP, FRAGMENT, 60, 50, 59]), st.binary(max_size=1400))
ways = st.sampled_from([(CARE_OF, None), (None, CARE_OF), (CARE_OF, ELSEWHERE)])


@given(payloads, ways)
def test_what_is_rewritten_reads_as_the_rfc_has_it_and_comes_back_as_it_was(
    payload: tuple[int, bytes], way: tuple[IPv6Address | None, IPv6Address | None]
) -> None:
    packet = assemble(HOME, CORRESPONDENT, *payload)
    here, there = way
    how = optimised(
        HOME.packed,
        CORRESPONDENT.packed,
        from_care_of=here.packed if here else b"",
        to_care_of=there.packed if there else b"",
    )

    wire = rewrite(packet, how)

    assert wire == assemble(
        here or HOME,
        there or CORRESPONDENT,
        *payload,
        home_address=HOME if here else None,
        routed_to=CORRESPONDENT if there else None,
    )
    assert len(wire) - len(packet) == how.added
    assert received(wire).restored == packet
    found = dissect(wire)
    assert (found.home_address, found.routed_to) == (
        HOME if here else None,
        CORRESPONDENT if there else None,
    )


@given(st.binary(max_size=200))
def test_garbage_is_either_taken_apart_or_refused(octets: bytes) -> None:
    whole = octets.ljust(41, b"\0")
    for packet in (whole, whole[:6] + bytes((43,)) + whole[7:], whole[:6] + b"\x3c" + whole[7:]):
        for read in (received, dissect):
            try:
                read(packet)
            except WireError:
                continue


def test_a_packet_that_ends_early_is_refused() -> None:
    packet = from_mobile_node()
    for length in range(41, len(packet)):
        with pytest.raises(WireError):
            received(packet[:length])


@pytest.mark.parametrize("kind", [133, 134, 135, 136, 137])
def test_neighbor_discovery_is_neither_optimised_nor_restored(kind: int) -> None:
    body = bytes((kind,)) + bytes(23)
    assert not can_be_optimised(assemble(HOME, CORRESPONDENT, ICMPV6, body))
    with pytest.raises(WireError, match="Neighbor Discovery"):
        received(from_mobile_node(next_header=ICMPV6, payload=body))


def test_an_echo_is_optimised() -> None:
    assert can_be_optimised(assemble(HOME, CORRESPONDENT, ICMPV6, bytes((128,)) + bytes(7)))


def test_an_option_is_believed_from_the_registered_care_of_address_alone() -> None:
    rules = at_the_correspondent(CARE_OF)
    rules.admit(received(from_mobile_node()))
    with pytest.raises(Unbound) as problem:
        rules.admit(received(from_mobile_node(ELSEWHERE)))
    assert problem.value.source == ELSEWHERE
    assert problem.value.correspondent == CORRESPONDENT
    assert problem.value.home_address == HOME


def test_a_move_ends_what_the_former_care_of_address_may_say() -> None:
    rules = at_the_correspondent(CARE_OF, ELSEWHERE)
    rules.admit(received(from_mobile_node(ELSEWHERE)))
    with pytest.raises(Unbound):
        rules.admit(received(from_mobile_node()))


def test_a_binding_at_one_address_of_the_correspondent_is_none_at_another() -> None:
    rules = at_the_correspondent(CARE_OF)
    packet = assemble(CARE_OF, ROUTER, UDP, bytes(8), home_address=HOME)
    with pytest.raises(Unbound):
        rules.admit(received(packet))


@pytest.mark.parametrize("next_header", [50, 51])
def test_ipsec_without_a_binding_is_no_reason_for_a_binding_error(next_header: int) -> None:
    with pytest.raises(WireError):
        at_the_correspondent().admit(received(from_mobile_node(next_header=next_header)))


def test_a_routing_header_to_a_home_address_is_followed_whoever_sent_it() -> None:
    rules = Rules([HOME])
    rules.admit(received(assemble(CORRESPONDENT, CARE_OF, UDP, bytes(8), routed_to=HOME)))
    with pytest.raises(WireError, match="no home address"):
        rules.admit(received(assemble(CORRESPONDENT, CARE_OF, UDP, bytes(8), routed_to=ROUTER)))


def test_rules_come_move_and_go() -> None:
    rules = at_the_correspondent(CARE_OF)
    pair = CORRESPONDENT.packed + HOME.packed
    assert rules.to(HOME.packed)
    rules.put(rule(End.CORRESPONDENT, ELSEWHERE), 0)
    assert rules.routes[pair].how.addresses == CORRESPONDENT.packed + ELSEWHERE.packed
    for _ in range(2):
        rules.remove(ended(End.CORRESPONDENT))
        assert not rules.routes
        assert not rules.to(HOME.packed)


def test_between_two_mobile_nodes_either_rule_outlives_the_other() -> None:
    theirs = IPv6Address("2001:db8:7::7")
    rules = Rules([HOME])
    mine = Optimise(end=End.MOBILE_NODE, home_address=HOME, correspondent=theirs, care_of=CARE_OF)
    other = Optimise(
        end=End.CORRESPONDENT, home_address=theirs, correspondent=HOME, care_of=ELSEWHERE
    )
    rules.put(mine, 5)
    rules.put(other, 0)
    (route,) = rules.routes.values()
    assert (route.link, route.how.added) == (5, 48)
    assert rewrite(assemble(HOME, theirs, UDP, b"x"), route.how) == assemble(
        CARE_OF, ELSEWHERE, UDP, b"x", home_address=HOME, routed_to=theirs
    )
    back = assemble(ELSEWHERE, CARE_OF, UDP, b"x", home_address=theirs, routed_to=HOME)
    rules.admit(received(back))
    rules.remove(Restore(end=End.MOBILE_NODE, home_address=HOME, correspondent=theirs))
    (route,) = rules.routes.values()
    assert (route.link, route.how.added) == (0, 24)


def test_a_used_binding_is_told_once() -> None:
    rules = at_the_correspondent(CARE_OF)
    assert rules.used() == []
    rules.routes[CORRESPONDENT.packed + HOME.packed].used = True
    assert rules.used() == [(CORRESPONDENT, HOME)]
    assert rules.used() == []


def test_packet_too_big_is_told_of_the_packet_that_was_sent_and_of_its_size() -> None:
    rules = at_the_correspondent(CARE_OF)
    packet = assemble(CORRESPONDENT, HOME, TCP, bytes(1400))
    route = rules.routes[packet[ADDRESSES]]
    error = packet_too_big(ROUTER.packed, rewrite(packet, route.how), 1400)

    told = dissect(told_of_optimised(error, rules.routes))

    assert (told.source, told.destination) == (ROUTER, CORRESPONDENT)
    assert int.from_bytes(told.payload[4:8], "big") == 1400 - 24
    quoted = told.payload[8:]
    assert packet.startswith(quoted[:4])
    assert quoted[6:] == packet[6 : len(quoted)]


def test_packet_too_big_never_tells_of_less_than_every_link_has() -> None:
    error = packet_too_big(ROUTER.packed, assemble(CORRESPONDENT, HOME, TCP, b""), 576)
    assert int.from_bytes(error[44:48], "big") == LEAST_MTU


def test_packet_too_big_about_no_packet_of_ours_is_not_believed() -> None:
    rules = at_the_correspondent(CARE_OF)
    packet = assemble(CORRESPONDENT, HOME, TCP, bytes(100))
    stranger = optimised(CORRESPONDENT.packed, HOME.packed, to_care_of=ELSEWHERE.packed)
    for error in (
        packet_too_big(ROUTER.packed, rewrite(packet, stranger), 1300),
        packet_too_big(ROUTER.packed, packet, 1300),
        packet_too_big(ROUTER.packed, b"", 1300),
    ):
        with pytest.raises(WireError):
            told_of_optimised(error, rules.routes)
