"""`dmm`: the table of subcommands, and how every command ends.

Nothing but click is imported until a subcommand is called, so `dmm --help` is quick. A
subcommand raises (see `opendmm.cli.errors`) or ends with an exit code of its own; a person
never sees a traceback unless OPENDMM_TRACEBACK is set.
"""

import errno
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from opendmm import __version__
from opendmm.cli.errors import ExitCode

SUBCOMMANDS: dict[str, tuple[str, str]] = {
    "check": ("opendmm.cli.check:check", "Validate a constellation and reason about it."),
    "export": ("opendmm.cli.export:export", "Make the configuration of routers."),
    "draw": ("opendmm.cli.draw:draw", "Draw a constellation as SVG."),
    "lab": ("opendmm.cli.lab:lab", "Run a constellation in network namespaces."),
    "sim": ("opendmm.cli.sim:sim", "Run a constellation in the simulator."),
    "node": ("opendmm.cli.node:node", "Run the daemon of one node."),
    "keys": ("opendmm.cli.keys:keys", "Make the keys and certificates of a deployment."),
    "show": ("opendmm.cli.show:show", "Show what running daemons hold."),
    "audit": ("opendmm.cli.audit:audit", "Compare what entities believe with the kernel."),
    "trace": ("opendmm.cli.trace:trace", "Tell the story of a mobile node's last moves."),
    "doctor": ("opendmm.cli.doctor:doctor", "Say what this machine can and cannot run."),
}
"""Name: where the command is, and its line in `dmm --help`."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    # The context is click's to give, not ours to need.
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in SUBCOMMANDS:
            return None
        module, _, attribute = SUBCOMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}:{attribute} is no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_) for name, (_, help_) in SUBCOMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 as expected, 1 an expectation failed, 2 nothing to check, "
    "3 bad input, 4 the environment lacks something.",
)
@click.version_option(__version__, prog_name="dmm", message="%(prog)s %(version)s")
def dmm() -> None:
    """Distributed Mobility Management: check, draw, run and watch a constellation."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run `dmm` and end the process with one of the exit codes."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run `dmm`; the exit code."""
    try:
        ended = dmm.main(arguments, prog_name="dmm", standalone_mode=False)
    except click.UsageError as error:
        error.show()
        return ExitCode.BAD_INPUT
    except click.ClickException as error:
        _say(error.format_message())
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        _say("interrupted")
        return 130
    except BrokenPipeError:
        # The reader of our output has gone; keep the interpreter from flushing into it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.AS_EXPECTED
    except OSError as error:
        return _ended_by_system(error)
    except Exception as error:  # noqa: BLE001  the last resort of the process: one line, no trace
        kind = type(error).__name__
        said = f"defect in opendmm, {kind}: {error} (set OPENDMM_TRACEBACK=1 to see where)"
        return _ended_by(error, ExitCode.DEFECT, said)
    return ended if isinstance(ended, int) else ExitCode.AS_EXPECTED


def _ended_by_system(error: OSError) -> int:
    """Where it failed and why; what is not in the machine's power is no bad input."""
    reason = error.strerror or str(error)
    said = f"{error.filename}: {reason}" if error.filename else reason
    if isinstance(error, PermissionError):
        said = f"not permitted: {said}"
    lacks = isinstance(error, PermissionError) or error.errno in (errno.ENOSPC, errno.EDQUOT)
    return _ended_by(error, ExitCode.ENVIRONMENT_LACKS if lacks else ExitCode.BAD_INPUT, said)


def _ended_by(error: Exception, code: ExitCode, said: str) -> int:
    if os.environ.get("OPENDMM_TRACEBACK"):
        raise error
    _say(said)
    return code


def _say(message: str) -> None:
    click.echo(f"dmm: {message}", err=True)
