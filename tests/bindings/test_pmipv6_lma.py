"""The local mobility anchor by the tables of RFC 5213 §5.3, §5.5 and §8.9, and of RFC 5844 §3.1."""

from typing import Any

import pytest
from pmipv6_scene import (
    HNP,
    HNP_2,
    HOA,
    HOST,
    LINK_LAYER,
    MAG_1,
    MAG_2,
    MN,
    NOW,
    STRANGER,
    V4_ONLY,
    V6_ONLY,
    Anchor,
    hnp,
    ipv4,
    pbu,
    ticks,
)

from opendmm.bindings.mobility.vendor import added
from opendmm.bindings.pmipv6.cache import Stage
from opendmm.bindings.pmipv6.extension import Attached
from opendmm.bindings.pmipv6.prefixes import prefixes_in
from opendmm.model.identity import NodeId
from opendmm.reference_points import r_xu
from opendmm.reference_points.message import Status
from opendmm.wire.mobility.binding import BindingUpdate
from opendmm.wire.mobility.numbers import (
    AccessTechnology,
    BindingAcknowledgementFlags,
    BindingStatus,
    BindingUpdateFlags,
    HandoffIndicator,
    Ipv4AddressStatus,
    NotificationReason,
)
from opendmm.wire.mobility.options.identification import MobileNodeIdentifierOption
from opendmm.wire.mobility.options.ipv4 import (
    Ipv4HomeAddressReplyOption,
    Ipv4HomeAddressRequestOption,
)
from opendmm.wire.mobility.options.proxy import (
    AccessTechnologyTypeOption,
    HandoffIndicatorOption,
    HomeNetworkPrefixOption,
    LinkLayerIdentifierOption,
    TimestampOption,
)
from opendmm.wire.mobility.update_notification import UpdateNotification

S = BindingStatus
EVERYTHING_WRONG: dict[str, Any] = {
    "mobile_node": "nobody@example.org",
    "without": (
        HomeNetworkPrefixOption,
        HandoffIndicatorOption,
        AccessTechnologyTypeOption,
    ),
}

REFUSED: list[tuple[str, NodeId, BindingUpdate, BindingStatus]] = [
    ("RFC 6275 home registration", MAG_1, pbu(flags=BindingUpdateFlags.A), S(131)),
    ("item 4", MAG_1, pbu(without=MobileNodeIdentifierOption), S(160)),
    ("items 5, 6", STRANGER, pbu(), S(154)),
    ("item 7", MAG_1, pbu(mobile_node="nobody@example.org"), S(153)),
    ("item 8", MAG_1, pbu(mobile_node=HOST), S(152)),
    ("item 9", MAG_1, pbu(NOW - 0.4), S(156)),
    ("item 9, ahead", MAG_1, pbu(NOW + 0.4), S(156)),
    ("item 10", MAG_1, pbu(without=HomeNetworkPrefixOption), S(158)),
    ("item 11", MAG_1, pbu(without=HandoffIndicatorOption), S(161)),
    ("item 12", MAG_1, pbu(without=AccessTechnologyTypeOption), S(162)),
    ("§5.3.2, item 3", MAG_1, pbu(prefixes=(hnp(HNP_2),)), S(155)),
    ("RFC 5844 §3.1.2.1, IPv4", MAG_1, pbu(NOW, ipv4(), mobile_node=V6_ONLY), S(170)),
    ("RFC 5844 §3.1.2.2", MAG_1, pbu(NOW, ipv4("10.10.0.1")), S(171)),
    ("RFC 5844 §3.1.2.1, IPv6", MAG_1, pbu(mobile_node=V4_ONLY), S(172)),
    ("RFC 5844 §3.1.2.1, two", MAG_1, pbu(NOW, ipv4(), ipv4()), S(173)),
]
IN_ORDER: list[tuple[str, NodeId, BindingUpdate, BindingStatus]] = [
    (
        "no name before no authority",
        STRANGER,
        pbu(without=MobileNodeIdentifierOption),
        S(160),
    ),
    ("no authority before not ours", STRANGER, pbu(NOW - 9, **EVERYTHING_WRONG), S(154)),
    ("not ours before out of order", MAG_1, pbu(NOW - 9, **EVERYTHING_WRONG), S(153)),
    (
        "not enabled before out of order",
        MAG_1,
        pbu(NOW - 9, **EVERYTHING_WRONG | {"mobile_node": HOST}),
        S(152),
    ),
    (
        "out of order before missing options",
        MAG_1,
        pbu(NOW - 9, **EVERYTHING_WRONG | {"mobile_node": MN}),
        S(156),
    ),
    (
        "no prefix before no handoff indicator",
        MAG_1,
        pbu(**EVERYTHING_WRONG | {"mobile_node": MN}),
        S(158),
    ),
    (
        "no handoff indicator before no access technology",
        MAG_1,
        pbu(without=(HandoffIndicatorOption, AccessTechnologyTypeOption)),
        S(161),
    ),
    (
        "no access technology before another's prefix",
        MAG_1,
        pbu(prefixes=(hnp(HNP_2),), without=AccessTechnologyTypeOption),
        S(162),
    ),
]


@pytest.mark.parametrize(("rule", "gateway", "update", "status"), REFUSED + IN_ORDER)
def test_a_registration_is_refused_with_the_status_of_the_first_rule_it_breaks(
    rule: str, gateway: NodeId, update: BindingUpdate, status: BindingStatus
) -> None:
    anchor = Anchor()
    answer = anchor.answer(gateway, update)
    assert answer.status == status, rule
    assert not anchor.told
    assert not anchor.core.cache.entries
    assert anchor.core.refused == {status: 1}


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (Status.UNKNOWN_MOBILE_NODE, S.NOT_LMA_FOR_THIS_MOBILE_NODE),
        (Status.NOT_AUTHORISED, S.NOT_AUTHORIZED_FOR_HOME_NETWORK_PREFIX),
        (Status.UNAVAILABLE, S.INSUFFICIENT_RESOURCES),
        (Status.FORWARDING_FAILED, S.FORWARDING_SETUP_FAILED),
        (Status.REFUSED, S.REASON_UNSPECIFIED),
    ],
)
def test_what_the_context_manager_refuses_is_refused_in_the_words_of_the_rfc(
    said: int, status: BindingStatus
) -> None:
    anchor = Anchor()
    anchor.status = said
    assert anchor.answer(MAG_1, pbu()).status == status
    assert not anchor.core.cache.entries


def test_an_acknowledgement_repeats_what_it_answers_and_has_the_prefixes() -> None:
    """RFC 5213 §5.3.6."""
    answer = Anchor().answer(MAG_1, pbu(sequence=77))
    assert (answer.status, answer.sequence, answer.lifetime) == (S.ACCEPTED, 77, 75)
    assert answer.flags & BindingAcknowledgementFlags.P
    assert prefixes_in(answer) == (HNP, HOA)
    assert answer.every(MobileNodeIdentifierOption) == (MobileNodeIdentifierOption.from_nai(MN),)
    assert answer.every(HandoffIndicatorOption) == (
        HandoffIndicatorOption(HandoffIndicator.UNKNOWN),
    )
    assert answer.every(AccessTechnologyTypeOption) == (
        AccessTechnologyTypeOption(AccessTechnology.IEEE_802_3),
    )
    assert answer.every(LinkLayerIdentifierOption) == (LinkLayerIdentifierOption(LINK_LAYER),)
    assert answer.every(TimestampOption) == (TimestampOption.from_seconds(NOW),)


def test_a_rejection_repeats_the_prefixes_asked_for_or_has_none_of_its_own() -> None:
    """RFC 5213 §5.3.6: all of them with their values; where there were none, one ALL_ZERO."""
    asked = (hnp(HNP_2), hnp(HNP))
    assert Anchor().answer(MAG_1, pbu(prefixes=asked)).every(HomeNetworkPrefixOption) == asked
    missing = Anchor().answer(MAG_1, pbu(without=HomeNetworkPrefixOption))
    (zero,) = missing.every(HomeNetworkPrefixOption)
    assert zero.prefix.prefixlen == 0


def test_a_rejection_for_want_of_options_has_substitutes_for_them() -> None:
    """RFC 5213 §5.3.1 item 4 and §5.3.6: a zero length identifier, zero HI and ATT."""
    gone = (MobileNodeIdentifierOption, HandoffIndicatorOption, AccessTechnologyTypeOption)
    answer = Anchor().answer(MAG_1, pbu(without=gone))
    assert answer.every(MobileNodeIdentifierOption)[0].identifier == b""
    assert answer.every(HandoffIndicatorOption)[0].indicator == 0
    assert answer.every(AccessTechnologyTypeOption)[0].technology == 0


def test_a_denied_ipv4_home_address_is_denied_in_its_own_option_too() -> None:
    """RFC 5844 §3.1.2.2: status 129 in the IPv4 Home Address Reply option."""
    answer = Anchor().answer(MAG_1, pbu(NOW, ipv4("10.10.0.1")))
    (reply,) = answer.every(Ipv4HomeAddressReplyOption)
    assert reply.status is Ipv4AddressStatus.ADMINISTRATIVELY_PROHIBITED


def test_an_ipv4_request_alone_is_a_registration() -> None:
    """RFC 5844 §3.1.2.1: not to be rejected for want of a Home Network Prefix option."""
    anchor = Anchor()
    anchor.prefixes = (HOA,)
    update = pbu(NOW, ipv4(), mobile_node=V4_ONLY, without=HomeNetworkPrefixOption)
    answer = anchor.answer(MAG_1, update)
    assert answer.status == S.ACCEPTED
    assert prefixes_in(answer) == (HOA,)
    assert not answer.every(Ipv4HomeAddressRequestOption)


# Order, RFC 5213 §5.5: timestamps


def test_a_timestamp_lower_than_the_last_accepted_is_refused_with_the_anchors_own_time() -> None:
    """§5.5 item 8: also from another gateway, also when nothing else is wrong."""
    anchor = Anchor()
    anchor.answer(MAG_1, pbu(NOW))
    answer = anchor.answer(MAG_2, pbu(NOW - 0.1), NOW + 0.05)
    assert answer.status == S.TIMESTAMP_LOWER_THAN_PREV_ACCEPTED
    assert answer.every(TimestampOption) == (TimestampOption.from_seconds(NOW + 0.05),)
    assert anchor.core.cache.entries[MN].gateway == MAG_1


@pytest.mark.parametrize("skew", [-0.31, 0.31, -3600.0, 3600.0])
def test_a_clock_beyond_the_window_is_refused_with_the_anchors_own_time(skew: float) -> None:
    """§5.5 item 9; TimestampValidityWindow is 300 ms (§9.1)."""
    answer = Anchor().answer(MAG_1, pbu(NOW + skew))
    assert answer.status == S.TIMESTAMP_MISMATCH
    assert answer.every(TimestampOption) == (TimestampOption.from_seconds(NOW),)


@pytest.mark.parametrize("skew", [-0.29, 0.29])
def test_a_clock_within_the_window_is_accepted_with_the_gateways_time(skew: float) -> None:
    """§5.5 item 7."""
    answer = Anchor().answer(MAG_1, pbu(NOW + skew))
    assert answer.status == S.ACCEPTED
    assert answer.every(TimestampOption) == (TimestampOption.from_seconds(NOW + skew),)


def test_the_same_timestamp_again_is_too_low_and_no_sign_of_a_wrong_clock() -> None:
    """§5.5: item 6 wants it greater; after 157 the gateway tries again (§6.9.1.2, item 8)."""
    anchor = Anchor()
    anchor.answer(MAG_1, pbu(NOW))
    assert anchor.answer(MAG_2, pbu(NOW)).status == S.TIMESTAMP_LOWER_THAN_PREV_ACCEPTED


def test_with_a_timestamp_the_sequence_number_is_ignored_but_returned() -> None:
    """§5.5 item 5."""
    anchor = Anchor()
    anchor.answer(MAG_1, pbu(NOW, sequence=500))
    answer = anchor.answer(MAG_1, pbu(NOW + 0.1, sequence=3), NOW + 0.1)
    assert (answer.status, answer.sequence) == (S.ACCEPTED, 3)


def test_a_rejection_for_another_reason_returns_a_valid_timestamp() -> None:
    """§5.5 item 7 does not ask why."""
    answer = Anchor().answer(STRANGER, pbu(NOW - 0.1))
    assert answer.every(TimestampOption) == (TimestampOption.from_seconds(NOW - 0.1),)


def test_there_and_back_within_the_window_ends_where_the_mobile_node_is() -> None:
    """A → B → A, the registrations in their order and in any other."""
    there, back = pbu(NOW + 0.02), pbu(NOW + 0.04)
    anchor = Anchor()
    anchor.answer(MAG_1, pbu(NOW))
    anchor.answer(MAG_1, back, NOW + 0.05)
    late = anchor.answer(MAG_2, there, NOW + 0.06)
    assert late.status == S.TIMESTAMP_LOWER_THAN_PREV_ACCEPTED
    assert anchor.core.cache.entries[MN].gateway == MAG_1


def test_a_late_registration_does_not_take_the_place_of_a_later_one_that_is_being_decided() -> None:
    anchor = Anchor()
    anchor.status = None
    assert not anchor.hears(MAG_2, pbu(NOW + 0.02))
    late = anchor.answer(MAG_1, pbu(NOW + 0.01), NOW + 0.03)
    assert late.status == S.TIMESTAMP_LOWER_THAN_PREV_ACCEPTED
    assert anchor.core.cache.claims[MN].gateway == MAG_2


# Order, RFC 5213 §5.5: sequence numbers


@pytest.mark.parametrize(
    ("last", "given", "taken"),
    [
        (5, 6, True),
        (5, 5, False),
        (5, 4, False),
        (65535, 0, True),
        (0, 32767, True),
        (0, 32768, False),
        (1, 32769, False),
    ],
)
def test_without_a_timestamp_the_sequence_number_decides(
    last: int, given: int, taken: bool
) -> None:
    """RFC 6275 §9.5.1: modulo 2**16, and what is out of the window is told the last accepted."""
    anchor = Anchor()
    assert anchor.answer(MAG_1, pbu(None, sequence=last)).status == S.ACCEPTED
    answer = anchor.answer(MAG_2, pbu(None, sequence=given))
    if taken:
        assert (answer.status, answer.sequence) == (S.ACCEPTED, given)
    else:
        assert (answer.status, answer.sequence) == (S.SEQUENCE_NUMBER_OUT_OF_WINDOW, last)


def test_an_update_without_a_timestamp_is_answered_without_one() -> None:
    """§5.5, sequence numbers, item 1: accepted or refused."""
    anchor = Anchor()
    assert not anchor.answer(MAG_1, pbu(None)).every(TimestampOption)
    assert not anchor.answer(MAG_1, pbu(None)).every(TimestampOption)


# The mobile node's session


def test_a_registration_again_keeps_the_attachment() -> None:
    """§5.3.3: HI 5 from the same gateway is no attachment."""
    anchor = Anchor()
    anchor.answer(MAG_1, pbu(NOW))
    anchor.answer(MAG_1, pbu(NOW + 100, handoff=HandoffIndicator.NOT_CHANGED), NOW + 100)
    first, again = anchor.told
    assert isinstance(first, r_xu.AttachNotification)
    assert isinstance(again, r_xu.AttachNotification)
    assert first.attached_at == again.attached_at
    assert anchor.core.cache.entries[MN].until == NOW + 100 + 300


def test_a_registration_after_a_handoff_is_a_new_attachment() -> None:
    """§5.3.4."""
    anchor = Anchor()
    anchor.answer(MAG_1, pbu(NOW))
    anchor.answer(MAG_2, pbu(NOW + 1), NOW + 1)
    first, second = anchor.told
    assert isinstance(first, r_xu.AttachNotification)
    assert isinstance(second, r_xu.AttachNotification)
    assert second.attached_at - first.attached_at == 1_000_000
    assert anchor.core.cache.entries[MN].gateway == MAG_2


def test_a_gateway_of_ours_says_itself_when_the_attachment_began() -> None:
    anchor = Anchor()
    anchor.answer(MAG_1, pbu(NOW, *added(Attached(int((NOW - 60) * 1e6)))))
    (told,) = anchor.told
    assert isinstance(told, r_xu.AttachNotification)
    assert told.attached_at == int((NOW - 60) * 1e6)


def test_an_attachment_in_the_future_begins_no_later_than_its_registration() -> None:
    anchor = Anchor()
    anchor.answer(MAG_1, pbu(NOW, *added(Attached(2**62))))
    (told,) = anchor.told
    assert isinstance(told, r_xu.AttachNotification)
    assert 0 <= told.attached_at - int(NOW * 1e6) <= 16  # a fraction of the timestamp


def test_a_refused_handoff_leaves_the_session_as_it_was() -> None:
    anchor = Anchor()
    anchor.answer(MAG_1, pbu(NOW))
    anchor.status = Status.UNAVAILABLE
    assert anchor.answer(MAG_2, pbu(NOW + 1), NOW + 1).status == S.INSUFFICIENT_RESOURCES
    held = anchor.core.cache.entries[MN]
    assert (held.gateway, held.stage, held.ticks) == (MAG_1, Stage.ACTIVE, ticks(NOW))


def test_other_prefixes_than_the_session_has_are_refused() -> None:
    """§5.4.1.1, item 4: they must match, in number too."""
    anchor = Anchor()
    anchor.prefixes = (HNP, HNP_2)
    anchor.answer(MAG_1, pbu(NOW))
    answer = anchor.answer(MAG_1, pbu(NOW + 1, prefixes=(hnp(HNP),)), NOW + 1)
    assert answer.status == S.BCE_PBU_PREFIX_SET_DO_NOT_MATCH
    both = pbu(NOW + 2, prefixes=(hnp(HNP_2), hnp(HNP)))
    assert anchor.answer(MAG_1, both, NOW + 2).status == S.ACCEPTED


def test_no_more_lifetime_is_granted_than_the_anchor_gives() -> None:
    assert Anchor(lifetime=40.0).answer(MAG_1, pbu()).lifetime == 10
    assert Anchor().answer(MAG_1, pbu(lifetime=5)).lifetime == 5


def test_a_session_that_nobody_renews_ends() -> None:
    anchor = Anchor()
    anchor.answer(MAG_1, pbu())
    assert anchor.core.next_timer() == NOW + 300
    anchor.fire(NOW + 300)
    assert isinstance(anchor.told[-1], r_xu.DetachNotification)
    assert not anchor.core.cache.entries


# De-registration, RFC 5213 §5.3.5


def test_a_deregistration_is_acknowledged_and_the_entry_kept_for_a_while() -> None:
    """§5.3.5, item 2; MinDelayBeforeBCEDelete is 10 s (§9.1)."""
    anchor = Anchor()
    anchor.answer(MAG_1, pbu(NOW))
    answer = anchor.answer(MAG_1, pbu(NOW + 1, lifetime=0), NOW + 1)
    assert (answer.status, answer.lifetime) == (S.ACCEPTED, 0)
    assert isinstance(anchor.told[-1], r_xu.DetachNotification)
    anchor.fire(NOW + 10.9)
    assert anchor.core.cache.entries[MN].stage is Stage.DELETED
    anchor.fire(NOW + 11)
    assert not anchor.core.cache.entries


def test_a_registration_while_the_entry_is_kept_brings_it_back() -> None:
    """§5.3.5, item 2: the wait ends, the entry is updated."""
    anchor = Anchor()
    anchor.answer(MAG_1, pbu(NOW))
    anchor.answer(MAG_1, pbu(NOW + 1, lifetime=0), NOW + 1)
    anchor.answer(MAG_2, pbu(NOW + 2), NOW + 2)
    held = anchor.core.cache.entries[MN]
    assert (held.stage, held.gateway, held.until) == (Stage.ACTIVE, MAG_2, NOW + 302)


def test_the_late_deregistration_of_a_gateway_left_before_is_ignored() -> None:
    """§5.3.5, item 1: no answer, nothing changed."""
    anchor = Anchor()
    anchor.answer(MAG_1, pbu(NOW))
    anchor.answer(MAG_2, pbu(NOW + 1), NOW + 1)
    before = anchor.core.cache.entries[MN]
    assert not anchor.hears(MAG_1, pbu(NOW + 1.1, lifetime=0), NOW + 1.1)
    assert anchor.core.cache.entries[MN] == before
    assert isinstance(anchor.told[-1], r_xu.DetachNotification)  # not of the link in use


def test_the_deregistration_of_a_session_that_is_not_there_is_not_answered() -> None:
    """§5.4.1.2, item 5; the context manager may remember what a restarted cache does not."""
    anchor = Anchor()
    assert not anchor.hears(MAG_1, pbu(lifetime=0))
    assert [type(message) for message in anchor.told] == [r_xu.DetachNotification]


def test_a_deregistration_overtakes_the_registration_that_is_being_decided() -> None:
    anchor = Anchor()
    anchor.status = None
    anchor.hears(MAG_1, pbu(NOW))
    assert anchor.answer(MAG_1, pbu(NOW + 1, lifetime=0), NOW + 1).status == S.ACCEPTED
    attached, detached = anchor.told
    assert isinstance(attached, r_xu.AttachNotification)
    assert isinstance(detached, r_xu.DetachNotification)
    assert detached.detached_at > attached.attached_at
    assert not anchor.core.cache.claims


# What the gateway did not ask for


def test_a_gateway_is_made_to_ask_when_there_are_prefixes_it_does_not_know() -> None:
    """RFC 7077 §4.1: Force Re-registration."""
    anchor = Anchor()
    anchor.answer(MAG_1, pbu())
    more = r_xu.AttachAcknowledgement(
        mobile_node=MN,
        attached_at=int(NOW * 1e6),
        status=0,
        anchor=NodeId("lma"),
        prefixes=(HNP, HOA, HNP_2),
    )
    (notification,) = anchor.says(MAG_1, more)
    assert isinstance(notification, UpdateNotification)
    assert notification.reason is NotificationReason.FORCE_REREGISTRATION


def test_what_a_gateway_knows_already_is_not_told_again() -> None:
    anchor = Anchor()
    anchor.answer(MAG_1, pbu())
    same = r_xu.AttachAcknowledgement(
        mobile_node=MN,
        attached_at=int(NOW * 1e6),
        status=0,
        anchor=NodeId("lma"),
        prefixes=(HNP, HOA),
    )
    assert not anchor.says(MAG_1, same)


def test_bindings_of_a_gateway_that_has_restarted_end_soon_unless_it_registers_them() -> None:
    """RFC 5847 §3.2."""
    anchor = Anchor()
    anchor.answer(MAG_1, pbu())
    anchor.core.restarted(MAG_2, NOW + 1)
    assert anchor.core.next_timer() == NOW + 300
    anchor.core.restarted(MAG_1, NOW + 1)
    assert anchor.core.next_timer() == NOW + 11
    anchor.answer(MAG_1, pbu(NOW + 2), NOW + 2)
    assert anchor.core.next_timer() == NOW + 302
