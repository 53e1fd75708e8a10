"""Expectations are judged on the report alone."""

from io import StringIO

import msgspec
from rich.console import Console

from opendmm.constellation.file import ExpectationSection, MoveOrderName, PathExpectation
from opendmm.report.expectations import judged
from opendmm.report.render import print_report
from opendmm.report.report import Move, Report, Runtime, Session, Step, Stream, from_json, to_json

MOVE = Move(
    mobile_node="mn1",
    from_="anchor-a",
    to="anchor-b",
    order=MoveOrderName.BREAK_BEFORE_MAKE,
    at_ms=1000.0,
    steps=(Step("detected", "anchor-b", 0.0), Step("complete", "anchor-b", 12.5)),
    floor_ms=9.0,
    downlink=Stream(sent=1000, lost=11, gap_ms=10.5),
    uplink=Stream(sent=1000, lost=1),
    path_after=("cn", "router", "anchor-b", "mn1"),
    stretch_after=1.0,
)
SESSION = Session(
    kind="tcp",
    mobile_node="mn1",
    correspondent="cn",
    family="ipv6",
    direction="both",
    bytes=123456,
    survived=True,
)
REPORT = Report(
    constellation="cooperative", runtime=Runtime.SIM, moves=(MOVE,), sessions=(SESSION,)
)


def verdicts(report: Report, **expect: object) -> list[bool]:
    section = msgspec.convert({"sessions_survive": False} | expect, ExpectationSection)
    return [outcome.passed for outcome in judged(report, section).expectations]


def test_a_dead_session_fails_the_expectation_that_sessions_survive() -> None:
    dead = msgspec.structs.replace(SESSION, survived=False)
    broken = msgspec.structs.replace(REPORT, sessions=(SESSION, dead))
    assert verdicts(REPORT, sessions_survive=True) == [True]
    assert verdicts(broken, sessions_survive=True) == [False]


def test_losses_of_both_directions_count_together_against_the_limit() -> None:
    assert verdicts(REPORT, lost_at_most=12) == [True]
    assert verdicts(REPORT, lost_at_most=11) == [False]
    assert verdicts(REPORT, duplicated_at_most=0) == [True]


def test_the_gap_is_compared_with_the_duration_of_the_file() -> None:
    assert verdicts(REPORT, gap_at_most="10.5ms") == [True]
    assert verdicts(REPORT, gap_at_most="10ms") == [False]


def test_a_path_must_touch_and_avoid_what_was_said_and_the_move_must_exist() -> None:
    def path(**fields: object) -> PathExpectation:
        return msgspec.convert(fields, PathExpectation)

    good = path(move=1, touches=("anchor-b",), avoids=("anchor-a",))
    assert verdicts(REPORT, paths=(good,)) == [True]
    assert verdicts(REPORT, paths=(path(move=1, avoids=("router",)),)) == [False]
    assert verdicts(REPORT, paths=(path(move=2, touches=("anchor-b",)),)) == [False]
    unseen = msgspec.structs.replace(REPORT, moves=(msgspec.structs.replace(MOVE, path_after=()),))
    assert verdicts(unseen, paths=(path(move=1, avoids=("anchor-a",)),)) == [False]


def test_something_left_over_fails_the_expectation_of_nothing() -> None:
    assert verdicts(REPORT, nothing_left=True) == [True]
    left = msgspec.structs.replace(REPORT, leftovers=("router: downlink 2001:db8::/64 redirect",))
    assert verdicts(left, nothing_left=True) == [False]


def test_without_sessions_or_moves_nothing_pretends_to_have_been_checked() -> None:
    empty = Report(constellation="x", runtime=Runtime.LAB)
    report = judged(empty, ExpectationSection(lost_at_most=0))
    assert report.expectations == ()
    assert report.exit_code == 2


def test_the_exit_code_follows_the_expectations() -> None:
    assert judged(REPORT, ExpectationSection(lost_at_most=12)).exit_code == 0
    assert judged(REPORT, ExpectationSection(lost_at_most=0)).exit_code == 1


def test_the_report_survives_json_and_the_field_is_called_from() -> None:
    report = judged(REPORT, ExpectationSection(lost_at_most=0))
    assert from_json(to_json(report)) == report
    assert b'"from": "anchor-a"' in to_json(report)


def test_the_report_can_be_printed() -> None:
    out = StringIO()
    print_report(judged(REPORT, ExpectationSection(lost_at_most=0)), Console(file=out, width=120))
    text = out.getvalue()
    assert "anchor-a → anchor-b" in text
    assert "1 of 2 expectations failed" in text


def test_a_gap_is_judged_beside_the_floor_of_its_own_move() -> None:
    near = msgspec.structs.replace(MOVE, floor_ms=2.0, downlink=Stream(gap_ms=2.2))
    free = msgspec.structs.replace(MOVE, floor_ms=0.0, downlink=Stream(gap_ms=5.0))
    report = msgspec.structs.replace(REPORT, moves=(MOVE, near, free), sessions=())
    assert verdicts(report, gap_above_floor_at_most="17%") == [True]
    assert verdicts(report, gap_above_floor_at_most="16%") == [False]
    unlimited = msgspec.structs.replace(report, moves=(free,))
    assert verdicts(unlimited, gap_above_floor_at_most="16%") == []
