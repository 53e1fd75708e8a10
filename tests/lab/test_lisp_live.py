"""LISP on the kernel: a Map-Server, a tunnel router that asks or has subscribed, two anchors."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from standing import needs_namespaces

from opendmm.constellation.reading import load_deployment
from opendmm.lab.run import LabRun, run_lab
from opendmm.report.report import Move, Report

EXAMPLES = Path(__file__).parents[2] / "examples"
REGISTER, NOTIFY, NOTIFY_ACK, REQUEST, REPLY = "3", "4", "5", "1", "2"

pytestmark = [pytest.mark.lab, pytest.mark.timeout(120), needs_namespaces]


def attachments(*moves: tuple[str, str], **how: Any) -> list[dict[str, Any]]:
    return [{"at": at, "mobile_node": "mn1", "to": anchor, **how} for at, anchor in moves]


def example(name: str, moves: list[dict[str, Any]], **scenario: Any) -> dict[str, Any]:
    file: dict[str, Any] = yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text())
    file["constellation"] = f"t-{name}"
    file["scenario"] |= {"attachments": moves, **scenario}
    return file


def run(tmp_path: Path, file: dict[str, Any], **more: Any) -> Report:
    path = tmp_path / "file.yaml"
    path.write_text(yaml.safe_dump(file, sort_keys=False))
    return run_lab(load_deployment(path), path, progress=lambda _line: None, **more)


def failed(report: Report) -> list[str]:
    return [f"{one.text}: {one.found}" for one in report.expectations if not one.passed]


def follows(move: Move) -> float:
    name = "ingress policy installed"
    return next(one.milliseconds for one in move.steps if one.name == name)


def test_who_has_subscribed_follows_every_move_at_once(tmp_path: Path) -> None:
    moves = attachments(
        ("0s", "anchor-a"), ("1.5s", "anchor-b"), ("2.1s", "anchor-a"), ("2.7s", "anchor-b"),
        ("3.3s", "anchor-a"),
    )  # fmt: skip
    peers: list[dict[str, Any]] = []

    def ask(running: LabRun) -> None:
        peers.extend(running.daemons.ask("map-server", "show", table="peers"))

    captures = tmp_path / "captures"
    file = example("lisp-pubsub", moves, duration="5s")
    report = run(tmp_path, file, finished=ask, pcap=captures)
    assert failed(report) == []
    assert all(follows(move) < 100.0 for move in report.moves)
    by_lisp = {row["peer"]: row for row in peers if row["binding"] == "lisp"}
    assert set(by_lisp) == {"itr", "anchor-a", "anchor-b"}
    assert all(row["reachable"] and not row["refused"] for row in by_lisp.values())
    assert not [row for row in peers if row["binding"] == "native" and row["received"]]
    wireshark_reads(captures)


def wireshark_reads(captures: Path) -> None:
    """Control messages at the Map-Server, encapsulated packets at the tunnel router."""
    control = captures / "map-server.pcap"
    assert tshark(control, "_ws.malformed") == []
    kinds = {kind for (kind,) in tshark(control, "lisp", "lisp.type")}
    assert {REGISTER, NOTIFY, NOTIFY_ACK} <= kinds
    data = captures / "itr.pcap"
    assert tshark(data, "_ws.malformed && udp.port == 4341") == []
    inner = {tuple(row) for row in tshark(data, "lisp-data", "ipv6.dst")}
    assert any("2001:db8:a::100" in addresses for (addresses,) in inner)


def test_who_asks_is_solicited_and_packets_go_by_the_former_anchor_meanwhile(
    tmp_path: Path,
) -> None:
    """The second move is within three seconds of the first: RFC 9301 §6.1."""
    moves = attachments(("0s", "anchor-a"), ("1.5s", "anchor-b"), ("3.0s", "anchor-a"))
    expected = {
        "sessions_survive": True,
        "lost_at_most": 0,
        "duplicated_at_most": 0,
        "nothing_left": True,
        "paths": [{"move": 1, "touches": ["itr", "anchor-b"], "avoids": ["anchor-a"]}],
    }
    captures = tmp_path / "captures"
    file = example("lisp", moves, duration="7s", expect=expected)
    report = run(tmp_path, file, pcap=captures)
    assert failed(report) == []
    first, second = report.moves
    assert follows(first) < 100.0
    assert follows(second) > 1000.0
    control = captures / "map-server.pcap"
    assert tshark(control, "_ws.malformed") == []
    solicited = tshark(control, "lisp.mreq.flags.smr == 1")
    assert 2 <= len(solicited) <= 4  # two families, two moves
    assert {kind for (kind,) in tshark(control, "lisp.type == 2", "lisp.type")} == {REPLY}


def test_sessions_live_on_when_the_map_server_is_killed_in_mid_move(tmp_path: Path) -> None:
    moves = attachments(("0s", "anchor-a"), ("1.5s", "anchor-b"), ("4.5s", "anchor-a"))
    faults = [{"at": "1.502s", "kind": "kill", "node": "map-server", "lasts": "1s"}]
    expected = {"sessions_survive": True, "lost_at_most": 0, "nothing_left": True}
    file = example("lisp-pubsub", moves, duration="9s", faults=faults, expect=expected)
    assert failed(run(tmp_path, file)) == []


def tshark(capture: Path, display: str, *fields: str) -> list[list[str]]:
    command = ["tshark", "-n", "-r", str(capture), "-Y", display, "-T", "fields"]
    command += [argument for field in (fields or ("frame.number",)) for argument in ("-e", field)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return [line.split("\t") for line in lines]
