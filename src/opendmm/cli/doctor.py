"""`dmm doctor`: what this machine can run, and what to do about the rest."""

import click
import msgspec
from rich.table import Table
from rich.text import Text

from opendmm.cli.errors import EnvironmentLacksError, ExitCode
from opendmm.cli.output import Output, console, output_option
from opendmm.node.abilities import Ability, ExaminationError, examine


@click.command()
@output_option
@click.pass_context
def doctor(context: click.Context, output: Output) -> None:
    """Try what OpenDMM needs of this machine, and say what is missing and what that disables.

    Everything is tried in a network namespace of its own; the machine is left as it was.
    Ends with 4 when the laboratory cannot run.
    """
    try:
        abilities = examine()
    except ExaminationError as error:
        raise EnvironmentLacksError(str(error)) from error
    lacking = [ability for ability in abilities if ability.laboratory and ability.obstacle]
    if output is Output.JSON:
        click.echo(msgspec.json.encode({"laboratory": not lacking, "abilities": abilities}))
    else:
        _print(abilities, lacking)
    if lacking:
        context.exit(ExitCode.ENVIRONMENT_LACKS)


def _print(abilities: list[Ability], lacking: list[Ability]) -> None:
    table = Table(box=None, padding=(0, 1), show_header=False)
    for ability in abilities:
        if not ability.obstacle:
            table.add_row(Text("✓", style="green"), ability.name, "")
            continue
        mark = Text("✗", style="red") if ability.laboratory else Text("–", style="yellow")
        table.add_row(mark, ability.name, f"{ability.obstacle}; without it: {ability.disables}")
    out = console()
    out.print(table)
    if lacking:
        names = ", ".join(ability.name for ability in lacking)
        out.print(f"the laboratory cannot run here: {names}. `dmm sim` can.", style="bold")
    else:
        out.print("the laboratory can run here", style="bold")
