"""A report together with what it was made from: what one asks when a figure surprises."""

from collections.abc import Sequence
from itertools import chain

import msgspec

from opendmm.constellation.file import TrafficDirection, TrafficKind
from opendmm.report.report import Report, Session
from opendmm.report.timeline import MoveSeen, ProbeFlow
from opendmm.report.trace import TraceRecord


class NamedFlow(msgspec.Struct, frozen=True):
    """One direction of a UDP session, called `cn → mn1 ipv6`."""

    name: str
    flow: ProbeFlow


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """`moves` are in the order of the report's; the merged `trace` is ordered by time."""

    report: Report
    moves: Sequence[MoveSeen]
    flows: Sequence[ProbeFlow]
    trace: Sequence[TraceRecord]

    @property
    def named_flows(self) -> list[NamedFlow]:
        """The flows in their order, which is that of the report's UDP sessions."""
        udp = (session for session in self.report.sessions if session.kind == TrafficKind.UDP)
        names = chain.from_iterable(_names(session) for session in udp)
        return [NamedFlow(name, flow) for name, flow in zip(names, self.flows, strict=True)]

    @property
    def start(self) -> float:
        """When the scenario began, by the clock of trace and probes."""
        if self.report.moves:
            return self.moves[0].detected - self.report.moves[0].at_ms / 1000
        return self.trace[0].at if self.trace else 0.0


def _names(session: Session) -> list[str]:
    near, far, family = session.correspondent, session.mobile_node, session.family
    down, up = f"{near} → {far} {family}", f"{far} → {near} {family}"
    of_direction = {TrafficDirection.DOWN: [down], TrafficDirection.UP: [up]}
    return of_direction.get(TrafficDirection(session.direction), [down, up])
