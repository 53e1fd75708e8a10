"""`dmm sim`: a constellation's scenario in virtual time, by the same entities as on routers."""

from pathlib import Path

import click
from rich.console import Console

from opendmm.cli.errors import BadInputError
from opendmm.constellation.reading import ConstellationError, load_deployment
from opendmm.report.ladder import ladder as drawn_ladder
from opendmm.report.render import print_report
from opendmm.report.report import to_json
from opendmm.report.timeline import window_of
from opendmm.simulation.hosts import AssembledHosts
from opendmm.simulation.scenario import NothingToRunError, ScenarioRun


@click.group()
def sim() -> None:
    """Run a constellation in the simulator."""


@sim.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--seed", type=int, default=1, show_default=True, help="Of everything random.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option(
    "--report",
    "report_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the report as JSON to this file, too.",
)
@click.option(
    "--ladder", type=click.IntRange(1), metavar="MOVE", help="Show every message of a move."
)
def run(file: Path, seed: int, as_json: bool, report_path: Path | None, ladder: int | None) -> int:
    """Carry out the scenario of FILE and print its report.

    Ends with 0 when every expectation held, 1 when one failed, 2 when there was none.
    """
    try:
        deployment = load_deployment(file)
        running = ScenarioRun(deployment, AssembledHosts(deployment), seed=seed)
    except (ConstellationError, NothingToRunError) as error:
        raise BadInputError(str(error)) from error
    report = running.run()
    if report_path is not None:
        report_path.write_bytes(to_json(report))
    if as_json:
        click.echo(to_json(report), nl=False)
    else:
        print_report(report)
    if ladder is not None:
        if ladder > len(running.moves):
            raise BadInputError(f"there are {len(running.moves)} moves, no move {ladder}")
        Console().print(
            drawn_ladder(
                running.world.trace, window_of(running.deployment, running.moves[ladder - 1])
            )
        )
    return report.exit_code
