"""`dmm lab` says what is wrong before it touches anything."""

from pathlib import Path

import pytest

from opendmm.cli import lab
from opendmm.cli.main import run
from opendmm.lab import by_hand
from opendmm.lab.by_hand import Condition, Standing
from opendmm.lab.errors import EnvironmentLacksError
from opendmm.lab.privileges import Footing

WITHOUT_SCENARIO = """\
constellation: still
nodes:
  anchor-a:
    entities: [FE_MA_C, FE_MA_U, FE_MCTX, FE_E, FE_MU_C, FE_I, FE_IEC]
    pools: ["2001:db8:a::/48"]
"""
WITH_SCENARIO = (
    WITHOUT_SCENARIO
    + """\
mobile_nodes:
  mn1:
    home: anchor-a
    prefixes: ["2001:db8:a:1::/64"]
scenario:
  duration: 1s
  attachments:
    - {at: 0s, mobile_node: mn1, to: anchor-a}
"""
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "still.yaml"


def test_a_constellation_without_a_scenario_cannot_be_run(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(WITHOUT_SCENARIO)
    assert run(["lab", "run", str(file)]) == 3
    assert "has no scenario" in capsys.readouterr().err


def test_a_mistake_in_the_file_is_named_with_its_place(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(WITH_SCENARIO.replace("duration: 1s", "duration: 1"))
    assert run(["lab", "run", str(file)]) == 3
    assert "still.yaml:11:" in capsys.readouterr().err


def test_a_machine_that_cannot_run_it_ends_with_4(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def lacking() -> Footing:
        raise EnvironmentLacksError("network namespaces need root")

    monkeypatch.setattr(lab, "footing", lacking)
    file.write_text(WITH_SCENARIO)
    assert run(["lab", "run", str(file)]) == 4
    assert capsys.readouterr().err == "dmm: network namespaces need root\n"


def test_a_laboratory_that_is_not_up_cannot_be_taken_down(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = Standing("other", Condition.KEPT, ("anchor-a",))
    monkeypatch.setattr(by_hand, "standings", lambda: [other])
    assert run(["lab", "down", "mine"]) == 3
    assert "there are: other" in capsys.readouterr().err
