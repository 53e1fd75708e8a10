"""A report is readable in a terminal of ordinary width."""

from io import StringIO

from rich.console import Console

from opendmm.constellation.file import MoveOrderName
from opendmm.report.render import print_report
from opendmm.report.report import Move, Report, Runtime, Stream

THERE = Move(
    mobile_node="mn1",
    from_="anchor-a",
    to="anchor-b",
    order=MoveOrderName.MAKE_BEFORE_BREAK,
    at_ms=0.0,
    downlink=Stream(sent=12000, lost=3, gap_ms=123.4),
    uplink=Stream(sent=12000),
    path_after=("cn", "ingress", "anchor-b", "mn1"),
    stretch_after=1.0,
)
BACK = Move(
    mobile_node="mn1",
    from_="anchor-b",
    to="anchor-a",
    order=MoveOrderName.BREAK_BEFORE_MAKE,
    at_ms=600.0,
    path_after=("cn", "ingress", "anchor-a", "mn1"),
    stretch_after=1.0,
)


def printed(*moves: Move) -> list[str]:
    out = StringIO()
    report = Report(constellation="small", runtime=Runtime.LAB, moves=moves)
    print_report(report, Console(file=out, width=80))
    return out.getvalue().splitlines()


def test_a_move_is_one_row_in_eighty_columns() -> None:
    (row,) = (line for line in printed(THERE) if "anchor-a → anchor-b" in line)
    assert " ".join(row.split()) == "1 mn1 anchor-a → anchor-b 123.4 0.0 3/12000 0/12000 0"


def test_moves_after_which_packets_took_the_same_way_share_a_row() -> None:
    lines = printed(THERE, BACK, THERE)
    (row,) = (line for line in lines if "ingress → anchor-b → mn1" in line)
    assert row.split()[-2:] == ["1", "3"]


def test_the_order_is_in_the_title_when_all_moves_have_the_same() -> None:
    assert "make before break" in printed(THERE, THERE)[0]
    mixed = printed(THERE, BACK)
    assert "before" not in mixed[0]
    assert any("→ anchor-a  bbm" in line for line in mixed)
