"""RFC 8885 in virtual time: its modes differ by their trips, and the floor says so."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from opendmm.constellation.file import ConstellationFile, DatabaseMode
from opendmm.constellation.resolve import deployment
from opendmm.report.report import Report
from opendmm.simulation.hosts import AssembledHosts
from opendmm.simulation.scenario import ScenarioRun

EXAMPLE = Path(__file__).parents[2] / "examples" / "pmipv6-rfc8885.yaml"
TRIPS = {DatabaseMode.RELAY: 4, DatabaseMode.LOCATOR: 3, DatabaseMode.PROXY: 2}
TRIP_MS = 20.0


def simulated(mode: DatabaseMode, **changes: Any) -> Report:
    content = yaml.safe_load(EXAMPLE.read_text())
    content["rfc8885"] = {"mode": str(mode)}
    for link in content["links"]:
        if "cn" not in link["between"]:
            link["delay"] = f"{TRIP_MS / 2:g}ms"
    for attachment in content["scenario"]["attachments"]:
        attachment |= changes
    resolved = deployment(msgspec.convert(content, ConstellationFile))
    return ScenarioRun(resolved, AssembledHosts(resolved), seed=1).run()


@pytest.mark.parametrize("mode", DatabaseMode)
def test_the_gap_is_the_floor_of_the_mode(mode: DatabaseMode) -> None:
    """The context's trips; then AnchorChanged by the CMD, and the packets."""
    report = simulated(mode, order="break-before-make")
    floors = [move.floor_ms for move in report.moves]
    away = (TRIPS[mode] + 3) * TRIP_MS
    assert floors == [away, 0, away, away, away]
    for move in report.moves:
        assert move.floor_ms <= move.downlink.gap_ms < move.floor_ms + 3
        for step in move.steps:
            if step.name == "context and grant received":
                assert step.milliseconds == pytest.approx(TRIPS[mode] * TRIP_MS, abs=1)


@pytest.mark.parametrize("mode", DatabaseMode)
def test_nothing_is_lost_while_both_links_are_up(mode: DatabaseMode) -> None:
    report = simulated(mode)
    assert sum(move.downlink.lost + move.uplink.lost for move in report.moves) == 0
    assert all(session.survived for session in report.sessions)
