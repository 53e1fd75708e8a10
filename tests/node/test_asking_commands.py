"""`dmm show`, `audit` and `trace` against a living daemon."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from living import Node
from scripted import HERE, PREFIX, RULE

from opendmm.cli.main import run
from opendmm.model.identity import MobileNodeId
from opendmm.model.rules import Permit
from opendmm.report.trace import TraceWriter, link_record


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def dmm(node: Node, *arguments: str) -> Any:
    return lambda: run([*arguments, "--run-dir", str(node.control.parent)])


def test_show_peers_prints_every_nodes_sessions(
    node: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    assert node.live(dmm(node, "show", "peers")) == 0
    out = capsys.readouterr().out
    assert "there" in out
    assert "down" in out


def test_show_as_json_names_the_node_of_each_row(
    node: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    assert node.live(dmm(node, "show", "peers", "-o", "json")) == 0
    assert json.loads(capsys.readouterr().out) == [
        {"node": "here", "peer": "there", "state": "down"}
    ]


@pytest.mark.parametrize("command", [("show", "bindings"), ("audit",), ("trace", "mn1")])
def test_without_a_daemon_there_is_nothing_to_check(
    node: Node, command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert dmm(node, *command)() == 2
    assert "no daemon" in capsys.readouterr().err


def test_a_socket_nobody_answers_is_named(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    def meanwhile() -> Any:
        # A daemon that was killed leaves its socket.
        with socket.socket(socket.AF_UNIX) as gone:
            gone.bind(str(node.control.with_name("gone.sock")))
        return dmm(node, "show", "peers")()

    assert node.live(meanwhile) == 0
    assert "dmm: gone: " in capsys.readouterr().err


def test_an_audit_without_differences_ends_well(
    node: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    assert node.live(dmm(node, "audit")) == 0
    assert "1 rule on 1 node, all as believed" in capsys.readouterr().out


def test_an_audit_with_differences_ends_with_1_and_repair_mends_them(
    node: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    def meanwhile() -> list[int]:
        node.kernel[RULE.key] = Permit()
        return [dmm(node, *command)() for command in (("audit",), ("audit", "--repair"))]

    assert node.live(meanwhile) == [1, 0]
    assert "permit" in capsys.readouterr().out
    assert node.kernel == {RULE.key: RULE.action}


def test_a_trace_tells_of_the_attachment_and_its_rules(
    node: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    mn1 = MobileNodeId("mn1@example.org")
    node.live(lambda: None)
    with node.trace.open("rb") as stream:
        rule_at = json.loads(stream.readlines()[1])["at"]
    with node.trace.with_name("link.jsonl").open("wb") as stream:
        TraceWriter(stream).write(link_record(HERE, mn1, "mn1", up=True, at=rule_at - 0.001))

    files = ("--file", str(node.trace), "--file", str(node.trace.with_name("link.jsonl")))
    assert run(["trace", "mn1", *files]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("mn1@example.org at here, ")
    assert "+0.00 ms  here            link mn1 attached" in lines[1]
    assert f"+1.00 ms  here            FE_IEC: downlink {PREFIX}: access mn1" in lines[2]


def test_a_mobile_node_nobody_remembers_is_named_with_those_seen(
    node: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    assert node.live(dmm(node, "trace", "mn7")) == 3
    assert "mobile nodes seen: mn1@example.org" in capsys.readouterr().err


def test_a_mobile_node_without_an_attachment_has_no_story(node: Node) -> None:
    assert node.live(dmm(node, "trace", "mn1")) == 2
