"""The repository itself: what is committed, what the documents say, what the lock holds."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import opendmm
from documents import DOCUMENTS, ROOT
from opendmm.constellation.reading import load_deployment

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


HOSTS = {
    "creativecommons.org",
    "datatracker.ietf.org",
    "example.org",
    "json-schema.org",
    "keepachangelog.com",
    "semver.org",
    "www.apache.org",
    "www.rfc-editor.org",
    "www.w3.org",
}
"""All that a tracked file may link to: standards and licences, never where a package is from."""

HOME_FOLDERS = re.compile("|".join(f"(?<![\\w.])/{name}/" for name in ("work", "root", "home")))
"""Folders of one machine."""

REGISTRIES = re.compile(r"\b(?:pypi|pythonhosted|registry\.npmjs|deb\.debian)\.(?:org|com)\b")
"""Where packages come from, with or without a scheme: each machine has its own mirror."""


def tracked() -> list[Path]:
    """Every file that git tracks and that is still there."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    files = (ROOT / name for name in listed.stdout.split("\0") if name)
    return [file for file in files if file.is_file()]


def as_text(file: Path) -> str:
    """The content of a text file, nothing of a binary one."""
    octets = file.read_bytes()
    return "" if b"\0" in octets else octets.decode("utf-8")


def locked() -> dict[str, str]:
    """The blocks of the lock by package name, each with its pin and hashes."""
    blocks = re.split(r"\n(?=\S)", (ROOT / "requirements.lock").read_text(encoding="utf-8"))
    return {canonicalize_name(block.split("==")[0]): block for block in blocks}


def test_no_tracked_file_names_a_host_but_those_of_standards() -> None:
    found = {
        f"{file.relative_to(ROOT)}: {host}"
        for file in tracked()
        for host in re.findall(r"(?:https?|git|ssh)://([\w.-]+)", as_text(file))
        if host not in HOSTS
    }
    assert not found


def test_no_tracked_file_names_a_folder_of_one_machine() -> None:
    found = {
        f"{file.relative_to(ROOT)}: {match.group()}"
        for file in tracked()
        for match in HOME_FOLDERS.finditer(as_text(file))
    }
    assert not found


def test_no_tracked_file_names_a_package_registry() -> None:
    found = {
        f"{file.relative_to(ROOT)}: {match.group()}"
        for file in tracked()
        for match in REGISTRIES.finditer(as_text(file))
    }
    assert not found


def test_every_example_is_a_constellation_without_mistakes() -> None:
    examples = [file for file in tracked() if file.parent == ROOT / "examples"]
    assert examples
    for example in examples:
        assert load_deployment(example).nodes, example.name


def test_the_index_of_documents_is_complete() -> None:
    index = as_text(ROOT / "docs" / "README.md")
    documents = [file for file in tracked() if file.parent == ROOT / "docs"]
    unlisted = {file.name for file in documents if f"]({file.name})" not in index}
    assert unlisted <= {"README.md"}


def test_every_make_target_that_a_document_names_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
    named = {
        (document.name, target)
        for document in DOCUMENTS
        for target in re.findall(r"(?:`|^\s{4}|^\$ )make ([a-z]+)", as_text(document), re.MULTILINE)
    }
    assert {target for _, target in named} >= {"demo", "test"}
    assert {(document, target) for document, target in named if target not in targets} == set()


def test_every_file_that_a_document_links_to_exists() -> None:
    missing = {
        f"{document.relative_to(ROOT)}: {link}"
        for document in DOCUMENTS
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", as_text(document))
        if "://" not in link and not (document.parent / link).exists()
    }
    assert not missing


def test_the_lock_is_in_step_with_the_declared_dependencies() -> None:
    project = PYPROJECT["project"]
    wanted = [
        *project["dependencies"],
        *project["optional-dependencies"]["dev"],
        *PYPROJECT["build-system"]["requires"],
    ]
    pins = locked()
    for text in wanted:
        requirement = Requirement(text)
        block = pins.get(canonicalize_name(requirement.name))
        assert block is not None, f"{requirement} is not locked: run make lock"
        pin = Requirement(block.splitlines()[0].removesuffix("\\").strip())
        (exact,) = pin.specifier
        assert requirement.specifier.contains(exact.version), f"{pin} is not {requirement}"


def test_every_pin_of_the_lock_has_a_hash() -> None:
    assert [name for name, block in locked().items() if "--hash=sha256:" not in block] == []


def test_the_changelog_knows_the_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert PYPROJECT["project"]["version"] == opendmm.__version__
    assert f"## [{opendmm.__version__}]" in changelog


def test_ci_runs_the_command_of_the_readme_and_the_checks() -> None:
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.findall(r"^make (\w+)$", ci, re.MULTILINE) == ["test", "check"]
