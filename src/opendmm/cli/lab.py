"""`dmm lab`: a constellation in network namespaces, with live traffic, on real forwarding."""

import os
import signal
import sys
from pathlib import Path

import click
import msgspec

from opendmm.cli.errors import BadInputError, EnvironmentLacksError, ExitCode
from opendmm.cli.output import Output, output_option
from opendmm.cli.reporting import (
    deliver,
    for_a_person,
    ladder_option,
    report_option,
    show_ladder,
    writable,
)
from opendmm.constellation.deployment import Deployment
from opendmm.constellation.reading import ConstellationError, load_deployment
from opendmm.lab import by_hand
from opendmm.lab.by_hand import Condition
from opendmm.lab.errors import LabError
from opendmm.lab.namespaces import Namespaces
from opendmm.lab.privileges import (
    Footing,
    enter_user_namespace,
    footing,
    in_user_namespace,
)
from opendmm.lab.run import LabRun, run_lab
from opendmm.node.programs import look_where_administrators_do
from opendmm.report.evidence import Evidence


@click.group()
def lab() -> None:
    """Run a constellation in network namespaces."""
    look_where_administrators_do()


@lab.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--pcap",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write every node's packets to this folder, one file a node.",
)
@output_option
@report_option
@ladder_option
@click.option("--keep", is_flag=True, help="Leave everything up for a look (see: dmm lab down).")
def run(
    file: Path,
    pcap: Path | None,
    output: Output,
    places: tuple[Path, ...],
    ladder: int | None,
    keep: bool,
) -> int:
    """Carry out the scenario of FILE on this machine's kernel and print the report.

    Ends with 0 when every expectation held, 1 when one failed, 2 when there was none.
    """
    deployment = _deployment(file)
    if deployment.scenario is None:
        raise BadInputError(f"{file} has no scenario: add one to run it")
    for_a_person(ladder, output)
    writable(*places)
    _stand_on_firm_ground(keep=keep)
    # The laboratory is taken down however the run ends.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    finished: list[LabRun] = []
    try:
        report = run_lab(
            deployment, file, progress=_progress, pcap=pcap, keep=keep, finished=finished.append
        )
    except LabError as error:
        raise EnvironmentLacksError(str(error)) from error
    (ran,) = finished
    evidence = Evidence(report=report, moves=ran.moves, flows=ran.flows, trace=ran.trace)
    code = deliver(evidence, output, places)
    show_ladder(evidence, ladder)
    return code


@lab.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def up(file: Path) -> None:
    """Bring FILE's network and daemons up, mobile nodes at home, and leave them so."""
    deployment = _deployment(file)
    _stand_on_firm_ground(keep=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        by_hand.up(deployment, file, _progress)
    except LabError as error:
        raise EnvironmentLacksError(str(error)) from error


@lab.command()
@click.argument("laboratory")
@click.argument("mobile_node")
@click.argument("anchor")
def move(laboratory: str, mobile_node: str, anchor: str) -> None:
    """Move MOBILE_NODE of LABORATORY to ANCHOR, make before break."""
    try:
        by_hand.move(laboratory, mobile_node, anchor)
    except LabError as error:
        raise BadInputError(str(error)) from error


@lab.command(name="exec", context_settings={"ignore_unknown_options": True})
@click.argument("laboratory")
@click.argument("node")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def execute(laboratory: str, node: str, command: tuple[str, ...]) -> None:
    """Run COMMAND in the network of NODE of LABORATORY."""
    try:
        namespace = by_hand.namespace_of(laboratory, node)
    except LabError as error:
        raise BadInputError(str(error)) from error
    os.execvp("ip", ["ip", "netns", "exec", namespace, *command])


@lab.command()
@output_option
def status(output: Output) -> int:
    """Say which laboratories are on this machine. Ends with 2 when there is none."""
    found = by_hand.standings()
    if output is Output.JSON:
        click.echo(msgspec.json.encode(found))
        return ExitCode.AS_EXPECTED if found else ExitCode.NOTHING_TO_CHECK
    for one in found:
        click.echo(f"{one.name}: {one.condition}; nodes {', '.join(one.nodes)}")
    if not found:
        _progress("no laboratory is up")
    return ExitCode.AS_EXPECTED if found else ExitCode.NOTHING_TO_CHECK


@lab.command()
@click.argument("names", nargs=-1)
def down(names: tuple[str, ...]) -> None:
    """Take away laboratories that were kept or left behind (NAMES; all of them if none given)."""
    found = [one.name for one in by_hand.standings() if one.condition is not Condition.RUNNING]
    unknown = sorted(set(names) - set(found))
    if unknown:
        there = ", ".join(found) or "none"
        raise BadInputError(f"no laboratory {unknown[0]} was kept or left; there are: {there}")
    for name in names or found:
        Namespaces(name).remove()
        _progress(f"{name}: gone")
    if not found:
        _progress("nothing to take away")


def _deployment(file: Path) -> Deployment:
    try:
        deployment = load_deployment(file)
    except ConstellationError as error:
        raise BadInputError(str(error)) from error
    return deployment


def _stand_on_firm_ground(*, keep: bool) -> None:
    """As an ordinary user go on inside a user namespace."""
    try:
        standing = footing()
    except LabError as error:
        raise EnvironmentLacksError(str(error)) from error
    if standing is Footing.USER_NAMESPACE:
        who = "an ordinary user" if os.geteuid() else "root without the right to namespaces"
        _progress(f"{who}: going on in a user namespace")
        enter_user_namespace(sys.argv[1:])
    if keep and in_user_namespace():
        raise BadInputError("this needs root: a user namespace ends with its program")


def _progress(line: str) -> None:
    click.echo(line, err=True)
