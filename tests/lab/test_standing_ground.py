"""On what the laboratory can stand: root, a user namespace, or a reason why not."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from opendmm.lab import privileges
from opendmm.lab.errors import EnvironmentLacksError
from opendmm.lab.privileges import TRIAL, Footing, footing
from opendmm.node.programs import look_where_administrators_do

DEMO = Path(__file__).parents[2] / "scripts" / "demo"


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A machine with all programs where nothing is permitted; its settings."""
    settings: dict[str, str] = {}
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(privileges, "_works", lambda *_command: False)
    monkeypatch.setattr(privileges, "_setting", lambda name: settings.get(name, ""))
    monkeypatch.delenv(privileges.INSIDE, raising=False)
    return settings


@pytest.mark.parametrize(
    ("setting", "value", "advice"),
    [
        ("user.max_user_namespaces", "0", "set it to 10000"),
        ("kernel.unprivileged_userns_clone", "0", "set it to 1"),
        ("kernel.apparmor_restrict_unprivileged_userns", "1", "set it to 0"),
    ],
)
def test_the_setting_that_forbids_user_namespaces_is_named(
    machine: dict[str, str], setting: str, value: str, advice: str
) -> None:
    machine[setting] = value
    with pytest.raises(EnvironmentLacksError) as refused:
        footing()
    assert f"sysctl {setting} is {value}: {advice}" in str(refused.value)


def test_where_no_setting_forbids_it_the_failing_command_is_named(
    machine: dict[str, str],
) -> None:
    machine["user.max_user_namespaces"] = "96365"
    with pytest.raises(EnvironmentLacksError, match=r"unshare .* fails: is this a container"):
        footing()


@pytest.mark.usefixtures("machine")
def test_root_without_the_right_to_namespaces_goes_on_in_a_user_namespace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(privileges, "_works", lambda *command: list(command) == TRIAL)
    assert footing() is Footing.USER_NAMESPACE
    monkeypatch.setenv(privileges.INSIDE, "1")
    with pytest.raises(EnvironmentLacksError):
        footing()


@pytest.mark.parametrize("program", ["ip", "unshare"])
def test_a_missing_program_is_named_with_its_package(
    program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None if name == program else "/bin/x")
    with pytest.raises(EnvironmentLacksError, match=f"program {program} is missing: install"):
        footing()


def test_programs_of_administrators_are_found_by_ordinary_users(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/usr/sbin")
    look_where_administrators_do()
    look_where_administrators_do()
    assert os.environ["PATH"] == "/usr/bin:/usr/sbin:/usr/local/sbin:/sbin"


def demo(folder: Path, laboratory: int, simulator: int) -> tuple[int, list[str]]:
    """Run the demo with a stand-in for Python that ends with these codes."""
    stand_in = folder / "python"
    stand_in.write_text(
        f'#!/bin/sh\necho "$3 $4 $5"\n[ "$3" = lab ] && exit {laboratory}\nexit {simulator}\n'
    )
    stand_in.chmod(0o755)
    ended = subprocess.run([DEMO, stand_in], capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout.splitlines()


def test_the_demo_runs_in_the_simulator_where_the_laboratory_cannot_and_says_so(
    tmp_path: Path,
) -> None:
    code, lines = demo(tmp_path, laboratory=4, simulator=0)
    assert code == 0
    assert lines.index("lab run examples/cooperative.yaml") < lines.index(
        "sim run examples/cooperative.yaml"
    )
    assert "== cooperative: SIMULATED instead, the same file in virtual time" in lines
    assert "condensed, SIMULATED: as expected" in lines


def test_the_demo_fails_where_an_example_does(tmp_path: Path) -> None:
    code, lines = demo(tmp_path, laboratory=1, simulator=0)
    assert code == 1
    assert "cooperative, laboratory: NOT as expected (exit code 1)" in lines
    assert not [line for line in lines if line.startswith("sim")]
