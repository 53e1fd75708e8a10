"""`dmm show`: what running daemons hold, as tables or JSON."""

import time
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from opendmm.cli.daemons import Answers, ask_all, run_dir_option

TABLES = ("bindings", "contexts", "policies", "deliveries", "peers")
REFRESH = 1.0
"""Seconds between two looks with --watch."""


@click.command()
@click.argument("table", type=click.Choice(TABLES))
@click.option("--watch", is_flag=True, help="Look again every second until interrupted.")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table")
@run_dir_option
def show(table: str, watch: bool, output: str, run_dir: Path) -> None:
    """Show what the daemons on this machine hold.

    bindings: FE_MA_C's cache; contexts: FE_MCTX and FE_IEC; policies: FE_I; deliveries: FE_E;
    peers: sessions with other nodes.
    """
    if not watch:
        _print_once(table, output, run_dir)
        return
    if output == "json":
        while True:
            _print_once(table, output, run_dir)
            time.sleep(REFRESH)
    with Live(auto_refresh=False, screen=True) as live:
        while True:
            live.update(_rendered(table, ask_all(run_dir, "show", table=table)), refresh=True)
            time.sleep(REFRESH)


def _print_once(table: str, output: str, run_dir: Path) -> None:
    answers = ask_all(run_dir, "show", table=table)
    answers.complain()
    if output == "json":
        click.echo(msgspec.json.encode(_rows(answers)))
    else:
        Console().print(_rendered(table, answers))


def _rows(answers: Answers) -> list[dict[str, Any]]:
    return [{"node": node, **row} for node, rows in answers.given.items() for row in rows]


def _rendered(table: str, answers: Answers) -> RenderableType:
    rows = _rows(answers)
    refused = [Text(f"{node}: {why}", style="yellow") for node, why in answers.refused.items()]
    if not rows:
        return Group(Text(f"no {table}", style="dim"), *refused)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    drawn = Table(box=None, padding=(0, 1), header_style="bold")
    for name in columns:
        drawn.add_column(name.replace("_", " ").removesuffix(" at"), overflow="fold")
    for row in rows:
        drawn.add_row(*(_cell(name, row.get(name)) for name in columns))
    return Group(drawn, *refused)


def _cell(name: str, value: Any) -> str:
    if value is None or value == "" or value == []:
        return "–"
    if name.endswith("_at") and isinstance(value, int | float):
        seconds = value - time.time()
        return f"in {seconds:.0f} s" if seconds >= 0 else f"{-seconds:.0f} s ago"
    if isinstance(value, list):
        return "\n".join(str(item) for item in value)
    return str(value)
