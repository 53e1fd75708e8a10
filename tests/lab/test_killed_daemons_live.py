"""kill -9 of daemons in the middle of moves, on real forwarding (design §5, survival)."""

from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from standing import needs_namespaces

from opendmm.constellation.reading import load_deployment
from opendmm.lab.run import run_lab

EXAMPLES = Path(__file__).parents[2] / "examples"
BETWEEN_MOVES = 2.5
DEAD_FOR = "300ms"


def with_kills(example: str, seed: int) -> dict[str, Any]:
    """An example whose every move has one daemon killed within 15 ms of its start."""
    file: dict[str, Any] = yaml.safe_load((EXAMPLES / f"{example}.yaml").read_text())
    victims = [n for n, s in file["nodes"].items() if set(s.get("entities", [])) - {"FE_R"}]
    random = Random(seed)
    attachments: list[dict[str, Any]] = [{"at": "0s", "mobile_node": "mn1", "to": "anchor-a"}]
    faults = []
    moves = max(4, len(victims))
    for number in range(moves + moves % 2):
        at = 2.0 + number * BETWEEN_MOVES
        order = ("make-before-break", "break-before-make")[random.randrange(2)]
        to = ("anchor-b", "anchor-a")[number % 2]
        attachments.append({"at": f"{at}s", "mobile_node": "mn1", "to": to, "order": order})
        victim = victims[number % len(victims)]
        moment = f"{at + random.uniform(0, 0.015):.4f}s"
        faults.append({"at": moment, "kind": "kill", "node": victim, "lasts": DEAD_FOR})
    file["constellation"] = f"kill-{example[:9]}"
    file["scenario"] |= {
        "attachments": attachments,
        "faults": faults,
        "duration": f"{2.0 + len(attachments) * BETWEEN_MOVES}s",
        "expect": {"sessions_survive": True, "nothing_left": True},
    }
    return file


@pytest.mark.lab
@pytest.mark.timeout(150)
@needs_namespaces
@pytest.mark.parametrize(("example", "seed"), [("cooperative", 3), ("condensed", 4)])
def test_sessions_resume_and_nothing_is_left_when_daemons_are_killed_in_mid_move(
    example: str, seed: int, tmp_path: Path
) -> None:
    path = tmp_path / "killed.yaml"
    path.write_text(yaml.safe_dump(with_kills(example, seed)))
    report = run_lab(load_deployment(path), path, progress=lambda _line: None)
    assert report.passed, [outcome for outcome in report.expectations if not outcome.passed]
    assert len(report.moves) >= 4
