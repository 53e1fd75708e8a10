"""What the page tells of one move, as values that the template writes down."""

from bisect import bisect_left
from collections.abc import Sequence

import msgspec

from opendmm.report.evidence import Evidence, NamedFlow
from opendmm.report.page.lanes import Lanes, Mark, close_up
from opendmm.report.page.messages import Ladder, ladder_of
from opendmm.report.page.why import explained
from opendmm.report.probes import stream
from opendmm.report.report import Move, Stream
from opendmm.report.routes import Change, Routes, changes
from opendmm.report.timeline import MoveSeen, window_of
from opendmm.report.trace import TraceRecord


class FlowRow(msgspec.Struct, frozen=True):
    """What became of one flow's probes."""

    name: str
    stream: Stream


class Chapter(msgspec.Struct, frozen=True, kw_only=True):
    """One move. `why` is in sentences, `closer` the flows around it, `routes` before and after."""

    number: int
    move: Move
    why: Sequence[str]
    closer: Lanes | None
    flows: Sequence[FlowRow]
    routes: Sequence[Change]
    ladder: Ladder


def chapters(evidence: Evidence) -> list[Chapter]:
    """Every move of the report."""
    return [
        _chapter(evidence, number, move, seen)
        for number, (move, seen) in enumerate(
            zip(evidence.report.moves, evidence.moves, strict=True), 1
        )
    ]


def _chapter(evidence: Evidence, number: int, move: Move, seen: MoveSeen) -> Chapter:
    mobile_node = seen.subscriber.mobile_node
    flows = [n for n in evidence.named_flows if n.flow.subscriber.mobile_node == mobile_node]
    records = _between(evidence.trace, seen.started, seen.ended)
    steps = [Mark(step.milliseconds, step.name) for step in move.steps]
    return Chapter(
        number=number,
        move=move,
        why=explained(move, seen, flows, records),
        closer=close_up(seen, flows, steps),
        flows=[FlowRow(named.name, _stream(named, seen)) for named in flows],
        routes=_routes(evidence.trace, seen),
        ladder=ladder_of(records, window_of(seen)),
    )


def _stream(named: NamedFlow, seen: MoveSeen) -> Stream:
    return stream(named.flow.log, seen.started, seen.ended, seen.detected)


def _between(trace: Sequence[TraceRecord], start: float, end: float) -> Sequence[TraceRecord]:
    first = bisect_left(trace, start, key=lambda record: record.at)
    return trace[first : bisect_left(trace, end, key=lambda record: record.at)]


def _routes(trace: Sequence[TraceRecord], seen: MoveSeen) -> list[Change]:
    prefixes = {str(prefix) for prefix in seen.subscriber.prefixes}
    routes = Routes()
    routes.tell(_between(trace, 0.0, seen.started))
    before = routes.now(prefixes)
    routes.tell(_between(trace, seen.started, seen.ended))
    return changes(before, routes.now(prefixes))
