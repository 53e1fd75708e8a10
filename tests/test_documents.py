"""What the documents say to type works, and what they say it prints is what it prints."""

import doctest
import re
import shlex
from pathlib import Path

import pytest

from documents import DOCUMENTS, README, ROOT, examples, run
from opendmm.cli.main import run as dmm

QUICK = ("dmm check ", "dmm sim run ")
"""Commands that need no privileges, take a second and print the same every time."""

COMMANDS = sorted(
    {
        part.strip()
        for document in DOCUMENTS
        for example in examples(document.read_text(encoding="utf-8"))
        for part in example.command.split("|")
        if part.strip().startswith("dmm ")
    }
)


def test_the_readme_has_a_tour() -> None:
    assert len(COMMANDS) > 3


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_in_a_document_can_be_typed(command: str) -> None:
    # Help is given only when everything before it could be understood.
    assert dmm([*shlex.split(command)[1:], "--help"]) == 0


@pytest.mark.parametrize(
    ("command", "output"),
    [
        example
        for example in examples(README.read_text(encoding="utf-8"))
        if example.command.startswith(QUICK)
    ],
)
def test_output_in_the_readme_is_in_step(command: str, output: str) -> None:
    assert run(command) == output, "run make docs"


@pytest.mark.parametrize(
    "picture", sorted((ROOT / "docs" / "img").glob("*.svg")), ids=lambda picture: picture.stem
)
def test_a_picture_is_in_step(picture: Path, tmp_path: Path) -> None:
    drawn = tmp_path / picture.name
    assert dmm(["draw", str(ROOT / "examples" / f"{picture.stem}.yaml"), "-o", str(drawn)]) == 0
    assert drawn.read_bytes() == picture.read_bytes(), "run make docs"


@pytest.mark.parametrize(
    "document",
    [document for document in DOCUMENTS if ">>> " in document.read_text(encoding="utf-8")],
    ids=lambda document: document.name,
)
def test_every_example_in_python_runs(document: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    result = doctest.testfile(str(document), module_relative=False, encoding="utf-8")
    assert result.attempted > 0
    assert result.failed == 0


def test_every_test_that_a_document_names_exists() -> None:
    there = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    named = {
        name for document in DOCUMENTS for name in re.findall(r"`(test_\w+)`", document.read_text())
    }
    assert sorted(name for name in named if f"def {name}(" not in there) == []


def test_every_constellation_that_a_document_names_exists() -> None:
    named = {
        name
        for document in DOCUMENTS
        for name in re.findall(r"\bexamples/[\w.-]+\.yaml", document.read_text(encoding="utf-8"))
    }
    assert {name for name in named if not (ROOT / name).exists()} == set()
