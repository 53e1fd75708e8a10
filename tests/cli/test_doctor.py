"""`dmm doctor` says what is missing and ends accordingly."""

import json

import pytest

from opendmm.cli import doctor
from opendmm.cli.main import run
from opendmm.node.abilities import Ability, ExaminationError, examine

FINE = Ability(name="nftables", disables="everything", laboratory=True)
LACKING = Ability(
    name="virtual links", disables="the laboratory", laboratory=True, obstacle="no veth"
)
OPTIONAL = Ability(name="netem", disables="delay by the kernel", obstacle="no such qdisc")


@pytest.mark.parametrize(
    ("found", "code", "said"),
    [
        ([FINE, OPTIONAL], 0, "the laboratory can run here"),
        ([FINE, LACKING], 4, "cannot run here: virtual links"),
    ],
)
def test_the_exit_code_tells_whether_the_laboratory_can_run(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    found: list[Ability],
    code: int,
    said: str,
) -> None:
    monkeypatch.setattr(doctor, "examine", lambda: found)
    assert run(["doctor"]) == code
    out = capsys.readouterr().out
    assert said in out
    assert all(ability.obstacle in out for ability in found)


def test_the_findings_as_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "examine", lambda: [LACKING])
    assert run(["doctor", "-o", "json"]) == 4
    told = json.loads(capsys.readouterr().out)
    assert told["laboratory"] is False
    assert told["abilities"][0]["obstacle"] == "no veth"


def test_a_failed_examination_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> list[Ability]:
        raise ExaminationError("the examination ended early: killed")

    monkeypatch.setattr(doctor, "examine", fail)
    assert run(["doctor"]) == 4
    assert capsys.readouterr().err == "dmm: the examination ended early: killed\n"


def test_the_examination_finds_something_on_any_machine() -> None:
    found = examine()
    assert found[0].name == "network namespaces"
    # Where there are none, nothing further can be tried.
    assert found[0].obstacle or len(found) > 10
