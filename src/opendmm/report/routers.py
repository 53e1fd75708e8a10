"""What mobility costs routers that are not ours: routes, changes of them, moments without."""

from collections.abc import Iterable, Mapping

from opendmm.report.report import RouterCost
from opendmm.report.trace import TraceKind, TraceRecord

AT_ONCE = 0.05
"""Seconds within which a route that was deleted and put has been replaced by way of nothing."""


def router_costs(
    software: Mapping[str, str], trace: Iterable[TraceRecord], at_end: Mapping[str, int]
) -> tuple[RouterCost, ...]:
    """For each router, in the order of `software`; `at_end` is read from its kernel."""
    told: dict[str, list[TraceRecord]] = {name: [] for name in software}
    for record in trace:
        if record.kind is TraceKind.ROUTE and record.node in told:
            told[record.node].append(record)
    return tuple(
        RouterCost(
            router=name,
            software=software[name],
            routes_at_most=_at_most(records),
            routes_at_end=at_end.get(name, 0),
            changes=len(records),
            interruptions=_interruptions(records),
        )
        for name, records in told.items()
    )


def _at_most(records: Iterable[TraceRecord]) -> int:
    held: set[str] = set()
    most = 0
    for record in records:
        (held.add if record.fields["action"] == "put" else held.discard)(record.fields["prefix"])
        most = max(most, len(held))
    return most


def _interruptions(records: Iterable[TraceRecord]) -> int:
    """Routes that were deleted first and put afterwards."""
    deleted: dict[str, float] = {}
    found = 0
    for record in records:
        prefix = record.fields["prefix"]
        if record.fields["action"] == "deleted":
            deleted[prefix] = record.at
        elif record.at - deleted.pop(prefix, float("-inf")) <= AT_ONCE:
            found += 1
    return found
