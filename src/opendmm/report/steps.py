"""A move taken apart into named steps, from the merged trace alone.

Every step is the first (or the last, where all must have happened) record of a kind that
the procedure of design §5 makes inevitable. A step the trace does not show is left out: at
home nobody asks for a context, without an FE_E apart nobody waits for R_EC.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import FunctionalEntity, MobileNodeId, NodeId
from opendmm.report.report import Step
from opendmm.report.trace import TraceKind, TraceRecord

ARRIVED = frozenset({TraceKind.MESSAGE_RECEIVED, TraceKind.MESSAGE_LOCAL})
ABOUT_PREFIXES = frozenset({TraceKind.RULE_APPLIED, TraceKind.ROUTE})
LEFT = frozenset({TraceKind.MESSAGE_SENT, TraceKind.MESSAGE_LOCAL})


class MoveWindow(msgspec.Struct, frozen=True, kw_only=True):
    """Where in the trace a move is; times in seconds by the trace's clock.

    `started` is the first sign of the move (prediction, break or attachment), `detected` the
    attachment's detection, `ended` the next move's start or the end of the run. `previous` and
    `new` are anchors; `access` is where the new link is: the anchor, or a gateway of it.
    """

    mobile_node: MobileNodeId
    prefixes: tuple[HomePrefix, ...]
    previous: NodeId
    new: NodeId
    access: NodeId
    started: float
    detected: float
    ended: float


class _Story(msgspec.Struct, frozen=True):
    """What the steps' tests look at besides the record."""

    window: MoveWindow
    prefixes: frozenset[str]
    sequence: int


_Test = Callable[[TraceRecord, _Story], bool]


def steps_of(
    trace: Iterable[TraceRecord], window: MoveWindow, flowing: float | None = None
) -> tuple[Step, ...]:
    """The move's steps in the order they happened; `flowing`: first downlink packet heard."""
    prefixes = frozenset(str(prefix) for prefix in window.prefixes)
    records = [
        record
        for record in trace
        if window.started <= record.at < window.ended
        and (
            record.concerns(window.mobile_node)
            or (record.kind in ABOUT_PREFIXES and record.fields["prefix"] in prefixes)
        )
    ]
    story = _Story(window, prefixes, _sequence(records, window))
    steps = [Step("detected", _detecting_node(records, window), 0.0)]
    for name, test, choose in _STEPS:
        matching = [record for record in records if test(record, story)]
        if matching:
            chosen = matching[choose]
            steps.append(Step(name, chosen.node, _milliseconds(chosen.at, window)))
    steps += _routed(records, window)
    if flowing is not None:
        steps.append(Step("downlink flowing", window.mobile_node, _milliseconds(flowing, window)))
    return tuple(sorted(steps, key=lambda step: step.milliseconds))


def _milliseconds(at: float, window: MoveWindow) -> float:
    return round((at - window.detected) * 1000, 3)


def _sequence(records: Sequence[TraceRecord], window: MoveWindow) -> int:
    """The sequence of this move: the greatest the new anchor was granted or told others."""
    new = f"{FunctionalEntity.FE_MCTX}@{window.new}"
    return max(
        (r.sequence_of(window.mobile_node) for r in records if new in (r.sender, r.receiver)),
        default=0,
    )


def _detecting_node(records: Sequence[TraceRecord], window: MoveWindow) -> NodeId:
    for record in records:
        if record.kind is TraceKind.LINK and record.text == "attached":
            return record.node
    return window.access


def _of_this_move(record: TraceRecord, story: _Story) -> bool:
    return record.sequence_of(story.window.mobile_node) == story.sequence


def _sent_by_new_anchor(record: TraceRecord, story: _Story) -> bool:
    return record.sender == f"{FunctionalEntity.FE_MCTX}@{story.window.new}"


def _heard_by_new_anchor(record: TraceRecord, story: _Story) -> bool:
    return record.receiver == f"{FunctionalEntity.FE_MCTX}@{story.window.new}"


def _context_requested(record: TraceRecord, story: _Story) -> bool:
    return (
        record.kind in LEFT
        and record.message == "ContextRequest"
        and _sent_by_new_anchor(record, story)
    )


def _context_received(record: TraceRecord, story: _Story) -> bool:
    return (
        record.kind in ARRIVED
        and record.message in ("ContextResponse", "ContextPush", "ContinuityResponse")
        and _heard_by_new_anchor(record, story)
        and _of_this_move(record, story)
    )


def _delivery_installed(record: TraceRecord, story: _Story) -> bool:
    return (
        record.kind is TraceKind.RULE_APPLIED
        and record.node == story.window.new
        and record.fields["owner"] == FunctionalEntity.FE_MA_C
        and record.fields["action"] in ("access", "redirect", "tunnel")
        and record.sequence == story.sequence
    )


def _gateway_carries(record: TraceRecord, story: _Story) -> bool:
    return (
        record.kind is TraceKind.RULE_APPLIED
        and record.node == story.window.access
        and record.fields["owner"] == FunctionalEntity.FE_MU_C
        and record.sequence == story.sequence
    )


def _previous_forwards(record: TraceRecord, story: _Story) -> bool:
    return (
        record.kind is TraceKind.RULE_APPLIED
        and record.node == story.window.previous != story.window.new
        and record.fields["action"] == "redirect"
        and record.fields["owner"] != FunctionalEntity.FE_I
        and record.sequence == story.sequence
    )


def _location_updated(record: TraceRecord, story: _Story) -> bool:
    return (
        record.kind in ARRIVED
        and record.message == "LocationUpdate"
        and _of_this_move(record, story)
    )


def _egress_policy(record: TraceRecord, story: _Story) -> bool:
    return (
        record.kind in ARRIVED
        and record.message == "DeliveryAcknowledgement"
        and _of_this_move(record, story)
    )


def _ingress_installed(record: TraceRecord, story: _Story) -> bool:
    return (
        record.kind is TraceKind.RULE_APPLIED
        and record.at >= story.window.detected
        and record.fields["owner"] == FunctionalEntity.FE_I
        and (record.sequence == story.sequence or record.fields["action"] == "none")
    )


def _acknowledged(record: TraceRecord, story: _Story) -> bool:
    return (
        record.kind in ARRIVED
        and record.message == "PolicyAcknowledgement"
        and _of_this_move(record, story)
    )


def _complete(record: TraceRecord, story: _Story) -> bool:
    return (
        record.kind in ARRIVED
        and record.message == "IndirectionComplete"
        and _heard_by_new_anchor(record, story)
        and _of_this_move(record, story)
    )


def _announced(record: TraceRecord, story: _Story) -> bool:
    return (
        record.kind is TraceKind.RULE_APPLIED
        and record.fields["action"] == "announce"
        and record.sequence == story.sequence
    )


def _routed(records: Iterable[TraceRecord], window: MoveWindow) -> Iterator[Step]:
    """When each router's kernel had the new route to every prefix, if it is told of routes."""
    first: dict[tuple[NodeId, str], float] = {}
    for record in records:
        if record.kind is TraceKind.ROUTE and record.at >= window.detected:
            first.setdefault((record.node, record.fields["prefix"]), record.at)
    for node in dict.fromkeys(node for node, _ in first):
        at = max(at for (router, _), at in first.items() if router == node)
        yield Step(f"route at {node}", node, _milliseconds(at, window))


_FIRST, _LAST = 0, -1
_STEPS: tuple[tuple[str, _Test, int], ...] = (
    ("context requested", _context_requested, _FIRST),
    ("context and grant received", _context_received, _FIRST),
    ("delivery installed", _delivery_installed, _FIRST),
    ("gateway carries", _gateway_carries, _FIRST),
    ("previous anchor forwards", _previous_forwards, _FIRST),
    ("location update", _location_updated, _FIRST),
    ("egress policy", _egress_policy, _FIRST),
    ("announced", _announced, _FIRST),
    ("announced everywhere", _announced, _LAST),
    ("ingress policy installed", _ingress_installed, _LAST),
    ("acknowledged", _acknowledged, _LAST),
    ("complete", _complete, _FIRST),
)
