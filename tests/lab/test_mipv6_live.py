"""Mobile IPv6 on the wire: read by Wireshark, daemons killed, its sockets attacked."""

import json
import shutil
import subprocess
import sys
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

EXAMPLES = Path(__file__).parents[2] / "examples"
HOME_ADDRESS = "2001:db8:a::100"
DAEMONS = ("ha-a", "ha-b", "mn1")
OURS = "_ws.malformed && !udp && !tcp"
"""What payload looks like to a dissector depends on the ports it happens to have."""
HOTI_TO_BA = {"1", "2", "3", "4", "5", "6"}
"""MH types of RFC 6275 but BRR and BE."""

APART = 5
"""Seconds between moves: a Binding Update that found its home agent dead is sent again after 1.5 s
at most and then after three (RFC 6275 §11.8)."""

pytestmark = [pytest.mark.lab, pytest.mark.timeout(150), needs_namespaces]


def run(
    tmp_path: Path,
    name: str,
    changes: dict[str, Any] | None = None,
    finished: Callable[[LabRun], None] = lambda _run: None,
    pcap: Path | None = None,
    example: str = "mipv6",
) -> Report:
    content = yaml.safe_load((EXAMPLES / f"{example}.yaml").read_text())
    file = content | {"constellation": name}
    file["scenario"] |= changes or {}
    path = tmp_path / "file.yaml"
    path.write_text(yaml.safe_dump(file, sort_keys=False))
    deployment = load_deployment(path)
    return run_lab(deployment, path, progress=lambda _: None, finished=finished, pcap=pcap)


def failed(report: Report) -> list[Any]:
    return [outcome for outcome in report.expectations if not outcome.passed]


def tshark(capture: Path, display: str, *fields: str) -> list[list[str]]:
    command = ["tshark", "-n", "-r", str(capture), "-Y", display, "-T", "fields"]
    command += [argument for field in fields for argument in ("-e", field)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return [line.split("\t") for line in lines]


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_wireshark_reads_every_packet_of_a_run_with_optimised_routes(tmp_path: Path) -> None:
    captures = tmp_path / "captures"
    report = run(tmp_path, "t-mip6", pcap=captures, example="mipv6-optimised")
    assert failed(report) == []
    assert {move.stretch_after for move in report.moves} == {1.0}

    for capture in sorted(captures.glob("*.pcap")):
        assert tshark(capture, OURS, "frame.number") == [], capture.name
    at_mobile_node = captures / "mn1.pcap"
    kinds = {kind for (kind,) in tshark(at_mobile_node, "mipv6", "mip6.mhtype")}
    assert kinds == HOTI_TO_BA
    as_guest = "mip6.mhtype == 5 && mip6.bu.h_flag == 1 && mip6.bu.lifetime > 0"
    homes = tshark(at_mobile_node, as_guest, "ipv6.opt.mipv6.home_address")
    assert {home for (home,) in homes} == {HOME_ADDRESS}
    routed = tshark(captures / "cn.pcap", "udp && ipv6.routing.type == 2", "ipv6.dst")
    assert len(routed) > 3000  # of some 4500 probes while it is a guest
    between = {kind for (kind,) in tshark(captures / "ha-b.pcap", "mipv6", "mip6.mhtype")}
    assert {"14", "15"} <= between  # HI and HAck: the context


@pytest.mark.parametrize("victims", [("ha-a", "mn1")])
def test_sessions_resume_and_nothing_is_left_when_daemons_are_killed_in_mid_move(
    victims: tuple[str, ...], tmp_path: Path
) -> None:
    random = Random(7)
    attachments = [{"at": "0s", "mobile_node": "mn1", "to": "ar-1"}]
    faults = []
    for number, to in enumerate(("ar-2", "ar-3", "ha-a")):
        at = 2.0 + APART * number
        order = "break-before-make" if number == 1 else "make-before-break"
        attachments.append({"at": f"{at}s", "mobile_node": "mn1", "to": to, "order": order})
        moment = f"{at + random.uniform(0, 0.015):.4f}s"
        victim = victims[number % 2]
        faults.append({"at": moment, "kind": "kill", "node": victim, "lasts": "300ms"})
    audits: dict[str, Any] = {}

    def ask(running: LabRun) -> None:
        audits.update({name: running.daemons.ask(name, "audit") for name in DAEMONS})

    changes = {
        "attachments": attachments,
        "faults": faults,
        "duration": f"{2 + 3 * APART}s",
        "expect": {"sessions_survive": True, "nothing_left": True},
    }
    report = run(tmp_path, f"t-kill-{victims[0]}", changes, finished=ask)
    assert failed(report) == []
    assert not any(audit["differences"] for audit in audits.values()), audits


ATTACK = """
import sys, time
from ipaddress import IPv6Address
from opendmm.bindings.mipv6.sending import PacketSender
from opendmm.bindings.mipv6.wire_form import assemble
from opendmm.bindings.mobility.association import ntp_timestamp
from opendmm.wire.mobility.authentication import with_message_authentication
from opendmm.wire.mobility.binding import BindingUpdate
from opendmm.wire.mobility.codec import encode
from opendmm.wire.mobility.numbers import MOBILITY_HEADER, BindingUpdateFlags
from opendmm.wire.mobility.options.identification import (
    MessageReplayProtectionOption, MobileNodeIdentifierOption)

here, agent, home = map(IPv6Address, sys.argv[1:])
sender = PacketSender()
flags = BindingUpdateFlags.A | BindingUpdateFlags.H
for name, address in (("mn1@example.org", home), ("mn1@example.org", home + 1), ("mn9", home)):
    options = (
        MobileNodeIdentifierOption.from_nai(name),
        MessageReplayProtectionOption(ntp_timestamp(time.time())),
    )
    update = BindingUpdate(sequence=60000, flags=flags, lifetime=75, options=options)
    signed = with_message_authentication(update, 256, b"not the key, no!", here, address)
    for data in (encode(signed, address, agent), bytes((59, 1, 5, 0)) + bytes(12)):
        packet = assemble(here, agent, MOBILITY_HEADER, data, home_address=address)
        sender.send(packet)
"""


def test_forged_binding_updates_change_nothing_and_are_counted(tmp_path: Path) -> None:
    seen: dict[str, Any] = {}

    def attack(running: LabRun) -> None:
        def bindings() -> str:
            return json.dumps(running.daemons.ask("ha-a", "show", table="bindings"), default=str)

        locators = {n: str(running.deployment.nodes[NodeId(n)].locator) for n in ("cn", "ha-a")}
        before = bindings()
        attacker = Namespaces(running.deployment.name).name("cn")
        ends = locators["cn"], locators["ha-a"], HOME_ADDRESS
        execute(attacker, sys.executable, "-c", ATTACK, *ends)
        log = (running.daemons.folder / "log" / "ha-a.log").read_text()
        peers = running.daemons.ask("ha-a", "show", table="peers")
        seen.update(same=bindings() == before, log=log, peers=peers)

    short = {
        "duration": "1500ms",
        "attachments": [{"at": "0s", "mobile_node": "mn1", "to": "ar-1"}],
        "expect": {"sessions_survive": True},
    }
    report = run(tmp_path, "t-attack6", short, finished=attack)
    assert failed(report) == []
    assert seen["same"]
    (row,) = (row for row in seen["peers"] if row["peer"] == "mn1@example.org")
    assert row["binding"] == "mipv6"
    assert row["refused"] == 3  # two, and that its owner was told of one
    assert seen["log"].count("message-malformed") == 1
    assert seen["log"].count("wrong authentication data") == 1
