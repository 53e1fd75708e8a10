"""Figures as a table, or as JSON."""

import json
import math
import statistics
from collections.abc import Sequence
from typing import Any

Row = dict[str, Any]
"""Figures by the title of their column."""


def percentile(values: Sequence[float], percent: float) -> float:
    """The least of the values that so many are not greater than."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def middle(values: Sequence[float]) -> float:
    return statistics.median(values)


def shown(value: object) -> str:
    """Three digits of a figure, or more where there are more before the point."""
    if not isinstance(value, float):
        return str(value)
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:,.{min(digits, 3)}f}"


def table(rows: Sequence[Row]) -> str:
    """All of them, in columns as wide as needed."""
    titles = list(dict.fromkeys(title for row in rows for title in row))
    lines = [titles, *([shown(row.get(title, "–")) for title in titles] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def tell(title: str, rows: Sequence[Row], *, as_json: bool) -> None:
    """Print them."""
    if as_json:
        print(json.dumps({"title": title, "rows": rows}), flush=True)
    else:
        print(f"\n{title}\n{table(rows)}", flush=True)
