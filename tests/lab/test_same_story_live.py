"""The laboratory and the simulator tell the same story of the same file."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from standing import needs_namespaces

from opendmm.constellation.deployment import Deployment
from opendmm.constellation.reading import load_deployment
from opendmm.lab.run import LabRun, run_lab
from opendmm.report.trace import TraceKind, TraceRecord
from opendmm.simulation.hosts import AssembledHosts
from opendmm.simulation.scenario import ScenarioRun

EXAMPLES = Path(__file__).parents[2] / "examples"
SAID = {TraceKind.MESSAGE_SENT, TraceKind.MESSAGE_LOCAL}
Saying = tuple[str, str, str, str]


def short(example: str) -> dict[str, Any]:
    """An example with one move away and one home again, and no traffic."""
    file: dict[str, Any] = yaml.safe_load((EXAMPLES / f"{example}.yaml").read_text())
    file["constellation"] = f"story-{example[:9]}"
    file["scenario"] = {
        "duration": "6s",
        "attachments": [
            {"at": "0s", "mobile_node": "mn1", "to": "anchor-a"},
            {"at": "1s", "mobile_node": "mn1", "to": "anchor-b"},
            {"at": "3.5s", "mobile_node": "mn1", "to": "anchor-a"},
        ],
        "expect": {"nothing_left": True},
    }
    return file


def story(trace: list[TraceRecord], deployment: Deployment) -> dict[int, Counter[Saying]]:
    """For every move of the mobile node, what was said about it, by whom to whom."""
    told: dict[int, Counter[Saying]] = {}
    mobile_node = next(iter(deployment.subscribers))
    for record in trace:
        if record.kind in SAID and record.concerns(mobile_node):
            sequence = record.sequence_of(mobile_node)
            saying = (record.reference_point, record.message, record.sender, record.receiver)
            told.setdefault(sequence, Counter())[saying] += 1
    return told


@pytest.mark.lab
@pytest.mark.timeout(60)
@needs_namespaces
@pytest.mark.parametrize("example", ["cooperative", "condensed"])
def test_lab_and_simulator_exchange_the_same_messages_about_every_move(
    example: str, tmp_path: Path
) -> None:
    path = tmp_path / "story.yaml"
    path.write_text(yaml.safe_dump(short(example)))
    deployment = load_deployment(path)
    simulated = ScenarioRun(deployment, AssembledHosts(deployment), seed=1)
    assert simulated.run().passed
    seen: list[LabRun] = []
    report = run_lab(deployment, path, progress=lambda _line: None, finished=seen.append)
    assert report.passed
    in_lab, in_sim = story(seen[0].trace, deployment), story(simulated.world.trace, deployment)
    assert in_lab.keys() == in_sim.keys()
    for sequence in in_lab:
        assert in_lab[sequence] == in_sim[sequence], f"they differ about move {sequence}"
