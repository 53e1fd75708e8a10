"""What commands print is what there is: no address becomes an emoji, no name a style."""

from pathlib import Path
from typing import Any

import pytest

from opendmm.cli import show as show_command
from opendmm.cli.daemons import Answers
from opendmm.cli.main import run

ROW = {
    "entity": "FE_E",
    "mobile_node": "[bold]mn1@example.org",
    "prefixes": ["2001:db8:a::100/128", "10.10.0.100/32"],
    "endpoint": "fd00:b::1",
    "egress": "",
}


@pytest.fixture
def daemons(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask_all(_run_dir: Path, _question: str, **_particulars: object) -> Answers:
        rows: list[dict[str, Any]] = [ROW]
        return Answers({"anchor-a-with-a-rather-long-name": rows}, {})

    monkeypatch.setattr(show_command, "ask_all", ask_all)


@pytest.mark.usefixtures("daemons")
def test_addresses_and_names_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", "deliveries"]) == 0
    out = capsys.readouterr().out
    assert "fd00:b::1" in out
    assert "[bold]mn1@example.org" in out


@pytest.mark.usefixtures("daemons")
def test_a_table_in_a_pipe_is_not_folded(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert run(["show", "deliveries"]) == 0
    assert "anchor-a-with-a-rather-long-name  FE_E    [bold]mn1@example.org" in (
        capsys.readouterr().out
    )


@pytest.mark.usefixtures("daemons")
def test_a_terminal_too_narrow_for_the_table_gets_a_paragraph_a_row(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    assert run(["show", "deliveries"]) == 0
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "anchor-a-with-a-rather-long-name"
    assert any("endpoint" in line and "fd00:b::1" in line for line in lines)
    assert not any("egress" in line for line in lines)
