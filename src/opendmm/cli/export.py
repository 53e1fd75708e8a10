"""`dmm export`: the configuration of routers that are not ours."""

from pathlib import Path

import click

from opendmm.authority.material import MaterialError, write_private
from opendmm.cli.errors import BadInputError
from opendmm.constellation.bgp import speakers
from opendmm.constellation.deployment import Deployment
from opendmm.constellation.file import RouterSoftware
from opendmm.constellation.reading import ConstellationError, load_deployment
from opendmm.constellation.source_filters import filtering_routers
from opendmm.model.identity import NodeId
from opendmm.routers.export import configuration
from opendmm.routers.passwords import Passwords, passwords, placeholders
from opendmm.routers.source_filter import FILE, source_filter

NFTABLES = "nftables"


@click.command()
@click.argument("kind", type=click.Choice([*RouterSoftware, NFTABLES], case_sensitive=False))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--node", help="Only this node's; otherwise of every node that has such a file.")
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write OUTPUT/NODE/ and the usual file name, instead of standard output.",
)
@click.option(
    "--keys",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder made by `dmm keys`: the sessions' passwords are filled in. Needs -o; only the "
    "files' owner may read them.",
)
def export(
    kind: str,
    file: Path,
    node: str | None,
    output: Path | None,
    keys: Path | None,
) -> None:
    """Make the configuration of KIND for the routers of the constellation FILE.

    `bird`, `frr` and `gobgp` are for iBGP speakers with that software; `bird` includes the anchors:
    it announces for them. Without --keys there are placeholders where passwords belong, by which
    no session comes up. `nftables` is the source filter of routers that have one.
    """
    if keys is not None and output is None:
        raise BadInputError("passwords are not printed: say where to write them with -o FOLDER")
    try:
        deployment = load_deployment(file)
    except ConstellationError as error:
        raise BadInputError(str(error)) from error
    for name in _nodes(deployment, kind, node):
        usual, text = _made(deployment, kind, name, keys)
        if output is None:
            click.echo(text, nl=False)
            continue
        place = output / name / usual
        place.parent.mkdir(parents=True, exist_ok=True)
        write_private(place, text.encode())
        click.echo(str(place))


def _made(deployment: Deployment, kind: str, node: NodeId, keys: Path | None) -> tuple[str, str]:
    """A file's usual name, and its text."""
    if kind == NFTABLES:
        return FILE, source_filter(deployment, node)
    return configuration(deployment, node, _passwords(deployment, node, keys))


def _passwords(deployment: Deployment, node: NodeId, keys: Path | None) -> Passwords:
    if keys is None or not deployment.bgp.md5:
        return placeholders(deployment, node)
    try:
        return passwords(deployment, node, keys)
    except MaterialError as error:
        raise BadInputError(str(error)) from error


def _nodes(deployment: Deployment, kind: str, wanted: str | None) -> list[NodeId]:
    if kind == NFTABLES:
        found = list(filtering_routers(deployment))
        lacks, hint = "no router with a source filter", "give one `source_filter: true`"
    else:
        found = [name for name, its in speakers(deployment).items() if its == kind]
        lacks, hint = f"no speaker with {kind}", f"give a node `router: {kind}`"
    if not found:
        raise BadInputError(f"{deployment.name} has {lacks}: {hint}")
    if wanted is None:
        return found
    if wanted not in found:
        raise BadInputError(f"`{wanted}` has none of {kind}; these have: {', '.join(found)}")
    return [NodeId(wanted)]
