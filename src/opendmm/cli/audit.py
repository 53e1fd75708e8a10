"""`dmm audit`: what each entity believes beside what the kernel has."""

from pathlib import Path
from typing import Any

import click
import msgspec
from rich.table import Table
from rich.text import Text

from opendmm.cli.daemons import Answers, ask_all, run_dir_option
from opendmm.cli.errors import ExitCode
from opendmm.cli.output import Output, output_option, print_whole


@click.command()
@click.option("--repair", is_flag=True, help="Make the kernel agree with the entities.")
@output_option
@run_dir_option
def audit(repair: bool, output: Output, run_dir: Path) -> int:
    """Compare what the entities believe with what the kernel has.

    Ends with 1 when they differ (with --repair: when they still do afterwards), or when a
    daemon does not answer.
    """
    found = ask_all(run_dir, "audit")
    found.complain()
    after, repaired = found, None
    if repair and _differences(found):
        repairs = ask_all(run_dir, "repair")
        repairs.complain()
        repaired = sum(repairs.given.values())
        after = ask_all(run_dir, "audit")
    agreed = not _differences(after) and not after.refused
    if output is Output.JSON:
        _print_json(found, after, repaired)
    else:
        _print(found, after, repaired)
    return ExitCode.AS_EXPECTED if agreed else ExitCode.EXPECTATION_FAILED


def _differences(answers: Answers) -> list[dict[str, Any]]:
    return [
        {"node": node, **difference}
        for node, answer in answers.given.items()
        for difference in answer["differences"]
    ]


def _print_json(found: Answers, after: Answers, repaired: int | None) -> None:
    told = {
        "rules": _rules(after),
        "nodes": sorted(after.given),
        "differences": _differences(found),
        "repaired": repaired,
        "unanswered": after.refused,
    }
    click.echo(msgspec.json.encode(told))


def _print(found: Answers, after: Answers, repaired: int | None) -> None:
    if _differences(found):
        print_whole(_table(found))
    if repaired is not None:
        click.echo(f"{_counted(repaired, 'rule')} repaired")
    where = f"{_counted(_rules(after), 'rule')} on {_counted(len(after.given), 'node')}"
    if remaining := len(_differences(after)):
        click.echo(f"{where}, {_counted(remaining, 'difference')}")
    else:
        click.echo(f"{where}, all as believed")


def _table(answers: Answers) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="bold")
    for name in ("node", "slot", "believed", "by", "in the kernel"):
        table.add_column(name, overflow="fold")
    for found in _differences(answers):
        kernel = Text(found["kernel"], style="yellow")
        table.add_row(
            found["node"], found["slot"], found["believed"], found["order"] or "–", kernel
        )
    return table


def _rules(answers: Answers) -> int:
    return sum(answer["slots"] for answer in answers.given.values())


def _counted(number: int, of_what: str) -> str:
    return f"{number} {of_what}{'' if number == 1 else 's'}"
