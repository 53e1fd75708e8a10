"""What the scenario expects, judged on the report; the same for laboratory and simulation.

Each field given in `expect` becomes one outcome with the sentence a person reads. Where a
run has nothing an expectation speaks of (no sessions, no moves) it makes no outcome: a test
that checked nothing must not look like one that passed.
"""

from collections.abc import Iterable

import msgspec

from opendmm.constellation.file import ExpectationSection, PathExpectation
from opendmm.constellation.quantities import seconds, share
from opendmm.report.report import ExpectationOutcome, Move, Report


def judged(report: Report, expect: ExpectationSection) -> Report:
    """The report with its expectations filled in."""
    outcomes: list[ExpectationOutcome] = []
    if expect.sessions_survive and report.sessions:
        outcomes.append(_sessions(report))
    if report.moves:
        outcomes.extend(_per_move(report.moves, expect))
    outcomes.extend(_path(report.moves, path) for path in expect.paths)
    if expect.nothing_left:
        outcomes.append(_nothing_left(report))
    return msgspec.structs.replace(report, expectations=tuple(outcomes))


def _sessions(report: Report) -> ExpectationOutcome:
    dead = [f"{s.kind} {s.family} of {s.mobile_node}" for s in report.sessions if not s.survived]
    found = f"broken: {', '.join(dead)}" if dead else f"{len(report.sessions)} survived"
    return ExpectationOutcome("every session survives", not dead, found)


def _per_move(moves: Iterable[Move], expect: ExpectationSection) -> list[ExpectationOutcome]:
    moves = list(moves)
    outcomes = []
    if expect.lost_at_most is not None:
        worst = max(move.downlink.lost + move.uplink.lost for move in moves)
        text = f"at most {expect.lost_at_most} probes lost in a move"
        outcomes.append(ExpectationOutcome(text, worst <= expect.lost_at_most, f"at most {worst}"))
    if expect.duplicated_at_most is not None:
        worst = max(move.downlink.duplicated + move.uplink.duplicated for move in moves)
        text = f"at most {expect.duplicated_at_most} probes duplicated in a move"
        passed = worst <= expect.duplicated_at_most
        outcomes.append(ExpectationOutcome(text, passed, f"at most {worst}"))
    if expect.gap_at_most is not None:
        longest = max(move.downlink.gap_ms for move in moves)
        text = f"downlink gap of at most {expect.gap_at_most}"
        passed = longest <= seconds(expect.gap_at_most) * 1000
        outcomes.append(ExpectationOutcome(text, passed, f"at most {longest:.1f}ms"))
    if expect.gap_above_floor_at_most is not None:
        outcomes += _above_floor(moves, expect.gap_above_floor_at_most)
    return outcomes


def _above_floor(moves: Iterable[Move], limit: str) -> list[ExpectationOutcome]:
    """Moves without a floor have nothing to be compared with."""
    excess = [move.downlink.gap_ms / move.floor_ms - 1 for move in moves if move.floor_ms > 0]
    if not excess:
        return []
    text = f"downlink gap at most {limit} above the floor of the links' delays"
    worst = max(excess)
    found = f"at most {worst * 100:.1f}%"
    return [ExpectationOutcome(text, worst <= share(limit), found)]


def _path(moves: tuple[Move, ...], path: PathExpectation) -> ExpectationOutcome:
    wishes = []
    if path.touches:
        wishes.append(f"touches {', '.join(path.touches)}")
    if path.avoids:
        wishes.append(f"avoids {', '.join(path.avoids)}")
    whose = f" to port {path.port}" if path.port else ""
    text = f"after move {path.move} the path{whose} {' and '.join(wishes)}"
    if path.move > len(moves):
        return ExpectationOutcome(text, False, f"there were only {len(moves)} moves")
    move = moves[path.move - 1]
    taken = move.path_by_port.get(path.port, ()) if path.port else move.path_after
    passed = bool(taken) and set(path.touches) <= set(taken) and not set(path.avoids) & set(taken)
    return ExpectationOutcome(text, passed, " → ".join(taken) or "no packet was seen")


def _nothing_left(report: Report) -> ExpectationOutcome:
    found = "; ".join(report.leftovers[:3]) or "nothing"
    if len(report.leftovers) > 3:
        found += f"; and {len(report.leftovers) - 3} more"
    return ExpectationOutcome("nothing of ours is left over", not report.leftovers, found)
