"""`dmm draw`: a constellation as a picture, in the manner of the draft's figures."""

from pathlib import Path

import click

from opendmm.cli.errors import BadInputError
from opendmm.constellation.reading import ConstellationError, load_deployment
from opendmm.drawing.svg import draw as drawn


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the SVG to this file instead of standard output.",
)
def draw(file: Path, output: Path | None) -> None:
    """Draw the constellation of FILE as SVG: nodes, entities, reference points, links."""
    try:
        picture = drawn(load_deployment(file))
    except ConstellationError as error:
        raise BadInputError(str(error)) from error
    if output is None:
        click.echo(picture, nl=False)
    else:
        output.write_text(picture, encoding="utf-8")
