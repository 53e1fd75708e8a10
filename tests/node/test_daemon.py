"""A daemon's life in this process: it starts, answers whatever it is asked, and ends cleanly."""

import asyncio
import os
import signal
import socket
from pathlib import Path
from typing import Any

import msgspec
import pytest
from living import Node
from scripted import PREFIX, RULE

from opendmm.bindings.native.listening import PortTakenError
from opendmm.entities.effects import Install, Started
from opendmm.model.identity import NodeId
from opendmm.model.rules import Permit, RuleKey, Table
from opendmm.node.control import ControlError, ask
from opendmm.node.daemon import Daemon, Doors, Renewal
from opendmm.report.trace import TraceKind, read_trace
from opendmm.store.embedded import EmbeddedStore


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_a_ready_daemon_tells_its_health_and_who_is_missing(node: Node) -> None:
    health = node.live(lambda: ask(node.control, "health"))
    assert health["ready"] is True
    assert health["entities"] == ["FE_IEC"]
    assert health["missing_peers"] == ["there"]
    assert not node.control.exists()


def test_garbage_on_the_control_socket_is_answered_and_survived(node: Node) -> None:
    garbage = [b"\n", b"\xff\xfe\n", b"[]\n", b'{"ask": 7}\n', b'{"ask": "no-such"}\n', b"[" * 5000]

    def meanwhile() -> list[bytes]:
        said = []
        for line in garbage:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(5)
                client.connect(str(node.control))
                client.sendall(line.rstrip(b"\n") + b"\n")
                said.append(client.makefile("rb").readline())
        with socket.socket(socket.AF_UNIX) as endless:
            endless.connect(str(node.control))
            endless.sendall(b"x" * 100_000)
        ask(node.control, "health")
        return said

    answers = [msgspec.json.decode(line) for line in node.live(meanwhile)]
    assert [answer["ok"] for answer in answers] == [False] * len(garbage)
    assert "known: audit" in answers[4]["error"]


@pytest.mark.parametrize(
    ("question", "particulars", "why"),
    [
        ("show", {}, '"table" is missing'),
        ("show", {"table": "tables"}, "no table 'tables'"),
        ("trace", {"since": "yesterday"}, "seconds since 1970"),
        ("release", {"mobile_node": "mn1", "prefixes": ["x"]}, "list of prefixes"),
        ("expect-handover", {"mobile_node": "mn1", "target": "b"}, "no FE_MU_C on here"),
    ],
)
def test_a_question_that_cannot_be_answered_says_why(
    node: Node, question: str, particulars: dict[str, object], why: str
) -> None:
    def meanwhile() -> None:
        with pytest.raises(ControlError, match=why):
            ask(node.control, question, particulars)

    node.live(meanwhile)


def test_an_audit_names_what_the_kernel_has_otherwise_and_repair_mends_it(node: Node) -> None:
    foreign = RuleKey(Table.SOURCE_FILTER, PREFIX)

    def meanwhile() -> tuple[Any, Any, Any]:
        node.kernel.clear()
        node.kernel[foreign] = Permit()
        found = ask(node.control, "audit")
        return found, ask(node.control, "repair"), ask(node.control, "audit")

    found, repaired, after = node.live(meanwhile)

    assert found["differences"] == [
        {"slot": str(RULE.key), "believed": "access mn1", "order": "#1@here", "kernel": "none"},
        {"slot": str(foreign), "believed": "none", "order": "", "kernel": "permit"},
    ]
    assert repaired == 2
    assert after == {"slots": 1, "differences": []}


@pytest.mark.parametrize("remove", [False, True])
def test_a_clean_stop_leaves_forwarding_or_removes_it_by_choice(node: Node, remove: bool) -> None:
    node.live(lambda: None, remove=remove)
    assert (RULE.key in node.kernel) is not remove


def test_a_restart_adopts_what_is_right_and_removes_what_is_not(node: Node) -> None:
    node.live(lambda: None)
    node.kernel[RuleKey(Table.EGRESS, PREFIX)] = Permit()
    node.script = lambda event: (
        [Install(RULE)] if isinstance(event, Started) and event.facts == {"k": b"v"} else []
    )

    node.live(lambda: None)

    assert node.kernel == {RULE.key: RULE.action}


def test_a_node_that_lost_its_facts_leaves_the_kernel_alone_at_first(node: Node) -> None:
    left = RuleKey(Table.EGRESS, PREFIX)
    node.kernel[left] = Permit()
    node.store.write_bytes(b"damaged" * 1000)

    node.live(lambda: None)

    assert left in node.kernel


def test_the_trace_names_the_mobile_node_of_a_rule(node: Node) -> None:
    told = node.live(lambda: ask(node.control, "trace"))

    written = list(read_trace(node.trace))
    assert [record.kind for record in written] == [TraceKind.RESTART, TraceKind.RULE_APPLIED]
    assert written[1].mobile_node == "mn1@example.org"
    assert [record["kind"] for record in told] == ["restart", "rule-applied"]


def test_sighup_takes_the_changed_role_over(node: Node) -> None:
    other = NodeId("other")
    applied: list[str] = []
    node.reread = lambda: Renewal(
        node.role(frozenset({other})), lambda: applied.append("told the binding")
    )

    def meanwhile() -> list[str]:
        os.kill(os.getpid(), signal.SIGHUP)
        missing: list[str] = []
        for _ in range(100):
            missing = ask(node.control, "health")["missing_peers"]
            if missing == ["other"]:
                break
        return missing

    assert node.live(meanwhile) == ["other"]
    assert applied == ["told the binding"]
    assert node.transport.peers == {other}
    assert RULE.key in node.kernel


def test_a_second_daemon_on_the_same_control_socket_is_refused(node: Node, tmp_path: Path) -> None:
    second = Node(tmp_path)
    second.store = tmp_path / "other.db"

    async def attempt() -> None:
        daemon = Daemon(
            second.role(),
            EmbeddedStore(second.store),
            Doors(second.control, None, False),
            lambda _runtime: second.transport,
            second.reread,
        )
        await daemon.run(lambda: None)

    def meanwhile() -> None:
        with pytest.raises(ControlError, match="another daemon listens"):
            asyncio.run(attempt())

    node.live(meanwhile)
    assert node.kernel
    assert not second.kernel


def test_a_daemon_whose_binding_broke_ends_and_leaves_forwarding(node: Node) -> None:
    node.transport.breaks = True

    with pytest.raises(ExceptionGroup) as ended:
        node.live(lambda: None)

    assert ended.group_contains(OSError, match="the door is gone")
    assert RULE.key in node.kernel
    assert not node.control.exists()


@pytest.mark.parametrize("remove", [False, True])
def test_a_daemon_whose_port_is_taken_leaves_the_kernel_to_the_one_who_has_it(
    node: Node, remove: bool
) -> None:
    node.kernel[RULE.key] = Permit()
    node.transport.port_taken = True
    with pytest.raises(ExceptionGroup) as ended:
        node.live(lambda: None, remove=remove)
    assert ended.group_contains(PortTakenError)
    assert node.kernel == {RULE.key: Permit()}
    assert not node.control.exists()


def test_a_corrected_rule_is_logged_in_words(node: Node, caplog: pytest.LogCaptureFixture) -> None:
    def meanwhile() -> None:
        node.kernel[RULE.key] = Permit()
        ask(node.control, "repair")

    node.live(meanwhile)
    (said,) = (r for r in caplog.records if r.message == "rule-corrected")
    assert vars(said)["fields"] == {"slot": str(RULE.key), "action": "access mn1"}
