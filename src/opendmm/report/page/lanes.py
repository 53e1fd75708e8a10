"""Flows as lanes over time: where the receiver heard, and where it did not."""

import math
from collections.abc import Iterable, Sequence

import msgspec

from opendmm.report.evidence import Evidence, NamedFlow
from opendmm.report.silence import silences
from opendmm.report.timeline import MoveSeen

WIDTH, LEFT, LANE = 1040, 190, 30
NARROWEST = 2.0
"""A silence is drawn at least so wide, or one of a millisecond in a minute would be invisible."""
TICKS = 8


class Bar(msgspec.Struct, frozen=True):
    """A stretch of a lane; `hint` is what a pointer on it tells."""

    x: float
    width: float
    hint: str = ""


class Mark(msgspec.Struct, frozen=True):
    """A moment, named."""

    x: float
    label: str


class Lane(msgspec.Struct, frozen=True):
    """One flow: `heard` is where there were probes at all, `silent` lies upon it."""

    name: str
    y: int
    heard: Bar
    silent: Sequence[Bar]


class Lanes(msgspec.Struct, frozen=True):
    """The picture: lanes, the ticks of the time axis and marked moments."""

    lanes: Sequence[Lane]
    ticks: Sequence[Mark]
    marks: Sequence[Mark]
    unit: str

    @property
    def height(self) -> int:
        return LANE * len(self.lanes) + 62


class _Scale(msgspec.Struct, frozen=True):
    """Seconds to pixels. `zero` is the axis's origin, `per_unit` its unit in seconds."""

    start: float
    end: float
    zero: float
    per_unit: float

    def x(self, at: float) -> float:
        share = (min(max(at, self.start), self.end) - self.start) / (self.end - self.start)
        return round(LEFT + share * (WIDTH - LEFT - 10), 1)

    def ticks(self) -> list[Mark]:
        step = _round_step((self.end - self.start) / self.per_unit / TICKS) * self.per_unit
        first = -(-(self.start - self.zero) // step)
        found = []
        while (at := self.zero + first * step) <= self.end:
            found.append(Mark(self.x(at), f"{round((at - self.zero) / self.per_unit, 3):g}"))
            first += 1
        return found


def overview(evidence: Evidence) -> Lanes | None:
    """The whole run, every move marked; None when there were no probes."""
    sent = [at for flow in evidence.flows for at in flow.log.sent[:1] + flow.log.sent[-1:]]
    if not sent:
        return None
    begin = min(evidence.start, *sent)
    scale = _Scale(begin, max(sent) + 1e-3, evidence.start, 1.0)
    marks = [Mark(scale.x(m.detected), str(n)) for n, m in enumerate(evidence.moves, 1)]
    return Lanes(_lanes(evidence.named_flows, scale), scale.ticks(), marks, "s")


def close_up(seen: MoveSeen, flows: Sequence[NamedFlow], steps: Iterable[Mark]) -> Lanes | None:
    """A move from shortly before its first sign until its last step and silence are over.

    `steps` have their time in ms since the detection as `x`.
    """
    marks = sorted(steps, key=lambda mark: mark.x)
    if not flows or not marks:
        return None
    begin, end = seen.started, seen.detected + marks[-1].x / 1000
    for flow in flows:
        found = silences(flow.flow.log, seen.started, seen.ended)
        begin = min([begin, *(silence.begin for silence in found)])
        end = max([end, *(min(silence.end, seen.ended) for silence in found)])
    margin = max(0.002, (end - begin) * 0.08)
    scale = _Scale(begin - margin, end + margin, seen.detected, 1e-3)
    placed = [Mark(scale.x(seen.detected + m.x / 1000), m.label) for m in marks]
    return Lanes(_lanes(flows, scale), scale.ticks(), placed, "ms")


def _lanes(flows: Iterable[NamedFlow], scale: _Scale) -> list[Lane]:
    return [_lane(flow, scale, number) for number, flow in enumerate(flows)]


def _lane(named: NamedFlow, scale: _Scale, number: int) -> Lane:
    log = named.flow.log
    first, last = (log.sent[0], log.sent[-1]) if log.sent else (scale.end, scale.end)
    silent = []
    for found in silences(log, scale.start, scale.end):
        hint = f"nothing heard for {found.length * 1000:.1f} ms"
        silent.append(_bar(scale, found.begin, found.end, hint))
    return Lane(named.name, 20 + number * LANE, _bar(scale, first, last), silent)


def _bar(scale: _Scale, begin: float, end: float, hint: str = "") -> Bar:
    x = scale.x(begin)
    return Bar(x, max(NARROWEST, round(scale.x(end) - x, 1)), hint)


def _round_step(rough: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= rough)
