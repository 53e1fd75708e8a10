"""The gap of a move that breaks first, and its parts, among routers that are not ours.

Run as root:

    .venv/bin/python benchmarks/ibgp_break_before_make.py [--rounds 1] [--json] [--quick]

Method: `examples/ibgp.yaml` (routers FRR and BIRD, BIRD reflects) and `examples/ibgp-gobgp.yaml`
(GoBGP reflects, on no packet's way), as `dmm lab run` runs them: real daemons in network
namespaces of one machine, live TCP and UDP. Ten moves out and back a round, break before make,
a second apart; with the settings we recommend and with the routers as they come
(`recommended: false`), one round of each after the other. Medians in milliseconds since the
anchor has detected the attachment:

- context: context and grant have come from the home anchor.
- delivered: the anchor's kernel delivers to the mobile node.
- announced: the route is in the anchor's table that BIRD reads.
- forwards: the former anchor forwards to this one.
- gap: the longest silence of the downlink at the mobile node after the detection, and its maximum.
- route at: in the kernel of the router before the new anchor (1 hop), in the middle (2), before
  the correspondent (3). Anchors tell the routers ring by ring.
- deleted: how often the kernel of any router deleted a route of a prefix it still had to have.
"""

import argparse
import statistics
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from ibgp.scene import Layout, run
from shared.table import Row, tell

from opendmm.constellation.reading import load_deployment
from opendmm.lab.run import run_lab
from opendmm.report.report import Move, Report

EXAMPLES = Path(__file__).parents[1] / "examples"
NAMES = ("ibgp", "ibgp-gobgp")
SPACING = 1.0
STEPS = {
    "context": "context and grant received",
    "delivered": "delivery installed",
    "announced": "announced",
    "forwards": "previous anchor forwards",
}


def constellation(example: str, moves: int, *, recommended: bool) -> dict[str, Any]:
    """The example with moves that break first."""
    file: dict[str, Any] = yaml.safe_load((EXAMPLES / f"{example}.yaml").read_text())
    file["constellation"] = f"bench-{example}"
    file["bgp"]["recommended"] = recommended
    places = ("anchor-b", "anchor-a")
    file["scenario"]["attachments"] = [
        {"at": "0s", "mobile_node": "mn1", "to": "anchor-a"},
        *(
            {
                "at": f"{1.5 + SPACING * number}s",
                "mobile_node": "mn1",
                "to": places[number % 2],
                "order": "break-before-make",
            }
            for number in range(moves)
        ),
    ]
    file["scenario"]["duration"] = f"{3.5 + SPACING * moves}s"
    del file["scenario"]["expect"]
    return file


def carried_out(file: dict[str, Any], folder: Path) -> Report:
    """As `dmm lab run` does."""
    path = folder / "file.yaml"
    path.write_text(yaml.safe_dump(file, sort_keys=False))
    return run_lab(load_deployment(path), path, progress=lambda _line: None)


def figures(example: str, reports: list[Report], *, recommended: bool) -> Row:
    """Medians over all moves."""
    moves = [move for report in reports for move in report.moves]
    gaps = [gap for move in moves if (gap := move.downlink.gap_ms) is not None]
    row: Row = {
        "example": example,
        "settings": "recommended" if recommended else "as they come",
        "moves": len(moves),
    }
    row |= {title: _median(_at(moves, step)) for title, step in STEPS.items()}
    row |= {"gap": _median(gaps), "gap max": max(gaps)}
    for hops in (1, 2, 3):
        row[f"route at {hops}"] = _median(
            at for move in moves for at in _at([move], f"route at {_router(move, hops)}")
        )
    row["deleted"] = sum(router.interruptions for report in reports for router in report.routers)
    return row


def _router(move: Move, hops: int) -> str:
    """On the way to the new anchor, counted from it."""
    return move.path_after[-2 - hops]


def _at(moves: list[Move], step: str) -> list[float]:
    return [one.milliseconds for move in moves for one in move.steps if one.name == step]


def _median(values: Iterable[float]) -> float | str:
    found = list(values)
    return statistics.median(found) if found else "–"


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--rounds", type=int, default=1, help="of ten moves each")
    options.add_argument("--json", action="store_true")
    options.add_argument("--quick", action="store_true", help="four moves of one example")
    given = options.parse_args()
    run(
        lambda: _measure(given.rounds, quick=given.quick, as_json=given.json),
        [Layout("bird", "frr"), Layout("gobgp", "bird")],
    )


def _measure(rounds: int, *, quick: bool, as_json: bool) -> None:
    cases = [(name, way) for name in NAMES[: 1 if quick else None] for way in (True, False)]
    reports: dict[tuple[str, bool], list[Report]] = {case: [] for case in cases}
    moves = 4 if quick else 10
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for name, recommended in cases:
                file = constellation(name, moves, recommended=recommended)
                reports[name, recommended].append(carried_out(file, Path(folder)))
    rows = [figures(name, found, recommended=way) for (name, way), found in reports.items()]
    tell("break before make, ms since the attachment was detected", rows, as_json=as_json)


if __name__ == "__main__":
    main()
