"""How `dmm` ends: its exit codes, and one clear line instead of a traceback."""

import subprocess
import sys

import click
import pytest

from opendmm import __version__
from opendmm.cli import main as cli
from opendmm.cli.errors import BadInputError, EnvironmentLacksError


def ending_with(error: Exception) -> click.Command:
    @click.command()
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (BadInputError("give a file"), 3, "dmm: give a file\n"),
        (EnvironmentLacksError("no nft"), 4, "dmm: no nft\n"),
        (FileNotFoundError(2, "No such file", "x.yaml"), 3, "dmm: x.yaml: No such file\n"),
        (OSError(28, "No space left on device"), 4, "dmm: No space left on device\n"),
        (PermissionError(1, "Operation not permitted"), 4, "dmm: not permitted: "),
        (RuntimeError("boom"), 70, "dmm: defect in opendmm, RuntimeError: boom"),
    ],
)
def test_every_error_ends_in_one_line_and_its_code(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    code: int,
    line: str,
) -> None:
    monkeypatch.delenv("OPENDMM_TRACEBACK", raising=False)
    monkeypatch.setitem(cli.SUBCOMMANDS, "show", (f"{__name__}:failing", ""))
    monkeypatch.setattr(sys.modules[__name__], "failing", ending_with(error), raising=False)

    assert cli.run(["show"]) == code

    said = capsys.readouterr().err
    assert said.startswith(line)
    assert said.count("\n") == 1


def test_an_unknown_command_is_bad_input() -> None:
    assert cli.run(["no-such-command"]) == 3


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out == f"dmm {__version__}\n"


def test_help_names_every_command_and_imports_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(f"  {name} " in said for name in cli.SUBCOMMANDS)

    heavy = "msgspec", "rich", "yaml", "pyroute2", "cryptography"
    program = (
        "import sys; from opendmm.cli.main import run; run(['--help']); "
        f"print([m for m in {heavy} if m in sys.modules], file=sys.stderr)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ended.stderr.strip() == "[]"
