"""Flows of one mobile node on two paths, on real kernel forwarding."""

from pathlib import Path

import pytest
from standing import needs_namespaces

from opendmm.constellation.reading import load_deployment
from opendmm.lab.run import run_lab
from opendmm.report.report import Report

EXAMPLE = (Path(__file__).parents[2] / "examples" / "flows.yaml").read_text()
pytestmark = [pytest.mark.lab, pytest.mark.timeout(90), needs_namespaces]

SHORT = ("cn", "ingress", "anchor-b", "mn1")
BY_HOME = ("cn", "ingress", "anchor-a", "ingress", "anchor-b", "mn1")


def run(folder: Path, text: str) -> Report:
    path = folder / "file.yaml"
    path.write_text(text.replace("constellation: flows", "constellation: t-flows"))
    return run_lab(load_deployment(path), path, progress=lambda _line: None)


@pytest.mark.parametrize("means", ["srv6", "vxlan"])
def test_two_flows_of_one_mobile_node_take_two_paths_and_none_loses_a_packet(
    tmp_path: Path, means: str
) -> None:
    text = EXAMPLE.replace("policies:", f"forwarding: {{means: {means}}}\npolicies:")
    report = run(tmp_path, text)
    assert report.moves[0].path_by_port == {5001: SHORT, 5002: SHORT, 6001: BY_HOME}
    assert report.moves[2].path_by_port == {5001: SHORT, 5002: SHORT, 6001: BY_HOME}
    assert [outcome for outcome in report.expectations if not outcome.passed] == []


def test_a_rule_for_another_port_is_noticed_by_the_path(tmp_path: Path) -> None:
    report = run(tmp_path, EXAMPLE.replace("destination_port: 5000-5099", "destination_port: 7000"))
    assert report.moves[0].path_by_port[5001] == BY_HOME
    assert not report.passed
    assert all(session.survived for session in report.sessions)


def test_without_an_ingress_for_the_rest_an_egress_delivers_named_flows_only(
    tmp_path: Path,
) -> None:
    text = EXAMPLE.replace("FE_MCTX, FE_I, FE_E", "FE_MCTX, FE_E")
    begin, end = text.index("    - {at: 2.5s"), text.index("  traffic:")
    text = text[:begin] + text[end : text.index("  expect:")]
    report = run(tmp_path, text)
    assert [session.survived for session in report.sessions] == [True, False, True, True, False]
    assert report.leftovers == ()
