"""The message ladder of a move: nodes as columns, time downwards, one arrow a message.

It takes the width there is. Where columns are too narrow for a message's name, the name
stands beside its arrow; where there is no room for the columns either, rows are cut off.
"""

from collections.abc import Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.text import Text

from opendmm.report.steps import MoveWindow
from opendmm.report.trace import MESSAGE_KINDS, TraceKind, TraceRecord, node_in

WIDEST, NARROWEST = 30, 8
"""Characters of a node's column: room for any message on its arrow, and for an arrow alone."""
TIMES = 12
"""Characters of the column of times."""
_SHOWN = MESSAGE_KINDS - {TraceKind.MESSAGE_RECEIVED}
_LIFELINE, _ARROW, _RULE = "not bold dim", "not bold cyan", "not bold green"


def ladder(trace: Sequence[TraceRecord], window: MoveWindow) -> "Ladder":
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
    return Ladder(records, window.detected)


class Ladder:
    """Something rich can print, as wide as there is room."""

    def __init__(self, records: Sequence[TraceRecord], detected: float) -> None:
        self._records = records
        self._detected = detected
        self._nodes = _columns(records)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        del console
        yield self.drawn(options.max_width)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        del console, options
        return Measurement(*(TIMES + len(self._nodes) * c for c in (NARROWEST, WIDEST)))

    def drawn(self, width: int) -> Text:
        """The whole of it in rows of at most `width` characters."""
        column = (width - TIMES) // max(1, len(self._nodes))
        column = max(NARROWEST, min(WIDEST, column))
        header = "".join(f"{node[: column - 1]:^{column}}" for node in self._nodes)
        text = Text(" " * TIMES + header.rstrip(), style="bold", no_wrap=True, overflow="crop")
        for record in self._records:
            after = (record.at - self._detected) * 1000
            text.append(f"\n{after:{TIMES - 3}.2f}   ", style=_LIFELINE)
            text.append_text(self._row(record, column))
        return text

    def _row(self, record: TraceRecord, column: int) -> Text:
        row = _Row(len(self._nodes), column)
        if record.kind is TraceKind.MESSAGE_SENT:
            source, target = self._place(record.sender), self._place(record.receiver)
            row.arrow(source, target, f"{record.reference_point} {record.title}")
        elif record.kind is TraceKind.RULE_APPLIED:
            label = f"{record.fields['table']} {record.fields['action']}"
            row.mark(self._place(record.node), "■", label, _RULE)
        else:
            row.mark(self._place(record.node), "·", record.message, _LIFELINE)
        return row.text()

    def _place(self, address: str) -> int:
        return self._nodes.index(node_in(address))


class _Row:
    """One row: the nodes' lifelines, and what is drawn over them."""

    def __init__(self, nodes: int, column: int) -> None:
        self._column = column
        self._characters = list("│".center(column) * nodes)
        self._styles = [_LIFELINE] * len(self._characters)

    def arrow(self, source: int, target: int, label: str) -> None:
        """From node to node, the label on its shaft if it fits there, else beside it."""
        left, right = sorted((self._centre(source), self._centre(target)))
        shaft = right - left - 1
        fits = len(label) + 4 <= shaft
        drawn = (f" {label} " if fits else "").center(shaft - 1, "─")
        self._write(left + 1, f"{drawn}▶" if source < target else f"◀{drawn}", _ARROW)
        if not fits:
            self._beside(left, right, label, _ARROW)

    def mark(self, node: int, mark: str, label: str, style: str) -> None:
        """Something that happens at a node."""
        centre = self._centre(node)
        if len(label) + 2 <= self._column:
            text = f"{mark} {label}"
            self._write(centre - (len(text) - 1) // 2, text, style)
        else:
            self._write(centre, mark, style)
            self._beside(centre, centre, label, style)

    def _beside(self, left: int, right: int, label: str, style: str) -> None:
        """To the right of what is drawn from `left` to `right`, or to its left, where there is
        more room."""
        if len(self._characters) - right - 3 >= len(label) or right + left < len(self._characters):
            self._write(right + 2, f"{label} ", style)
        else:
            start = max(0, left - 2 - len(label))
            self._write(start, f" {label}"[: left - start], style)

    def _write(self, at: int, text: str, style: str) -> None:
        end = min(at + len(text), len(self._characters))
        self._characters[at:end] = text[: end - at]
        self._styles[at:end] = [style] * (end - at)

    def _centre(self, node: int) -> int:
        return node * self._column + "│".center(self._column).index("│")

    def text(self) -> Text:
        row = Text()
        for character, style in zip(self._characters, self._styles, strict=True):
            row.append(character, style=style)
        row.rstrip()
        return row


def _columns(records: Sequence[TraceRecord]) -> list[str]:
    """Nodes in order of their first appearance."""
    nodes: dict[str, None] = {}
    for record in records:
        for address in (record.sender, record.node, record.receiver):
            if address:
                nodes.setdefault(node_in(address))
    return list(nodes)
