"""Flows of one mobile node on two paths, in virtual time."""

from pathlib import Path

import pytest

from opendmm.constellation.reading import load_deployment
from opendmm.report.report import Report
from opendmm.simulation.hosts import AssembledHosts
from opendmm.simulation.scenario import ScenarioRun

EXAMPLE = (Path(__file__).parents[2] / "examples" / "flows.yaml").read_text()
ENTITIES = "[FE_R, FE_MA_C, FE_MA_U, FE_MU_C, FE_MCTX, FE_I, FE_E]"


def simulated(tmp_path: Path, text: str) -> Report:
    path = tmp_path / "flows.yaml"
    path.write_text(text)
    deployment = load_deployment(path)
    return ScenarioRun(deployment, AssembledHosts(deployment), seed=1).run()


def test_two_flows_of_one_mobile_node_take_two_paths_and_none_loses_a_packet(
    tmp_path: Path,
) -> None:
    report = simulated(tmp_path, EXAMPLE)
    away = report.moves[0].path_by_port
    assert away[5001] == away[5002] == ("cn", "ingress", "anchor-b", "mn1")
    assert away[6001] == ("cn", "ingress", "anchor-a", "ingress", "anchor-b", "mn1")
    assert report.passed


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("destination_port: 5000-5099", "destination_port: 6000-6099"),
        ("protocol: udp, destination_port: 5000-5099", "protocol: tcp"),
        ("mobile_node: mn1, protocol: udp, destination_port: 5000-5099", "protocol: udp"),
        (ENTITIES, ENTITIES.replace("FE_I, ", "")),
    ],
    ids=["other ports", "other protocol", "every port", "nobody redirects the rest"],
)
def test_wrong_flow_rules_are_noticed_by_paths_or_losses(
    tmp_path: Path, right: str, wrong: str
) -> None:
    assert right in EXAMPLE
    assert not simulated(tmp_path, EXAMPLE.replace(right, wrong)).passed


def test_without_an_ingress_for_the_rest_only_named_flows_live_on(tmp_path: Path) -> None:
    stays = EXAMPLE.replace("    - {at: 2.5s, mobile_node: mn1, to: anchor-a}\n", "")
    for line in ("3.5s, mobile_node: mn1, to: anchor-b", "4.5s, mobile_node: mn1, to: anchor-a"):
        stays = stays.replace(f"    - {{at: {line}}}\n", "")
    stays = stays[: stays.index("  expect:")]
    report = simulated(tmp_path, stays.replace(ENTITIES, ENTITIES.replace("FE_I, ", "")))
    assert [session.survived for session in report.sessions] == [True, False, True, True, False]
    assert report.leftovers == ()
