"""Asking all daemons of a run directory the same question at once."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click
import msgspec

from opendmm.cli.errors import ExitCode
from opendmm.node.control import SUFFIX, ControlError, ask
from opendmm.node.settings import DEFAULT_RUN

run_dir_option = click.option(
    "--run-dir",
    type=click.Path(path_type=Path),
    default=DEFAULT_RUN,
    show_default=True,
    help="Where the daemons' control sockets are (subfolders too).",
)


class NoDaemonError(click.ClickException):
    """Nobody answers: there is nothing to look at."""

    exit_code = ExitCode.NOTHING_TO_CHECK


class Answers(msgspec.Struct):
    """What the daemons said, and why some did not; both by the daemon's name."""

    given: dict[str, Any]
    refused: dict[str, str]

    def complain(self) -> None:
        """Name on stderr who did not answer."""
        for name, why in sorted(self.refused.items()):
            click.echo(f"dmm: {name}: {why}", err=True)


def ask_all(run_dir: Path, question: str, **particulars: object) -> Answers:
    """Put a question to every daemon under `run_dir`. Raises NoDaemonError."""
    sockets = {path.name.removesuffix(SUFFIX): path for path in sorted(_sockets(run_dir))}
    if not sockets:
        raise NoDaemonError(f"no daemon has a control socket under {run_dir}: is one running?")
    with ThreadPoolExecutor(max_workers=min(32, len(sockets))) as pool:
        told = pool.map(lambda path: _ask(path, question, particulars), sockets.values())
        answers = Answers({}, {})
        for name, (answer, why) in zip(sockets, told, strict=True):
            if why:
                answers.refused[name] = why
            else:
                answers.given[name] = answer
    if not answers.given:
        answers.complain()
        raise NoDaemonError(f"no daemon under {run_dir} answers")
    return answers


def _sockets(run_dir: Path) -> list[Path]:
    return [path for path in run_dir.rglob(f"*{SUFFIX}") if path.is_socket()]


def _ask(path: Path, question: str, particulars: dict[str, object]) -> tuple[Any, str]:
    try:
        return ask(path, question, particulars), ""
    except PermissionError:
        raise
    except ConnectionRefusedError:
        return None, "is not running (its socket is left over)"
    except TimeoutError:
        return None, "does not answer (stopped, or very busy)"
    except (OSError, ControlError) as error:
        return None, str(error)
