"""The mobile node's home registrations (RFC 6275 §11)."""

import math
from ipaddress import IPv6Address

import msgspec
import pytest
from mipv6_scene import (
    AGENTS,
    COA_1,
    COA_2,
    HA_A,
    HA_B,
    HOA,
    HOA_2,
    MN,
    NOW,
    PROFILES,
    Agent,
    Mobile,
    answer_in,
    attach,
    exchange,
    message_in,
    to_agent,
    update_in,
)

from opendmm.bindings.mipv6.config import HomeProfile
from opendmm.bindings.mipv6.extension import Moved
from opendmm.bindings.mipv6.packet import Packet
from opendmm.bindings.mobility.vendor import VENDOR, addition
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import NodeId
from opendmm.model.order import MoveOrder
from opendmm.reference_points import r_xu
from opendmm.reference_points.message import Message, Status
from opendmm.wire.mobility.binding import (
    BindingAcknowledgement,
    BindingError,
    BindingRefreshRequest,
)
from opendmm.wire.mobility.codec import encode
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import (
    BindingAcknowledgementFlags,
    BindingErrorStatus,
    BindingStatus,
    BindingUpdateFlags,
)
from opendmm.wire.mobility.options.base_protocol import (
    AlternateCareOfAddressOption,
    BindingRefreshAdviceOption,
)
from opendmm.wire.mobility.options.identification import (
    MessageAuthenticationOption,
    MessageReplayProtectionOption,
    MobileNodeIdentifierOption,
    VendorSpecificOption,
)

SINCE = int(NOW * 1e6)


def answered(
    update: Packet, status: BindingStatus = BindingStatus.ACCEPTED, **changes: object
) -> Packet:
    """The Binding Acknowledgement of a home agent without the extension."""
    asked = update_in(update)
    agent = next(name for name, address in AGENTS.items() if address == update.destination)
    answer = BindingAcknowledgement(
        status=status,
        flags=BindingAcknowledgementFlags(0),
        sequence=asked.sequence,
        lifetime=asked.lifetime,
        options=asked.every(MessageReplayProtectionOption),
    )
    answer = msgspec.structs.replace(answer, **changes)
    association = Mobile().core.config.associations[agent]
    care_of = asked.first(AlternateCareOfAddressOption)
    away = update.home_address is not None
    registered = care_of.address if care_of is not None else update.source
    sealed = association.authenticated(answer, registered, update.sender)
    return Packet(
        source=update.destination,
        destination=update.source,
        routed_to=HOA if away else None,
        data=encode(sealed, update.destination, update.sender),
    )


def from_agent(message: MobilityMessage, to: IPv6Address = HOA, agent: NodeId = HA_A) -> Packet:
    """What nobody has authenticated."""
    source = AGENTS[agent]
    return Packet(source=source, destination=to, data=encode(message, source, to))


def statuses(mobile: Mobile) -> list[int]:
    """What the FE_MU_C was told of its attachments."""
    return [m.status for m in mobile.told if isinstance(m, r_xu.AttachAcknowledgement)]


def registered(care_of: IPv6Address | None = COA_1) -> Mobile:
    mobile = Mobile()
    (update,) = mobile.goes(attach(care_of))
    mobile.hears(answered(update))
    assert mobile.last.status == Status.ACCEPTED
    return mobile


def test_a_binding_update_is_as_section_11_7_1_has_it() -> None:
    (packet,) = Mobile().goes(attach(COA_1))
    update = update_in(packet)
    assert (packet.source, packet.destination) == (COA_1, AGENTS[HA_A])
    assert (packet.home_address, packet.routed_to) == (HOA, None)
    assert update.flags == BindingUpdateFlags.A | BindingUpdateFlags.H
    assert update.lifetime_seconds == 300
    assert update.first(AlternateCareOfAddressOption) == AlternateCareOfAddressOption(COA_1)
    assert update.first(MobileNodeIdentifierOption) == MobileNodeIdentifierOption.from_nai(MN)
    kinds = [type(option) for option in update.options]
    assert kinds[-2:] == [MessageReplayProtectionOption, MessageAuthenticationOption]


def test_it_says_beside_the_standard_since_when_it_is_there_and_its_signature() -> None:
    (packet,) = Mobile().goes(attach(COA_1))
    said = addition(update_in(packet), Moved)
    expected = Moved(attached_at=SINCE, home_anchor=HA_A, previous_anchor=HA_B, proof=b"signed")
    assert said == expected


def test_returning_home_it_de_registers_from_its_home_address_on_the_home_link() -> None:
    """RFC 6275 §11.5.5."""
    (packet,) = registered().goes(attach(None, NOW + 1), NOW + 1)
    update = update_in(packet)
    assert (packet.source, packet.home_address, packet.interface) == (HOA, None, "home")
    assert update.lifetime == 0
    assert update.flags == BindingUpdateFlags.A | BindingUpdateFlags.H
    assert update.first(AlternateCareOfAddressOption) is None
    assert addition(update, Moved).attached_at == SINCE + 1_000_000


def test_an_acknowledgement_says_what_may_be_used() -> None:
    mobile = registered()
    assert mobile.last == r_xu.AttachAcknowledgement(
        mobile_node=MN,
        attached_at=SINCE,
        status=Status.ACCEPTED,
        anchor=HA_A,
        order=MoveOrder(1, SINCE, HA_A),
        prefixes=(HomePrefix(HOA.packed, 128),),
    )


def test_an_acknowledgement_with_the_extension_says_the_order_of_the_move() -> None:
    mobile, agent = Mobile(), Agent()
    exchange(mobile, [agent], mobile.goes(attach(COA_1)))
    assert mobile.last.order == MoveOrder(7, SINCE, HA_A)
    assert mobile.last.home_anchor == HA_A


def test_an_unanswered_binding_update_is_repeated_after_doubling_times_up_to_32_seconds() -> None:
    """RFC 6275 §11.8: 1.5 seconds for the first registration, each with a new sequence number."""
    mobile = Mobile()
    mobile.goes(attach(COA_1))
    intervals, sequences, now = [], [], NOW
    for _ in range(7):
        due = mobile.core.next_timer()
        intervals.append(due - now)
        now = due
        (again,) = mobile.fire(now)
        sequences.append(update_in(again).sequence)
    assert intervals == [1.5, 3.0, 6.0, 12.0, 24.0, 32.0, 32.0]
    assert sequences == [2, 3, 4, 5, 6, 7, 8]


def test_with_a_binding_the_first_repetition_comes_after_one_second() -> None:
    """RFC 6275 §11.8, INITIAL_BINDACK_TIMEOUT."""
    mobile = registered()
    mobile.goes(attach(COA_2, NOW + 5), NOW + 5)
    assert mobile.core.next_timer() == NOW + 6


def test_only_the_answer_to_the_last_binding_update_counts() -> None:
    """RFC 6275 §11.7.3: the sequence number of an outstanding Binding Update."""
    mobile = Mobile()
    (first,) = mobile.goes(attach(COA_1))
    (second,) = mobile.fire(NOW + 1.5)
    mobile.hears(answered(first))
    assert mobile.told == []
    mobile.hears(answered(second))
    assert mobile.last.status == Status.ACCEPTED


def test_an_answer_made_for_another_binding_update_is_ignored() -> None:
    """RFC 4285 §6: the timestamp must be the one that was sent."""
    mobile = Mobile()
    (update,) = mobile.goes(attach(COA_1))
    mobile.hears(answered(update, options=(MessageReplayProtectionOption(1),)))
    assert mobile.told == []


def test_an_answer_with_a_wrong_key_is_ignored() -> None:
    mobile = Mobile()
    (update,) = mobile.goes(attach(COA_1))
    answer = answered(update)
    forged = msgspec.structs.replace(answer_in(answer), status=BindingStatus.NOT_HOME_SUBNET)
    data = encode(forged, answer.sender, answer.receiver)
    mobile.hears(msgspec.structs.replace(answer, data=data))
    assert mobile.told == []
    assert [c.event for c in mobile.complaints] == ["message-refused"]


def test_out_of_window_it_goes_on_from_the_number_it_is_told() -> None:
    """RFC 6275 §11.7.3."""
    mobile = Mobile()
    (update,) = mobile.goes(attach(COA_1))
    out = BindingStatus.SEQUENCE_NUMBER_OUT_OF_WINDOW
    (again,) = mobile.hears(answered(update, out, sequence=65535))
    assert update_in(again).sequence == 0
    assert mobile.told == []


def test_it_sets_its_clock_by_the_home_agents() -> None:
    """RFC 4285 §6."""
    mobile, agent = Mobile(), Agent()
    passed = exchange(mobile, [agent], mobile.goes(attach(COA_1)), NOW)
    assert len(passed) == 2
    late = NOW - 3600
    slow = Mobile()
    (update,) = slow.goes(attach(COA_1, late), late)
    (refusal,) = Agent().hears(update, NOW)
    assert answer_in(refusal).status == BindingStatus.MIPV6_ID_MISMATCH
    (again,) = slow.carried_out(slow.core.receive(refusal, late))
    assert Agent().answer(again, NOW).status == BindingStatus.ACCEPTED


@pytest.mark.parametrize(
    ("refused", "told"),
    [
        (BindingStatus.ADMINISTRATIVELY_PROHIBITED, Status.NOT_AUTHORISED),
        (BindingStatus.NOT_HOME_SUBNET, Status.NOT_RESPONSIBLE),
        (BindingStatus.NOT_HOME_AGENT_FOR_THIS_MOBILE_NODE, Status.UNKNOWN_MOBILE_NODE),
        (BindingStatus.INVALID_CARE_OF_ADDRESS, Status.REFUSED),
        (BindingStatus.TIMESTAMP_LOWER_THAN_PREV_ACCEPTED, Status.STALE),
    ],
    ids=lambda status: status.name if isinstance(status, BindingStatus) else "",
)
def test_a_refusal_for_good_is_told_and_nothing_more_is_sent(
    refused: BindingStatus, told: int
) -> None:
    """RFC 6275 §11.7.3."""
    mobile = Mobile()
    (update,) = mobile.goes(attach(COA_1))
    mobile.hears(answered(update, refused))
    assert mobile.last.status == told
    assert mobile.core.next_timer() == math.inf
    mobile.told.clear()
    assert mobile.goes(attach(COA_1)) == []
    assert mobile.last.status == told


@pytest.mark.parametrize(
    ("refused", "told"),
    [
        (BindingStatus.INSUFFICIENT_RESOURCES, Status.UNAVAILABLE),
        (BindingStatus.FORWARDING_SETUP_FAILED, Status.FORWARDING_FAILED),
        (BindingStatus.MIPV6_AUTH_FAIL, Status.NOT_AUTHORISED),
        (BindingStatus.REASON_UNSPECIFIED, Status.REFUSED),
    ],
    ids=lambda status: status.name if isinstance(status, BindingStatus) else "",
)
def test_a_refusal_for_now_is_told_once_and_the_binding_update_repeated(
    refused: BindingStatus, told: int
) -> None:
    mobile = Mobile()
    (update,) = mobile.goes(attach(COA_1))
    mobile.hears(answered(update, refused))
    (again,) = mobile.fire(mobile.core.next_timer())
    mobile.hears(answered(again, refused))
    assert statuses(mobile) == [told]
    (again,) = mobile.fire(mobile.core.next_timer())
    mobile.hears(answered(again))
    assert mobile.last.status == Status.ACCEPTED


def test_a_binding_that_has_ended_unheard_makes_room_for_another_attachment() -> None:
    mobile = Mobile()
    (update,) = mobile.goes(attach(COA_1))
    mobile.hears(answered(update))
    (renewal,) = mobile.fire(mobile.core.next_timer())
    mobile.hears(answered(renewal, BindingStatus.TIMESTAMP_LOWER_THAN_PREV_ACCEPTED))
    assert mobile.last.status == Status.STALE
    (anew,) = mobile.goes(attach(COA_1, NOW + 400))
    assert addition(update_in(anew), Moved).attached_at == int((NOW + 400) * 1e6)
    mobile.hears(answered(anew))
    assert mobile.last.status == Status.ACCEPTED
    assert mobile.last.attached_at == int((NOW + 400) * 1e6)


def test_a_binding_is_renewed_after_two_thirds_of_what_was_granted() -> None:
    mobile = Mobile()
    (update,) = mobile.goes(attach(COA_1))
    mobile.hears(answered(update, lifetime=30))
    assert mobile.core.next_timer() == NOW + 80
    (renewal,) = mobile.fire(NOW + 80)
    assert update_in(renewal).sequence == 2
    assert addition(update_in(renewal), Moved).attached_at == SINCE


def test_a_binding_is_renewed_earlier_where_the_home_agent_advises_so() -> None:
    """RFC 6275 §11.7.3, Binding Refresh Advice."""
    mobile = Mobile()
    (update,) = mobile.goes(attach(COA_1))
    options = (
        BindingRefreshAdviceOption(5),
        *update_in(update).every(MessageReplayProtectionOption),
    )
    mobile.hears(answered(update, options=options))
    assert mobile.core.next_timer() == NOW + 20


def test_a_lifetime_is_not_longer_than_was_asked_for() -> None:
    mobile = Mobile()
    (update,) = mobile.goes(attach(COA_1))
    mobile.hears(answered(update, lifetime=65535))
    assert mobile.core.mobile_node is not None
    assert mobile.core.mobile_node.registered_until(HOA) == NOW + 300


def test_at_home_there_is_nothing_to_renew() -> None:
    mobile = registered(None)
    assert mobile.core.next_timer() == math.inf


def test_not_home_agent_is_a_good_answer_to_who_has_come_home() -> None:
    """RFC 6275 §10.3.2 of a home agent without the extension: there was no binding."""
    mobile = Mobile()
    (update,) = mobile.goes(attach(None))
    mobile.hears(answered(update, BindingStatus.NOT_HOME_AGENT_FOR_THIS_MOBILE_NODE))
    assert mobile.last.status == Status.ACCEPTED


def test_a_later_attachment_supersedes_what_is_outstanding() -> None:
    mobile = Mobile()
    (first,) = mobile.goes(attach(COA_1))
    (second,) = mobile.goes(attach(COA_2, NOW + 0.1), NOW + 0.1)
    mobile.hears(answered(first))
    assert mobile.told == []
    assert update_in(second).sequence == 2
    mobile.hears(answered(second))
    assert mobile.last.attached_at == SINCE + 100_000


def test_asked_again_while_it_is_being_repeated_it_sends_nothing() -> None:
    mobile = Mobile()
    mobile.goes(attach(COA_1))
    assert mobile.goes(attach(COA_1), NOW + 0.2) == []


def test_asked_again_after_the_answer_it_registers_again() -> None:
    mobile = registered()
    (again,) = mobile.goes(attach(COA_1), NOW + 1)
    assert update_in(again).sequence == 2


def test_no_more_than_three_binding_updates_go_to_a_home_agent_in_a_second() -> None:
    """RFC 6275 §11.8, MAX_UPDATE_RATE."""
    mobile = Mobile()
    sent = []
    for step in range(10):
        now = NOW + step / 100
        sent += mobile.goes(attach(IPv6Address(f"2001:db8:{step + 1}::1"), now), now)
    assert len(sent) == 3
    assert mobile.core.next_timer() == NOW + 1
    mobile.hears(answered(sent[-1]))
    assert mobile.told == []
    (late,) = mobile.fire(NOW + 1)
    assert late.source == IPv6Address("2001:db8:10::1")


def test_each_home_address_is_registered() -> None:
    """RFC 6275 §11.7.1."""
    profile = HomeProfile(home_addresses=(HOA, HOA_2), agents=frozenset(AGENTS))
    profiles = {**PROFILES, MN: profile}
    mobile, agent = Mobile(profiles=profiles), Agent(profiles=profiles)
    updates = mobile.goes(attach(COA_1))
    assert {packet.home_address for packet in updates} == {HOA, HOA_2}
    exchange(mobile, [agent], updates[:1])
    assert mobile.told == []
    exchange(mobile, [agent], updates[1:])
    assert mobile.last.status == Status.ACCEPTED
    assert {p.address for p in mobile.last.prefixes} >= {str(HOA), str(HOA_2)}


def test_another_home_agent_accepts_and_the_one_before_is_de_registered() -> None:
    mobile = registered()
    (update,) = mobile.goes(attach(COA_2, NOW + 1, HA_B), NOW + 1)
    assert update.destination == AGENTS[HA_B]
    (farewell,) = mobile.carried_out(mobile.core.receive(answered(update), NOW + 1.1))
    said = update_in(farewell)
    assert (farewell.source, farewell.destination) == (COA_2, AGENTS[HA_A])
    assert (said.lifetime, addition(said, Moved).attached_at) == (0, 0)
    assert addition(said, Moved).detached_at == SINCE + 1_100_000
    (again,) = mobile.fire(mobile.core.next_timer())
    assert again.destination == AGENTS[HA_A]
    mobile.hears(answered(again))
    assert statuses(mobile) == [Status.ACCEPTED, Status.ACCEPTED]
    assert mobile.core.next_timer() > NOW + 100


def test_the_one_before_keeps_its_binding_while_the_new_one_refuses() -> None:
    mobile = registered()
    (update,) = mobile.goes(attach(COA_2, NOW + 1, HA_B), NOW + 1)
    sent = mobile.hears(answered(update, BindingStatus.ADMINISTRATIVELY_PROHIBITED))
    assert sent == []
    (back,) = mobile.goes(attach(COA_1, NOW + 2), NOW + 2)
    assert (update_in(back).sequence, update_in(back).lifetime) == (2, 75)


def test_a_farewell_is_not_repeated_for_longer_than_the_binding_lasts() -> None:
    mobile = registered()
    (update,) = mobile.goes(attach(COA_2, NOW + 1, HA_B), NOW + 1)
    mobile.carried_out(mobile.core.receive(answered(update), NOW + 1.1))
    farewells, now = [], NOW
    while now < NOW + 1000:
        now = mobile.core.next_timer()
        sent = mobile.fire(now)
        farewells += [now for packet in sent if packet.destination == AGENTS[HA_A]]
        for packet in sent:
            if packet.destination == AGENTS[HA_B]:
                mobile.carried_out(mobile.core.receive(answered(packet), now))
    assert farewells
    assert max(farewells) <= NOW + 300


def test_a_detachment_is_said_while_there_is_a_care_of_address_and_its_answer_told() -> None:
    """RFC 6275 §10.3.2."""
    mobile = registered()
    gone = r_xu.DetachNotification(mobile_node=MN, detached_at=SINCE + 5)
    (farewell,) = mobile.goes(to_agent(HA_A, gone), NOW + 1)
    assert (farewell.source, update_in(farewell).lifetime) == (COA_1, 0)
    mobile.told.clear()
    mobile.hears(answered(farewell))
    assert mobile.told == [r_xu.DetachAcknowledgement(mobile_node=MN, detached_at=SINCE + 5)]
    assert mobile.core.next_timer() == math.inf


def test_a_home_agent_that_asks_for_a_refresh_gets_one() -> None:
    """RFC 6275 §11.7.4."""
    (again,) = registered().hears(from_agent(BindingRefreshRequest()))
    assert update_in(again).sequence == 2
    assert Mobile().hears(from_agent(BindingRefreshRequest())) == []


def test_a_home_agent_that_knows_no_binding_gets_a_binding_update() -> None:
    """RFC 6275 §11.3.6."""
    error = BindingError(status=BindingErrorStatus.UNKNOWN_BINDING, home_address=HOA)
    (again,) = registered().hears(from_agent(error, COA_1))
    assert update_in(again).sequence == 2
    assert Mobile().hears(from_agent(error, COA_1)) == []


def test_forged_requests_do_not_make_it_exceed_three_a_second() -> None:
    mobile = registered()
    sent = []
    for step in range(50):
        now = NOW + step / 50
        sent += mobile.carried_out(mobile.core.receive(from_agent(BindingRefreshRequest()), now))
        if sent:
            mobile.carried_out(mobile.core.receive(answered(sent[-1]), now))
    assert len(sent) == 2


def test_a_routing_header_to_another_address_is_refused() -> None:
    """RFC 6275 §11.3.3."""
    mobile = Mobile()
    (update,) = mobile.goes(attach(COA_1))
    elsewhere = msgspec.structs.replace(answered(update), routed_to=HOA_2)
    assert mobile.hears(elsewhere) == []
    assert [c.event for c in mobile.complaints] == ["message-refused"]


@pytest.mark.parametrize(
    "message",
    [
        r_xu.ReleaseRequest(mobile_node=MN, requested_at=1),
        r_xu.HandoverPrediction(mobile_node=MN, target_anchor=HA_B, predicted_at=1),
    ],
    ids=lambda message: type(message).__name__,
)
def test_what_mobile_ipv6_has_no_message_for_is_said_not_to_be_carried(message: Message) -> None:
    mobile = Mobile()
    assert mobile.goes(to_agent(HA_A, message)) == []
    assert [c.event for c in mobile.complaints] == ["message-not-carried"]


def test_the_extension_is_in_options_that_a_home_agent_without_it_skips() -> None:
    (packet,) = Mobile().goes(attach(COA_1))
    options = update_in(packet).every(VendorSpecificOption)
    assert {option.vendor for option in options} == {VENDOR}
    assert message_in(packet) == update_in(packet)
