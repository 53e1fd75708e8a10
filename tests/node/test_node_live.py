"""Daemons in namespaces: a mobile node moves, daemons die and return, sessions do not notice."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_network import ANCHORS, HOME_ADDRESSES, NETWORK, Flow, SmallNetwork, small_network

from opendmm.cli.main import run

pytestmark = pytest.mark.lab


@pytest.fixture
def network(tmp_path: Path) -> Iterator[SmallNetwork]:
    with small_network(tmp_path) as made:
        made.start_at_home()
        yield made


def moved_to_b(network: SmallNetwork) -> None:
    network.attach("anchor-b")
    network.until("r", "show", "anchor-b", table="policies")


def test_make_before_break_loses_nothing_out_and_back_home(network: SmallNetwork) -> None:
    assert network.pings(HOME_ADDRESSES[0])
    with Flow(network, HOME_ADDRESSES[0]) as flow:
        moved_to_b(network)
        network.detach("anchor-a")
        time.sleep(0.2)
        network.attach("anchor-a")
        network.until("r", "show", "[]", table="policies")
        network.detach("anchor-b")
        time.sleep(0.2)

    assert flow.sent > 100
    assert flow.lost == 0
    assert network.ask("r", "show", table="policies") == []


@pytest.mark.parametrize("victim", ["r", "anchor-b", "anchor-a"])
def test_a_killed_daemon_that_returns_loses_no_packet(network: SmallNetwork, victim: str) -> None:
    moved_to_b(network)
    assert network.pings(HOME_ADDRESSES[0])
    with Flow(network, HOME_ADDRESSES[0]) as flow:
        network.end(victim, signal.SIGKILL)
        network.start(victim)
        network.until(victim, "health", "'missing_peers': []")
        time.sleep(0.5)

    assert flow.lost == 0
    assert network.ask(victim, "audit")["differences"] == []


def test_a_mobile_node_that_left_while_its_anchor_was_dead_is_noticed(
    network: SmallNetwork,
) -> None:
    network.end("anchor-a", signal.SIGKILL)
    network.detach("anchor-a")

    network.start("anchor-a")

    network.until("anchor-a", "show", "detached", table="bindings")


def test_a_reload_loses_nothing_and_takes_a_new_subscriber(network: SmallNetwork) -> None:
    moved_to_b(network)
    text = network.constellation.read_text()
    more = '  mn2:\n    home: anchor-a\n    prefixes: ["2001:db8:a:2::100/128"]\n'
    assert network.pings(HOME_ADDRESSES[0])
    with Flow(network, HOME_ADDRESSES[0]) as flow:
        network.constellation.write_text(text + more)
        for name in ANCHORS:
            network.daemons[name].send_signal(signal.SIGHUP)
        network.until("anchor-a", "trace", "reloaded")
        time.sleep(0.2)

    assert flow.lost == 0
    assert network.ask("anchor-b", "health")["missing_peers"] == []


def test_a_constellation_that_cannot_be_read_changes_nothing(network: SmallNetwork) -> None:
    network.constellation.write_text("nodes: [")
    network.daemons["anchor-a"].send_signal(signal.SIGHUP)

    moved_to_b(network)

    assert "reload-refused" in network.log("anchor-a")


def test_a_stop_leaves_forwarding_in_place(network: SmallNetwork) -> None:
    moved_to_b(network)
    for name in NETWORK:
        assert network.end(name, signal.SIGTERM) == 0
    assert network.pings(HOME_ADDRESSES[0])


def test_the_audit_and_the_story_of_a_move(
    network: SmallNetwork, capsys: pytest.CaptureFixture[str]
) -> None:
    moved_to_b(network)
    where = ["--run-dir", str(network.folder / "run")]

    assert run(["audit", *where]) == 0
    assert run(["trace", "mn1", *where]) == 0

    story = capsys.readouterr().out
    assert "mn1@example.org at anchor-b" in story
    for told in ("R_XX ContextRequest", "R_XC LocationUpdate", "FE_I: downlink", "redirect"):
        assert told in story


def test_a_client_on_the_mobile_node_moves_its_default_routes(tmp_path: Path) -> None:
    with small_network(tmp_path, client=True) as network:
        for name in (*NETWORK, "mn1"):
            network.start(name)
        for anchor in ANCHORS:
            network.attach(anchor)
            network.until(anchor, "show", "delivering", table="bindings")
            assert all(network.pings(address) for address in HOME_ADDRESSES)
            routes = network.ip("mn1", "-6 route show default proto 173")
            assert f"dev {anchor}" in routes
        network.ask("mn1", "release", mobile_node="mn1@example.org")
        network.until("r", "show", "[]", table="policies")


def test_in_pull_mode_the_first_packet_brings_the_policy(tmp_path: Path) -> None:
    with small_network(tmp_path, pull=True) as network:
        network.start_at_home()
        network.attach("anchor-b")
        network.until("anchor-b", "show", "delivering", table="bindings")
        assert network.ask("r", "show", table="policies") == []

        assert network.pings(HOME_ADDRESSES[0])
        network.until("r", "show", "anchor-b", table="policies")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["--node", "anchor-c"], "no node anchor-c"),
        (["--material", "/nonexistent"], "cannot read /nonexistent"),
        (["--constellation", "/nonexistent"], "/nonexistent"),
        (["--mobile-node", "--node", "mn9"], "no mobile node mn9; it has mn1"),
    ],
)
def test_bad_input_ends_a_daemon_with_3_and_one_clear_line(
    tmp_path: Path, change: list[str], said: str
) -> None:
    with small_network(tmp_path) as network:
        settings = {
            "--constellation": str(network.constellation),
            "--node": "r",
            "--material": str(tmp_path / "material"),
            "--state-dir": str(tmp_path),
            "--control": str(tmp_path / "c.sock"),
        }
        arguments = [part for pair in settings.items() for part in pair] + change
        ended = subprocess.run(
            [sys.executable, "-m", "opendmm", "node", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
    assert ended.returncode == 3
    assert ended.stderr.startswith("dmm: ")
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1
