"""A report is readable in a terminal of ordinary width."""

from io import StringIO

import msgspec
from rich.console import Console

from opendmm.constellation.file import MoveOrderName
from opendmm.report.render import print_report, sessions_table
from opendmm.report.report import HostAddress, Move, Report, Runtime, Session, Stream

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


def test_addresses_say_after_which_moves_they_were_preferred_and_deprecated() -> None:
    old, new = "2001:db8:a:1::1", "2001:db8:b:1000::1"
    away = msgspec.structs.replace(THERE, addresses=(HostAddress(new), HostAddress(old, True)))
    home = msgspec.structs.replace(BACK, addresses=(HostAddress(old), HostAddress(new, True)))
    rows = [line.split() for line in printed(away, home, away) if "2001:db8" in line]
    assert rows == [["mn1", old, "2", "1", "3"], ["mn1", new, "1", "3", "2"]]


def session(address: str) -> Session:
    return Session(
        kind="udp",
        mobile_node="mn1",
        correspondent="cn",
        family="ipv6",
        direction="both",
        bytes=1,
        survived=True,
        address=address,
    )


def test_sessions_show_their_addresses_where_a_mobile_node_used_several() -> None:
    out = StringIO()
    console = Console(file=out, width=80)
    console.print(sessions_table([session("2001:db8:a::1"), session("2001:db8:a::1")]))
    assert "2001:db8" not in out.getvalue()
    console.print(sessions_table([session("2001:db8:a::1"), session("2001:db8:b::1")]))
    assert "2001:db8:b::1" in out.getvalue()
