"""`dmm export`: the configuration of routers that are not ours."""

from pathlib import Path

import click

from opendmm.authority.material import MaterialError, write_private
from opendmm.cli.errors import BadInputError
from opendmm.constellation.bgp import speakers
from opendmm.constellation.deployment import Deployment
from opendmm.constellation.file import RouterSoftware
from opendmm.constellation.reading import ConstellationError, load_deployment
from opendmm.model.identity import NodeId
from opendmm.routers.export import configuration
from opendmm.routers.passwords import Passwords, passwords, placeholders


@click.command()
@click.argument("software", type=click.Choice(RouterSoftware, case_sensitive=False))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--node", help="Only this node's; otherwise of every node with that software.")
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write OUTPUT/NODE/ and the daemon's usual file name, instead of standard output.",
)
@click.option(
    "--keys",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder made by `dmm keys`: the sessions' passwords are filled in. Needs -o; only the "
    "files' owner may read them.",
)
def export(
    software: RouterSoftware,
    file: Path,
    node: str | None,
    output: Path | None,
    keys: Path | None,
) -> None:
    """Make the configuration of SOFTWARE for the iBGP speakers of the constellation FILE.

    `bird` includes the anchors: it announces for them. Without --keys there are placeholders
    where passwords belong, by which no session comes up.
    """
    if keys is not None and output is None:
        raise BadInputError("passwords are not printed: say where to write them with -o FOLDER")
    try:
        deployment = load_deployment(file)
    except ConstellationError as error:
        raise BadInputError(str(error)) from error
    for name in _nodes(deployment, software, node):
        usual, text = configuration(deployment, name, _passwords(deployment, name, keys))
        if output is None:
            click.echo(text, nl=False)
            continue
        place = output / name / usual
        place.parent.mkdir(parents=True, exist_ok=True)
        write_private(place, text.encode())
        click.echo(str(place))


def _passwords(deployment: Deployment, node: NodeId, keys: Path | None) -> Passwords:
    if keys is None or not deployment.bgp.md5:
        return placeholders(deployment, node)
    try:
        return passwords(deployment, node, keys)
    except MaterialError as error:
        raise BadInputError(str(error)) from error


def _nodes(deployment: Deployment, software: RouterSoftware, wanted: str | None) -> list[NodeId]:
    found = [name for name, its in speakers(deployment).items() if its is software]
    if not found:
        hint = f"give a node `router: {software}`"
        raise BadInputError(f"{deployment.name} has no speaker with {software}: {hint}")
    if wanted is None:
        return found
    if wanted not in found:
        raise BadInputError(f"`{wanted}` does not run {software}; these do: {', '.join(found)}")
    return [NodeId(wanted)]
