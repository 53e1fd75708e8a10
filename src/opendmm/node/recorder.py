"""What a daemon remembers of its own doings: a ring in memory, a trace file, the log.

Recording must not delay a handover, so the hot path only appends what happened; records are
made, written and logged a few milliseconds later.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import BinaryIO

import msgspec

from opendmm.entities.effects import RuleOutcome, Severity
from opendmm.entities.host import HostNotice, RuleRequest
from opendmm.model.addressing import HomePrefix
from opendmm.model.context import MobilityContext
from opendmm.model.identity import FunctionalEntity, MobileNodeId, NodeId
from opendmm.node.logs import LOGGER, event
from opendmm.reference_points.catalogue import Envelope
from opendmm.report.trace import (
    TraceKind,
    TraceRecord,
    TraceWriter,
    link_record,
    message_record,
    notice_record,
    rule_record,
)

REMEMBERED = 20_000
"""Records kept in memory for `dmm trace`."""
WRITING_DELAY = 0.005
"""Seconds between a happening and its record; what a killed daemon may fail to tell."""

Outcomes = Sequence[tuple[FunctionalEntity, RuleOutcome]]


class Recorder:
    """Collects the trace of one node. `stream` is an open trace file, or None.

    `owners` says whose a home prefix is, so that a rule's record names its mobile node; more
    is learned from the contexts that pass. `carried` says what carries a message to another node.
    """

    def __init__(
        self,
        node: NodeId,
        stream: BinaryIO | None = None,
        owners: Mapping[HomePrefix, MobileNodeId] = {},
        carried: Callable[[Envelope], str] = lambda _envelope: "",
    ) -> None:
        self.node = node
        self._owners = dict(owners)
        self._carried = carried
        self.counts: dict[str, int] = {}
        self.recent: deque[TraceRecord] = deque(maxlen=REMEMBERED)
        self._stream = stream
        self._writer = TraceWriter(stream) if stream else None
        self._pending: list[Callable[[], Iterator[TraceRecord]]] = []
        self._due: asyncio.TimerHandle | None = None

    def messages(self, kind: TraceKind, envelopes: Sequence[Envelope], at: float) -> None:
        """Messages sent, received or handed over."""
        if envelopes:
            self._later(lambda: (self._passed(kind, envelope, at) for envelope in envelopes))

    def rules(self, requests: Sequence[RuleRequest], outcomes: Outcomes, at: float) -> None:
        """Rule requests carried out; outcomes are those of the requests that ask for a rule."""

        def records() -> Iterator[TraceRecord]:
            answers = iter(outcomes)
            for request in requests:
                outcome = next(answers)[1] if request.rule is not None else None
                record = rule_record(self.node, request, outcome, at)
                owner = self._owners.get(request.key.prefix, MobileNodeId(""))
                yield msgspec.structs.replace(record, mobile_node=owner)

        self._later(records)

    def notices(self, notices: Sequence[HostNotice]) -> None:
        """What entities tell people; also logged."""
        if notices:
            self._later(lambda: (self._told(notice) for notice in notices))

    def link(self, mobile_node: MobileNodeId, interface: str, *, up: bool, at: float) -> None:
        """A mobile node's link came up or went down; also logged."""

        def records() -> Iterator[TraceRecord]:
            name = "link-up" if up else "link-down"
            event(name, mobile_node=mobile_node, interface=interface, seen=at)
            yield link_record(self.node, mobile_node, interface, up=up, at=at)

        self._later(records)

    def life(self, text: str, at: float, **fields: str) -> None:
        """The entities started (again); also logged."""

        def records() -> Iterator[TraceRecord]:
            LOGGER.info(text, extra={"fields": fields})
            yield TraceRecord(
                at=at, node=self.node, kind=TraceKind.RESTART, text=text, fields=fields
            )

        self._later(records)

    def peer(self, node: NodeId, *, reachable: bool, at: float) -> None:
        """A session with a peer came up or went down (the binding logs why)."""
        text = "reachable" if reachable else "unreachable"
        record = TraceRecord(
            at=at, node=self.node, kind=TraceKind.PEER, text=text, fields={"peer": node}
        )
        self._later(lambda: iter((record,)))

    def write_pending(self) -> None:
        """Make and write the records of everything that has happened."""
        self._due = None
        pending, self._pending = self._pending, []
        records = [record for make in pending for record in make()]
        # A notice is noted after what followed from it; a trace is in order of time.
        for record in sorted(records, key=lambda record: record.at):
            self.recent.append(record)
            self.counts[record.kind] = self.counts.get(record.kind, 0) + 1
            if self._writer:
                self._writer.write(record)

    def close(self) -> None:
        """Write what is left and close the file."""
        self.write_pending()
        if self._stream:
            self._stream.close()

    def _passed(self, kind: TraceKind, envelope: Envelope, at: float) -> TraceRecord:
        context = getattr(envelope.message, "context", None)
        if isinstance(context, MobilityContext):
            self._owners.update(dict.fromkeys(context.prefixes, context.mobile_node))
        return message_record(kind, self.node, envelope, at, self._carried(envelope))

    def _told(self, notice: HostNotice) -> TraceRecord:
        level = logging.INFO if notice.notice.severity is Severity.INFO else logging.WARNING
        particulars = {"entity": str(notice.owner), **notice.notice.fields}
        LOGGER.log(level, notice.notice.event, extra={"fields": particulars})
        return notice_record(self.node, notice)

    def _later(self, make: Callable[[], Iterator[TraceRecord]]) -> None:
        self._pending.append(make)
        if self._due is None:
            self._due = asyncio.get_running_loop().call_later(WRITING_DELAY, self.write_pending)
