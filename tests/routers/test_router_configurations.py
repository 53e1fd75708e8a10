"""Configurations of routers that are not ours: as written down, and as their daemons read them."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from mixed_routers import mixed, resolved
from opendmm.authority.material import load_session_keys
from opendmm.cli.export import export
from opendmm.cli.keys import keys as make_keys
from opendmm.constellation.bgp import speakers
from opendmm.constellation.deployment import Deployment
from opendmm.constellation.file import RouterSoftware
from opendmm.model.identity import NodeId
from opendmm.routers.export import configuration
from opendmm.routers.passwords import placeholders
from opendmm.routers.source_filter import source_filter

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


def written(deployment: Deployment, node: str) -> tuple[str, str]:
    """As `dmm export` prints it, with placeholders for passwords."""
    return configuration(deployment, NodeId(node), placeholders(deployment, NodeId(node)))


@pytest.mark.parametrize("name", FILES)
def test_configurations_are_as_written_down(name: str) -> None:
    reflector, node = FILES[name]
    text = written(resolved(mixed(reflector=reflector)), node)[1]
    assert text == (GOLDEN / name).read_text()


def filtering() -> dict[str, Any]:
    file = mixed()
    file["nodes"]["agg-b"]["source_filter"] = True
    return file


def test_source_filters_are_as_written_down() -> None:
    text = source_filter(resolved(filtering()), NodeId("agg-b"))
    assert text == (GOLDEN / "sources.nft").read_text()


def test_a_source_filter_without_grace_has_no_sets() -> None:
    file = filtering()
    file["bgp"]["uplink_grace"] = "0s"
    text = source_filter(resolved(file), NodeId("agg-b"))
    assert "fib saddr . iif oif exists accept\n" in text
    assert "  set " not in text


def test_a_locator_out_of_a_pool_makes_no_second_interval() -> None:
    file = filtering()
    file["nodes"]["anchor-b"]["locator"] = "2001:db8:b:ffff::1"
    text = source_filter(resolved(file), NodeId("agg-b"))
    assert "ip6 saddr { 2001:db8:b::/48, fd00:c:6::2/128 } accept" in text


def test_export_writes_source_filters_of_routers_that_have_one(tmp_path: Path) -> None:
    file = tmp_path / "filtering.yaml"
    file.write_text(yaml.safe_dump(filtering(), sort_keys=False))
    result = CliRunner().invoke(export, ["nftables", str(file), "--node", "agg-b"])
    assert (result.exit_code, result.output) == (0, (GOLDEN / "sources.nft").read_text())
    result = CliRunner().invoke(export, ["nftables", str(file), "--node", "agg-a"])
    assert (result.exit_code, "these have: agg-b" in result.output) == (3, True)
    code, output = exported(tmp_path, "nftables")
    assert (code, "no router with a source filter" in output) == (3, True)


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
        name, text = written(deployment, node)
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
        name, text = written(deployment, node)
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


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """The material of the constellation, as `dmm keys` makes it."""
    file = tmp_path / "for-keys.yaml"
    file.write_text(yaml.safe_dump(mixed(), sort_keys=False))
    result = CliRunner().invoke(make_keys, [str(file), str(tmp_path / "material")])
    assert result.exit_code == 0
    return tmp_path / "material"


def test_export_fills_passwords_in_which_only_the_owner_reads(tmp_path: Path, keys: Path) -> None:
    code, output = exported(
        tmp_path, "frr", "--node", "agg-a", "-o", str(tmp_path), "--keys", str(keys)
    )
    assert code == 0
    password = load_session_keys(keys, NodeId("agg-a"))[NodeId("rr")]
    assert password.hex() not in output
    written_there = tmp_path / "agg-a/frr.conf"
    assert written_there.read_text().count(f"password {password.hex()}\n") == 2
    assert written_there.stat().st_mode & 0o777 == 0o600
    exported(tmp_path, "bird", "--node", "rr", "-o", str(tmp_path), "--keys", str(keys))
    assert (tmp_path / "rr/bird.conf").read_text().count(password.hex()) == 2


def test_export_does_not_print_passwords(tmp_path: Path, keys: Path) -> None:
    code, output = exported(tmp_path, "frr", "--keys", str(keys))
    assert (code, "-o" in output) == (3, True)


def test_keys_of_another_constellation_are_refused(tmp_path: Path, keys: Path) -> None:
    options = ["--node", "agg-a", "-o", str(tmp_path), "--keys", str(keys)]
    (keys / "nodes/agg-a/bgp-keys.json").write_text('{"someone": "' + "00" * 16 + '"}')
    code, output = exported(tmp_path, "frr", *options)
    assert (code, "no key for BGP between agg-a and rr" in output) == (3, True)


def test_placeholders_differ_at_the_two_ends_of_a_session() -> None:
    deployment = resolved(mixed())
    everywhere = [
        password
        for node in speakers(deployment)
        for password in placeholders(deployment, node).values()
    ]
    assert len(everywhere) == len(set(everywhere)) > 1


@pytest.mark.parametrize("reflector", RouterSoftware)
def test_protection_can_be_left_to_others(reflector: RouterSoftware) -> None:
    file = mixed(reflector=reflector)
    file["bgp"] |= {"md5": False, "ttl_security": False}
    for node in ("rr", "anchor-a"):
        text = written(resolved(file), node)[1]
        assert not any(word in text for word in ("KEY-OF", "password", "ttl", "multihop"))
