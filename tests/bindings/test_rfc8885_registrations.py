"""What happens when a mobile node attaches (RFC 8885 §3.1 to §3.4), message by message."""

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
    context,
    lookup,
    request,
)

from opendmm.constellation.file import DatabaseMode
from opendmm.model.context import MobilityContext
from opendmm.reference_points import r_xc, r_xx
from opendmm.reference_points.message import Status
from opendmm.wire.mobility.binding import BindingAcknowledgement, BindingUpdate
from opendmm.wire.mobility.numbers import (
    BindingAcknowledgementFlags,
    BindingStatus,
    BindingUpdateFlags,
    HandoffIndicator,
)
from opendmm.wire.mobility.options.distributed import PreviousMaarOption, ServingMaarOption
from opendmm.wire.mobility.options.identification import MobileNodeIdentifierOption
from opendmm.wire.mobility.options.proxy import (
    AccessTechnologyTypeOption,
    HandoffIndicatorOption,
    HomeNetworkPrefixOption,
    TimestampOption,
)

RELAY, LOCATOR, PROXY = DatabaseMode.RELAY, DatabaseMode.LOCATOR, DatabaseMode.PROXY
PBU, PBA = "BindingUpdate", "BindingAcknowledgement"
LADDERS = {
    RELAY: [(0, B, CMD, PBU), (1, CMD, A, PBU), (2, A, CMD, PBA), (3, CMD, B, PBA)],
    LOCATOR: [
        (0, B, CMD, PBU),
        (1, CMD, A, PBU),
        (2, A, B, PBA),
        (2, A, CMD, PBA),
        (3, CMD, B, PBA),
    ],
    PROXY: [(0, B, CMD, PBU), (1, CMD, B, PBA), (1, CMD, A, PBU), (2, A, CMD, PBA)],
}
TRIPS = {RELAY: 4, LOCATOR: 3, PROXY: 2}


def attach(mode: DatabaseMode, *records: MobilityContext) -> Domain:
    """The mobile node, of maar-a, has come to maar-b."""
    domain = Domain(mode)
    domain.records.extend(records or [context(A)])
    domain.say(B, A, request(A))
    domain.say(B, CMD, lookup())
    return domain


def responses(domain: Domain) -> list[r_xx.ContextResponse]:
    return domain.entities[B].messages(r_xx.ContextResponse)


@pytest.mark.parametrize("mode", DatabaseMode)
def test_the_messages_are_those_of_the_figure(mode: DatabaseMode) -> None:
    """RFC 8885, figures 2, 3 and 4; as locator the CMD also ends the exchange."""
    domain = attach(mode)
    domain.run(0.2)
    assert domain.ladder() == LADDERS[mode]
    assert not domain.complaints


@pytest.mark.parametrize("mode", DatabaseMode)
def test_the_context_is_there_after_as_many_trips_as_the_mode_costs(mode: DatabaseMode) -> None:
    """Proxy before locator before relay (RFC 8885 §3.3, §3.4)."""
    domain = attach(mode)
    domain.run((TRIPS[mode] - 0.5) * 0.01)
    assert not responses(domain)
    domain.run(0.01)
    (answer,) = responses(domain)
    assert answer.context is not None
    assert answer.context.grant == context(A).grant
    assert answer.context.prefixes == (PREFIXES[A],)


@pytest.mark.parametrize("mode", DatabaseMode)
def test_every_pbu_and_pba_has_the_d_flag_and_what_rfc_5213_wants(mode: DatabaseMode) -> None:
    """RFC 8885 §4.1, §4.2; RFC 5213 §6.9.1.1."""
    domain = attach(mode)
    domain.run(0.2)
    for _, _, update in domain.said(BindingUpdate):
        wanted = BindingUpdateFlags.A | BindingUpdateFlags.P | BindingUpdateFlags.D
        assert update.flags == wanted
        for kind in (
            MobileNodeIdentifierOption,
            HomeNetworkPrefixOption,
            HandoffIndicatorOption,
            AccessTechnologyTypeOption,
            TimestampOption,
        ):
            assert update.first(kind) is not None, kind
    for _, _, answer in domain.said(BindingAcknowledgement):
        assert answer.flags == BindingAcknowledgementFlags.P | BindingAcknowledgementFlags.D
        assert answer.status is BindingStatus.ACCEPTED


def test_the_cmd_names_the_serving_maar_to_the_previous_one_which_repeats_it() -> None:
    """RFC 8885 §3.2 (2, 3), §4.6."""
    domain = attach(RELAY)
    domain.run(0.2)
    asked = next(m for one, to, m in domain.said(BindingUpdate) if to == A)
    answered = next(m for one, _, m in domain.said(BindingAcknowledgement) if one == A)
    for message in (asked, answered):
        named = message.first(ServingMaarOption)
        assert named is not None
        assert named.address == ADDRESSES[B]
    anchored = answered.first(HomeNetworkPrefixOption)
    assert anchored is not None
    assert anchored.prefix.network_address.packed == PREFIXES[A].network


def test_the_cmd_tells_the_serving_maar_which_prefix_is_anchored_where() -> None:
    """RFC 8885 §3.2 (4), §4.5: one aggregated PBA with Previous MAAR options."""
    domain = attach(RELAY, context(A), context(C))
    domain.run(0.2)
    (told,) = [m for _, to, m in domain.said(BindingAcknowledgement) if to == B]
    found = {o.previous_maar: str(o.home_network_prefix) for o in told.every(PreviousMaarOption)}
    assert found == {ADDRESSES[A]: "2001:db8:a:1::/64", ADDRESSES[C]: "2001:db8:c:1::/64"}


@pytest.mark.parametrize("mode", DatabaseMode)
def test_contexts_nobody_knew_of_are_there_when_they_are_asked_for(mode: DatabaseMode) -> None:
    """The PBU asked for all; the FE_MCTX learns of maar-c's and asks without a further message."""
    domain = attach(mode, context(A), context(C))
    domain.run(0.2)
    found = [
        c.home_anchor for m in domain.entities[B].messages(r_xc.ContextFound) for c in m.contexts
    ]
    assert set(found) == {A, C}
    sent = len(domain.log)
    domain.say(B, C, request(C))
    assert len(domain.log) == sent
    assert {answer.home_anchor for answer in responses(domain)} == {A, C}


@pytest.mark.parametrize("mode", DatabaseMode)
def test_a_first_attachment_is_a_pbu_and_a_pba(mode: DatabaseMode) -> None:
    """RFC 8885 §3.1, in every mode."""
    domain = Domain(mode)
    domain.say(A, CMD, lookup())
    domain.run(0.2)
    assert domain.ladder() == [(0, A, CMD, PBU), (1, CMD, A, PBA)]
    assert domain.entities[A].messages(r_xc.ContextFound) == [
        r_xc.ContextFound(mobile_node=MN, contexts=())
    ]


def test_what_does_not_answer_in_time_is_told_later() -> None:
    """RFC 8885 §3.2: a timeout at the CMD; the S-MAAR might receive multiple PBAs."""
    domain = attach(RELAY, context(A), context(C))
    domain.fate = lambda one, other: [0.8 if C in (one, other) else 0.01]
    domain.run(0.6)
    assert [answer.home_anchor for answer in responses(domain)] == [A]
    domain.run(2)
    domain.say(B, C, request(C))
    assert [answer.home_anchor for answer in responses(domain)] == [A, C]
    told = [m for one, to, m in domain.said(BindingAcknowledgement) if to == B]
    assert len(told) == 2


def test_answers_that_do_not_fit_one_header_come_in_several() -> None:
    """RFC 6275 §6.1.1: 2048 octets at most."""
    domain = Domain(RELAY)
    domain.records.extend([context(A), context(C)])
    for home in (A, C):
        domain.entities[home].grant = bytes(1200)
    domain.say(B, A, request(A))
    domain.say(B, C, request(C))
    domain.run(0.2)
    assert {answer.home_anchor for answer in responses(domain)} == {A, C}
    told = [m for _, to, m in domain.said(BindingAcknowledgement) if to == B]
    assert len(told) == 2
    assert not domain.complaints


@pytest.mark.parametrize("mode", [RELAY, LOCATOR])
def test_a_refusal_ends_a_registration_like_any_answer(mode: DatabaseMode) -> None:
    """So that the next attempt is heard: the later attachment may have ended meanwhile."""
    domain = Domain(mode)
    domain.records.append(context(A))
    domain.entities[A].status = Status.STALE
    domain.say(B, A, request(A))
    domain.run(1)
    domain.entities[A].status = Status.ACCEPTED
    domain.say(B, A, request(A))
    domain.run(1)
    assert [answer.status for answer in responses(domain)] == [Status.STALE, Status.ACCEPTED]
    refusals = [m.status for _, to, m in domain.said(BindingAcknowledgement) if to == B]
    assert BindingStatus.TIMESTAMP_LOWER_THAN_PREV_ACCEPTED in refusals


def test_there_are_no_more_previous_maars_than_configured_and_the_latest_count() -> None:
    """RFC 8885 §6: a limit on the number of P-MAARs of a mobile node."""
    domain = Domain(RELAY, previous_maars=1)
    domain.records.extend([context(A, sequence=1), context(C, sequence=5)])
    domain.say(B, CMD, lookup())
    domain.run(0.2)
    assert [to for one, to, _ in domain.said(BindingUpdate) if one == CMD] == [C]
    assert [c.event for _, c in domain.complaints] == ["too-many-previous-maars"]


def test_a_cmd_that_may_not_grant_relays() -> None:
    """As proxy it answers under the home anchors' delegation, or not at all."""
    domain = attach(PROXY)
    domain.entities[CMD].grants = False
    domain.run(0.2)
    assert domain.ladder() == LADDERS[RELAY]
    assert responses(domain)


def test_as_proxy_the_previous_maar_hears_of_the_grant_that_was_given_for_it() -> None:
    """RFC 8885 §3.4; its register must number above."""
    domain = attach(PROXY)
    domain.run(0.2)
    (told,) = domain.entities[A].messages(r_xx.ContextRequest)
    assert told.known_grant == context(A).grant
    assert told.new_anchor == B


def test_a_refresh_is_of_one_context_and_relayed_also_by_a_proxy() -> None:
    """A delegation must be renewed by whom it comes from."""
    domain = attach(PROXY, context(A), context(C))
    domain.run(5)
    domain.log.clear()
    start = domain.now
    domain.say(B, A, request(A))
    domain.run(0.2)
    ladder = [(round((at - start) / 0.01), one, to) for at, one, to, _ in domain.log]
    assert ladder == [(0, B, CMD), (1, CMD, A), (2, A, CMD), (3, CMD, B)]
    indicator = domain.log[0][3].first(HandoffIndicatorOption)
    assert indicator is not None
    assert indicator.indicator is HandoffIndicator.NOT_CHANGED


def test_a_late_pbu_of_an_earlier_attachment_is_refused() -> None:
    """RFC 5213 §5.5: TIMESTAMP_LOWER_THAN_PREV_ACCEPTED."""
    domain = Domain(RELAY)
    domain.records.append(context(A))
    delays = iter([0.1])
    domain.fate = lambda _one, _other: [next(delays, 0.01)]
    domain.say(B, A, request(A))
    domain.say(B, A, request(A, attached_at=ATTACHED + 1))
    domain.run(0.3)
    late, refused = BindingStatus.TIMESTAMP_LOWER_THAN_PREV_ACCEPTED, 0
    for _, to, message in domain.said(BindingAcknowledgement):
        refused += to == B and message.status is late
    assert refused == 1
    assert [answer.attached_at for answer in responses(domain)] == [ATTACHED + 1]


def test_what_entities_repeat_while_the_pbu_is_under_way_is_absorbed() -> None:
    domain = attach(RELAY)
    domain.run(0.005)
    domain.say(B, A, request(A))
    domain.say(B, CMD, lookup())
    domain.run(0.2)
    assert domain.ladder() == LADDERS[RELAY]


def test_a_later_attachment_takes_the_place_of_an_earlier_one() -> None:
    domain = attach(RELAY)
    domain.fate = lambda _one, _other: []
    domain.run(0.3)
    domain.fate = lambda _one, _other: [0.01]
    domain.say(B, A, request(A, attached_at=ATTACHED + 5))
    domain.run(0.5)
    assert [answer.attached_at for answer in responses(domain)] == [ATTACHED + 5]
    assert domain.now - NOW < 1
