"""Every message, rule and happening of a move as a ladder: nodes side by side, time downwards."""

from collections.abc import Sequence

import msgspec

from opendmm.report.steps import MoveWindow
from opendmm.report.trace import MESSAGE_KINDS, TraceKind, TraceRecord, node_in

LEFT, COLUMN, ROW, TOP = 96, 210, 22, 34
_ALWAYS = frozenset({TraceKind.FAULT, TraceKind.RESTART})
"""Kinds that concern whoever is there."""


class Rung(msgspec.Struct, frozen=True):
    """A row. An arrow where `x` and `to_x` differ, else a dot; `kind` is its style's name."""

    kind: str
    at: str
    y: int
    x: int
    to_x: int
    label: str
    hint: str

    @property
    def middle(self) -> float:
        return (self.x + self.to_x) / 2


class Ladder(msgspec.Struct, frozen=True):
    """`columns` are node names with their places."""

    columns: Sequence[tuple[str, int]]
    rungs: Sequence[Rung]

    @property
    def width(self) -> int:
        return LEFT + COLUMN * len(self.columns)

    @property
    def height(self) -> int:
        return TOP + ROW * (len(self.rungs) + 1)


def ladder_of(records: Sequence[TraceRecord], window: MoveWindow) -> Ladder:
    """What concerns the move's mobile node; times in ms since the detection."""
    prefixes = {str(prefix) for prefix in window.prefixes}
    shown = [record for record in records if _shown(record, window, prefixes)]
    names = dict.fromkeys(name for record in shown for name in _ends(record))
    places = {name: LEFT + COLUMN * n + COLUMN // 2 for n, name in enumerate(names)}
    rungs = [_rung(record, n, places, window) for n, record in enumerate(shown)]
    return Ladder(list(places.items()), rungs)


def _shown(record: TraceRecord, window: MoveWindow, prefixes: set[str]) -> bool:
    """A message once, where it was sent or handed over."""
    if record.kind is TraceKind.RULE_APPLIED:
        return record.fields["prefix"] in prefixes
    if record.kind is TraceKind.MESSAGE_RECEIVED:
        return False
    return record.kind in _ALWAYS or record.concerns(window.mobile_node)


def _ends(record: TraceRecord) -> tuple[str, str]:
    """From which node to which; the same where nothing travels."""
    if record.kind is TraceKind.MESSAGE_SENT:
        return node_in(record.sender), node_in(record.receiver)
    return str(record.node), str(record.node)


def _rung(record: TraceRecord, number: int, places: dict[str, int], window: MoveWindow) -> Rung:
    source, target = _ends(record)
    label, hint = _words(record)
    return Rung(
        kind=str(record.kind),
        at=f"{(record.at - window.detected) * 1000:.2f}",
        y=TOP + ROW * (number + 1),
        x=places[source],
        to_x=places[target],
        label=label,
        hint=hint,
    )


def _words(record: TraceRecord) -> tuple[str, str]:
    """A short label, and everything there is to say."""
    if record.kind in MESSAGE_KINDS:
        number = f" #{record.sequence}" if record.sequence else ""
        label = f"{record.reference_point} {record.title}{number}"
        particulars = ", ".join(f"{name} {value}" for name, value in record.fields.items())
        return label, f"{label}, {record.sender} → {record.receiver} {particulars}".rstrip()
    if record.kind is TraceKind.RULE_APPLIED:
        said = record.fields
        label = f"{said['table']}: {said['action']} {said['target'].partition('[')[0]}".rstrip()
        return label, f"{said['owner']}: {record.text} {said.get('error', '')}".rstrip()
    particulars = ", ".join(f"{name} {value}" for name, value in record.fields.items() if value)
    return record.text, f"{record.text} {particulars}".rstrip()
