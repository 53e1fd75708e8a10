"""The home agent (RFC 6275 §10): what it accepts, refuses with which status, and forgets."""

import math
from collections.abc import Callable
from ipaddress import IPv6Address
from typing import Any

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
    HOME_LINK,
    MN,
    NOW,
    OTHER,
    OTHERS_HOA,
    PROFILES,
    Agent,
    answer_in,
    key,
    message_in,
    update_in,
)

from opendmm.bindings.mipv6.config import HomeProfile
from opendmm.bindings.mipv6.extension import Granted, Moved
from opendmm.bindings.mipv6.packet import Packet
from opendmm.bindings.mobility.association import SharedKey, ntp_timestamp
from opendmm.bindings.mobility.problems import ParameterProblem
from opendmm.bindings.mobility.vendor import added, addition
from opendmm.model.addressing import Locator
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.model.order import MoveOrder
from opendmm.reference_points import r_xu
from opendmm.reference_points.message import Status
from opendmm.wire.mobility.binding import (
    BindingAcknowledgement,
    BindingRefreshRequest,
    BindingUpdate,
)
from opendmm.wire.mobility.checksum import checksum
from opendmm.wire.mobility.codec import encode
from opendmm.wire.mobility.numbers import BindingStatus, BindingUpdateFlags
from opendmm.wire.mobility.options.base import MobilityOption
from opendmm.wire.mobility.options.base_protocol import (
    AlternateCareOfAddressOption,
    BindingRefreshAdviceOption,
    NonceIndicesOption,
)
from opendmm.wire.mobility.options.identification import (
    MessageReplayProtectionOption,
    MobileNodeIdentifierOption,
)

H = BindingUpdateFlags.A | BindingUpdateFlags.H
SINCE = int(NOW * 1e6)


def bu(
    sequence: int = 1,
    care_of: IPv6Address | None = COA_1,
    at: float = NOW,
    *extra: MobilityOption,
    mobile_node: MobileNodeId = MN,
    home_address: IPv6Address = HOA,
    agent: NodeId = HA_A,
    lifetime: int = 75,
    said: Moved | None = None,
    shared: bytes | None = None,
    named: bool = True,
    made: bool = True,
    flags: BindingUpdateFlags = H,
) -> Packet:
    """A Binding Update in its packet; without `care_of` from the home link."""
    registered = care_of if care_of is not None and lifetime else home_address
    options: tuple[MobilityOption, ...] = extra
    if care_of is not None:
        options += (AlternateCareOfAddressOption(registered),)
    if named:
        options += (MobileNodeIdentifierOption.from_nai(mobile_node),)
    if said is not None:
        options += added(said)
    if made:
        options += (MessageReplayProtectionOption(ntp_timestamp(at)),)
    update = BindingUpdate(
        sequence=sequence, flags=flags, lifetime=lifetime if care_of else 0, options=options
    )
    association = SharedKey(
        peer=agent, spi=256, key=key(mobile_node, agent) if shared is None else shared
    )
    sealed = association.authenticated(update, registered, home_address)
    return Packet(
        source=care_of or home_address,
        destination=AGENTS[agent],
        home_address=home_address if care_of is not None else None,
        data=encode(sealed, home_address, AGENTS[agent]),
    )


def notified(agent: Agent) -> list[r_xu.AttachNotification]:
    return [m for m in agent.told if isinstance(m, r_xu.AttachNotification)]


def gone(agent: Agent) -> list[r_xu.DetachNotification]:
    return [m for m in agent.told if isinstance(m, r_xu.DetachNotification)]


def bound(care_of: IPv6Address | None = COA_1, **changes: Any) -> Agent:
    agent = Agent(**changes)
    assert agent.answer(bu(1, care_of, said=Moved(attached_at=SINCE))).status.accepted
    return agent


# Registration


def test_an_acknowledgement_goes_to_the_source_with_a_type_2_routing_header() -> None:
    """RFC 6275 §9.5.4."""
    (packet,) = Agent().hears(bu())
    assert (packet.source, packet.destination) == (AGENTS[HA_A], COA_1)
    assert (packet.routed_to, packet.home_address) == (HOA, None)


def test_an_acknowledgement_repeats_number_and_time_and_grants_a_lifetime() -> None:
    """RFC 6275 §10.3.1, RFC 4285 §6."""
    agent = Agent(lifetime=100.0)
    request = bu(4711)
    answer = agent.answer(request)
    made = message_in(request).first(MessageReplayProtectionOption)
    assert (answer.status, answer.sequence, answer.lifetime) == (BindingStatus.ACCEPTED, 4711, 25)
    assert answer.first(MessageReplayProtectionOption) == made
    assert answer.first(BindingRefreshAdviceOption) == BindingRefreshAdviceOption(12)


def test_the_lifetime_is_not_greater_than_what_was_asked_for() -> None:
    """RFC 6275 §10.3.1."""
    assert Agent().answer(bu(lifetime=3)).lifetime == 3


def test_the_fe_mctx_hears_what_the_extension_says() -> None:
    agent = Agent()
    said = Moved(attached_at=SINCE, home_anchor=HA_A, previous_anchor=HA_B, proof=b"signed")
    agent.hears(bu(said=said))
    (notification,) = notified(agent)
    assert notification == r_xu.AttachNotification(
        mobile_node=MN,
        attached_at=SINCE,
        home_anchor=HA_A,
        previous_anchor=HA_B,
        proof=b"signed",
        care_of=Locator(COA_1.packed),
    )


def test_the_mobile_node_hears_the_order_of_its_move() -> None:
    granted = addition(Agent().answer(bu(said=Moved(attached_at=SINCE))), Granted)
    assert granted.order == MoveOrder(7, SINCE, HA_A)
    assert granted.home_anchor == HA_A


def test_without_the_extension_an_attachment_begins_when_its_first_update_was_made() -> None:
    agent = Agent()
    for packet in (bu(1), bu(2, COA_1, NOW + 5), bu(3, COA_2, NOW + 6)):
        agent.hears(packet, NOW + 6)
    beginnings = [n.attached_at / 1e6 - NOW for n in notified(agent)]
    assert beginnings == pytest.approx([0, 0, 6], abs=1e-4)


def test_the_flag_for_an_acknowledgement_does_not_matter() -> None:
    """RFC 6275 §10.3.1: regardless of the setting of the A bit."""
    assert Agent().answer(bu(flags=BindingUpdateFlags.H)).status.accepted


def test_a_change_of_care_of_address_is_a_new_attachment() -> None:
    agent = bound()
    agent.hears(bu(2, COA_2, NOW + 1, said=Moved(attached_at=SINCE + 1)), NOW + 1)
    assert agent.care_of == COA_2


def test_the_old_care_of_address_stays_until_the_fe_mctx_has_decided() -> None:
    agent = bound()
    agent.status = None
    moved = bu(2, COA_2, NOW + 1, said=Moved(attached_at=SINCE + 1))
    assert agent.hears(moved, NOW + 1) == []
    assert agent.care_of == COA_1
    (late,) = agent.says(agent.decision(notified(agent)[-1]), NOW + 2)
    assert answer_in(late).sequence == 2
    assert agent.care_of == COA_2


def test_the_profile_lets_another_home_agent_serve() -> None:
    """The DMM extension: the home address is on no link of this one."""
    agent = Agent(HA_B)
    assert agent.answer(bu(agent=HA_B)).status is BindingStatus.ACCEPTED
    assert notified(agent)[0].care_of == Locator(COA_1.packed)


# Order


@pytest.mark.parametrize("sequence", [15, 14, 0, 65535, 32783])
def test_a_sequence_number_that_is_not_greater_is_out_of_window(sequence: int) -> None:
    """RFC 6275 §9.5.1, with its own example."""
    agent = Agent()
    agent.hears(bu(15))
    answer = agent.answer(bu(sequence, COA_2, NOW + 1), NOW + 1)
    assert answer.status is BindingStatus.SEQUENCE_NUMBER_OUT_OF_WINDOW
    assert answer.sequence == 15
    assert agent.care_of == COA_1


@pytest.mark.parametrize("sequence", [16, 32782])
def test_a_greater_sequence_number_is_accepted(sequence: int) -> None:
    """RFC 6275 §9.5.1."""
    agent = Agent()
    agent.hears(bu(15))
    assert agent.answer(bu(sequence, COA_2, NOW + 1), NOW + 1).status.accepted


def test_sequence_numbers_wrap_around() -> None:
    agent = Agent()
    agent.hears(bu(65535))
    assert agent.answer(bu(0, COA_2, NOW + 1), NOW + 1).status.accepted


def test_an_update_made_before_the_last_one_is_refused() -> None:
    """RFC 4285 §6: greater than all previously accepted timestamps."""
    agent = Agent()
    agent.hears(bu(1))
    answer = agent.answer(bu(2, COA_2, NOW - 1))
    assert answer.status is BindingStatus.MIPV6_ID_MISMATCH


def test_an_update_that_came_twice_has_the_same_answer_twice() -> None:
    agent = Agent()
    packet = bu()
    assert agent.hears(packet) == agent.hears(packet, NOW + 1)
    assert len(notified(agent)) == 1


def test_an_update_that_came_twice_before_it_was_answered_is_answered_once() -> None:
    agent = Agent()
    agent.status = None
    packet = bu()
    assert agent.hears(packet) == agent.hears(packet) == []
    assert len(agent.says(agent.decision(notified(agent)[0]))) == 1


def test_the_answer_to_a_replay_does_not_go_where_the_replay_came_from() -> None:
    agent = Agent()
    packet = bu()
    agent.hears(packet)
    (answer,) = agent.hears(msgspec.structs.replace(packet, source=COA_2), NOW + 1)
    assert answer.destination == COA_1


def test_a_replay_from_long_ago_changes_nothing() -> None:
    agent = bound()
    first = bu(2, COA_2, NOW + 1)
    agent.hears(first, NOW + 1)
    agent.hears(bu(3, COA_1, NOW + 2), NOW + 2)
    answer = agent.answer(first, NOW + 3)
    assert answer.status is BindingStatus.SEQUENCE_NUMBER_OUT_OF_WINDOW
    answer = agent.answer(first, NOW + 30)
    assert answer.status is BindingStatus.MIPV6_ID_MISMATCH
    assert agent.care_of == COA_1


# Refusals


def refused(
    packet: Callable[[], Packet], status: BindingStatus, **changes: Any
) -> BindingAcknowledgement:
    """Refused with that status by a home agent where MN is bound, which then still is."""
    agent = bound(**changes)
    agent.complaints.clear()
    told = len(agent.told)
    answer = agent.answer(packet())
    assert answer.status is status
    assert answer.lifetime == 0
    assert len(agent.told) == told
    assert agent.care_of == COA_1
    assert [c.event for c in agent.complaints][-1] in ("registration-refused", "message-refused")
    assert agent.core.home_agent is not None
    assert agent.core.home_agent.refused == {status: 1}
    return answer


def test_a_wrong_key_is_refused() -> None:
    """RFC 4285 §5.1.1."""
    refused(lambda: bu(2, COA_2, NOW + 1, shared=bytes(16)), BindingStatus.MIPV6_AUTH_FAIL)


def test_an_update_that_was_changed_on_its_way_is_refused() -> None:
    def changed() -> Packet:
        packet = bu(2, COA_2, NOW + 1)
        longer = msgspec.structs.replace(update_in(packet), lifetime=9)
        return msgspec.structs.replace(packet, data=encode(longer, HOA, AGENTS[HA_A]))

    refused(changed, BindingStatus.MIPV6_AUTH_FAIL)


def test_another_mobile_nodes_home_address_is_refused() -> None:
    """RFC 6275 §10.3.1: only the right node can control a particular home address."""
    refused(
        lambda: bu(2, COA_2, NOW + 1, mobile_node=OTHER),
        BindingStatus.ADMINISTRATIVELY_PROHIBITED,
    )


def test_a_home_address_that_is_nobodys_is_refused() -> None:
    refused(
        lambda: bu(2, COA_2, NOW + 1, home_address=HOA_2),
        BindingStatus.ADMINISTRATIVELY_PROHIBITED,
    )


def test_a_mobile_node_that_is_not_to_be_served_here_is_refused() -> None:
    """RFC 6275 §10.3.1."""
    agent = Agent(HA_B)
    packet = bu(mobile_node=OTHER, home_address=OTHERS_HOA, agent=HA_B)
    assert agent.answer(packet).status is BindingStatus.NOT_HOME_SUBNET
    assert agent.told == []


def test_an_update_without_a_time_is_refused() -> None:
    """RFC 4285 §6."""
    refused(lambda: bu(2, COA_2, made=False), BindingStatus.MIPV6_MESG_ID_REQD)


@pytest.mark.parametrize("seconds", [-7.5, 7.5])
def test_an_update_made_at_another_time_is_refused_with_our_seconds(seconds: float) -> None:
    """RFC 4285 §6: the high-order bits are the home agent's."""
    answer = refused(lambda: bu(2, COA_2, NOW + seconds), BindingStatus.MIPV6_ID_MISMATCH)
    timed = answer.first(MessageReplayProtectionOption)
    assert timed is not None
    assert timed.ntp_timestamp >> 32 == ntp_timestamp(NOW) >> 32
    assert timed.ntp_timestamp & 0xFFFFFFFF == ntp_timestamp(NOW + seconds) & 0xFFFFFFFF


@pytest.mark.parametrize("care_of", ["fe80::1", "ff02::1", "::1", str(OTHERS_HOA)])
def test_a_care_of_address_that_cannot_be_is_refused(care_of: str) -> None:
    def elsewhere() -> Packet:
        packet = bu(2, IPv6Address(care_of), NOW + 1)
        return msgspec.structs.replace(packet, source=COA_2)

    refused(elsewhere, BindingStatus.INVALID_CARE_OF_ADDRESS)


def test_a_registration_without_a_home_address_option_is_refused() -> None:
    """RFC 6275 §10.3.1."""
    refused(
        lambda: msgspec.structs.replace(bu(2, COA_2, NOW + 1), source=HOA, home_address=None),
        BindingStatus.REASON_UNSPECIFIED,
    )


def test_nothing_to_end_is_refused() -> None:
    """RFC 6275 §10.3.2."""
    answer = Agent().answer(bu(1, None))
    assert answer.status is BindingStatus.NOT_HOME_AGENT_FOR_THIS_MOBILE_NODE


def test_nonce_indices_in_a_home_registration_are_discarded_silently() -> None:
    """RFC 6275 §9.5.1."""
    agent = bound()
    assert agent.hears(bu(2, COA_2, NOW + 1, NonceIndicesOption(1, 1)), NOW + 1) == []
    assert agent.care_of == COA_1


def test_who_has_no_security_association_gets_no_answer() -> None:
    """RFC 4285 §5.1.1."""
    agent = Agent()
    stranger = MobileNodeId("stranger@example.org")
    assert agent.hears(bu(mobile_node=stranger)) == []
    assert agent.hears(bu(named=False, home_address=HOA_2)) == []
    assert [c.event for c in agent.complaints] == ["message-refused"] * 2


def test_who_says_no_name_is_known_by_its_home_address() -> None:
    assert Agent().answer(bu(named=False)).status.accepted


def test_forgeries_are_answered_once_in_a_second() -> None:
    agent = Agent()
    forged = [bu(n, COA_1, NOW, shared=bytes(16)) for n in range(20)]
    answers = [a for n, packet in enumerate(forged) for a in agent.hears(packet, NOW + n / 10)]
    assert len(answers) == 2


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (Status.UNKNOWN_MOBILE_NODE, BindingStatus.NOT_HOME_AGENT_FOR_THIS_MOBILE_NODE),
        (Status.NOT_AUTHORISED, BindingStatus.ADMINISTRATIVELY_PROHIBITED),
        (Status.FORWARDING_FAILED, BindingStatus.FORWARDING_SETUP_FAILED),
        (Status.UNAVAILABLE, BindingStatus.INSUFFICIENT_RESOURCES),
        (Status.NOT_RESPONSIBLE, BindingStatus.NOT_HOME_SUBNET),
        (Status.STALE, BindingStatus.TIMESTAMP_LOWER_THAN_PREV_ACCEPTED),
        (Status.REFUSED, BindingStatus.REASON_UNSPECIFIED),
    ],
)
def test_what_the_fe_mctx_refuses_has_a_status(status: int, said: BindingStatus) -> None:
    agent = Agent()
    agent.status = status
    assert agent.answer(bu()).status is said
    assert agent.care_of is None


def test_what_was_refused_for_now_is_answered_again_when_that_passes() -> None:
    agent = Agent()
    agent.status = Status.UNAVAILABLE
    agent.hears(bu())
    (notification,) = notified(agent)
    assert agent.says(agent.decision(notification, Status.UNAVAILABLE), NOW + 1) == []
    (late,) = agent.says(agent.decision(notification), NOW + 2)
    assert answer_in(late).status.accepted
    assert agent.care_of == COA_1


def test_of_what_the_fe_mctx_takes_back_the_mobile_node_is_asked_to_register_again() -> None:
    agent = bound()
    (notification,) = notified(agent)
    (asked,) = agent.says(agent.decision(notification, Status.NOT_AUTHORISED), NOW + 1)
    assert isinstance(message_in(asked), BindingRefreshRequest)
    assert asked.destination == HOA


def test_a_node_that_is_no_home_agent_says_so() -> None:
    """RFC 6275 §10.3.1."""
    elsewhere = Agent(agents={HA_B: AGENTS[HA_B]}, correspondent=True)
    answer = elsewhere.answer(bu())
    assert answer.status is BindingStatus.HOME_REGISTRATION_NOT_SUPPORTED


# The end


def test_from_the_home_link_the_fe_mctx_hears_of_an_attachment_there() -> None:
    """RFC 6275 §10.3.2."""
    agent = bound()
    home = bu(2, None, NOW + 1, said=Moved(attached_at=SINCE + 1, proof=b"signed"))
    (packet,) = agent.hears(home, NOW + 1)
    answer = answer_in(packet)
    assert (packet.destination, packet.routed_to, packet.interface) == (HOA, None, HOME_LINK)
    assert (answer.status, answer.lifetime) == (BindingStatus.ACCEPTED, 0)
    assert answer.first(BindingRefreshAdviceOption) is None
    notification = notified(agent)[-1]
    assert (notification.care_of, notification.interface) == (None, HOME_LINK)
    assert notification.proof == b"signed"
    assert agent.care_of is None
    assert gone(agent) == []


def test_at_home_it_stays_without_a_lifetime() -> None:
    agent = Agent()
    agent.hears(bu(1, None, said=Moved(attached_at=SINCE)))
    assert agent.core.next_timer() == math.inf
    assert agent.core.reachable(NodeId(MN))


def test_an_update_that_was_delayed_does_not_undo_the_return_home() -> None:
    """RFC 6275 §10.3.2."""
    agent = bound()
    delayed = bu(2, COA_1, NOW + 1)
    agent.hears(bu(3, None, NOW + 2, said=Moved(attached_at=SINCE + 1)), NOW + 2)
    (answer,) = agent.hears(delayed, NOW + 3)
    assert answer_in(answer).status is BindingStatus.SEQUENCE_NUMBER_OUT_OF_WINDOW
    assert answer.destination == COA_1
    assert agent.care_of is None


def test_away_with_lifetime_zero_it_is_gone() -> None:
    """RFC 6275 §10.3.2."""
    agent = bound()
    farewell = bu(2, COA_1, NOW + 1, lifetime=0, said=Moved(detached_at=SINCE + 1_000_000))
    assert agent.answer(farewell, NOW + 1).status.accepted
    assert gone(agent) == [r_xu.DetachNotification(mobile_node=MN, detached_at=SINCE + 1_000_000)]
    assert agent.care_of is None


def test_a_farewell_that_was_lost_is_accepted_again() -> None:
    agent = bound()
    for sequence in (2, 3):
        at = NOW + sequence
        farewell = bu(sequence, COA_1, at, lifetime=0)
        assert agent.answer(farewell, at).status.accepted


def test_a_delayed_update_does_not_revive_a_binding_that_is_over() -> None:
    """RFC 6275 §10.3.2, MAX_DELETE_BCE_TIMEOUT."""
    agent = bound()
    delayed = bu(2, COA_2, NOW + 1)
    agent.hears(bu(3, COA_1, NOW + 2, lifetime=0), NOW + 2)
    answer = agent.answer(delayed, NOW + 4)
    assert answer.status is BindingStatus.SEQUENCE_NUMBER_OUT_OF_WINDOW
    agent.fire(NOW + 12)
    assert agent.core.home_agent is not None
    assert len(agent.core.home_agent.cache) == 0
    assert agent.answer(delayed, NOW + 12).status is BindingStatus.MIPV6_ID_MISMATCH


def test_a_binding_that_nobody_renews_is_over() -> None:
    """RFC 6275 §10.3.1: it must be deleted after the expiration of its lifetime."""
    agent = bound()
    assert agent.core.next_timer() == NOW + 300
    agent.fire(NOW + 299)
    assert gone(agent) == []
    agent.fire(NOW + 300)
    (detached,) = gone(agent)
    assert detached.detached_at == SINCE + 300_000_000
    assert agent.care_of is None


def test_a_renewed_binding_is_not_over() -> None:
    agent = bound()
    agent.hears(bu(2, COA_1, NOW + 200, said=Moved(attached_at=SINCE)), NOW + 200)
    agent.fire(NOW + 300)
    assert gone(agent) == []
    assert [n.attached_at for n in notified(agent)] == [SINCE, SINCE]
    assert agent.core.next_timer() == NOW + 500


def test_a_mobile_node_with_another_binding_is_not_gone() -> None:
    profile = HomeProfile(home_addresses=(HOA, HOA_2), agents=frozenset(AGENTS))
    agent = bound(profiles={**PROFILES, MN: profile})
    agent.hears(bu(1, COA_1, NOW + 5, home_address=HOA_2, said=Moved(attached_at=SINCE)), NOW + 5)
    agent.fire(NOW + 300)
    assert gone(agent) == []
    agent.fire(NOW + 305)
    assert len(gone(agent)) == 1


# A restart


def test_after_a_restart_any_sequence_number_is_accepted() -> None:
    """RFC 6275 §9.5.1."""
    assert Agent().answer(bu(40_000)).status.accepted


def acknowledgement(status: int = Status.ACCEPTED) -> r_xu.AttachAcknowledgement:
    """What the FE_MCTX says when it refreshes a context."""
    notification = r_xu.AttachNotification(mobile_node=MN, attached_at=SINCE)
    return Agent().decision(notification, status)


def test_who_was_forgotten_in_a_restart_is_asked_to_register_again() -> None:
    agent = Agent()
    (asked,) = agent.says(acknowledgement())
    assert (asked.source, asked.destination) == (AGENTS[HA_A], HOA)
    assert isinstance(message_in(asked), BindingRefreshRequest)
    assert agent.answer(bu(9, COA_1, NOW + 1, said=Moved(attached_at=SINCE)), NOW + 1).status == 0
    assert agent.care_of == COA_1
    assert agent.core.next_timer() == NOW + 301


def test_who_was_forgotten_and_does_not_register_again_is_gone() -> None:
    agent = Agent()
    agent.says(acknowledgement())
    asked, now = 1, NOW
    while not gone(agent):
        now = agent.core.next_timer()
        asked += len(agent.fire(now))
    assert asked == 5
    assert now == NOW + 31
    assert agent.says(acknowledgement(Status.REFUSED), now + 60) == []


# Others' messages


def test_messages_of_other_network_nodes_are_left_to_their_binding() -> None:
    agent = Agent()
    packet = Packet(source=AGENTS[HA_B], destination=AGENTS[HA_A], data=b"whatever it is")
    assert agent.hears(packet) == []
    assert agent.complaints == []


def test_registrations_by_proxy_are_left_to_their_binding() -> None:
    agent = Agent()
    assert agent.hears(bu(flags=H | BindingUpdateFlags.P)) == []
    assert agent.complaints == []


def test_a_wrong_checksum_is_discarded_silently() -> None:
    """RFC 6275 §9.2."""
    agent = Agent()
    packet = bu()
    broken = packet.data[:-1] + bytes((packet.data[-1] ^ 1,))
    assert agent.hears(msgspec.structs.replace(packet, data=broken)) == []
    assert [c.event for c in agent.complaints] == ["message-malformed"]


def test_a_header_too_short_for_its_type_is_answered_with_a_parameter_problem() -> None:
    """RFC 6275 §9.2: the pointer at Header Len, behind the headers that carry the home address."""
    agent = Agent()
    packet = bu()
    short = bytearray(packet.data[:8])
    short[1], short[4:6] = 0, bytes(2)
    short[4:6] = checksum(bytes(short), packet.sender, packet.receiver).to_bytes(2, "big")
    wanted = agent.core.receive(msgspec.structs.replace(packet, data=bytes(short)), NOW)
    (problem,) = (w for w in wanted if isinstance(w, ParameterProblem))
    assert (problem.source, problem.to) == (packet.destination, packet.source)
    assert problem.pointer == 40 + 24 + 1
    assert problem.invoking[problem.pointer] == 0
