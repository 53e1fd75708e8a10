"""A mobile node and a correspondent from the first HoTI on (RFC 6275 §5.2, §11.6, §11.7.2)."""

import hashlib
import hmac
import math
from ipaddress import IPv6Address

import msgspec
import pytest
from route_optimisation_scene import (
    CN,
    HERE,
    HOME,
    NOW,
    STRANGER,
    THERE,
    World,
    message_of,
    names,
    packet_of,
    registered_at,
)

from opendmm.bindings.mipv6.correspondent import Correspondent
from opendmm.bindings.mipv6.outputs import End, Optimise, Restore
from opendmm.bindings.mipv6.packet import Packet
from opendmm.bindings.mipv6.return_routability import REFUSED_FOR, RouteOptimisation
from opendmm.wire.mobility.authentication import with_binding_authorization
from opendmm.wire.mobility.binding import (
    BindingAcknowledgement,
    BindingError,
    BindingRefreshRequest,
    BindingUpdate,
)
from opendmm.wire.mobility.codec import encode
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import (
    BindingAcknowledgementFlags,
    BindingErrorStatus,
    BindingStatus,
)
from opendmm.wire.mobility.options.base_protocol import NonceIndicesOption
from opendmm.wire.mobility.return_routability import CareOfTest, HomeTest

WHOLE = [
    "HomeTestInit",
    "CareOfTestInit",
    "HomeTest",
    "CareOfTest",
    "BindingUpdate",
    "BindingAcknowledgement",
]


def first_exchange() -> list[Packet]:
    world = World()
    world.move(HERE)
    world.talk()
    world.run()
    return [packet_of(data) for data in world.sent]


def authenticator_of(data: bytes, key: bytes, care_of: IPv6Address) -> bytes:
    """§6.2.7 written down once more: all but the last twelve octets, with no checksum."""
    covered = data[:4] + bytes(2) + data[6:-12]
    return hmac.new(key, care_of.packed + CN.packed + covered, hashlib.sha1).digest()[:12]


def from_correspondent(message: MobilityMessage, to: IPv6Address = HERE) -> Packet:
    return Packet(source=CN, destination=to, data=encode(message, CN, to))


def acknowledgement(
    world: World, status: BindingStatus, *, kbm: bytes | None = None, sequence: int | None = None
) -> Packet:
    """A forged answer to the last Binding Update; right if it has the right key."""
    update = world.mobile_node.correspondents[CN].update
    assert update is not None
    message = BindingAcknowledgement(
        status=status,
        flags=BindingAcknowledgementFlags(0),
        sequence=update.sequence if sequence is None else sequence,
        lifetime=update.lifetime,
    )
    if kbm is not None:
        message = with_binding_authorization(message, kbm, update.at, CN)
    return Packet(source=CN, destination=HERE, data=encode(message, CN, HOME), routed_to=HOME)


def unanswered_update() -> World:
    """A mobile node that waits for a Binding Acknowledgement."""
    world = World()
    world.move(HERE)
    world.talk()
    for _ in range(4):
        world.run_one()
    world.way.clear()
    assert names(world.take())[-1] == "BindingUpdate"
    return world


def kbm_of(world: World) -> bytes:
    update = world.mobile_node.correspondents[CN].update
    assert update is not None
    return update.kbm


def deliver(world: World, packet: Packet) -> None:
    world.do(world.mobile_node.receive(packet, message_of(packet), world.now))


# The exchange


def test_the_six_messages_have_the_addresses_and_headers_of_the_rfc() -> None:
    packets = first_exchange()
    assert names(packets) == WHOLE
    assert [(p.source, p.destination, p.home_address, p.routed_to) for p in packets] == [
        (HOME, CN, None, None),
        (HERE, CN, None, None),
        (CN, HOME, None, None),
        (CN, HERE, None, None),
        (HERE, CN, HOME, None),
        (CN, HERE, None, HOME),
    ]


def test_both_authenticators_are_those_of_the_formulas() -> None:
    home_test, care_of_test, update, answer = first_exchange()[2:]
    home_token, care_of_token = home_test.data[16:24], care_of_test.data[16:24]
    kbm = hashlib.sha1(home_token + care_of_token).digest()
    for packet in (update, answer):
        assert packet.data[-12:] == authenticator_of(packet.data, kbm, HERE)


def test_the_binding_update_asks_for_420_seconds_and_an_answer() -> None:
    home_test, care_of_test, update, _ = (message_of(p) for p in first_exchange()[2:])
    assert isinstance(update, BindingUpdate)
    assert isinstance(home_test, HomeTest)
    assert isinstance(care_of_test, CareOfTest)
    assert (update.lifetime_seconds, update.flags) == (420, 0x8000)
    indices = NonceIndicesOption(home_test.nonce_index, care_of_test.nonce_index)
    assert update.options[0] == indices
    assert len(update.options) == 2


def test_both_data_paths_take_the_direct_way_the_correspondents_first() -> None:
    world = World()
    world.move(HERE)
    world.talk()
    world.run()
    assert [change.end for change in world.changes] == [End.CORRESPONDENT, End.MOBILE_NODE]
    assert world.changes == [
        Optimise(end=end, home_address=HOME, correspondent=CN, care_of=HERE)
        for end in (End.CORRESPONDENT, End.MOBILE_NODE)
    ]


def test_nothing_is_sent_before_the_home_agent_knows_but_the_care_of_test() -> None:
    world = registered_at()
    world.now += 300  # no token is of use any more
    world.at = THERE
    world.do(world.mobile_node.moved(THERE, world.now))
    world.run(0.5)
    assert names(world.take()) == ["CareOfTestInit", "CareOfTest"]
    world.do(world.mobile_node.registered(world.now + 300, world.now))
    world.run()
    assert names(world.take()) == ["HomeTestInit", "HomeTest", *WHOLE[-2:]]


def test_no_binding_is_asked_for_longer_than_the_home_registration_lasts() -> None:
    world = World()
    world.at = HERE
    world.do(world.mobile_node.moved(HERE, NOW))
    world.do(world.mobile_node.registered(NOW + 103, NOW))
    world.talk()
    world.run()
    (update,) = (m for m in map(message_of, world.take()) if isinstance(m, BindingUpdate))
    assert update.lifetime_seconds == 100


def test_at_home_there_is_nothing_to_optimise() -> None:
    world = World()
    world.move(HOME)
    world.talk()
    assert (world.sent, world.mobile_node.next_timer()) == ([], math.inf)


@pytest.mark.parametrize("correspondent", ["fe80::1", "ff02::1", "::", "::1"])
def test_who_cannot_be_reached_from_afar_is_no_correspondent(correspondent: str) -> None:
    world = World()
    world.move(HERE)
    assert world.mobile_node.communicates(IPv6Address(correspondent), NOW) == []


def test_strangers_do_not_make_it_ask_at_any_number_of_doors() -> None:
    mobile_node = RouteOptimisation(HOME, bytes, most_correspondents=2)
    mobile_node.moved(HERE, NOW)
    mobile_node.registered(math.inf, NOW)
    asked = [len(mobile_node.communicates(IPv6Address(f"2001:db8::{n}"), NOW)) for n in (1, 2, 3)]
    assert asked == [2, 2, 0]


# Moving


def test_a_fast_mobile_node_uses_its_home_keygen_token_again() -> None:
    world = registered_at()
    world.run(100)
    world.move(THERE)
    world.run()
    assert names(world.take()) == ["CareOfTestInit", "CareOfTest", *WHOLE[-2:]]
    assert world.cached == world.paths[End.MOBILE_NODE] == THERE


def test_back_where_it_was_it_needs_no_test_at_all() -> None:
    world = registered_at()
    world.move(THERE)
    world.run(1)
    world.take()
    world.move(HERE)
    world.run()
    assert names(world.take()) == WHOLE[-2:]
    assert world.cached == HERE


def test_tokens_are_of_no_use_after_210_seconds() -> None:
    world = registered_at()
    world.run(210)
    world.move(THERE)
    world.run()
    assert sorted(names(world.take())) == sorted(WHOLE)


def test_packets_go_through_the_home_agent_from_the_move_to_the_acknowledgement() -> None:
    world = registered_at()
    world.changes.clear()
    world.move(THERE)
    assert world.changes == [Restore(end=End.MOBILE_NODE, home_address=HOME, correspondent=CN)]
    world.run()
    assert [change.end for change in world.changes[1:]] == [End.CORRESPONDENT, End.MOBILE_NODE]


def test_home_again_it_deletes_the_binding_with_the_home_token_alone() -> None:
    world = registered_at()
    world.run(220)
    world.move(HOME)
    world.run()
    packets = world.take()
    assert names(packets) == ["HomeTestInit", "HomeTest", *WHOLE[-2:]]
    update, message = packets[2], message_of(packets[2])
    assert isinstance(message, BindingUpdate)
    assert (message.lifetime, update.source, update.home_address) == (0, HOME, None)
    kbm = hashlib.sha1(packets[1].data[16:24]).digest()
    for packet in packets[2:]:
        assert packet.data[-12:] == authenticator_of(packet.data, kbm, HOME)
    assert (packets[3].destination, packets[3].routed_to) == (HOME, None)
    assert world.cached is None
    assert world.paths == dict.fromkeys(End)


def test_away_from_home_a_binding_can_be_deleted_too() -> None:
    world = registered_at()
    world.do(world.mobile_node.ceased(CN, world.now))
    world.run()
    update, answer = world.take()
    kbm = hashlib.sha1(world_home_token(world, update)).digest()
    assert update.data[-12:] == authenticator_of(update.data, kbm, HOME)
    assert (update.source, update.home_address) == (HERE, HOME)
    assert (answer.destination, answer.routed_to) == (HERE, HOME)
    assert world.cached is None
    assert CN not in world.mobile_node.correspondents


def world_home_token(world: World, update: Packet) -> bytes:
    """From the correspondent itself, which makes it anew from the index in the update."""
    message = message_of(update)
    (indices,) = message.every(NonceIndicesOption)
    nonces = world.correspondent.nonces
    nonce = nonces.find(indices.home_nonce_index, world.now)
    assert nonce is not None
    assert indices.care_of_nonce_index == 0
    return nonces.home_token(HOME, nonce)


def test_home_again_out_of_reach_it_tries_until_the_binding_is_over() -> None:
    world = registered_at()
    world.loss = 1.0
    world.move(HOME)
    world.run(421)
    assert len(world.take()) > 10
    assert world.cached is None
    assert CN not in world.mobile_node.correspondents
    assert world.mobile_node.next_timer() == math.inf


def test_nowhere_it_sends_nothing() -> None:
    world = registered_at()
    world.do(world.mobile_node.lost(world.now))
    world.converse(600)
    assert {packet.source for packet in world.take()} == {CN}
    assert world.paths[End.MOBILE_NODE] is None


# Time


def test_a_binding_in_use_is_renewed_before_it_ends() -> None:
    world = registered_at()
    world.changes.clear()
    world.converse(3600)
    assert names(world.take()).count("BindingUpdate") == 3600 // 280
    assert world.changes == []


def test_a_binding_not_in_use_ends_at_both_ends() -> None:
    world = registered_at()
    world.run(419.9)
    assert world.cached == HERE
    world.run(0.1)
    assert world.cached is None
    assert world.paths == dict.fromkeys(End)
    assert world.take() == []
    assert CN not in world.mobile_node.correspondents


def test_a_message_is_repeated_three_times_with_new_cookies_then_it_rests() -> None:
    world = World(loss=1.0)
    world.move(HERE)
    world.talk()
    times = {}
    while world.now < NOW + 60:
        world.run(0.5)
        for packet in world.take():
            if names([packet]) == ["HomeTestInit"]:
                times[world.now - NOW] = message_of(packet).fields()
    assert list(times) == [0.5, 1, 3, 7, 47, 48, 50, 54]
    assert len(set(times.values())) == 8
    assert [each.event for each in world.complaints] == ["route-optimisation-failed"]


def test_who_never_answers_is_asked_ever_more_rarely_up_to_every_ten_minutes() -> None:
    world = World(loss=1.0)
    world.move(HERE)
    world.converse(7200)
    assert 40 < names(world.take()).count("HomeTestInit") < 80
    assert len(world.complaints) == 1


def test_a_move_is_a_new_chance() -> None:
    world = World(loss=1.0)
    world.move(HERE)
    world.converse(1000)
    world.loss = 0.0
    world.move(THERE)
    world.run()
    assert world.cached == THERE


def test_a_repeated_update_has_a_new_sequence_number_and_backs_off() -> None:
    world = unanswered_update()
    world.loss = 1.0
    world.run(14.9)
    updates = [message_of(p) for p in world.take()]
    first = world.mobile_node.correspondents[CN].sequence - 3
    assert [m.sequence - first for m in updates if isinstance(m, BindingUpdate)] == [1, 2, 3]
    assert world.paths[End.MOBILE_NODE] is None


def test_updates_in_vain_bring_new_tests_for_the_tokens_may_be_worthless() -> None:
    world = unanswered_update()
    world.loss = 1.0
    world.run(15)
    world.loss = 0.0
    world.take()
    world.run(32)
    assert names(world.take()) == WHOLE


def test_no_type_of_message_is_sent_more_than_three_times_a_second() -> None:
    world = World()
    world.move(HERE)
    world.talk()
    times: dict[str, list[float]] = {}
    for step in range(200):
        world.move((HERE, THERE)[step % 2])
        world.run(0.05)
        for name in names(world.take()):
            times.setdefault(name, []).append(world.now)
    assert len(times["BindingUpdate"]) > 20
    for name in ("HomeTestInit", "CareOfTestInit", "BindingUpdate"):
        seen = times[name]
        assert all(b - a > 0.9 for a, b in zip(seen, seen[3:], strict=False)), name


# What it does not believe


def test_a_token_counts_only_with_our_cookie_from_the_right_place_once() -> None:
    world = World()
    world.move(HERE)
    world.do(world.mobile_node.communicates(CN, NOW))
    entry = world.mobile_node.correspondents[CN]
    home, care_of = entry.home_test.cookie, entry.care_of_test.cookie
    token = bytes(8)
    right = from_correspondent(HomeTest(nonce_index=1, cookie=home, keygen_token=token), HOME)
    wrong = [
        from_correspondent(HomeTest(nonce_index=1, cookie=care_of, keygen_token=token), HOME),
        from_correspondent(HomeTest(nonce_index=1, cookie=home, keygen_token=token), HERE),
        msgspec.structs.replace(right, destination=HERE, routed_to=HOME),
        msgspec.structs.replace(
            from_correspondent(CareOfTest(nonce_index=1, cookie=home, keygen_token=token))
        ),
        from_correspondent(CareOfTest(nonce_index=1, cookie=care_of, keygen_token=token), HOME),
    ]
    for packet in wrong:
        deliver(world, packet)
    assert (entry.home_token, entry.care_of_tokens) == (None, {})
    deliver(world, right)
    first = entry.home_token
    assert first is not None
    again = HomeTest(nonce_index=2, cookie=home, keygen_token=token)
    deliver(world, from_correspondent(again, HOME))
    assert entry.home_token == first


@pytest.mark.parametrize("pretended", [None, CN], ids=["by name", "as the correspondent"])
def test_a_stranger_is_not_listened_to(pretended: IPv6Address | None) -> None:
    world = registered_at()
    message = BindingError(status=BindingErrorStatus.UNKNOWN_BINDING, home_address=HOME)
    data = encode(message, pretended or STRANGER, HERE)
    packet = Packet(source=STRANGER, destination=HERE, data=data, home_address=pretended)
    deliver(world, packet)
    assert world.paths[End.MOBILE_NODE] == HERE


@pytest.mark.parametrize("kbm", [None, bytes(20)], ids=["without a proof", "with a wrong one"])
@pytest.mark.parametrize("status", [0, 130, 135])
def test_an_acknowledgement_without_the_key_is_ignored(kbm: bytes | None, status: int) -> None:
    world = unanswered_update()
    deliver(world, acknowledgement(world, BindingStatus(status), kbm=kbm))
    assert world.paths[End.MOBILE_NODE] is None
    assert world.mobile_node.correspondents[CN].updating.pending


def test_an_acknowledgement_of_another_update_is_ignored() -> None:
    world = unanswered_update()
    deliver(world, acknowledgement(world, BindingStatus.ACCEPTED, kbm=kbm_of(world), sequence=7))
    assert world.mobile_node.correspondents[CN].updating.pending


def test_an_acknowledgement_without_the_routing_header_is_ignored() -> None:
    world = unanswered_update()
    right = acknowledgement(world, BindingStatus.ACCEPTED, kbm=kbm_of(world))
    plain = msgspec.structs.replace(right, routed_to=None, destination=HOME)
    deliver(world, plain)
    assert world.paths[End.MOBILE_NODE] is None
    deliver(world, right)
    assert world.paths[End.MOBILE_NODE] == HERE


def test_a_binding_counts_from_the_sending_of_its_update() -> None:
    world = unanswered_update()
    world.loss = 1.0
    world.run(0.9)
    deliver(world, acknowledgement(world, BindingStatus.ACCEPTED, kbm=kbm_of(world)))
    binding = world.mobile_node.correspondents[CN].binding
    assert binding is not None
    assert (binding.until, binding.refresh) == (NOW + 420, NOW + 280)


def test_a_sequence_number_out_of_window_is_taken_over() -> None:
    world = unanswered_update()
    last = (world.mobile_node.correspondents[CN].sequence + 1000) % 65536
    status = BindingStatus.SEQUENCE_NUMBER_OUT_OF_WINDOW
    deliver(world, acknowledgement(world, status, kbm=kbm_of(world), sequence=last))
    (update,) = map(message_of, world.take())
    assert isinstance(update, BindingUpdate)
    assert update.sequence == (last + 1) % 65536


def test_an_older_sequence_number_out_of_window_is_that_of_an_older_update() -> None:
    world = unanswered_update()
    last = (world.mobile_node.correspondents[CN].sequence - 1) % 65536
    status = BindingStatus.SEQUENCE_NUMBER_OUT_OF_WINDOW
    deliver(world, acknowledgement(world, status, kbm=kbm_of(world), sequence=last))
    assert world.take() == []


def test_who_refuses_is_left_alone_for_ten_minutes() -> None:
    world = unanswered_update()
    deliver(world, acknowledgement(world, BindingStatus.INSUFFICIENT_RESOURCES, kbm=kbm_of(world)))
    (complaint,) = world.complaints
    assert complaint.event == "route-optimisation-refused"
    world.converse(REFUSED_FOR - 50)
    world.move(THERE)
    assert world.take() == []
    world.converse(100)
    assert world.cached == THERE


def test_who_does_not_know_the_messages_is_left_alone_for_ten_minutes() -> None:
    world = World(loss=1.0)
    world.move(HERE)
    world.talk()
    world.take()
    status = BindingErrorStatus.UNRECOGNIZED_MH_TYPE
    message = BindingError(status=status, home_address=IPv6Address("::"))
    deliver(world, from_correspondent(message))
    world.converse(REFUSED_FOR - 50)
    assert world.take() == []


def test_unrecognised_types_are_ignored_where_no_answer_is_waited_for() -> None:
    world = registered_at()
    status = BindingErrorStatus.UNRECOGNIZED_MH_TYPE
    deliver(world, from_correspondent(BindingError(status=status, home_address=HOME)))
    assert world.paths[End.MOBILE_NODE] == HERE


# Refresh requests and Binding Errors


def test_a_refresh_request_is_followed() -> None:
    world = registered_at()
    world.run(60)
    world.talk()
    deliver(world, from_correspondent(BindingRefreshRequest(), HOME))
    world.run()
    assert names(world.take())[-2:] == WHOLE[-2:]


def test_a_refresh_request_soon_after_the_binding_is_not() -> None:
    world = registered_at()
    world.run(10)
    deliver(world, from_correspondent(BindingRefreshRequest(), HOME))
    world.run()
    assert world.take() == []


def test_nobody_else_gets_an_answer_to_a_refresh_request() -> None:
    world = World()
    world.move(HERE)
    deliver(world, from_correspondent(BindingRefreshRequest(), HOME))
    assert world.take() == []


def test_an_unknown_binding_is_forgotten_and_made_anew_with_new_tokens() -> None:
    world = registered_at()
    world.run(100)
    world.talk()
    world.restart_correspondent()
    world.changes.clear()
    world.do(world.correspondent.unbound(HERE, CN, HOME, world.now))
    world.run()
    assert names(world.take()) == ["BindingError", *WHOLE]
    assert [type(change) for change in world.changes] == [Restore, Optimise, Optimise]
    assert world.cached == HERE


def test_an_unknown_binding_that_is_young_is_not_made_anew_at_once() -> None:
    world = registered_at()
    world.restart_correspondent()
    world.do(world.correspondent.unbound(HERE, CN, HOME, world.now))
    world.run(31)
    assert names(world.take()) == ["BindingError"]
    assert world.paths[End.MOBILE_NODE] is None
    world.run(2)
    assert names(world.take()) == WHOLE


def test_an_error_about_the_care_of_address_of_before_changes_nothing() -> None:
    world = registered_at()
    world.move(THERE)
    world.run()
    message = BindingError(status=BindingErrorStatus.UNKNOWN_BINDING, home_address=HOME)
    deliver(world, from_correspondent(message, HERE))
    assert world.paths[End.MOBILE_NODE] == THERE


# Nonces the correspondent does not know any more


def test_a_restarted_correspondent_has_the_procedure_done_again() -> None:
    world = registered_at()
    world.restart_correspondent()
    world.move(THERE)
    world.run(5)
    updates = [message_of(p) for p in world.take() if names([p]) == ["BindingAcknowledgement"]]
    assert [m.status for m in updates if isinstance(m, BindingAcknowledgement)] == [136, 0]
    assert world.cached == THERE


def test_forged_expiries_do_not_keep_it_busy() -> None:
    world = unanswered_update()
    entry = world.mobile_node.correspondents[CN]
    for _ in range(4):
        assert entry.rest <= world.now
        deliver(world, acknowledgement(world, BindingStatus.EXPIRED_NONCES))
        world.now += 0.5
        world.do(world.mobile_node.fire(world.now))
        while world.way and not entry.updating.pending:
            world.run_one()
        world.way.clear()
    assert entry.rest == pytest.approx(world.now + 32, abs=1)


def test_its_own_token_lifetime_ends_before_the_correspondents_does() -> None:
    correspondent = Correspondent(bytes)
    nonce = correspondent.nonces.current(NOW)
    assert correspondent.nonces.current(NOW + 29.9) == nonce
    assert correspondent.nonces.find(nonce.index, NOW + 29.9 + 210) == nonce
