"""Proxy Mobile IPv6 on the wire: read by Wireshark, daemons killed, its socket attacked."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from standing import needs_namespaces

from opendmm.constellation.reading import load_deployment
from opendmm.lab.namespaces import Namespaces, execute
from opendmm.lab.run import LabRun, run_lab
from opendmm.model.identity import NodeId
from opendmm.report.report import Report

EXAMPLE = Path(__file__).parents[2] / "examples" / "pmipv6.yaml"
HOME_ADDRESS = "2001:db8:a:1::1"
DAEMONS = ("lma-a", "lma-b", "mag-1", "mag-2", "mag-3")
EXCHANGED = {"5", "6", "13", "14", "15", "16", "19", "20"}
"""MH types of the example: PBU, PBA, Heartbeat, HI, HAck, BRI and BRA, UPN, UPA."""
NOT_KNOWN_TO_TSHARK = {"19", "20"}
"""RFC 7077: tshark 4.0 has no dissector for their data, and shows them as unknown."""
ROUTER, ROUTER_LINK_LAYER = "fe80::200:5eff:fe00:5213", "00:00:5e:00:52:13"

pytestmark = [pytest.mark.lab, pytest.mark.timeout(150), needs_namespaces]


def run(
    tmp_path: Path,
    name: str,
    changes: dict[str, Any] | None = None,
    finished: Callable[[LabRun], None] = lambda _run: None,
    pcap: Path | None = None,
) -> Report:
    file = yaml.safe_load(EXAMPLE.read_text()) | {"constellation": name}
    file["scenario"] |= changes or {}
    path = tmp_path / "file.yaml"
    path.write_text(yaml.safe_dump(file))
    deployment = load_deployment(path)
    return run_lab(deployment, path, progress=lambda _: None, finished=finished, pcap=pcap)


def tshark(capture: Path, display: str, *fields: str) -> list[list[str]]:
    command = ["tshark", "-n", "-r", str(capture), "-Y", display, "-T", "fields"]
    command += [argument for field in fields for argument in ("-e", field)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return [line.split("\t") for line in lines]


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_wireshark_reads_every_packet_and_the_mobile_node_is_a_plain_host(tmp_path: Path) -> None:
    captures = tmp_path / "captures"
    report = run(tmp_path, "t-pmip", pcap=captures)
    assert report.passed, [outcome for outcome in report.expectations if not outcome.passed]

    for capture in sorted(captures.glob("*.pcap")):
        malformed = tshark(capture, "_ws.malformed", "frame.number", "mip6.mhtype")
        assert not [kind for _, kind in malformed if kind not in NOT_KNOWN_TO_TSHARK], capture.name
    seen = {
        kind
        for anchor in ("lma-a", "lma-b")
        for (kind,) in tshark(captures / f"{anchor}.pcap", "mipv6 && !icmpv6", "mip6.mhtype")
    }
    assert seen == EXCHANGED

    routers = {
        tuple(addresses)
        for addresses in tshark(
            captures / "mn1.pcap", "icmpv6.type == 134", "ipv6.src", "sll.src.eth"
        )
    }
    assert routers == {(ROUTER, ROUTER_LINK_LAYER)}
    assert all([a.address for a in move.addresses] == [HOME_ADDRESS] for move in report.moves)
    assert {s.survived for s in report.sessions} == {True}


@pytest.mark.parametrize("victims", [("lma-a", "mag-3")])
def test_sessions_resume_and_nothing_is_left_when_daemons_are_killed_in_mid_move(
    victims: tuple[str, ...], tmp_path: Path
) -> None:
    random = Random(7)
    attachments = [{"at": "0s", "mobile_node": "mn1", "to": "mag-1"}]
    faults = []
    for number, to in enumerate(("mag-2", "mag-3", "mag-2", "mag-1")):
        at = 2.0 + 2.5 * number
        attachments.append({"at": f"{at}s", "mobile_node": "mn1", "to": to})
        moment = f"{at + random.uniform(0, 0.015):.4f}s"
        victim = victims[number % 2]
        faults.append({"at": moment, "kind": "kill", "node": victim, "lasts": "300ms"})
    audits: dict[str, Any] = {}

    def ask(running: LabRun) -> None:
        audits.update({name: running.daemons.ask(name, "audit") for name in DAEMONS})

    changes = {
        "attachments": attachments,
        "faults": faults,
        "duration": "14s",
        "expect": {"sessions_survive": True, "nothing_left": True},
    }
    report = run(tmp_path, f"t-kill-{victims[0]}", changes, finished=ask)
    assert report.passed, [outcome for outcome in report.expectations if not outcome.passed]
    assert not any(audit["differences"] for audit in audits.values()), audits


ATTACK = """
import os, socket, sys
source, target = sys.argv[1:]
raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, 135)
raw.bind((source, 0))
header = bytes((59, 1, 5, 0)) + bytes(12)
for octets in [header, bytes(1400), *(os.urandom(n) for n in range(8, 1400, 7))]:
    raw.sendto(octets, (target, 0))
"""


def test_garbage_at_the_socket_is_counted_logged_once_and_changes_nothing(tmp_path: Path) -> None:
    seen: dict[str, Any] = {}

    def attack(running: LabRun) -> None:
        def bindings() -> str:
            return json.dumps(running.daemons.ask("lma-a", "show", table="bindings"), default=str)

        namespaces = Namespaces(running.deployment.name)
        target = str(running.deployment.nodes[NodeId("lma-a")].locator)
        before = bindings()
        for attacker in ("mag-1", "cn"):
            source = str(running.deployment.nodes[NodeId(attacker)].locator)
            execute(namespaces.name(attacker), "python3", "-c", ATTACK, source, target)
        log = (running.daemons.folder / "log" / "lma-a.log").read_text()
        peers = running.daemons.ask("lma-a", "show", table="peers")
        seen.update(same=bindings() == before, log=log, peers=peers)

    short = {
        "duration": "1500ms",
        "attachments": [{"at": "0s", "mobile_node": "mn1", "to": "mag-1"}],
        "expect": {"sessions_survive": True},
    }
    report = run(tmp_path, "t-attack", short, finished=attack)
    assert report.passed
    assert seen["same"]
    refused = {
        row["peer"]: row["refused"] for row in seen["peers"] if row.get("binding") == "pmipv6"
    }
    assert refused["mag-1"] > 100
    assert seen["log"].count("message-malformed") == 1
    strangers = [line for line in seen["log"].splitlines() if "stranger" in line]
    assert len(strangers) == 1
