"""Runs end with a report: printed, and written to files that a person names beforehand."""

import os
from pathlib import Path

import click

from opendmm.cli.errors import BadInputError
from opendmm.cli.output import Output, console, print_whole
from opendmm.report.evidence import Evidence
from opendmm.report.ladder import ladder
from opendmm.report.page import page
from opendmm.report.render import print_report
from opendmm.report.report import to_json
from opendmm.report.timeline import window_of

report_option = click.option(
    "--report",
    "places",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the report to this file, too: FILE.html as a page with the timeline of every "
    "message, any other as JSON. Repeatable.",
)


ladder_option = click.option(
    "--ladder", type=click.IntRange(1), metavar="MOVE", help="Show every message of a move."
)


def for_a_person(number: int | None, output: Output) -> None:
    """A ladder is. Raises BadInputError now rather than after the run."""
    if number is not None and output is Output.JSON:
        raise BadInputError("--ladder is for a person: leave -o json out")


def show_ladder(evidence: Evidence, number: int | None) -> None:
    """Print the messages of the move of that number, if one is wanted. Raises BadInputError."""
    if number is None:
        return
    moves = evidence.moves
    if number > len(moves):
        raise BadInputError(f"there are {len(moves)} moves, no move {number}")
    print_whole(ladder(evidence.trace, window_of(moves[number - 1])))


def writable(*places: Path) -> None:
    """Raises BadInputError now rather than after the run."""
    for place in places:
        folder = place.parent
        if not folder.is_dir():
            raise BadInputError(f"cannot write {place}: {folder} is no folder")
        if not os.access(place if place.exists() else folder, os.W_OK):
            raise BadInputError(f"cannot write {place}: not permitted")


def deliver(evidence: Evidence, output: Output, places: tuple[Path, ...]) -> int:
    """Print the report, write it to the places, and give the run's exit code. Raises OSError."""
    report = evidence.report
    if output is Output.JSON:
        click.echo(to_json(report), nl=False)
    else:
        print_report(report, console())
    for place in places:
        if place.suffix.lower() in (".html", ".htm"):
            place.write_text(page(evidence), encoding="utf-8")
        else:
            place.write_bytes(to_json(report))
    return report.exit_code
