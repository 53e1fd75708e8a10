"""Binding revocation between LMA and MAG (RFC 5846): BRI until its BRA, and what it ends."""

import math
from typing import Any

import msgspec
import pytest
from pmipv6_scene import (
    HNP,
    HNP_2,
    HOA,
    LMA,
    MAG_1,
    MAG_2,
    MN,
    NOW,
    Anchor,
    attach,
    delivered,
    detach,
    from_gateway,
    hnp,
    mag_config,
    pbu,
    transmitted,
)

from opendmm.bindings.mobility.outputs import Complain, Output
from opendmm.bindings.mobility.vendor import added
from opendmm.bindings.pmipv6.cache import Stage
from opendmm.bindings.pmipv6.extension import Attached
from opendmm.bindings.pmipv6.mag import MobileAccessGateway
from opendmm.bindings.pmipv6.prefixes import assigned, prefixes_in
from opendmm.model.identity import NodeId
from opendmm.reference_points import r_xu
from opendmm.wire.mobility.binding import BindingAcknowledgement, BindingUpdate
from opendmm.wire.mobility.numbers import (
    BindingAcknowledgementFlags,
    BindingStatus,
    RevocationFlags,
    RevocationStatus,
    RevocationTrigger,
)
from opendmm.wire.mobility.options.identification import MobileNodeIdentifierOption
from opendmm.wire.mobility.revocation import (
    BindingRevocationAcknowledgement,
    BindingRevocationIndication,
)
from opendmm.wire.mobility.update_notification import UpdateNotification

T, R, P = RevocationTrigger, RevocationStatus, RevocationFlags.P
NAMED = (MobileNodeIdentifierOption.from_nai(MN),)


def revoked(
    gateway_at: float = NOW, reason: r_xu.RevocationReason = r_xu.RevocationReason.MOVED
) -> r_xu.AttachmentRevoked:
    return r_xu.AttachmentRevoked(mobile_node=MN, attached_at=int(gateway_at * 1e6), reason=reason)


def bri(trigger: int = T.INTER_MAG_HANDOVER_UNKNOWN, **changes: Any) -> BindingRevocationIndication:
    message = BindingRevocationIndication(trigger=T(trigger), sequence=7, flags=P, options=NAMED)
    return msgspec.structs.replace(message, **changes)


def bra(
    message: BindingRevocationIndication, status: RevocationStatus = R.SUCCESS
) -> BindingRevocationAcknowledgement:
    return BindingRevocationAcknowledgement(status=status, sequence=message.sequence, flags=P)


def registered() -> MobileAccessGateway:
    gateway = MobileAccessGateway(mag_config())
    outputs = gateway.send(from_gateway(MAG_1, attach()), NOW)
    (update,) = transmitted(outputs, BindingUpdate)
    answer = BindingAcknowledgement(
        status=BindingStatus.ACCEPTED,
        flags=BindingAcknowledgementFlags.P,
        sequence=update.sequence,
        lifetime=75,
        options=(*NAMED, *assigned((HNP, HOA))),
    )
    gateway.acknowledged(LMA, answer, NOW)
    return gateway


def answered(outputs: list[Output]) -> RevocationStatus:
    (answer,) = transmitted(outputs, BindingRevocationAcknowledgement)
    assert answer.sequence == 7
    return answer.status


# The anchor


def test_a_mobile_node_that_has_moved_is_revoked_at_the_gateway_it_left() -> None:
    """§8.1: P, the trigger, MN-ID and the prefixes; the new registration stays."""
    anchor = Anchor()
    anchor.answer(MAG_1, pbu(NOW))
    anchor.answer(MAG_2, pbu(NOW + 1), NOW + 1)
    (message,) = anchor.says(MAG_1, revoked(), NOW + 1)
    assert isinstance(message, BindingRevocationIndication)
    assert message.flags == P
    assert message.trigger is T.INTER_MAG_HANDOVER_UNKNOWN
    assert message.every(MobileNodeIdentifierOption) == NAMED
    assert anchor.core.cache.entries[MN].gateway == MAG_2


@pytest.mark.parametrize(
    ("reason", "trigger"),
    [
        (r_xu.RevocationReason.MOVED, T.INTER_MAG_HANDOVER_UNKNOWN),
        (r_xu.RevocationReason.ENDED, T.USER_INITIATED_SESSION_TERMINATION),
    ],
)
def test_a_context_that_left_or_was_released_is_revoked_and_the_entry_goes(
    reason: r_xu.RevocationReason, trigger: RevocationTrigger
) -> None:
    anchor = Anchor()
    anchor.answer(MAG_1, pbu(NOW))
    (message,) = anchor.says(MAG_1, revoked(reason=reason), NOW + 1)
    assert isinstance(message, BindingRevocationIndication)
    assert message.trigger is trigger
    assert prefixes_in(message) == (HNP,)
    assert not anchor.core.cache.entries


def test_what_a_gateway_has_deregistered_itself_is_not_revoked() -> None:
    anchor = Anchor()
    anchor.answer(MAG_1, pbu(NOW))
    anchor.answer(MAG_1, pbu(NOW + 1, lifetime=0), NOW + 1)
    assert not anchor.says(MAG_1, revoked(), NOW + 2)
    assert anchor.core.cache.entries[MN].stage is Stage.DELETED


def test_an_unanswered_revocation_is_repeated_once_and_then_complained_of() -> None:
    """§6.3, §11: InitMINDelayBRIs 1 s, MAX_BRACK_TIMEOUT 2 s, BRIMaxRetriesNumber 1."""
    anchor = Anchor()
    anchor.answer(MAG_1, pbu(NOW))
    (first,) = anchor.says(MAG_1, revoked(), NOW)
    assert anchor.core.next_timer() == NOW + 1
    assert anchor.fire(NOW + 1) == [first]
    assert anchor.core.next_timer() == NOW + 3
    assert anchor.fire(NOW + 3) == []
    assert anchor.complaints[-1].event == "revocation-unanswered"
    assert anchor.core.next_timer() == math.inf


def test_an_answered_revocation_is_not_repeated() -> None:
    anchor = Anchor()
    anchor.answer(MAG_1, pbu(NOW))
    (message,) = anchor.says(MAG_1, revoked(), NOW)
    assert isinstance(message, BindingRevocationIndication)
    answer = bra(message)
    assert anchor.core.revocations.acknowledged(MAG_2, answer) == []
    assert anchor.core.next_timer() == NOW + 1
    assert anchor.core.revocations.acknowledged(MAG_1, answer) == []
    assert anchor.core.next_timer() == math.inf


def test_a_rejected_revocation_is_complained_of() -> None:
    anchor = Anchor()
    anchor.answer(MAG_1, pbu(NOW))
    (message,) = anchor.says(MAG_1, revoked(), NOW)
    assert isinstance(message, BindingRevocationIndication)
    rejection = bra(message, R.REVOCATION_FAILED_MN_IS_ATTACHED)
    (complaint,) = anchor.core.revocations.acknowledged(MAG_1, rejection)
    assert isinstance(complaint, Complain)
    assert complaint.event == "revocation-rejected"


def test_a_registration_ends_the_revocation_of_the_one_before() -> None:
    """§8.1: the race of a PBU with a revocation in progress."""
    anchor = Anchor()
    anchor.answer(MAG_1, pbu(NOW))
    anchor.says(MAG_1, revoked(), NOW)
    anchor.answer(MAG_1, pbu(NOW + 0.5), NOW + 0.5)
    assert anchor.core.next_timer() == NOW + 300.5


def test_a_binding_that_has_expired_is_revoked_as_out_of_step() -> None:
    anchor = Anchor()
    anchor.answer(MAG_1, pbu(NOW))
    (message,) = anchor.fire(NOW + 300)
    assert isinstance(message, BindingRevocationIndication)
    assert message.trigger is T.POSSIBLE_OUT_OF_SYNC_BCE_STATE


# The gateway


@pytest.mark.parametrize(
    ("trigger", "reason"),
    [
        (2, r_xu.RevocationReason.MOVED),
        (3, r_xu.RevocationReason.MOVED),
        (4, r_xu.RevocationReason.MOVED),
        (1, r_xu.RevocationReason.ENDED),
        (5, r_xu.RevocationReason.ENDED),
        (6, r_xu.RevocationReason.ENDED),
    ],
)
def test_a_revoked_mobile_node_is_served_no_longer(
    trigger: int, reason: r_xu.RevocationReason
) -> None:
    gateway = registered()
    outputs = gateway.revoked(LMA, bri(trigger), NOW + 1)
    assert answered(outputs) is R.SUCCESS
    assert delivered(outputs) == [revoked(reason=reason)]
    assert gateway.next_timer() == math.inf


def test_a_revocation_again_is_accepted_again_and_changes_nothing() -> None:
    """§9.1: what has already been released is no reason to reject."""
    gateway = registered()
    gateway.revoked(LMA, bri(), NOW + 1)
    outputs = gateway.revoked(LMA, bri(), NOW + 2)
    assert answered(outputs) is R.SUCCESS
    assert not delivered(outputs)


def test_the_anchor_hears_when_the_link_of_a_revoked_mobile_node_goes() -> None:
    """It may count on that link when the other one goes; it gives no answer (RFC 5213 §5.3.5)."""
    gateway = registered()
    gateway.revoked(LMA, bri(), NOW + 1)
    (update,) = transmitted(
        gateway.send(from_gateway(MAG_1, detach(NOW + 2)), NOW + 2), BindingUpdate
    )
    assert update.lifetime == 0
    (told,) = delivered(gateway.fire(NOW + 3))
    assert isinstance(told, r_xu.DetachAcknowledgement)


def test_an_anchor_that_counts_on_a_revoked_link_again_has_it_registered_again() -> None:
    """RFC 7077: the FE_MCTX accepts what nobody asked for, the gateway is made to ask."""
    anchor = Anchor()
    anchor.answer(MAG_1, pbu(NOW))
    anchor.says(MAG_1, revoked(), NOW + 1)
    again = r_xu.AttachAcknowledgement(
        mobile_node=MN, attached_at=int(NOW * 1e6), status=0, anchor=LMA, prefixes=(HNP, HOA)
    )
    (notification,) = anchor.says(MAG_1, again, NOW + 2)
    assert isinstance(notification, UpdateNotification)
    gateway = registered()
    gateway.revoked(LMA, bri(), NOW + 1)
    assert transmitted(gateway.notified(LMA, notification, NOW + 2), BindingUpdate)


REJECTED: list[tuple[str, BindingRevocationIndication, RevocationStatus]] = [
    ("§6.2.1, trigger", bri(77), R.REVOCATION_TRIGGER_NOT_SUPPORTED),
    ("§8.1, no P", bri(flags=RevocationFlags(0)), R.REVOCATION_FUNCTION_NOT_SUPPORTED),
    ("V", bri(flags=P | RevocationFlags.V), R.REVOCATION_FUNCTION_NOT_SUPPORTED),
    ("§6.2.1, G", bri(flags=P | RevocationFlags.G), R.REVOCATION_FUNCTION_NOT_SUPPORTED),
    ("§6.2.1, not G", bri(128), R.REVOCATION_FUNCTION_NOT_SUPPORTED),
    (
        "realms",
        bri(129, flags=P | RevocationFlags.G),
        R.REVOCATION_FUNCTION_NOT_SUPPORTED,
    ),
    ("no MN-ID", bri(options=()), R.REVOKED_MOBILE_NODES_IDENTITY_REQUIRED),
    (
        "nobody",
        bri(options=(MobileNodeIdentifierOption.from_nai("nobody@example.org"),)),
        R.BINDING_DOES_NOT_EXIST,
    ),
    ("another's prefix", bri(options=(*NAMED, hnp(HNP_2))), R.BINDING_DOES_NOT_EXIST),
    (
        "an attachment before this one",
        bri(options=(*NAMED, *added(Attached(int((NOW - 9) * 1e6))))),
        R.REVOCATION_FAILED_MN_IS_ATTACHED,
    ),
]


@pytest.mark.parametrize(("rule", "message", "status"), REJECTED)
def test_a_revocation_that_is_not_right_changes_nothing(
    rule: str, message: BindingRevocationIndication, status: RevocationStatus
) -> None:
    gateway = registered()
    outputs = gateway.revoked(LMA, message, NOW + 1)
    assert answered(outputs) is status, rule
    assert not delivered(outputs)
    assert gateway.next_timer() == NOW + 200


def test_only_the_anchor_of_a_binding_can_revoke_it() -> None:
    gateway = registered()
    assert answered(gateway.revoked(NodeId("other"), bri(), NOW)) is R.BINDING_DOES_NOT_EXIST


def test_a_foreign_anchor_does_not_revoke_who_is_just_coming_back() -> None:
    """It does not say which attachment; an unanswered PBU of ours is later than what it knows."""
    gateway = registered()
    gateway.send(from_gateway(MAG_1, attach(NOW + 1)), NOW + 1)
    outputs = gateway.revoked(LMA, bri(), NOW + 1.1)
    assert answered(outputs) is R.REVOCATION_FAILED_MN_IS_ATTACHED


def test_an_anchor_out_of_step_is_told_that_the_mobile_node_is_here() -> None:
    gateway = registered()
    outputs = gateway.revoked(LMA, bri(T.POSSIBLE_OUT_OF_SYNC_BCE_STATE), NOW + 1)
    assert answered(outputs) is R.REVOCATION_FAILED_MN_IS_ATTACHED
    assert transmitted(outputs, BindingUpdate)


def test_everything_of_a_peer_is_revoked_at_once() -> None:
    """§9.1: Per-Peer Policy with the G flag and no options."""
    gateway = registered()
    flags = P | RevocationFlags.G
    outputs = gateway.revoked(LMA, bri(128, flags=flags, options=()), NOW + 1)
    assert answered(outputs) is R.SUCCESS
    assert delivered(outputs) == [revoked(reason=r_xu.RevocationReason.ENDED)]
