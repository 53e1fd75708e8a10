"""Configurations of routers that are not ours: as written down, and as their daemons read them."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from mixed_routers import mixed, resolved
from opendmm.cli.export import export
from opendmm.constellation.file import RouterSoftware
from opendmm.model.identity import NodeId
from opendmm.routers.export import configuration

GOLDEN = Path(__file__).parent / "golden"
FILES = {
    "bird-anchor.conf": ("bird", "anchor-b"),
    "bird-reflector.conf": ("bird", "rr"),
    "bird-router.conf": ("bird", "edge"),
    "frr-reflector.conf": ("frr", "rr"),
    "frr-router.conf": ("frr", "agg-a"),
    "gobgp-reflector.yaml": ("gobgp", "rr"),
}
"""Golden file: software of the reflector, and whose configuration it is. All can be written
anew with `dmm export`; read what changes."""
PARSERS = {
    RouterSoftware.BIRD: ("bird", "-p", "-c"),
    RouterSoftware.FRR: ("vtysh", "-C", "-f"),
    RouterSoftware.GOBGP: ("gobgpd", "-d", "-t", "yaml", "-f"),
}


@pytest.mark.parametrize("name", FILES)
def test_configurations_are_as_written_down(name: str) -> None:
    reflector, node = FILES[name]
    text = configuration(resolved(mixed(reflector=reflector)), NodeId(node))[1]
    assert text == (GOLDEN / name).read_text()


@pytest.mark.parametrize("reflector", RouterSoftware)
@pytest.mark.parametrize("reflected", [True, False])
def test_the_daemons_understand_every_configuration(
    reflector: RouterSoftware, reflected: bool, tmp_path: Path
) -> None:
    file = mixed(reflector=reflector)
    if not reflected:
        del file["bgp"]
        if reflector is RouterSoftware.GOBGP:
            pytest.skip("GoBGP can only reflect")
    deployment = resolved(file)
    for node, software in (("rr", reflector), ("anchor-a", RouterSoftware.BIRD)):
        name, text = configuration(deployment, NodeId(node))
        (tmp_path / name).write_text(text)
        understood(software, tmp_path / name)


def understood(software: RouterSoftware, file: Path) -> None:
    program, *options = PARSERS[software]
    path = shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if path is None:
        pytest.skip(f"{program} is not installed")
    read = subprocess.run([path, *options, str(file)], capture_output=True, text=True)
    assert read.returncode == 0, read.stdout + read.stderr


def test_a_pool_of_one_family_alone_makes_a_configuration(tmp_path: Path) -> None:
    file = mixed(reflector="frr")
    for name in ("anchor-a", "anchor-b"):
        file["nodes"][name]["pools"] = file["nodes"][name]["pools"][:1]
    file["mobile_nodes"] = {}
    deployment = resolved(file)
    for node, software in (("rr", RouterSoftware.FRR), ("anchor-a", RouterSoftware.BIRD)):
        name, text = configuration(deployment, NodeId(node))
        (tmp_path / name).write_text(text)
        understood(software, tmp_path / name)


def exported(tmp_path: Path, *arguments: str, **how: Any) -> tuple[int, str]:
    file = tmp_path / "mixed.yaml"
    file.write_text(yaml.safe_dump(mixed(**how), sort_keys=False))
    software, *options = arguments
    result = CliRunner().invoke(export, [software, str(file), *options])
    return result.exit_code, result.output


def test_export_writes_a_folder_for_each_node(tmp_path: Path) -> None:
    code, output = exported(tmp_path, "bird", "-o", str(tmp_path / "out"))
    assert code == 0
    nodes = ("edge", "rr", "agg-b", "anchor-a", "anchor-b")
    assert output.split() == [str(tmp_path / "out" / node / "bird.conf") for node in nodes]
    assert (tmp_path / "out/rr/bird.conf").read_text().startswith("# BIRD 2 on rr of mixed")


def test_export_prints_one_node(tmp_path: Path) -> None:
    code, output = exported(tmp_path, "frr", "--node", "agg-a")
    assert code == 0
    assert output == (GOLDEN / "frr-router.conf").read_text()


def test_export_names_who_runs_the_software(tmp_path: Path) -> None:
    code, output = exported(tmp_path, "frr", "--node", "edge")
    assert (code, "agg-a" in output) == (3, True)
    code, output = exported(tmp_path, "gobgp")
    assert (code, "no speaker with gobgp" in output) == (3, True)
