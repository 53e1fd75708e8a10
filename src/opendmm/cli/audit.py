"""`dmm audit`: what each entity believes beside what the kernel has."""

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from opendmm.cli.daemons import Answers, ask_all, run_dir_option
from opendmm.cli.errors import ExitCode


@click.command()
@click.option("--repair", is_flag=True, help="Make the kernel agree with the entities.")
@run_dir_option
@click.pass_context
def audit(context: click.Context, repair: bool, run_dir: Path) -> None:
    """Compare what the entities believe with what the kernel has.

    Ends with 1 when they differ (with --repair: when they still do afterwards).
    """
    console = Console()
    answers = ask_all(run_dir, "audit")
    answers.complain()
    if _differ(answers):
        console.print(_differences(answers))
        if repair:
            repaired = ask_all(run_dir, "repair")
            repaired.complain()
            console.print(f"{sum(repaired.given.values())} slots repaired")
            answers = ask_all(run_dir, "audit")
    slots = sum(answer["slots"] for answer in answers.given.values())
    if _differ(answers) or answers.refused:
        context.exit(ExitCode.EXPECTATION_FAILED)
    console.print(f"{slots} rules on {len(answers.given)} nodes, all as believed")


def _differ(answers: Answers) -> bool:
    return any(answer["differences"] for answer in answers.given.values())


def _differences(answers: Answers) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="bold")
    for name in ("node", "slot", "believed", "by", "in the kernel"):
        table.add_column(name, overflow="fold")
    for node, answer in answers.given.items():
        for found in answer["differences"]:
            table.add_row(
                node, found["slot"], found["believed"], found["order"] or "–", found["kernel"]
            )
    return table
