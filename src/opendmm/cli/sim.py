"""`dmm sim`: a constellation's scenario in virtual time, by the same entities as on routers."""

from pathlib import Path

import click

from opendmm.cli.errors import BadInputError
from opendmm.cli.output import Output, output_option
from opendmm.cli.reporting import (
    deliver,
    for_a_person,
    ladder_option,
    report_option,
    show_ladder,
    writable,
)
from opendmm.constellation.reading import ConstellationError, load_deployment
from opendmm.report.evidence import Evidence
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
@ladder_option
def run(file: Path, seed: int, output: Output, places: tuple[Path, ...], ladder: int | None) -> int:
    """Carry out the scenario of FILE and print its report.

    Ends with 0 when every expectation held, 1 when one failed, 2 when there was none.
    """
    writable(*places)
    for_a_person(ladder, output)
    try:
        deployment = load_deployment(file)
        running = ScenarioRun(deployment, AssembledHosts(deployment), seed=seed)
    except (ConstellationError, NothingToRunError) as error:
        raise BadInputError(str(error)) from error
    report = running.run()
    evidence = Evidence(
        report=report, moves=running.moves, flows=running.flows, trace=running.world.trace
    )
    code = deliver(evidence, output, places)
    show_ladder(evidence, ladder)
    return code
