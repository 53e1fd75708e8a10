"""Scenarios of the examples in virtual time, through the command a person types."""

import json
from pathlib import Path

import msgspec
import pytest

from opendmm.cli.main import run
from opendmm.constellation.file import ConstellationFile
from opendmm.constellation.reading import load_deployment
from opendmm.constellation.resolve import deployment
from opendmm.report.report import Report, from_json
from opendmm.simulation.constellations import BUILDERS
from opendmm.simulation.hosts import AssembledHosts
from opendmm.simulation.scenario import NothingToRunError, ScenarioRun

EXAMPLES = [
    path
    for path in sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))
    if path.stem != "lisp-map-server"  # which serves others, and has no mobile nodes to move
]
SCENARIO = {
    "duration": "6s",
    "attachments": [
        {"at": "0s", "mobile_node": "mn1", "to": "anchor-a"},
        {"at": "1s", "mobile_node": "mn1", "to": "anchor-b", "order": "break-before-make"},
        {"at": "2s", "mobile_node": "mn1", "to": "anchor-c", "order": "predicted"},
        {"at": "3s", "mobile_node": "mn1", "to": "anchor-b"},
        {"at": "4s", "mobile_node": "mn1", "to": "anchor-a", "order": "break-before-make"},
    ],
    "traffic": [
        {"kind": "udp", "correspondent": "cn", "mobile_node": "mn1"},
        {"kind": "tcp", "correspondent": "cn", "mobile_node": "mn1", "rate": "1Mbit"},
    ],
    "expect": {"nothing_left": True},
}


ACCESSES = {
    "gateways": {"anchor-a": "mag-a", "anchor-b": "mag-b", "anchor-c": "mag-c"},
    "guests": {"anchor-b": "ar-b", "anchor-c": "ar-c"},
}
"""Where mobile nodes attach that are not on links of their anchors."""


def simulated(name: str, *, seed: int = 1, **changes: object) -> Report:
    text = json.dumps(BUILDERS[name]() | {"scenario": SCENARIO | changes})
    for anchor, access in ACCESSES.get(name, {}).items():
        text = text.replace(f'"to": "{anchor}"', f'"to": "{access}"')
    file = json.loads(text)
    resolved = deployment(msgspec.convert(file, ConstellationFile))
    return ScenarioRun(resolved, AssembledHosts(resolved), seed=seed).run()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_runs_as_it_expects(path: Path, tmp_path: Path) -> None:
    written = tmp_path / "report.json"
    code = run(["sim", "run", str(path), "--report", str(written)])
    report = from_json(written.read_bytes())
    assert code == report.exit_code
    assert [o for o in report.expectations if not o.passed] == []
    assert code == 0


@pytest.mark.parametrize("name", BUILDERS)
def test_sessions_survive_moves_of_every_order_on_every_small_constellation(name: str) -> None:
    report = simulated(name)
    assert report.passed
    assert [move.order for move in report.moves] == [
        "break-before-make",
        "predicted",
        "make-before-break",
        "break-before-make",
    ]
    assert report.moves[2].downlink.lost == 0
    assert all(move.stretch_after > 0 for move in report.moves)


@pytest.mark.parametrize("name", ["cooperative", "condensed"])
def test_no_gap_is_below_the_floor_and_none_far_above_it(name: str) -> None:
    """One probe interval, and 0.1 ms of handling for each of the messages in the chain."""
    for move in simulated(name).moves:
        if move.order != "make-before-break":
            assert move.floor_ms <= move.downlink.gap_ms <= move.floor_ms + 2.0


def test_a_killed_and_restarted_daemon_costs_no_session() -> None:
    fault = {"at": "1.01s", "kind": "kill", "node": "control", "lasts": "300ms"}
    report = simulated("cooperative", faults=[fault])
    assert report.passed


def test_a_link_cut_for_good_breaks_the_sessions_and_the_report_says_so() -> None:
    fault = {"at": "1s", "kind": "cut", "link": ["cn", "ingress"]}
    report = simulated("cooperative", faults=[fault])
    assert not report.passed
    assert not any(session.survived for session in report.sessions)


def test_a_release_takes_everything_away() -> None:
    release = {"at": "5s", "mobile_node": "mn1"}
    expect = {"sessions_survive": False, "nothing_left": True}
    report = simulated("cooperative", releases=[release], expect=expect)
    assert report.passed


def test_the_same_seed_gives_the_same_report() -> None:
    assert simulated("shared", seed=3) == simulated("shared", seed=3)


def test_a_constellation_without_a_scenario_cannot_be_run() -> None:
    resolved = deployment(msgspec.convert(BUILDERS["cooperative"](), ConstellationFile))
    with pytest.raises(NothingToRunError, match="no scenario"):
        ScenarioRun(resolved, AssembledHosts(resolved), seed=1)


def test_the_command_prints_json_and_a_ladder_and_refuses_a_move_that_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(json.dumps(BUILDERS["condensed"]() | {"scenario": SCENARIO}))
    assert run(["sim", "run", str(path), "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["runtime"] == "sim"
    assert run(["sim", "run", str(path), "--ladder", "1"]) == 0
    assert "ContextRequest" in capsys.readouterr().out
    assert run(["sim", "run", str(path), "--ladder", "9"]) == 3


def test_a_simultaneously_anchored_mobile_node_begins_sessions_from_the_new_prefix() -> None:
    (path,) = (path for path in EXAMPLES if path.stem == "simultaneous-anchoring")
    resolved = load_deployment(path)
    report = ScenarioRun(resolved, AssembledHosts(resolved), seed=1).run()
    of_a, of_b = "2001:db8:a:1::1", "2001:db8:b:1000::1"
    assert [s.address for s in report.sessions] == [of_a, of_a, of_b, of_b]
    states = [{one.address: one.deprecated for one in move.addresses} for move in report.moves]
    at_b, at_a = {of_a: True, of_b: False}, {of_a: False, of_b: True}
    assert states == [at_b, at_a, at_b]
