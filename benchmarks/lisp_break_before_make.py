"""LISP: the gap of a move that breaks first, and when the ingress follows, asked or told.

Run as root:

    .venv/bin/python benchmarks/lisp_break_before_make.py [--delay 10] [--json]

Method: `examples/lisp-pubsub.yaml` (the ingress has subscribed) and `examples/lisp.yaml` (it asks,
and is solicited to ask again), as `dmm lab run` runs them: real daemons in namespaces of one
machine, LISP-GPE by the kernel, live TCP and UDP. Links between the ingress and the Map-Server
are delayed by so many milliseconds each way. Ten moves out and back, break before make; four
seconds apart (no solicitation has to wait) and one (RFC 9301 §6.1 has them wait). Medians in
milliseconds since the anchor has detected the attachment:

- registered: the Map-Server has the new location.
- forwards: the former anchor forwards to this one.
- gap: the longest silence of the downlink at the mobile node, and its maximum over all moves.
- follows: the ingress sends to the new anchor; until then packets take the longer way. Its
  maximum, and of how many moves it followed before the next one.
"""

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from shared.table import Row, tell

from opendmm.constellation.reading import load_deployment
from opendmm.lab.run import run_lab
from opendmm.report.report import Move, Report

EXAMPLES = Path(__file__).parents[1] / "examples"
WAYS = {"lisp-pubsub": "told (RFC 9437)", "lisp": "solicited, asks (RFC 9301)"}
SPACINGS = (4.0, 1.0)
MOVES = 10
ENVIRONMENT_LACKS = 4


def constellation(example: str, spacing: float, delay: int) -> dict[str, Any]:
    """The example with moves that break first, and a Map-Server that is far away."""
    file: dict[str, Any] = yaml.safe_load((EXAMPLES / f"{example}.yaml").read_text())
    file["constellation"] = f"bench-{example}"
    for link in file["links"]:
        if set(link["between"]) == {"itr", "map-server"} and delay:
            link["delay"] = f"{delay}ms"
    places = ("anchor-b", "anchor-a")
    file["scenario"]["attachments"] = [
        {"at": "0s", "mobile_node": "mn1", "to": "anchor-a"},
        *(
            {
                "at": f"{2 + spacing * number}s",
                "mobile_node": "mn1",
                "to": places[number % 2],
                "order": "break-before-make",
            }
            for number in range(MOVES)
        ),
    ]
    file["scenario"]["duration"] = f"{6 + spacing * MOVES:.0f}s"
    del file["scenario"]["expect"]
    return file


def carried_out(file: dict[str, Any]) -> Report:
    """As `dmm lab run` does."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file.yaml")
        path.write_text(yaml.safe_dump(file, sort_keys=False))
        return run_lab(load_deployment(path), path, progress=lambda _line: None)


def figures(example: str, spacing: float, report: Report) -> Row:
    """Medians over all moves."""
    moves = report.moves
    gaps = [gap for move in moves if (gap := move.downlink.gap_ms) is not None]
    follows = [at for at in _at(moves, "ingress policy installed") if at < spacing * 1000]
    return {
        "ingress": WAYS[example],
        "moves every s": spacing,
        "registered": _median(_at(moves, "location update")),
        "forwards": _median(_at(moves, "previous anchor forwards")),
        "gap": _median(gaps),
        "gap max": max(gaps),
        "follows": _median(follows),
        "follows max": max(follows),
        "of moves": f"{len(follows)}/{len(moves)}",
    }


def _at(moves: Iterable[Move], step: str) -> list[float]:
    return [one.milliseconds for move in moves for one in move.steps if one.name == step]


def _median(values: list[float]) -> float | str:
    return statistics.median(values) if values else "–"


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--delay", type=int, default=10, help="milliseconds to the Map-Server")
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    if os.geteuid() != 0:
        print("needs root", file=sys.stderr)
        sys.exit(ENVIRONMENT_LACKS)
    rows = [
        figures(example, spacing, carried_out(constellation(example, spacing, given.delay)))
        for spacing in SPACINGS
        for example in WAYS
    ]
    tell("break before make, ms since the attachment was detected", rows, as_json=given.json)


if __name__ == "__main__":
    main()
