"""`dmm show`: what running daemons hold, as tables or JSON."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Group, RenderableType
from rich.live import Live
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from opendmm.cli.daemons import Answers, NoDaemonError, ask_all, run_dir_option
from opendmm.cli.output import Output, console, output_option, print_whole
from opendmm.cli.router_routes import routes_of_routers

TABLES = ("bindings", "contexts", "policies", "deliveries", "announcements", "routes", "peers")
REFRESH = 1.0
"""Seconds between two looks with --watch."""
Row = dict[str, str]
"""What a row says, by the heading of the column."""


@click.command()
@click.argument("table", type=click.Choice(TABLES))
@click.option("--watch", is_flag=True, help="Look again every second until interrupted.")
@click.option(
    "--constellation",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="routes: of this machine, a router of FILE where no daemon of ours runs.",
    metavar="FILE",
)
@output_option
@run_dir_option
def show(
    table: str, watch: bool, constellation: Path | None, output: Output, run_dir: Path
) -> None:
    """Show what the daemons on this machine hold.

    bindings: FE_MA_C's cache; contexts: FE_MCTX and FE_IEC; policies: FE_I; deliveries: FE_E;
    announcements: FE_IEC where it announces host routes; routes: how many mobility costs each
    node, and the routers of laboratories; peers: sessions with other nodes.
    """
    look = partial(_look, table, run_dir, constellation)
    if not watch:
        _print_once(table, output, look())
        return
    if output is Output.JSON:
        while True:
            _print_once(table, output, look())
            time.sleep(REFRESH)
    out = console()
    with Live(console=out, auto_refresh=False, screen=True) as live:
        while True:
            live.update(_looked(table, look, out.width), refresh=True)
            time.sleep(REFRESH)


def _look(table: str, run_dir: Path, constellation: Path | None) -> Answers:
    """What the daemons say, and of routes what kernels have where none of ours runs."""
    of_routers = routes_of_routers(constellation) if table == "routes" else {}
    try:
        answers = ask_all(run_dir, "show", table=table)
    except NoDaemonError:
        if not of_routers:
            raise
        return Answers(of_routers, {})
    answers.given |= of_routers
    return answers


def _print_once(table: str, output: Output, answers: Answers) -> None:
    answers.complain()
    rows = _rows(answers)
    if output is Output.JSON:
        click.echo(msgspec.json.encode(rows))
        return
    out = console()
    print_whole(_rendered(table, rows, out.width if out.is_terminal else None))


def _looked(table: str, look: Callable[[], Answers], width: int) -> RenderableType:
    """What --watch shows: who does not answer, too, or that there is nobody to ask (yet)."""
    try:
        answers = look()
    except NoDaemonError as nobody:
        return Text(nobody.message, style="yellow")
    refused = [Text(f"{node}: {why}", style="yellow") for node, why in answers.refused.items()]
    return Group(_rendered(table, _rows(answers), width), *refused)


def _rows(answers: Answers) -> list[dict[str, Any]]:
    return [{"node": node, **row} for node, rows in answers.given.items() for row in rows]


def _rendered(table: str, rows: list[dict[str, Any]], width: int | None) -> RenderableType:
    """A table, or where it is wider than there is room, a paragraph a row."""
    if not rows:
        return Text(f"no {table}", style="dim")
    told = [{_heading(name): _cell(name, value) for name, value in row.items()} for row in rows]
    drawn = _table(told)
    out = console()
    natural = Measurement.get(out, out.options.update(max_width=10_000), drawn).maximum
    return drawn if width is None or natural <= width else _paragraphs(told)


def _table(rows: list[Row]) -> Table:
    columns = list(dict.fromkeys(heading for row in rows for heading in row))
    drawn = Table(box=None, padding=(0, 1), header_style="bold")
    for heading in columns:
        drawn.add_column(heading, overflow="fold")
    for row in rows:
        drawn.add_row(*(row.get(heading) or "–" for heading in columns))
    return drawn


def _paragraphs(rows: list[Row]) -> RenderableType:
    """What is empty is left out."""
    parts: list[RenderableType] = []
    for row in rows:
        (_, node), *rest = row.items()
        drawn = Table(box=None, padding=(0, 1), show_header=False)
        drawn.add_column(style="dim", no_wrap=True)
        drawn.add_column(overflow="fold")
        for heading, value in rest:
            if value:
                drawn.add_row(heading, value)
        parts += [Text(node, style="bold"), drawn]
    return Group(*parts)


def _heading(name: str) -> str:
    return name.removesuffix("_at").replace("_", " ")


def _cell(name: str, value: Any) -> str:
    if value is None or value == "" or value == []:
        return ""
    if name.endswith("_at") and isinstance(value, int | float):
        seconds = value - time.time()
        return f"in {seconds:.0f} s" if seconds >= 0 else f"{-seconds:.0f} s ago"
    if isinstance(value, list):
        return "\n".join(str(item) for item in value)
    return str(value)
