"""When a receiver heard nothing although it was spoken to, and for how long."""

from itertools import pairwise
from statistics import median

import msgspec

from opendmm.report.probes import ProbeLog

NOTABLE = 3.0
"""Probe intervals without an arrival that are more than the jitter of a busy machine."""


class Silence(msgspec.Struct, frozen=True):
    """From the last arrival before to the first one after; seconds by the log's clock.

    `ended` is false when nothing came any more until the probes ended.
    """

    begin: float
    end: float
    ended: bool = True

    @property
    def length(self) -> float:
        return self.end - self.begin


def silences(log: ProbeLog, start: float, end: float) -> list[Silence]:
    """Every notable silence that has a part in [start, end), in order of time."""
    if len(log.sent) < 2:
        return []
    least = NOTABLE * interval(log)
    marks = [log.sent[0], *(at for _, at in log.arrivals), log.sent[-1]]
    beyond = len(marks) - 2
    return [
        Silence(a, b, ended=index != beyond)
        for index, (a, b) in enumerate(pairwise(marks))
        if b - a > least and a < end and b > start
    ]


def interval(log: ProbeLog) -> float:
    """The usual time between two probes."""
    return median(b - a for a, b in pairwise(log.sent)) if len(log.sent) > 1 else 0.0
