"""Simultaneous anchoring on the kernel: new addresses for new sessions, old ones kept."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from standing import needs_namespaces

from opendmm.constellation.reading import load_deployment
from opendmm.lab.run import LabRun, run_lab

EXAMPLE = Path(__file__).parents[2] / "examples" / "simultaneous-anchoring.yaml"
OF_A, OF_B = "2001:db8:a:1::1", "2001:db8:b:1000::1"

pytestmark = [pytest.mark.lab, pytest.mark.timeout(90), needs_namespaces]


def test_new_sessions_use_the_new_prefix_and_old_ones_go_on(tmp_path: Path) -> None:
    file = yaml.safe_load(EXAMPLE.read_text()) | {"constellation": "t-both"}
    path = tmp_path / "file.yaml"
    path.write_text(yaml.safe_dump(file))
    bindings: list[dict[str, Any]] = []

    def ask(running: LabRun) -> None:
        bindings.extend(running.daemons.ask("anchor-b", "show", table="bindings"))

    report = run_lab(load_deployment(path), path, progress=lambda _line: None, finished=ask)

    states = [{one.address: one.deprecated for one in move.addresses} for move in report.moves]
    at_b, at_a = {OF_A: True, OF_B: False}, {OF_A: False, OF_B: True}
    assert states == [at_b, at_a, at_b]
    assert [(s.address, s.survived) for s in report.sessions] == [
        (OF_A, True),
        (OF_A, True),
        (OF_B, True),
        (OF_B, True),
    ]
    assert report.passed
    homes = {row["home_anchor"]: row["prefixes"] for row in bindings}
    assert homes == {"anchor-a": ["2001:db8:a:1::/64"], "anchor-b": ["2001:db8:b:1000::/64"]}
