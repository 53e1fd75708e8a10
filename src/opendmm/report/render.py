"""The report for a person in a terminal: what moved, how long each step took, what survived."""

from collections.abc import Iterable, Sequence

from rich.console import Console, Group, RenderableType
from rich.rule import Rule as Line
from rich.table import Table
from rich.text import Text

from opendmm.constellation.file import MoveOrderName
from opendmm.report.report import Move, Report, RouterCost, Session

BAR_WIDTH = 24
SHORT = {
    MoveOrderName.MAKE_BEFORE_BREAK: "mbb",
    MoveOrderName.BREAK_BEFORE_MAKE: "bbm",
    MoveOrderName.PREDICTED: "pred",
}
"""Orders as they are called in a narrow column."""
FEW = 3
"""Up to so many moves are drawn as bars."""
_PASS, _FAIL = Text("✓", style="bold green"), Text("✗", style="bold red")


def print_report(report: Report, console: Console | None = None) -> None:
    """Everything worth seeing, on one or two screens."""
    (console or Console()).print(rendered(report))


def rendered(report: Report) -> RenderableType:
    """The whole report as something rich can print."""
    parts: list[RenderableType] = [Line(_title(report), align="left")]
    if report.moves:
        parts += [moves_table(report.moves), "", paths_table(report.moves), ""]
        if any(move.addresses for move in report.moves):
            parts += [addresses_table(report.moves), ""]
        parts += _breakdown(report.moves)
    if report.routers:
        parts += ["", routers_table(report.routers)]
    if report.sessions:
        parts += ["", sessions_table(report.sessions)]
    parts += ["", _messages(report), ""]
    parts += [Text(f"  left over: {text}", style="yellow") for text in report.leftovers]
    parts += [_expectations(report)] if report.expectations else []
    parts += [Text(f"  {note}", style="dim") for note in report.notes]
    parts.append(_verdict(report))
    return Group(*parts)


def _title(report: Report) -> Text:
    title = Text(report.constellation, style="bold")
    where = "simulation" if report.runtime == "sim" else "laboratory"
    title.append(f"  {where}, {report.means}, {report.duration_s:g} s", style="not bold dim")
    if report.seed is not None:
        title.append(f", seed {report.seed}", style="not bold dim")
    if len(orders := {move.order for move in report.moves}) == 1:
        title.append(f", {orders.pop().replace('-', ' ')}", style="not bold dim")
    return title


def moves_table(moves: Sequence[Move]) -> Table:
    """One row a move: who, whither and what it cost; in which order, where orders differ."""
    orders_differ = len({move.order for move in moves}) > 1
    table = Table(box=None, padding=(0, 1), header_style="bold")
    for name in ("#", "mobile node", "move", *(("order",) if orders_differ else ())):
        table.add_column(name, no_wrap=True)
    for name in ("gap ms", "floor", "lost ↓", "lost ↑", "dup"):
        table.add_column(name, justify="right", no_wrap=True)
    for number, move in enumerate(moves, 1):
        table.add_row(
            str(number),
            move.mobile_node,
            f"{move.from_} → {move.to}",
            *((SHORT[move.order],) if orders_differ else ()),
            f"{move.downlink.gap_ms:.1f}",
            f"{move.floor_ms:.1f}",
            _of(move.downlink.lost, move.downlink.sent),
            _of(move.uplink.lost, move.uplink.sent),
            str(move.downlink.duplicated + move.uplink.duplicated),
        )
    return table


def paths_table(moves: Iterable[Move]) -> Table:
    """The ways that downlink packets took, each with the moves after which they took it."""
    after: dict[tuple[tuple[str, ...], float], list[str]] = {}
    for number, move in enumerate(moves, 1):
        after.setdefault((move.path_after, move.stretch_after), []).append(str(number))
        for port, path in move.path_by_port.items():
            after.setdefault((path, 0.0), []).append(f"{number} (port {port})")
    table = Table(box=None, padding=(0, 1), header_style="bold")
    table.add_column("downlink path")
    table.add_column("stretch", justify="right")
    table.add_column("after move")
    for (path, stretch), numbers in after.items():
        table.add_row(
            " → ".join(path) or "–", f"{stretch:.2f}" if stretch else "–", " ".join(numbers)
        )
    return table


def routers_table(routers: Iterable[RouterCost]) -> Table:
    """What mobility cost the routers that are not ours."""
    table = Table(box=None, padding=(0, 1), header_style="bold")
    table.add_column("router")
    table.add_column("software")
    for name in ("routes at most", "at the end", "changes", "interruptions"):
        table.add_column(name, justify="right")
    for one in routers:
        counts = (one.routes_at_most, one.routes_at_end, one.changes, one.interruptions)
        table.add_row(one.router, one.software, *map(str, counts))
    return table


def addresses_table(moves: Iterable[Move]) -> Table:
    """The addresses that mobile nodes had, and after which moves they were for which use."""
    after: dict[tuple[str, str], tuple[list[str], list[str]]] = {}
    for number, move in enumerate(moves, 1):
        for one in move.addresses:
            uses = after.setdefault((move.mobile_node, one.address), ([], []))
            uses[one.deprecated].append(str(number))
    table = Table(box=None, padding=(0, 1), header_style="bold")
    for name in ("mobile node", "address", "preferred after move", "deprecated after"):
        table.add_column(name)
    for (mobile_node, address), uses in sorted(after.items()):
        table.add_row(mobile_node, address, *(" ".join(numbers) or "–" for numbers in uses))
    return table


def _of(lost: int, sent: int) -> Text:
    if not sent:
        return Text("–", style="dim")
    return Text(f"{lost}/{sent}", style="green" if lost == 0 else "yellow")


def _breakdown(moves: Sequence[Move]) -> list[RenderableType]:
    """A few moves as bars, many as one table of milliseconds."""
    if len(moves) <= FEW:
        return [_steps(number, move) for number, move in enumerate(moves, 1)]
    names = dict.fromkeys(step.name for move in moves for step in move.steps)
    table = Table(box=None, padding=(0, 1), header_style="bold")
    table.add_column("ms since detection")
    for number in range(1, len(moves) + 1):
        table.add_column(f"#{number}", justify="right")
    for name in names:
        taken = ({step.name: step.milliseconds for step in move.steps} for move in moves)
        table.add_row(name, *(f"{at[name]:.1f}" if name in at else "–" for at in taken))
    return [table]


def _steps(number: int, move: Move) -> RenderableType:
    """The steps as bars on one time scale, zero at the attachment's detection."""
    if not move.steps:
        return Text()
    low = min(0.0, *(step.milliseconds for step in move.steps))
    high = max(move.floor_ms, *(step.milliseconds for step in move.steps))
    scale = BAR_WIDTH / ((high - low) or 1.0)
    table = Table(
        box=None,
        show_header=False,
        padding=(0, 1),
        title=f"move {number}: {move.from_} → {move.to}",
        title_justify="left",
        title_style="bold",
    )
    table.add_column(justify="right")
    table.add_column()
    table.add_column(justify="right")
    table.add_column(style="dim")
    for step in move.steps:
        place = min(BAR_WIDTH - 1, round((step.milliseconds - low) * scale))
        colour = "green" if step.name == "downlink flowing" else "cyan"
        bar = Text("─" * place, style="dim").append("●", style=colour)
        table.add_row(step.name, bar, f"{step.milliseconds:.2f} ms", step.node)
    return table


def sessions_table(sessions: Iterable[Session]) -> Table:
    """One row a session: did it live through all the moves?"""
    sessions = list(sessions)
    chosen = _addresses_differ(sessions)
    table = Table(box=None, padding=(0, 1), header_style="bold")
    for name in ("", "session", "between", *(("address",) if chosen else ())):
        table.add_column(name)
    for name in ("bytes", "longest stall"):
        table.add_column(name, justify="right")
    table.add_column()
    for session in sessions:
        table.add_row(
            _PASS if session.survived else _FAIL,
            f"{session.kind} {session.family} {session.direction}",
            f"{session.correspondent} – {session.mobile_node}",
            *((session.address,) if chosen else ()),
            f"{session.bytes:,}".replace(",", " "),
            f"{session.longest_stall_ms:.1f} ms",
            Text(session.detail, style="dim"),
        )
    return table


def _addresses_differ(sessions: Iterable[Session]) -> bool:
    """Whether a mobile node used several addresses of one family: worth a column."""
    used: dict[tuple[str, str], set[str]] = {}
    for session in sessions:
        used.setdefault((session.mobile_node, session.family), set()).add(session.address)
    return any(len(addresses) > 1 for addresses in used.values())


def _messages(report: Report) -> Text:
    counts = [f"{point} {count}" for point, count in report.messages.items()]
    return Text("  messages: " + (", ".join(counts) or "none"), style="dim")


def _expectations(report: Report) -> Table:
    table = Table(box=None, padding=(0, 1), show_header=False)
    for outcome in report.expectations:
        mark = _PASS if outcome.passed else _FAIL
        table.add_row(mark, outcome.text, Text(outcome.found, style="dim"))
    return table


def _verdict(report: Report) -> Text:
    if not report.expectations:
        return Text("nothing was expected, so nothing was checked", style="yellow")
    if report.passed:
        return Text("as expected", style="bold green")
    failed = sum(not outcome.passed for outcome in report.expectations)
    return Text(f"{failed} of {len(report.expectations)} expectations failed", style="bold red")
