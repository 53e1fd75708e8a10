"""The report as a page: whole in itself, and it says why traffic stopped."""

from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from opendmm.cli.main import run
from opendmm.constellation.reading import load_deployment
from opendmm.report.evidence import Evidence
from opendmm.report.page import page
from opendmm.report.page.chapter import chapters
from opendmm.simulation.hosts import AssembledHosts
from opendmm.simulation.scenario import ScenarioRun

EXAMPLES = Path(__file__).parents[2] / "examples"
VOID = {"meta", "br"}
ENDLESS = {"th", "td", "tr"}
"""HTML lets these end by what follows."""


class Elements(HTMLParser):
    """What is open at the end, and what is referred to."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.references: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.references += [value or "" for name, value in attrs if name in ("src", "href")]
        assert tag != "script"
        if tag not in VOID | ENDLESS:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if tag not in ENDLESS:
            assert self.open.pop() == tag


def simulated(example: str) -> Evidence:
    deployment = load_deployment(EXAMPLES / f"{example}.yaml")
    running = ScenarioRun(deployment, AssembledHosts(deployment), seed=1)
    report = running.run()
    return Evidence(
        report=report, moves=running.moves, flows=running.flows, trace=running.world.trace
    )


@pytest.fixture(scope="module")
def broken() -> Evidence:
    return simulated("delayed")


def test_the_page_is_well_formed_and_refers_to_nothing_but_itself(broken: Evidence) -> None:
    elements = Elements()
    elements.feed(page(broken))
    elements.close()
    assert elements.open == []
    assert all(reference.startswith("#move-") for reference in elements.references)


def test_every_message_of_a_move_is_on_the_page(broken: Evidence) -> None:
    told = page(broken)
    for name in ("ContextRequest", "ContextResponse", "LocationUpdate", "PolicyUpdate"):
        assert name in told


def test_what_a_node_says_is_text_on_the_page(broken: Evidence) -> None:
    report = msgspec.structs.replace(broken.report, notes=("<script>alert(1)</script> & more",))
    told = page(msgspec.structs.replace(broken, report=report))
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in told


def test_a_break_is_explained_by_the_steps_the_silence_waited_for(broken: Evidence) -> None:
    for chapter in chapters(broken):
        told = " ".join(chapter.why)
        assert "silence on cn → mn1 ipv6" in told
        assert "The longest wait was for “" in told


def test_a_move_without_a_break_says_that_nothing_was_interrupted() -> None:
    evidence = simulated("cooperative")
    assert {tuple(chapter.why) for chapter in chapters(evidence)} == {
        ("No flow was interrupted (probes every 1 ms).",)
    }


def test_the_rules_before_and_after_show_the_ingress_redirecting() -> None:
    first = chapters(simulated("cooperative"))[0]
    of_ingress = [c for c in first.routes if c.slot.node == "ingress"]
    assert {c.before for c in of_ingress} == {"–"}
    assert all(c.after.startswith("redirect anchor-b") for c in of_ingress)
    assert all(c.differs for c in of_ingress)


def test_a_fault_in_a_moves_window_is_told() -> None:
    told = " ".join(s for c in chapters(simulated("standby-controller")) for s in c.why)
    assert "primary killed" in told


def test_a_place_that_cannot_be_written_is_told_before_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = EXAMPLES / "cooperative.yaml"
    nowhere = tmp_path / "nowhere" / "report.html"
    assert run(["sim", "run", str(file), "--report", str(nowhere)]) == 3
    said = capsys.readouterr()
    assert "nowhere is no folder" in said.err
    assert said.out == ""
