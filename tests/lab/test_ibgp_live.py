"""Host routes by iBGP among routers that are not ours: whole moves, and what breaks in them."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from standing import needs_namespaces

from opendmm.constellation.reading import load_deployment
from opendmm.lab.run import run_lab
from opendmm.report.report import Move, Report

EXAMPLES = Path(__file__).parents[2] / "examples"
FEW = 20
"""Probes of a thousand that a busy machine may lose for being late with a router. Where routers
hear of a move in the wrong order, it is a hundred and more."""

pytestmark = [pytest.mark.lab, pytest.mark.timeout(120), needs_namespaces]


def attachments(*moves: tuple[str, str], **how: Any) -> list[dict[str, Any]]:
    return [{"at": at, "mobile_node": "mn1", "to": anchor, **how} for at, anchor in moves]


def run(
    tmp_path: Path, example: str, name: str, moves: list[dict[str, Any]], **scenario: Any
) -> Report:
    file = yaml.safe_load((EXAMPLES / f"{example}.yaml").read_text()) | {"constellation": name}
    file["scenario"] |= {"attachments": moves, **scenario}
    path = tmp_path / "file.yaml"
    path.write_text(yaml.safe_dump(file, sort_keys=False))
    return run_lab(load_deployment(path), path, progress=lambda _line: None)


def failed(report: Report) -> list[str]:
    return [f"{one.text}: {one.found}" for one in report.expectations if not one.passed]


def at(move: Move, step: str) -> float:
    return next(one.milliseconds for one in move.steps if one.name == step)


def test_routers_follow_in_order_and_no_packet_turns_in_circles(tmp_path: Path) -> None:
    moves = attachments(("0s", "anchor-a"), ("1.5s", "anchor-b"), ("2.5s", "anchor-a"))
    expected = {
        "sessions_survive": True,
        "lost_at_most": FEW,
        "duplicated_at_most": 0,
        "nothing_left": True,
        "paths": [
            {"move": 1, "touches": ["core", "agg-b", "anchor-b"], "avoids": ["anchor-a"]},
            {"move": 2, "touches": ["core", "agg-a", "anchor-a"], "avoids": ["anchor-b"]},
        ],
    }
    report = run(tmp_path, "ibgp", "t-ibgp", moves, duration="6s", expect=expected)
    assert failed(report) == []
    away, home = report.moves
    assert at(away, "route at agg-b") < at(away, "route at core") < at(away, "route at agg-a")
    assert at(home, "route at agg-a") < at(home, "route at core") < at(home, "route at agg-b")
    assert at(away, "previous anchor forwards") < at(away, "route at core")
    assert {router.software for router in report.routers} == {"frr", "bird"}
    for router in report.routers:
        assert (router.routes_at_most, router.routes_at_end) == (2, 0)
        assert router.interruptions == 0


def test_a_break_ends_when_the_former_anchor_forwards_not_when_routers_follow(
    tmp_path: Path,
) -> None:
    moves = attachments(
        ("0s", "anchor-a"), ("1.5s", "anchor-b"), ("3.5s", "anchor-a"), order="break-before-make"
    )
    expected = {"sessions_survive": True, "gap_at_most": "150ms", "nothing_left": True}
    report = run(tmp_path, "ibgp-gobgp", "t-ibgpgo", moves, duration="7s", expect=expected)
    assert failed(report) == []
    away, _ = report.moves
    assert at(away, "downlink flowing") < at(away, "route at core")
    assert [router.interruptions for router in report.routers] == [0, 0, 0, 0]


def test_an_egress_apart_announces_once_it_can_deliver(tmp_path: Path) -> None:
    moves = attachments(("0s", "anchor-a"), ("1.5s", "anchor-b"), ("2.5s", "anchor-a"))
    expected = {
        "sessions_survive": True,
        "lost_at_most": FEW,
        "nothing_left": True,
        "paths": [{"move": 1, "touches": ["egress-b", "anchor-b"], "avoids": ["anchor-a"]}],
    }
    report = run(tmp_path, "ibgp-egress-apart", "t-ibgpea", moves, duration="6s", expect=expected)
    assert failed(report) == []
    away, _ = report.moves
    assert at(away, "egress policy") < at(away, "announced")


def test_sessions_live_on_when_reflector_sessions_and_the_owner_go(tmp_path: Path) -> None:
    moves = attachments(("0s", "anchor-a"), ("2s", "anchor-b"), ("9.5s", "anchor-a"))
    faults = [
        {"at": "2040ms", "kind": "reset", "node": "agg-b"},
        {"at": "4s", "kind": "kill", "node": "core", "lasts": "1s"},
        {"at": "6.5s", "kind": "kill", "node": "anchor-b", "lasts": "1s"},
    ]
    expected = {"sessions_survive": True, "nothing_left": True}
    report = run(tmp_path, "ibgp", "t-ibgpf", moves, duration="14s", faults=faults, expect=expected)
    assert failed(report) == []
    assert report.moves[-1].downlink.lost <= FEW


def test_after_a_partition_the_later_move_wins(tmp_path: Path) -> None:
    """While anchor-b is cut off, longer than the hold time, the mobile node goes home; anchor-b
    hears of nothing and announces on to whoever hears it."""
    moves = attachments(("0s", "anchor-a"), ("2s", "anchor-b"), ("5s", "anchor-a"))
    faults = [{"at": "4s", "kind": "cut", "link": ["core", "agg-b"], "lasts": "11s"}]
    expected = {
        "sessions_survive": True,
        "nothing_left": True,
        "paths": [{"move": 2, "touches": ["agg-a", "anchor-a"], "avoids": ["anchor-b"]}],
    }
    report = run(tmp_path, "ibgp", "t-ibgpp", moves, duration="20s", faults=faults, expect=expected)
    assert failed(report) == []
    _, home = report.moves
    healed = 10_000
    assert at(home, "previous anchor forwards") > healed
    assert {router.routes_at_end for router in report.routers} == {0}
