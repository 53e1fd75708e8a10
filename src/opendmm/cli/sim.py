"""`dmm sim`: a constellation's scenario in virtual time, by the same entities as on routers."""

from pathlib import Path

import click

from opendmm.cli.errors import BadInputError
from opendmm.cli.output import Output, output_option, print_whole
from opendmm.cli.reporting import deliver, report_option, writable
from opendmm.constellation.reading import ConstellationError, load_deployment
from opendmm.report.evidence import Evidence
from opendmm.report.ladder import ladder as drawn_ladder
from opendmm.report.timeline import window_of
from opendmm.simulation.hosts import AssembledHosts
from opendmm.simulation.scenario import NothingToRunError, ScenarioRun


@click.group()
def sim() -> None:
    """Run a constellation in the simulator."""


@sim.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--seed", type=int, default=1, show_default=True, help="Of everything random.")
@output_option
@report_option
@click.option(
    "--ladder", type=click.IntRange(1), metavar="MOVE", help="Show every message of a move."
)
def run(file: Path, seed: int, output: Output, places: tuple[Path, ...], ladder: int | None) -> int:
    """Carry out the scenario of FILE and print its report.

    Ends with 0 when every expectation held, 1 when one failed, 2 when there was none.
    """
    writable(*places)
    if ladder is not None and output is Output.JSON:
        raise BadInputError("--ladder is for a person: leave -o json out")
    try:
        deployment = load_deployment(file)
        running = ScenarioRun(deployment, AssembledHosts(deployment), seed=seed)
    except (ConstellationError, NothingToRunError) as error:
        raise BadInputError(str(error)) from error
    report = running.run()
    moves, trace = running.moves, running.world.trace
    if ladder is not None and ladder > len(moves):
        raise BadInputError(f"there are {len(moves)} moves, no move {ladder}")
    evidence = Evidence(report=report, moves=moves, flows=running.flows, trace=trace)
    code = deliver(evidence, output, places)
    if ladder is not None:
        print_whole(drawn_ladder(trace, window_of(moves[ladder - 1])))
    return code
