"""Why traffic stopped: when which flows were silent, and which steps the silence waited for."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import msgspec

from opendmm.report.evidence import NamedFlow
from opendmm.report.report import Move, Step
from opendmm.report.silence import Silence, interval, silences
from opendmm.report.timeline import MoveSeen
from opendmm.report.trace import TraceKind, TraceRecord

FLOWING = "downlink flowing"
"""The step that is the end of the silence itself, and so explains nothing."""


class Standstill(msgspec.Struct):
    """Silences of several flows that overlap in time."""

    begin: float
    end: float
    flows: dict[str, Silence]

    @property
    def ended(self) -> bool:
        return all(silence.ended for silence in self.flows.values())


def explained(
    move: Move, seen: MoveSeen, flows: Sequence[NamedFlow], records: Sequence[TraceRecord]
) -> list[str]:
    """Sentences in order of time; what the scenario broke comes last."""
    found = standstills(flows, seen)
    sentences = [_sentence(one, move, seen, len(flows)) for one in found]
    if not found and flows:
        usual = max(interval(named.flow.log) for named in flows) * 1000
        sentences.append(f"No flow was interrupted (probes every {usual:.0f} ms).")
    return sentences + [_fault(record, seen) for record in records if _is_fault(record)]


def standstills(flows: Iterable[NamedFlow], seen: MoveSeen) -> list[Standstill]:
    """Everything that was silent in the move's window, put together where it overlaps."""
    found = [
        (silence, named.name)
        for named in flows
        for silence in silences(named.flow.log, seen.started, seen.ended)
    ]
    together: list[Standstill] = []
    for silence, name in sorted(found, key=lambda one: one[0].begin):
        if together and silence.begin <= together[-1].end:
            last = together[-1]
            last.end = max(last.end, silence.end)
            last.flows.setdefault(name, silence)
        else:
            together.append(Standstill(silence.begin, silence.end, {name: silence}))
    return together


def _sentence(found: Standstill, move: Move, seen: MoveSeen, of_flows: int) -> str:
    who = ", ".join(f"{n} ({s.length * 1000:.1f} ms)" for n, s in found.flows.items())
    begin = _ms(found.begin, seen)
    if not found.ended or found.end >= seen.ended:
        last = move.steps[-1] if move.steps else None
        reached = f" The last step seen is “{last.name}” at {last.node}." if last else ""
        return f"From {begin} until the end of the move's window: silence on {who}.{reached}"
    sentence = f"From {begin} to {_ms(found.end, seen)}: silence on {who}."
    waited = _waited_for(found, move, seen)
    if not waited and len(found.flows) == of_flows > 1:
        waited = " No step of the move was due: all flows stood still at once, as when the machine"
        waited += " is busy with something else."
    return sentence + waited


def _waited_for(found: Standstill, move: Move, seen: MoveSeen) -> str:
    """The steps inside the silence: the last one let packets through, the longest cost most."""
    begin, end = ((at - seen.detected) * 1000 for at in (found.begin, found.end))
    inside = [s for s in move.steps if begin <= s.milliseconds <= end and s.name != FLOWING]
    if not inside:
        return ""
    last = inside[-1]
    told = f" The last step before packets came again: “{last.name}” at {last.node}"
    told += f" ({last.milliseconds:.1f} ms)."
    if len(inside) < 2:
        return told
    before, after = max(pairwise(inside), key=_between)
    return f"{told} The longest wait was for “{after.name}” ({_between((before, after)):.1f} ms)."


def _between(steps: tuple[Step, Step]) -> float:
    return steps[1].milliseconds - steps[0].milliseconds


def _is_fault(record: TraceRecord) -> bool:
    return record.kind in (TraceKind.FAULT, TraceKind.RESTART)


def _fault(record: TraceRecord, seen: MoveSeen) -> str:
    return f"{_ms(record.at, seen).capitalize()}: {record.node} {record.text}."


def _ms(at: float, seen: MoveSeen) -> str:
    """Words for a moment relative to the detection."""
    milliseconds = (at - seen.detected) * 1000
    if abs(milliseconds) < 0.05:
        return "the detection"
    where = "after" if milliseconds > 0 else "before"
    return f"{abs(milliseconds):.1f} ms {where} the detection"
