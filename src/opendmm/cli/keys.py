"""`dmm keys`: the keys, certificates and signed registry of a deployment."""

import time
from pathlib import Path

import click

from opendmm.authority.material import generate, write
from opendmm.cli.errors import BadInputError
from opendmm.constellation.bgp import session_associations
from opendmm.constellation.reading import ConstellationError, load_deployment
from opendmm.constellation.roles import mobility_associations, registered_roles

DAY = 86400.0


@click.command()
@click.argument("constellation", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--days", type=click.IntRange(1), default=365, show_default=True, help="How long they are good."
)
def keys(constellation: Path, folder: Path, days: int) -> None:
    """Make the keys and certificates for every node of CONSTELLATION in FOLDER.

    A node needs ca.pem, registry.cwt and its own folder under nodes/ (a mobile node with a
    client: under mobile-nodes/). ca-key.pem stays with whoever runs the deployment.
    """
    if folder.exists() and any(folder.iterdir()):
        raise BadInputError(f"{folder} is not empty: name a new folder, keys are never overwritten")
    try:
        deployment = load_deployment(constellation)
    except ConstellationError as error:
        raise BadInputError(str(error)) from error
    clients = [s.mobile_node for s in deployment.subscribers.values() if s.client]
    material = generate(
        deployment.name,
        registered_roles(deployment),
        clients,
        now=time.time(),
        lifetime=days * DAY,
        associations=mobility_associations(deployment),
        sessions=session_associations(deployment),
    )
    write(material, folder)
    click.echo(f"{folder}: {len(material.nodes)} nodes, {len(material.mobile_nodes)} mobile nodes")
