"""MAAR and CMD: who may say what, what is relayed how, what is repeated when."""

from itertools import pairwise
from typing import Any

import msgspec
import pytest
from rfc8885_scene import (
    ADDRESSES,
    ATTACHED,
    CMD,
    MN,
    NOW,
    PREFIXES,
    A,
    B,
    C,
    Domain,
    config,
    context,
    egress,
    request,
)

from opendmm.bindings.mobility.backoff import INITIAL_BINDACK_TIMEOUT, MAX_BINDACK_TIMEOUT
from opendmm.bindings.mobility.outputs import Complain, Datagram, Deliver, Transmit
from opendmm.bindings.rfc8885.cmd import CentralMobilityDatabase
from opendmm.bindings.rfc8885.config import MAX_UPDATE_RATE
from opendmm.bindings.rfc8885.enclosure import enclosed
from opendmm.bindings.rfc8885.maar import AccessRouter
from opendmm.bindings.rfc8885.updates import GIVEN_UP_AFTER, Updates
from opendmm.constellation.file import DatabaseMode
from opendmm.entities.fe_iec.egress import PAGE
from opendmm.model.context import ContextId
from opendmm.model.identity import EntityAddress, FunctionalEntity, MobileNodeId
from opendmm.model.order import MoveOrder
from opendmm.model.policy import ForwardingPolicy
from opendmm.reference_points import r_ec, r_ic, r_xc, r_xx
from opendmm.reference_points.catalogue import Envelope, ReferencePointName
from opendmm.reference_points.message import Status
from opendmm.wire.mobility.binding import BindingAcknowledgement, BindingUpdate
from opendmm.wire.mobility.numbers import (
    BindingAcknowledgementFlags,
    BindingStatus,
    BindingUpdateFlags,
)
from opendmm.wire.mobility.options.distributed import ServingMaarOption
from opendmm.wire.mobility.options.identification import MobileNodeIdentifierOption
from opendmm.wire.mobility.update_notification import UpdateNotification

RELAY, LOCATOR = DatabaseMode.RELAY, DatabaseMode.LOCATOR
P, D = BindingUpdateFlags.P, BindingUpdateFlags.D
ACCEPTED_BY_DMM = BindingAcknowledgementFlags.P | BindingAcknowledgementFlags.D
IDENTITY = MobileNodeIdentifierOption.from_nai(MN)


def update(*options: Any, flags: BindingUpdateFlags = P | D, lifetime: int = 75) -> BindingUpdate:
    return BindingUpdate(7, BindingUpdateFlags.A | flags, lifetime, options=options)


def statuses(outputs: list[Any]) -> list[BindingStatus]:
    return [
        output.message.status
        for output in outputs
        if isinstance(output, Transmit) and isinstance(output.message, BindingAcknowledgement)
    ]


def updates_in(outputs: list[Any]) -> list[BindingUpdate]:
    sent = [output.message for output in outputs if isinstance(output, Transmit)]
    return [message for message in sent if isinstance(message, BindingUpdate)]


def policy(to: Any, mobile_node: Any = MN) -> ForwardingPolicy:
    return ForwardingPolicy(
        mobile_node=mobile_node,
        home_anchor=A,
        prefixes=(PREFIXES[A],),
        order=MoveOrder(2, ATTACHED, B),
        egress=to,
        expires_at=NOW + 300,
        grant=bytes(100),
    )


# What the CMD refuses


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (update(IDENTITY, flags=P), BindingStatus.NOT_LMA_FOR_THIS_MOBILE_NODE),
        (update(), BindingStatus.MISSING_MN_IDENTIFIER_OPTION),
        (update(IDENTITY), BindingStatus.NOT_AUTHORIZED_FOR_HOME_NETWORK_PREFIX),
    ],
    ids=["a gateway's (no D flag)", "no mobile node (RFC 5213 §5.3.1)", "no grant"],
)
def test_the_cmd_refuses_with_the_status_of_the_rfc(
    message: BindingUpdate, status: BindingStatus
) -> None:
    outputs = CentralMobilityDatabase(config(CMD)).updated(B, message, NOW)
    assert statuses(outputs) == [status]
    assert not [output for output in outputs if isinstance(output, Deliver)]


def test_nobody_speaks_for_another_maar() -> None:
    cmd = CentralMobilityDatabase(config(CMD))
    forged = update(*enclosed([request(A)], ADDRESSES, sender=C))
    with pytest.raises(ValueError, match="speaks for maar-c"):
        cmd.updated(B, forged, NOW)


def test_a_maar_takes_pbus_from_the_cmd_alone() -> None:
    """RFC 8885 §3: MAARs are asked by the CMD."""
    outputs = AccessRouter(config(A)).updated(B, update(*enclosed([request(A)], ADDRESSES)), NOW)
    assert statuses(outputs) == [BindingStatus.PROXY_REG_NOT_ENABLED]
    assert not [output for output in outputs if isinstance(output, Deliver)]


def test_a_maar_takes_pbas_of_other_maars_only_where_the_cmd_is_a_locator() -> None:
    """RFC 8885 §3.3."""
    answer = BindingAcknowledgement(
        BindingStatus.ACCEPTED, ACCEPTED_BY_DMM, 1, 75, options=(IDENTITY,)
    )
    refused = AccessRouter(config(B, RELAY)).acknowledged(A, answer, NOW)
    assert [output.event for output in refused if isinstance(output, Complain)] == [
        "acknowledgement-refused"
    ]
    assert AccessRouter(config(B, LOCATOR)).acknowledged(A, answer, NOW) == []


def test_an_lma_without_dmm_is_known_by_the_d_flag_it_does_not_return() -> None:
    """RFC 8885 §4.2; base RFC 5213 ignores reserved bits, so it may even accept."""
    maar = AccessRouter(config(B))
    (sent,) = updates_in(maar.send(_claim(), NOW))
    answer = BindingAcknowledgement(
        BindingStatus.ACCEPTED, BindingAcknowledgementFlags.P, sent.sequence, 75
    )
    (said,) = maar.acknowledged(CMD, answer, NOW)
    assert isinstance(said, Complain)
    assert said.event == "peer-without-dmm"
    assert maar.fire(NOW + 10) == []


# De-registration (RFC 8885 §3.5)


def reported(serving: Any) -> CentralMobilityDatabase:
    """A CMD whose FE_IEC has recorded where the mobile node is."""
    cmd = CentralMobilityDatabase(config(CMD))
    order = MoveOrder(2, ATTACHED, serving)
    recorded = r_xc.LocationAcknowledgement(
        mobile_node=MN, home_anchor=A, order=order, status=Status.ACCEPTED
    )
    iec, mctx = FunctionalEntity.FE_IEC, FunctionalEntity.FE_MCTX
    ends = EntityAddress(CMD, iec), EntityAddress(serving, mctx)
    cmd.send(Envelope(ReferencePointName.R_XC, *ends, recorded), NOW)
    return cmd


def test_a_previous_maar_that_de_registers_has_the_session_renewed() -> None:
    """RFC 8885 §3.5, second solution: a PBA with a non-zero lifetime, and nothing changes."""
    (answer,) = reported(B).updated(A, update(IDENTITY, lifetime=0), NOW)
    assert isinstance(answer, Transmit)
    assert isinstance(answer.message, BindingAcknowledgement)
    assert answer.message.status is BindingStatus.ACCEPTED
    assert answer.message.lifetime_seconds == 300


def test_not_even_the_serving_maar_de_registers_without_a_grant() -> None:
    outputs = reported(B).updated(B, update(IDENTITY, lifetime=0), NOW)
    assert statuses(outputs) == [BindingStatus.NOT_AUTHORIZED_FOR_HOME_NETWORK_PREFIX]


@pytest.mark.parametrize(("sender", "lifetime"), [(B, 0), (C, 75)])
def test_the_end_of_an_attachment_is_answered_by_who_serves(sender: Any, lifetime: int) -> None:
    """The home anchor hears of it either way: it ends no session."""
    domain = Domain()
    domain.nodes[CMD].role = reported(B)
    lost = r_xx.AttachmentLost(mobile_node=MN, home_anchor=A, attached_at=ATTACHED)
    domain.say(sender, A, lost)
    domain.run(0.1)
    assert domain.entities[A].messages(r_xx.AttachmentLost) == [lost]
    (one, other) = [m for _, _, m in domain.said(BindingUpdate)]
    assert one.lifetime == other.lifetime == 0
    told = r_xx.AttachmentLostAcknowledgement(mobile_node=MN, home_anchor=A, attached_at=ATTACHED)
    domain.say(A, sender, told)
    domain.run(0.1)
    assert domain.said(BindingAcknowledgement)[-1][2].lifetime == lifetime


# What follows an attachment


@pytest.mark.parametrize("mode", DatabaseMode)
def test_what_one_maar_says_to_another_goes_by_the_cmd(mode: DatabaseMode) -> None:
    domain = Domain(mode)
    changed = r_xx.AnchorChanged(context=context(A, B, 2), egress=egress(B))
    domain.say(B, A, changed)
    domain.run(0.1)
    assert [(one, to) for one, to, _ in domain.said(BindingUpdate)] == [(B, CMD), (CMD, A)]
    assert domain.entities[A].messages(r_xx.AnchorChanged) == [changed]
    (heard,) = domain.entities[A].heard
    assert heard.sender.node == B
    answer = r_xx.AnchorChangedAcknowledgement(
        mobile_node=MN, home_anchor=A, order=changed.context.order, status=Status.ACCEPTED
    )
    domain.say(A, B, answer)
    domain.run(0.1)
    assert domain.entities[B].messages(r_xx.AnchorChangedAcknowledgement) == [answer]
    directly = (A, B) in [(one, to) for one, to, _ in domain.said(BindingAcknowledgement)]
    assert directly == (mode is LOCATOR)
    domain.run(10)
    assert len(domain.said(BindingUpdate)) == 2, "nothing is repeated that was answered"


def test_a_policy_is_a_pbu_that_names_the_serving_maar() -> None:
    """RFC 8885 §4.6: forward to it. A withdrawal has lifetime zero and names nobody."""
    domain = Domain()
    domain.say(CMD, A, r_ic.PolicyUpdate(transaction=1, policies=(policy(egress(B)),)))
    domain.say(CMD, A, r_ic.PolicyUpdate(transaction=2, policies=(policy(None),)))
    domain.run(0.1)
    forward, withdraw = (m for _, _, m in domain.said(BindingUpdate))
    named = forward.first(ServingMaarOption)
    assert named is not None
    assert named.address == ADDRESSES[B]
    assert forward.lifetime_seconds == 300
    assert withdraw.first(ServingMaarOption) is None
    assert withdraw.lifetime == 0
    assert [e.sender.node for e in domain.entities[A].heard] == [CMD, CMD]


def test_a_batch_of_policies_is_a_pbu_for_each_mobile_node() -> None:
    """RFC 5213 §8.1: a PBU is about one. Each is answered, under the batch's number."""
    domain = Domain()
    names = [f"mn{number}@example.org" for number in range(20)]
    policies = tuple(policy(egress(B), name) for name in names)
    domain.say(CMD, A, r_ic.PolicyUpdate(transaction=9, policies=policies, synchronisation=3))
    domain.run(0.1)
    heard = domain.entities[A].messages(r_ic.PolicyUpdate)
    assert {one.policies[0].mobile_node for one in heard} == set(names)
    assert {(one.transaction, one.synchronisation) for one in heard} == {(9, 3)}
    for one in heard:
        mine = one.policies[0]
        result = r_ic.PolicyResult(mine.mobile_node, mine.home_anchor, mine.order, Status.ACCEPTED)
        domain.say(A, CMD, r_ic.PolicyAcknowledgement(transaction=9, results=(result,)))
    domain.run(10)
    assert len(domain.entities[CMD].messages(r_ic.PolicyAcknowledgement)) == 20
    assert len(domain.said(BindingUpdate)) == 20


def test_who_reports_in_does_so_by_notification() -> None:
    """RFC 7077: about no mobile node, so no PBU."""
    domain = Domain()
    asked = r_ic.PolicySubscribe(synchronisation=4, mode=r_ic.PolicyMode.PUSH)
    done = r_ic.PolicySynchronised(synchronisation=4, policies=0)
    domain.say(A, CMD, asked)
    domain.say(CMD, A, done)
    domain.say(A, CMD, r_ic.PolicyAcknowledgement(transaction=4, results=()))
    domain.run(0.1)
    assert len(domain.said(UpdateNotification)) == 2
    assert domain.entities[CMD].heard[0].message == asked
    assert domain.entities[A].heard[0].message == done
    assert domain.entities[CMD].messages(r_ic.PolicyAcknowledgement)


@pytest.mark.parametrize("sizes", [[0], [3], [100], [PAGE, 40]])
def test_a_long_list_of_contexts_comes_in_pages_that_fit(sizes: list[int]) -> None:
    """RFC 6275 §6.1.1: 2048 octets at most. All pages say alike how many there are."""
    domain = Domain()
    numbers = iter(range(sum(sizes)))
    pages = [
        [ContextId(MobileNodeId(f"mn{next(numbers)}@example.org"), A) for _ in range(n)]
        for n in sizes
    ]
    for number, page in enumerate(pages, 1):
        listed = r_ec.DeliverySynchronised(
            synchronisation=1, held=tuple(page), page=number, pages=len(pages)
        )
        domain.say(CMD, A, listed)
    domain.run(0.1)
    heard = domain.entities[A].messages(r_ec.DeliverySynchronised)
    assert not domain.complaints
    assert [context for one in heard for context in one.held] == [c for page in pages for c in page]
    assert [one.page for one in heard] == list(range(1, len(heard) + 1))
    assert {one.pages for one in heard} == {len(heard)}


# Retransmission, pace, rate (RFC 8885 §3.6)


def _claim() -> Envelope:
    mctx = FunctionalEntity.FE_MCTX
    return Envelope(
        ReferencePointName.R_XX, EntityAddress(B, mctx), EntityAddress(A, mctx), request(A)
    )


def test_an_unanswered_pbu_is_repeated_at_doubling_intervals_under_new_numbers() -> None:
    """RFC 6275 §11.8: INITIAL_BINDACK_TIMEOUT, doubled, up to MAX_BINDACK_TIMEOUT."""
    updates = Updates(config(B))
    sent = [(NOW, updates.request("it", CMD, (IDENTITY,), NOW))]
    while sent[-1][0] < NOW + GIVEN_UP_AFTER - MAX_BINDACK_TIMEOUT:
        at = updates.next_timer()
        sent.append((at, updates.fire(at)))
    intervals = [later - earlier for (earlier, _), (later, _) in pairwise(sent)]
    assert intervals == [INITIAL_BINDACK_TIMEOUT * 2**n for n in range(len(intervals))]
    numbers = [message.sequence for _, out in sent for message in updates_in(out)]
    assert numbers == list(range(1, len(sent) + 1))
    assert updates.acknowledged(CMD, numbers[0]) == "it"
    assert len(updates) == 0


def test_what_nobody_wants_any_more_is_given_up_and_said() -> None:
    updates = Updates(config(B))
    updates.request("it", CMD, (IDENTITY,), NOW)
    said: list[Any] = []
    while len(updates):
        said += updates.fire(updates.next_timer())
    assert isinstance(said[-1], Complain)
    assert said[-1].event == "update-unanswered"


def test_no_more_than_max_update_rate_leave_about_one_thing_in_a_second() -> None:
    """RFC 6275 §12."""
    updates = Updates(config(B))
    sent = [
        out
        for number in range(20)
        for out in updates.request("it", CMD, (IDENTITY,), NOW + number / 100, ends=number % 2 == 0)
    ]
    assert len(sent) == MAX_UPDATE_RATE
    assert updates.next_timer() == pytest.approx(NOW + 1)
    assert len(updates.fire(updates.next_timer())) == 1


def test_a_peer_that_has_restarted_is_asked_again_at_once() -> None:
    """RFC 5847 §3.2: its Restart Counter says that it knows nothing of it any more."""
    domain = Domain()
    domain.records.append(context(A))
    for node in domain.nodes.values():
        node.start(domain.now)
    domain.fate = lambda _one, to: [] if to == CMD else [0.01]
    domain.say(B, A, request(A))
    domain.run(0.3)
    assert not domain.entities[B].messages(r_xx.ContextResponse)
    domain.fate = lambda _one, _to: [0.01]
    domain.restart(CMD)
    domain.run(0.1)
    assert domain.entities[B].messages(r_xx.ContextResponse)


def test_many_pbus_at_once_are_paced() -> None:
    """RFC 8885 §3.2, §6: pacing MUST avoid bursts on the outgoing link."""
    paced = msgspec.structs.replace(config(CMD), pace=100.0, burst=4)
    updates = Updates(paced)
    for number in range(50):
        updates.request(f"to previous MAAR {number}", A, (IDENTITY,), NOW)
    times = [NOW] * 4
    while len(times) < 50:
        at = updates.next_timer()
        times += [at] * len(updates.fire(at))
    assert times[-1] - NOW == pytest.approx(46 / 100, abs=0.02)
    for index in range(len(times) - 10):
        assert times[index + 10] - times[index] > 0.05


# Behind the security associations


def test_a_message_is_believed_once_and_from_its_sender_alone() -> None:
    domain = Domain()
    (sealed,) = (w for w in domain.nodes[B].send(_claim(), NOW) if isinstance(w, Datagram))
    cmd = domain.nodes[CMD]
    altered = sealed.data[:40] + bytes([sealed.data[40] ^ 1]) + sealed.data[41:]
    for data, source, event in (
        (altered, ADDRESSES[B], "message-malformed"),
        (sealed.data, ADDRESSES[A], "message-malformed"),
    ):
        (said,) = cmd.receive(data, source, NOW)
        assert isinstance(said, Complain)
        assert said.event == event
    assert any(isinstance(w, Deliver) for w in cmd.receive(sealed.data, ADDRESSES[B], NOW))
    (said,) = cmd.receive(sealed.data, ADDRESSES[B], NOW)
    assert isinstance(said, Complain)
    assert said.event == "message-refused"
