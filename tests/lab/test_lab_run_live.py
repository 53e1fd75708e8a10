"""Whole runs of the laboratory: what they find, and what they leave behind: nothing."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from standing import needs_namespaces

from opendmm.constellation.reading import load_deployment
from opendmm.lab.namespaces import NETNS, Namespaces, execute
from opendmm.lab.run import run_lab
from opendmm.report.report import Report

EXAMPLES = Path(__file__).parents[2] / "examples"
UDP = {"kind": "udp", "correspondent": "cn", "mobile_node": "mn1"}

pytestmark = [pytest.mark.lab, pytest.mark.timeout(90), needs_namespaces]


def cooperative(name: str, **scenario: Any) -> dict[str, Any]:
    file: dict[str, Any] = yaml.safe_load((EXAMPLES / "cooperative.yaml").read_text())
    return file | {"constellation": name, "scenario": scenario}


def attachments(*moves: tuple[str, str, str]) -> list[dict[str, Any]]:
    """(at, anchor, order) of mn1."""
    return [
        {"at": at, "mobile_node": "mn1", "to": anchor, "order": order}
        for at, anchor, order in moves
    ]


FIRST = ("0s", "anchor-a", "make-before-break")


def run(file: dict[str, Any], folder: Path, **options: Any) -> Report:
    path = folder / "file.yaml"
    path.write_text(yaml.safe_dump(file))
    return run_lab(load_deployment(path), path, progress=lambda _line: None, **options)


def gone(laboratory: str) -> bool:
    return not Namespaces(laboratory).exists and not list(NETNS.glob(f"dmm-{laboratory}-*"))


@pytest.mark.parametrize("order", ["break-before-make", "predicted"])
def test_a_break_is_measured_from_the_attachment_to_the_next_packet(
    order: str, tmp_path: Path
) -> None:
    moves = attachments(FIRST, ("1.5s", "anchor-b", order), ("2.5s", "anchor-a", order))
    file = cooperative("t-break", duration="4.5s", attachments=moves, traffic=[UDP])
    report = run(file, tmp_path)
    assert [move.to for move in report.moves] == ["anchor-b", "anchor-a"]
    for move in report.moves:
        steps = {step.name: step.milliseconds for step in move.steps}
        assert steps["detected"] == 0
        assert move.downlink.lost < 500
        assert steps["downlink flowing"] <= move.downlink.gap_ms + 0.01
        assert move.path_after == ("cn", "ingress", move.to, "mn1")
    assert report.sessions[0].survived
    assert report.leftovers == ()
    assert gone("t-break")


def test_a_mobile_node_left_abroad_needs_its_rules_and_one_that_released_needs_none(
    tmp_path: Path,
) -> None:
    moves = attachments(FIRST, ("1s", "anchor-b", "make-before-break"))
    expect = {"nothing_left": True}
    abroad = cooperative("t-abroad", duration="2s", attachments=moves, expect=expect)
    report = run(abroad, tmp_path)
    assert report.passed
    assert not [note for note in report.notes if "missing" in note]
    released = cooperative("t-abroad", duration="4s", attachments=moves, expect=expect)
    released["scenario"]["releases"] = [{"at": "2s", "mobile_node": "mn1"}]
    assert run(released, tmp_path).leftovers == ()


def test_a_paused_ingress_and_a_cut_link_do_not_end_a_session(tmp_path: Path) -> None:
    moves = attachments(FIRST, ("1.5s", "anchor-b", "make-before-break"))
    faults = [
        {"at": "1.501s", "kind": "pause", "node": "ingress", "lasts": "500ms"},
        {"at": "3s", "kind": "cut", "link": ["ingress", "controller"], "lasts": "500ms"},
    ]
    file = cooperative("t-faults", duration="5s", attachments=moves, traffic=[UDP], faults=faults)
    seen: list[Any] = []
    report = run(file, tmp_path, finished=seen.append)
    assert report.sessions[0].survived
    told = [record.text for record in seen[0].trace if record.kind == "fault"]
    assert told == ["paused", "no longer paused", "cut", "no longer cut"]


def test_captures_of_every_node_can_be_read(tmp_path: Path) -> None:
    file = cooperative("t-pcap", duration="1.5s", attachments=attachments(FIRST), traffic=[UDP])
    run(file, tmp_path, pcap=tmp_path / "pcap")
    assert {path.stem for path in (tmp_path / "pcap").iterdir()} == {*file["nodes"], "mn1"}
    shown = subprocess.run(
        ["tcpdump", "-n", "-c", "5", "-r", str(tmp_path / "pcap" / "mn1.pcap"), "udp"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "2001:db8:a::100" in shown


def test_a_kept_laboratory_goes_on_forwarding(tmp_path: Path) -> None:
    moves = attachments(FIRST, ("1s", "anchor-b", "make-before-break"))
    try:
        run(cooperative("t-kept-up", duration="2s", attachments=moves), tmp_path, keep=True)
        inside = Namespaces("t-kept-up").name("cn")
        assert "1 received" in execute(inside, "ping", "-c1", "-W2", "2001:db8:a::100")
    finally:
        Namespaces("t-kept-up").remove()
    assert gone("t-kept-up")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_when_a_run_is_ended_half_way(
    number: signal.Signals, tmp_path: Path
) -> None:
    name = f"t-{number.name.lower()}"
    path = tmp_path / "file.yaml"
    file = cooperative(name, duration="20s", attachments=attachments(FIRST), traffic=[UDP])
    path.write_text(yaml.safe_dump(file))
    program = subprocess.Popen(
        [sys.executable, "-m", "opendmm", "lab", "run", str(path)],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert program.stderr is not None
    for line in program.stderr:
        if "attaches" in line:
            break
    program.send_signal(number)
    program.wait(20)
    program.stderr.close()
    deadline = time.monotonic() + 10
    while not gone(name) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert gone(name)
