"""The steps of a move and its ladder, from a trace."""

from io import StringIO

import pytest
from rich.console import Console

from opendmm.entities.effects import RuleOutcome
from opendmm.entities.host import RuleRequest
from opendmm.model.addressing import Egress, HomePrefix, Locator
from opendmm.model.context import MobilityContext
from opendmm.model.identity import EntityAddress, FunctionalEntity, MobileNodeId, NodeId
from opendmm.model.order import MoveOrder
from opendmm.model.rules import Access, Action, Redirect, Rule, RuleKey, Table
from opendmm.reference_points.catalogue import Envelope, between
from opendmm.reference_points.message import Message, Status
from opendmm.reference_points.r_xc import IndirectionComplete, LocationUpdate
from opendmm.reference_points.r_xx import ContextRequest, ContextResponse
from opendmm.report.ladder import ladder
from opendmm.report.steps import MoveWindow, steps_of
from opendmm.report.trace import TraceKind, TraceRecord, link_record, message_record, rule_record

FE = FunctionalEntity
A, B, R, C = NodeId("anchor-a"), NodeId("anchor-b"), NodeId("router"), NodeId("control")
MN = MobileNodeId("mn1@example.org")
HNP = HomePrefix.parse("2001:db8:a:1::/64")
EGRESS = Egress(B, Locator.parse("fd00:d:4::1"))
ORDER = MoveOrder(2, 0, B)
CONTEXT = MobilityContext(
    mobile_node=MN, prefixes=(HNP,), home_anchor=A, current_anchor=B, order=ORDER, lifetime=300.0
)
WINDOW = MoveWindow(
    mobile_node=MN,
    prefixes=(HNP,),
    previous=A,
    new=B,
    access=B,
    started=9.9,
    detected=10.0,
    ended=12.0,
)


def message(
    sender: tuple[FunctionalEntity, NodeId],
    receiver: tuple[FunctionalEntity, NodeId],
    what: Message,
    sent: float,
    received: float,
) -> list[TraceRecord]:
    envelope = Envelope(
        between(sender[0], receiver[0]).name,
        EntityAddress(sender[1], sender[0]),
        EntityAddress(receiver[1], receiver[0]),
        what,
    )
    return [
        message_record(TraceKind.MESSAGE_SENT, sender[1], envelope, sent),
        message_record(TraceKind.MESSAGE_RECEIVED, receiver[1], envelope, received),
    ]


def rule(node: NodeId, owner: FunctionalEntity, action: Action, at: float) -> TraceRecord:
    asked = Rule(RuleKey(Table.DOWNLINK, HNP), action, ORDER)
    return rule_record(node, RuleRequest(owner, asked.key, asked), RuleOutcome(asked), at)


def story() -> list[TraceRecord]:
    request = ContextRequest(mobile_node=MN, home_anchor=A, new_anchor=B, attached_at=10)
    response = ContextResponse(
        mobile_node=MN, home_anchor=A, attached_at=10, status=Status.ACCEPTED, context=CONTEXT
    )
    update = LocationUpdate(context=CONTEXT, egress=EGRESS, delivering=True)
    complete = IndirectionComplete(mobile_node=MN, home_anchor=A, order=ORDER)
    records = [
        link_record(B, MN, "mn1", up=True, at=10.0),
        *message((FE.FE_MCTX, B), (FE.FE_MCTX, A), request, 10.001, 10.003),
        *message((FE.FE_MCTX, A), (FE.FE_MCTX, B), response, 10.003, 10.005),
        rule(B, FE.FE_MA_C, Access("mn1", b""), 10.006),
        *message((FE.FE_MCTX, B), (FE.FE_IEC, C), update, 10.006, 10.010),
        rule(R, FE.FE_I, Redirect(EGRESS), 10.014),
        *message((FE.FE_IEC, C), (FE.FE_MCTX, B), complete, 10.018, 10.022),
    ]
    return sorted(records, key=lambda record: record.at)


def test_a_move_is_taken_apart_into_its_steps_in_order_with_node_and_time() -> None:
    found = [(s.name, s.node, s.milliseconds) for s in steps_of(story(), WINDOW, flowing=10.016)]
    assert found == [
        ("detected", B, 0.0),
        ("context requested", B, 1.0),
        ("context and grant received", B, 5.0),
        ("delivery installed", B, 6.0),
        ("location update", C, 10.0),
        ("ingress policy installed", R, 14.0),
        ("downlink flowing", MN, 16.0),
        ("complete", B, 22.0),
    ]


def test_steps_the_trace_does_not_show_are_left_out() -> None:
    only_link = [record for record in story() if record.kind is TraceKind.LINK]
    assert [step.name for step in steps_of(only_link, WINDOW)] == ["detected"]


def test_records_of_another_time_or_mobile_node_are_not_steps() -> None:
    late = MoveWindow(
        mobile_node=MN,
        prefixes=(HNP,),
        previous=A,
        new=B,
        access=B,
        started=50.0,
        detected=50.0,
        ended=60.0,
    )
    assert [step.name for step in steps_of(story(), late)] == ["detected"]


def test_the_ladder_draws_every_message_once_between_the_columns_of_its_nodes() -> None:
    lines = ladder(story(), WINDOW).drawn(140).plain.splitlines()
    assert all(name in lines[0] for name in (A, B, R, C))
    assert sum("LocationUpdate" in line for line in lines) == 1
    assert sum("■" in line for line in lines) == 2
    request = next(line for line in lines if "ContextRequest" in line)
    response = next(line for line in lines if "ContextResponse" in line)
    assert ("▶" in request) != ("▶" in response)


@pytest.mark.parametrize("width", [140, 100, 80])
def test_the_ladder_fits_the_width_there_is_and_names_every_message_whole(width: int) -> None:
    drawn = ladder(story(), WINDOW)
    lines = drawn.drawn(width).plain.splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) == len(drawn.drawn(140).plain.splitlines())
    sent = [record for record in story() if record.kind is TraceKind.MESSAGE_SENT]
    for name in {f"{record.reference_point} {record.message}" for record in sent}:
        assert any(f"{name} " in f"{line} " for line in lines)


def test_a_terminal_too_narrow_for_the_ladder_cuts_its_rows_and_folds_none() -> None:
    out = StringIO()
    drawn = ladder(story(), WINDOW)
    Console(file=out, width=30).print(drawn)
    lines = out.getvalue().splitlines()
    assert len(lines) == len(drawn.drawn(140).plain.splitlines())
    assert max(map(len, lines)) == 30
