"""Distributed Proxy Mobile IPv6 on the kernel: MAARs and CMD, in all three modes."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from standing import needs_namespaces

from opendmm.constellation.file import DatabaseMode
from opendmm.constellation.reading import load_deployment
from opendmm.lab.run import LabRun, run_lab
from opendmm.report.report import Move, Report

EXAMPLE = Path(__file__).parents[2] / "examples" / "pmipv6-rfc8885.yaml"
OF_A, OF_B, OF_C = (f"2001:db8:{name}::1" for name in ("a:1", "b:1000", "c:1000"))
PBU, PBA = "5", "6"
TRIP_MS = 40.0
CONTEXT = "context and grant received"

pytestmark = [pytest.mark.lab, pytest.mark.timeout(120), needs_namespaces]


def example(mode: DatabaseMode, **changes: Any) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text())
    content |= {"constellation": f"t-{mode}", "rfc8885": {"mode": str(mode)}}
    return content | changes


def run(folder: Path, content: dict[str, Any], asked: list[dict[str, Any]]) -> Report:
    path = folder / "file.yaml"
    path.write_text(yaml.safe_dump(content))

    def ask(running: LabRun) -> None:
        asked.extend(running.daemons.ask("cmd", "show", table="peers"))

    return run_lab(load_deployment(path), path, progress=lambda _line: None, finished=ask)


@pytest.mark.parametrize("mode", DatabaseMode)
def test_nothing_is_lost_while_both_links_are_up(mode: DatabaseMode, tmp_path: Path) -> None:
    peers: list[dict[str, Any]] = []
    report = run(tmp_path, example(mode), peers)
    assert report.passed, [e.text for e in report.expectations if not e.passed]
    assert {session.address for session in report.sessions} == {OF_A, OF_B, OF_C}
    assert all(session.survived for session in report.sessions)
    last = {address.address: address.deprecated for address in report.moves[-1].addresses}
    assert last == {OF_A: False, OF_B: True, OF_C: True}
    by_header = {row["peer"]: row for row in peers if row["binding"] == "rfc8885"}
    assert set(by_header) == {"maar-a", "maar-b", "maar-c"}
    assert all(row["sent"] and row["received"] for row in by_header.values())
    assert not any(row["refused"] for row in by_header.values())


def slow(mode: DatabaseMode) -> dict[str, Any]:
    """Break before make over delayed links; every trip between two nodes takes TRIP_MS."""
    content = example(mode)
    for link in content["links"]:
        if "cn" not in link["between"]:
            link["delay"] = f"{TRIP_MS / 2:g}ms"
    moves = [("0s", "maar-a"), ("1.5s", "maar-b"), ("2.5s", "maar-a"), ("3.5s", "maar-b")]
    content["scenario"] = {
        "duration": "4.5s",
        "attachments": [
            {"at": at, "mobile_node": "mn1", "to": to, "order": "break-before-make"}
            for at, to in moves
        ],
        "traffic": [{"kind": "udp", "correspondent": "cn", "mobile_node": "mn1"}],
        "expect": {"sessions_survive": True},
    }
    return content


def away(report: Report) -> Iterator[Move]:
    return (move for move in report.moves if move.to == "maar-b")


@pytest.mark.slow
def test_the_modes_differ_by_their_trips(tmp_path: Path) -> None:
    """RFC 8885 §3.3, §3.4: proxy before locator before relay, each by one trip."""
    trips = {DatabaseMode.PROXY: 2, DatabaseMode.LOCATOR: 3, DatabaseMode.RELAY: 4}
    for mode, number in trips.items():
        report = run(tmp_path, slow(mode), [])
        assert report.passed
        assert {move.floor_ms for move in away(report)} == {(number + 3) * TRIP_MS}
        # The better of two moves: how busy the machine is, is not at issue.
        quickest = min(
            step.milliseconds
            for move in away(report)
            for step in move.steps
            if step.name == CONTEXT
        )
        assert number * TRIP_MS <= quickest < (number + 1) * TRIP_MS
        gap = min(move.downlink.gap_ms for move in away(report))
        assert (number + 3) * TRIP_MS <= gap + 1


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_wireshark_reads_every_packet_of_the_database(tmp_path: Path) -> None:
    """Options 65 to 70 and the notifications of RFC 7077 it shows as unknown."""
    path, captures = tmp_path / "file.yaml", tmp_path / "captures"
    path.write_text(yaml.safe_dump(example(DatabaseMode.LOCATOR, constellation="t-shark")))
    deployment = load_deployment(path)
    run_lab(deployment, path, progress=lambda _line: None, pcap=captures)
    capture = captures / "cmd.pcap"
    assert tshark(capture, "_ws.malformed") == []
    kinds = {kind for (kind,) in tshark(capture, "mipv6 && !icmpv6", "mip6.mhtype")}
    assert {PBU, PBA} <= kinds
    senders = {sender for (sender,) in tshark(capture, f"mip6.mhtype == {PBU}", "ipv6.src")}
    speaking = [plan for plan in deployment.nodes.values() if len(plan.entities) > 1]
    assert senders == {str(plan.locator) for plan in speaking}


def tshark(capture: Path, display: str, *fields: str) -> list[list[str]]:
    command = ["tshark", "-n", "-r", str(capture), "-Y", display, "-T", "fields"]
    command += [argument for field in (fields or ("frame.number",)) for argument in ("-e", field)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return [line.split("\t") for line in lines]
