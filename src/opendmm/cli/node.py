"""`dmm node`: the daemon of one node."""

import asyncio
import sys
from pathlib import Path

import click

from opendmm.authority.material import MaterialError
from opendmm.bindings.native.listening import PortTakenError
from opendmm.bindings.native.tls import TlsError
from opendmm.cli.errors import BadInputError, EnvironmentLacksError
from opendmm.constellation.reading import ConstellationError
from opendmm.forwarding.kernel.errors import ForwardingUnavailableError
from opendmm.node.control import ControlError
from opendmm.node.launch import run_daemon
from opendmm.node.logs import start_logging
from opendmm.node.role import UnknownNodeError
from opendmm.node.settings import DEFAULT_CONFIG, SettingsError, read_settings
from opendmm.store.contract import StoreError

PATH = click.Path(path_type=str)


@click.command()
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help=f"Settings file; {DEFAULT_CONFIG} when no --constellation is given.",
)
@click.option("--constellation", type=PATH, help="The constellation file.")
@click.option("--node", "node_name", help="Which node of it this daemon is.")
@click.option("--mobile-node", is_flag=True, default=None, help="It is a mobile node's client.")
@click.option("--state-dir", type=PATH, help="Where facts are kept across restarts.")
@click.option("--material", type=PATH, help="Folder with keys, certificates and registry.")
@click.option("--control", type=PATH, help="Control socket.")
@click.option("--trace", type=PATH, help="Append the trace to this file, as JSON lines.")
@click.option(
    "--remove-forwarding/--leave-forwarding",
    default=None,
    help="On a clean stop: take our rules out of the kernel, or leave them (the default).",
)
def node(config: Path | None, node_name: str | None, **given: object) -> None:
    """Run the daemon of one node until SIGTERM; SIGHUP reads everything again.

    Options override the settings file. Writes `ready` when it is.
    """
    if config is None and given["constellation"] is None:
        config = DEFAULT_CONFIG
    try:
        settings = read_settings(config, {"node": node_name, **given})
        start_logging(settings.node, sys.stderr)
        asyncio.run(run_daemon(settings))
    except (
        SettingsError,
        ConstellationError,
        MaterialError,
        TlsError,
        UnknownNodeError,
        ControlError,
    ) as error:
        raise BadInputError(str(error)) from error
    except (StoreError, ForwardingUnavailableError, PortTakenError) as error:
        raise EnvironmentLacksError(str(error)) from error
