"""UDP probes: what became of them in a move's window, and how the gap is measured.

The gap of a move is the longest silence at the receiver that begins no earlier than the
moment the attachment was detected. For a break before make this is exactly "downlink
flowing at the mobile node, less attachment detected": the silence before detection is the
radio's, which no control plane can shorten, so a silence under way at that moment counts
from there on. The delay of the data in flight is inside, on purpose: the user hears
silence until the packet is there, not until the rule is. For a make before break packets
never stop, so the same definition gives the spacing of the probes. The resolution is one
probe interval.
"""

from bisect import bisect_left
from collections.abc import Iterable
from itertools import pairwise

import msgspec

from opendmm.report.report import Stream


class ProbeLog(msgspec.Struct):
    """One direction of one probe flow; times in seconds, all by one clock.

    `sent[i]` is when probe `i` left. `arrivals` are (probe, time), in order of arrival.
    """

    sent: list[float] = msgspec.field(default_factory=list)
    arrivals: list[tuple[int, float]] = msgspec.field(default_factory=list)


def stream(log: ProbeLog, start: float, end: float, detected: float) -> Stream:
    """The probes due in [start, end): those sent one transit time earlier, so that what was
    under way when a link broke counts for the move that broke it.

    Arrivals are theirs, whenever they came. Reordered are arrivals after a later probe (RFC
    4737 §3); repetitions count only as duplicated.
    """
    first = bisect_left(log.sent, start - _transit(log, start))
    beyond = bisect_left(log.sent, end - _transit(log, end))
    seen: set[int] = set()
    duplicated = reordered = 0
    highest = -1
    for probe, _ in log.arrivals:
        if not first <= probe < beyond:
            continue
        if probe in seen:
            duplicated += 1
            continue
        seen.add(probe)
        reordered += probe < highest
        highest = max(highest, probe)
    sent = beyond - first
    silence = longest_silence(log, detected, end)
    return Stream(sent, sent - len(seen), duplicated, reordered, round(silence * 1000, 3))


def _transit(log: ProbeLog, moment: float) -> float:
    """How long the last probe heard before a moment had been under way; 0 when none was."""
    heard = bisect_left(log.arrivals, moment, key=lambda arrival: arrival[1])
    if heard == 0:
        return 0.0
    probe, at = log.arrivals[heard - 1]
    return at - log.sent[probe]


def longest_silence(log: ProbeLog, start: float, end: float) -> float:
    """Longest time without an arrival in [start, end] while probes were being sent."""
    if not log.sent:
        return 0.0
    start, end = max(start, log.sent[0]), min(end, log.sent[-1])
    heard = [at for _, at in log.arrivals if start <= at < end]
    marks = [start, *heard, end]
    return max((b - a for a, b in pairwise(marks)), default=0.0)


def first_arrival(log: ProbeLog, after: float) -> float | None:
    """When the receiver heard the first probe after a moment; None: never."""
    return next((at for _, at in log.arrivals if at >= after), None)


def combined(streams: Iterable[Stream]) -> Stream:
    """Several flows as one: counts added, the longest gap kept."""
    total = Stream()
    for one in streams:
        total = Stream(
            total.sent + one.sent,
            total.lost + one.lost,
            total.duplicated + one.duplicated,
            total.reordered + one.reordered,
            max(total.gap_ms, one.gap_ms),
        )
    return total
