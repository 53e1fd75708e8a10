"""The mobile access gateway by RFC 5213 §6.9: what it sends and when, and the answers to that."""

import math
from ipaddress import IPv4Address
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from pmipv6_scene import (
    HNP,
    HOA,
    LINK_LAYER,
    LMA,
    MAG_1,
    MAG_2,
    MN,
    NOW,
    V4_ONLY,
    V6_ONLY,
    attach,
    delivered,
    detach,
    from_gateway,
    hnp,
    mag_config,
    transmitted,
)

from opendmm.bindings.mobility.outputs import Complain, Output
from opendmm.bindings.mobility.vendor import addition
from opendmm.bindings.pmipv6.extension import Attached
from opendmm.bindings.pmipv6.mag import MobileAccessGateway
from opendmm.bindings.pmipv6.prefixes import ALL_ZERO, assigned
from opendmm.bindings.pmipv6.registration import Stage
from opendmm.model.identity import MobileNodeId
from opendmm.reference_points import r_xu
from opendmm.reference_points.message import Status, accepted
from opendmm.wire.mobility.binding import BindingAcknowledgement, BindingUpdate
from opendmm.wire.mobility.numbers import (
    BindingAcknowledgementFlags,
    BindingStatus,
    BindingUpdateFlags,
    HandoffIndicator,
    NotificationReason,
    NotificationStatus,
    UpdateNotificationFlags,
)
from opendmm.wire.mobility.options.identification import MobileNodeIdentifierOption
from opendmm.wire.mobility.options.ipv4 import Ipv4HomeAddressRequestOption
from opendmm.wire.mobility.options.proxy import (
    AccessTechnologyTypeOption,
    HandoffIndicatorOption,
    HomeNetworkPrefixOption,
    LinkLayerIdentifierOption,
    LinkLocalAddressOption,
    TimestampOption,
)
from opendmm.wire.mobility.update_notification import (
    UpdateNotification,
    UpdateNotificationAcknowledgement,
)

S = BindingStatus
COPIED = (
    MobileNodeIdentifierOption,
    HandoffIndicatorOption,
    AccessTechnologyTypeOption,
    LinkLayerIdentifierOption,
    TimestampOption,
)


def pba(
    update: BindingUpdate, status: BindingStatus = S.ACCEPTED, **changes: Any
) -> BindingAcknowledgement:
    """What an anchor answers that has HNP and HOA for everybody."""
    copied = tuple(option for option in update.options if isinstance(option, COPIED))
    answer = BindingAcknowledgement(
        status=status,
        flags=BindingAcknowledgementFlags.P,
        sequence=update.sequence,
        lifetime=update.lifetime,
        options=copied + (assigned((HNP, HOA)) if status.accepted else ()),
    )
    return msgspec.structs.replace(answer, **changes)


class Gateway:
    """A MAG, and what it said last."""

    def __init__(self, **changes: Any) -> None:
        self.core = MobileAccessGateway(mag_config(**changes))

    def told(self, message: Any, now: float = NOW) -> list[Output]:
        return self.core.send(from_gateway(MAG_1, message), now)

    def update(self, message: Any, now: float = NOW) -> BindingUpdate:
        (update,) = transmitted(self.told(message, now), BindingUpdate)
        return update

    def registered(self) -> BindingUpdate:
        update = self.update(attach())
        self.core.acknowledged(LMA, pba(update), NOW)
        return update

    def refused(self, status: BindingStatus, now: float = NOW) -> list[Output]:
        return self.core.acknowledged(LMA, pba(self.update(attach()), status), now)

    def repeated(self, now: float) -> list[BindingUpdate]:
        return transmitted(self.core.fire(now), BindingUpdate)


def statuses(outputs: list[Output]) -> list[int]:
    return [
        message.status
        for message in delivered(outputs)
        if isinstance(message, r_xu.AttachAcknowledgement)
    ]


def test_the_first_registration_has_what_the_rfc_demands() -> None:
    """§6.9.1.1: identifier, prefix, HI, ATT, timestamp, link-layer identifier."""
    update = Gateway().update(attach())
    assert update.flags == BindingUpdateFlags.A | BindingUpdateFlags.P
    assert update.lifetime_seconds == 300
    assert update.every(MobileNodeIdentifierOption) == (MobileNodeIdentifierOption.from_nai(MN),)
    assert update.every(HomeNetworkPrefixOption) == (ALL_ZERO,)
    assert update.every(HandoffIndicatorOption) == (
        HandoffIndicatorOption(HandoffIndicator.UNKNOWN),
    )
    assert update.every(LinkLayerIdentifierOption) == (LinkLayerIdentifierOption(LINK_LAYER),)
    assert update.every(TimestampOption) == (TimestampOption.from_seconds(NOW),)
    assert update.every(Ipv4HomeAddressRequestOption)[0].address == IPv4Address(0)
    assert addition(update, Attached).attached_at == int(NOW * 1e6)


def test_gateways_with_the_fixed_address_of_rfc_6543_do_not_ask_for_one() -> None:
    """§6.9.1.1, item 9: MUST NOT be present unless FixedMAGLinkLocalAddress... is ALL_ZERO."""
    assert not Gateway().update(attach()).every(LinkLocalAddressOption)


def test_a_link_layer_identifier_that_is_not_known_is_left_out() -> None:
    """§6.9.1.1, item 7: nor one of all zeroes."""
    unknown = msgspec.structs.replace(attach(), link_layer_id=bytes(6))
    assert not Gateway().update(unknown).every(LinkLayerIdentifierOption)


@pytest.mark.parametrize(("mobile_node", "ipv6", "ipv4"), [(V4_ONLY, 0, 1), (V6_ONLY, 1, 0)])
def test_only_what_the_profile_allows_is_asked_for(
    mobile_node: MobileNodeId, ipv6: int, ipv4: int
) -> None:
    """RFC 5844 §3.2.3.1."""
    update = Gateway().update(msgspec.structs.replace(attach(), mobile_node=mobile_node))
    assert len(update.every(HomeNetworkPrefixOption)) == ipv6
    assert len(update.every(Ipv4HomeAddressRequestOption)) == ipv4


def test_an_unanswered_registration_is_repeated_after_1_2_4_and_at_most_32_seconds() -> None:
    """§6.9.4: INITIAL_BINDACK_TIMEOUT, doubling to MAX_BINDACK_TIMEOUT (RFC 6275 §11.8, §12)."""
    gateway = Gateway()
    gateway.update(attach())
    due = [NOW]
    for _ in range(8):
        due.append(gateway.core.next_timer())
        assert len(gateway.repeated(due[-1])) == 1
    assert [b - a for a, b in pairwise(due)] == [1, 2, 4, 8, 16, 32, 32, 32]


def test_a_repeated_registration_has_the_latest_timestamp() -> None:
    """§6.9.4, item 4."""
    gateway = Gateway()
    first = gateway.update(attach())
    (again,) = gateway.repeated(NOW + 1)
    assert again.every(TimestampOption) == (TimestampOption.from_seconds(NOW + 1),)
    assert again.sequence == first.sequence + 1


def test_no_two_messages_of_a_gateway_have_the_same_timestamp() -> None:
    gateway = Gateway()
    stamps = [
        option.ticks
        for at in range(4)
        for option in gateway.update(attach(NOW + at)).every(TimestampOption)
    ]
    assert stamps == sorted(set(stamps))


def test_a_lost_acknowledgement_is_made_good_by_that_of_the_repetition() -> None:
    gateway = Gateway()
    first = gateway.update(attach())
    (again,) = gateway.repeated(NOW + 1)
    assert not gateway.core.acknowledged(LMA, pba(first), NOW + 1.1)
    (told,) = delivered(gateway.core.acknowledged(LMA, pba(again), NOW + 1.2))
    assert isinstance(told, r_xu.AttachAcknowledgement)
    assert accepted(told.status)
    assert told.prefixes == (HNP, HOA)
    assert not gateway.core.acknowledged(LMA, pba(again), NOW + 1.3)


def test_an_accepted_registration_is_renewed_before_it_ends() -> None:
    """§6.9.1.3, with HI 5 (§8.4) and the prefixes assigned."""
    gateway = Gateway()
    gateway.registered()
    assert gateway.core.next_timer() == NOW + 200
    (renewal,) = gateway.repeated(NOW + 200)
    assert renewal.every(HandoffIndicatorOption)[0].indicator is HandoffIndicator.NOT_CHANGED
    assert renewal.every(HomeNetworkPrefixOption) == (hnp(HNP),)
    assert addition(renewal, Attached).attached_at == int(NOW * 1e6)


@pytest.mark.parametrize(
    "changes",
    [{"sequence": 999}, {"flags": BindingAcknowledgementFlags(0)}],
    ids=["another sequence number", "no P flag"],
)
def test_an_acknowledgement_that_answers_nothing_is_ignored(changes: dict[str, Any]) -> None:
    """§6.9.1.2, item 5."""
    gateway = Gateway()
    update = gateway.update(attach())
    assert not gateway.core.acknowledged(LMA, pba(update, **changes), NOW)
    assert gateway.core.registrations[MN].stage is Stage.REGISTERING


def test_an_acknowledgement_of_another_anchor_is_ignored() -> None:
    gateway = Gateway()
    assert not gateway.core.acknowledged(MAG_2, pba(gateway.update(attach())), NOW)


@pytest.mark.parametrize("kind", [HandoffIndicatorOption, AccessTechnologyTypeOption])
def test_an_acknowledgement_that_does_not_echo_ends_the_attempts(kind: type[Any]) -> None:
    """§6.9.1.2, item 6: ignored, and no PBU until somebody has seen to it."""
    gateway = Gateway()
    answer = pba(gateway.update(attach()))
    options = tuple(kind(1) if isinstance(o, kind) else o for o in answer.options)
    outputs = gateway.core.acknowledged(LMA, msgspec.structs.replace(answer, options=options), NOW)
    assert [o.event for o in outputs if isinstance(o, Complain)] == ["acknowledgement-differs"]
    assert statuses(outputs) == [Status.REFUSED]
    assert gateway.core.next_timer() == math.inf


@pytest.mark.parametrize(
    "status",
    [131, 152, 153, 154, 155, 158, 160, 161, 162, 170, 171, 173],
)
def test_a_refusal_for_good_denies_the_service_and_is_not_argued_with(status: int) -> None:
    """§6.9.1.2, items 7, 10 and 11: no other PBU for this attachment, asked for or not."""
    gateway = Gateway()
    outputs = gateway.refused(S(status))
    if status == S.NOT_AUTHORIZED_FOR_IPV4_MOBILITY_SERVICE:
        (without,) = transmitted(outputs, BindingUpdate)
        assert not without.every(Ipv4HomeAddressRequestOption)
        outputs = gateway.core.acknowledged(LMA, pba(without, S(status)), NOW)
    assert statuses(outputs) == [Status.NOT_AUTHORISED]
    assert gateway.core.next_timer() == math.inf
    again = gateway.told(attach(), NOW + 60)
    assert statuses(again) == [Status.NOT_AUTHORISED]
    assert not transmitted(again, BindingUpdate)


def test_a_new_attachment_is_registered_though_the_last_one_was_refused() -> None:
    gateway = Gateway()
    gateway.refused(S.NOT_LMA_FOR_THIS_MOBILE_NODE)
    assert gateway.update(attach(NOW + 1), NOW + 1)


def test_prefixes_that_are_refused_are_asked_for_no_more() -> None:
    """§6.9.1.2, item 10: whatever the anchor will assign, then."""
    gateway = Gateway()
    gateway.registered()
    (renewal,) = gateway.repeated(NOW + 200)
    refusal = pba(renewal, S.NOT_AUTHORIZED_FOR_HOME_NETWORK_PREFIX)
    outputs = gateway.core.acknowledged(LMA, refusal, NOW + 200)
    (other,) = transmitted(outputs, BindingUpdate)
    assert other.every(HomeNetworkPrefixOption) == (ALL_ZERO,)


def test_a_timestamp_too_low_is_followed_by_a_later_one_at_the_allowed_rate() -> None:
    """§6.9.1.2, item 8: to reassert the presence; MAX_UPDATE_RATE is 3/s (RFC 6275 §12)."""
    gateway = Gateway()
    outputs = gateway.refused(S.TIMESTAMP_LOWER_THAN_PREV_ACCEPTED)
    assert not statuses(outputs)
    assert gateway.core.next_timer() == pytest.approx(NOW + 1 / 3)


@pytest.mark.parametrize("status", [S.TIMESTAMP_MISMATCH, S.MIPV6_ID_MISMATCH])
def test_a_clock_that_is_wrong_is_given_time_to_be_set(status: BindingStatus) -> None:
    """§6.9.1.2, item 9."""
    gateway = Gateway()
    assert statuses(gateway.refused(status)) == [Status.NOT_AUTHORISED]
    assert not transmitted(gateway.told(attach(), NOW + 31), BindingUpdate)
    assert transmitted(gateway.told(attach(), NOW + 32), BindingUpdate)


def test_forgeries_in_a_gateways_name_do_not_silence_it() -> None:
    gateway = Gateway()
    gateway.refused(S.MIPV6_AUTH_FAIL)
    assert gateway.core.next_timer() < NOW + 1


def test_a_passing_refusal_is_told_once_and_the_registration_repeated() -> None:
    gateway = Gateway()
    assert statuses(gateway.refused(S.INSUFFICIENT_RESOURCES)) == [Status.UNAVAILABLE]
    (again,) = gateway.repeated(NOW + 1)
    more = gateway.core.acknowledged(LMA, pba(again, S.INSUFFICIENT_RESOURCES), NOW + 1)
    assert not statuses(more)
    (third,) = gateway.repeated(NOW + 3)
    assert statuses(gateway.core.acknowledged(LMA, pba(third), NOW + 3)) == [Status.ACCEPTED]


def test_by_sequence_numbers_the_gateway_goes_on_from_what_the_anchor_knows() -> None:
    """§5.5, and RFC 6275 §11.7.3 for status 135; no Timestamp option then."""
    gateway = Gateway(timestamp_based_approach_in_use=False)
    update = gateway.update(attach())
    assert not update.every(TimestampOption)
    refusal = pba(update, S.SEQUENCE_NUMBER_OUT_OF_WINDOW, sequence=4711)
    (again,) = transmitted(gateway.core.acknowledged(LMA, refusal, NOW), BindingUpdate)
    assert again.sequence == 4712
    assert statuses(gateway.core.acknowledged(LMA, pba(again), NOW)) == [Status.ACCEPTED]


# Leaving, RFC 5213 §6.9.1.4


def test_a_detachment_is_a_registration_without_lifetime() -> None:
    gateway = Gateway()
    gateway.registered()
    update = gateway.update(detach(NOW + 5), NOW + 5)
    assert update.lifetime == 0
    assert update.every(HandoffIndicatorOption)[0].indicator is HandoffIndicator.UNKNOWN
    assert update.every(HomeNetworkPrefixOption) == (hnp(HNP),)
    (told,) = delivered(gateway.core.acknowledged(LMA, pba(update), NOW + 5))
    assert isinstance(told, r_xu.DetachAcknowledgement)
    assert not gateway.core.registrations


def test_a_deregistration_is_not_waited_for_longer_than_a_second() -> None:
    """§6.9.1.4: after INITIAL_BINDACK_TIMEOUT the entry goes; a late one gets no answer at all."""
    gateway = Gateway()
    gateway.registered()
    gateway.told(detach(NOW + 5), NOW + 5)
    assert gateway.core.next_timer() == NOW + 6
    (told,) = delivered(gateway.core.fire(NOW + 6))
    assert isinstance(told, r_xu.DetachAcknowledgement)
    assert not gateway.core.registrations
    assert gateway.core.next_timer() == math.inf


def test_who_comes_back_while_the_deregistration_is_under_way_is_registered() -> None:
    gateway = Gateway()
    gateway.registered()
    leaving = gateway.update(detach(NOW + 5), NOW + 5)
    update = gateway.update(attach(NOW + 5.5), NOW + 5.5)
    assert not gateway.core.acknowledged(LMA, pba(leaving), NOW + 5.6)
    assert statuses(gateway.core.acknowledged(LMA, pba(update), NOW + 5.7)) == [Status.ACCEPTED]


def test_a_gateway_that_knows_nothing_of_who_left_says_so_all_the_same() -> None:
    """It has restarted meanwhile; the anchor has not forgotten."""
    assert Gateway().update(detach()).lifetime == 0


# What the anchor says of itself


def test_an_anchor_that_has_restarted_is_told_everything_anew() -> None:
    """RFC 5847 §3.2."""
    gateway = Gateway()
    gateway.registered()
    (again,) = transmitted(gateway.core.restarted(LMA, NOW + 7), BindingUpdate)
    assert addition(again, Attached).attached_at == int(NOW * 1e6)
    assert gateway.core.next_timer() == NOW + 8
    assert not gateway.core.restarted(MAG_2, NOW + 7)


@pytest.mark.parametrize("attached", [True, False])
def test_a_notification_makes_the_gateway_register_again_whom_it_has(attached: bool) -> None:
    """RFC 7077 §6.2."""
    gateway = Gateway()
    if attached:
        gateway.registered()
    notification = UpdateNotification(
        sequence=9,
        reason=NotificationReason.FORCE_REREGISTRATION,
        flags=UpdateNotificationFlags.A,
        options=(MobileNodeIdentifierOption.from_nai(MN),),
    )
    outputs = gateway.core.notified(LMA, notification, NOW + 1)
    (answer,) = transmitted(outputs, UpdateNotificationAcknowledgement)
    assert answer.sequence == 9
    done = NotificationStatus.SUCCESS if attached else NotificationStatus.MN_NOT_ATTACHED
    assert answer.status is done
    assert len(transmitted(outputs, BindingUpdate)) == attached


def test_what_has_no_message_in_the_rfcs_is_complained_of() -> None:
    release = r_xu.ReleaseRequest(mobile_node=MN, requested_at=1)
    (complaint,) = Gateway().told(release)
    assert isinstance(complaint, Complain)
    assert complaint.event == "message-not-carried"
