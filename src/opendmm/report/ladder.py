"""The message ladder of a move: nodes as columns, time downwards, one arrow a message."""

from collections.abc import Sequence

from rich.text import Text

from opendmm.report.steps import MoveWindow
from opendmm.report.trace import MESSAGE_KINDS, TraceKind, TraceRecord

_COLUMN = 30
_SHOWN = MESSAGE_KINDS - {TraceKind.MESSAGE_RECEIVED}


def ladder(trace: Sequence[TraceRecord], window: MoveWindow) -> Text:
    """Messages of one move as sent, rules as installed; times in ms since the detection."""
    prefixes = {str(prefix) for prefix in window.prefixes}
    records = [
        record
        for record in trace
        if window.started <= record.at < window.ended
        and (
            (record.kind in _SHOWN and record.concerns(window.mobile_node))
            or (record.kind is TraceKind.RULE_APPLIED and record.fields["prefix"] in prefixes)
        )
    ]
    nodes = _columns(records)
    text = Text(" " * 12 + "".join(f"{node:^{_COLUMN}}" for node in nodes) + "\n", style="bold")
    for record in records:
        text.append(f"{(record.at - window.detected) * 1000:9.2f}   ", style="not bold dim")
        text.append_text(_row(record, nodes)).append("\n")
    return text


def _node(address: str) -> str:
    return address.rpartition("@")[2]


def _columns(records: Sequence[TraceRecord]) -> list[str]:
    """Nodes in order of their first appearance."""
    nodes: dict[str, None] = {}
    for record in records:
        for address in (record.sender, record.node, record.receiver):
            if address:
                nodes.setdefault(_node(address))
    return list(nodes)


def _row(record: TraceRecord, nodes: Sequence[str]) -> Text:
    if record.kind is TraceKind.MESSAGE_SENT:
        return _arrow(record, nodes)
    column = nodes.index(record.node)
    cells = ["│".center(_COLUMN)] * len(nodes)
    if record.kind is TraceKind.RULE_APPLIED:
        style = "not bold green"
        cells[column] = f"■ {record.fields['table']} {record.fields['action']}".center(_COLUMN)
    else:
        style = "not bold dim"
        cells[column] = f"· {record.message}".center(_COLUMN)
    row = Text()
    for index, cell in enumerate(cells):
        row.append(cell[:_COLUMN], style=style if index == column else "not bold dim")
    return row


def _arrow(record: TraceRecord, nodes: Sequence[str]) -> Text:
    source, target = nodes.index(_node(record.sender)), nodes.index(_node(record.receiver))
    left, right = sorted((source, target))
    shaft = (right - left) * _COLUMN - 1
    label = f" {record.reference_point} {record.message} "[: shaft - 2]
    line = label.center(shaft - 1, "─")
    line = f"{line}▶" if source < target else f"◀{line}"
    before = "".join("│".center(_COLUMN) for _ in nodes[:left]) + " " * (_COLUMN // 2)
    after = " " * (_COLUMN // 2) + "".join("│".center(_COLUMN) for _ in nodes[right + 1 :])
    row = Text(before, style="not bold dim")
    row.append(line, style="not bold cyan")
    row.append(after, style="not bold dim")
    return row
