"""What the forwarding of each node did with a mobile node's packets at a moment, by the trace.

The trace tells what each entity asked for; of several for one slot the greatest order holds,
between equals the one nearer to the mobile node (`opendmm.forwarding.plan`).
"""

from collections.abc import Collection, Iterable

import msgspec

from opendmm.report.trace import TraceKind, TraceRecord

_NEARER = {"redirect": 0, "to-anchor": 1, "access": 2}
NOTHING = "–"


class Slot(msgspec.Struct, frozen=True, order=True):
    """A place for one rule."""

    node: str
    table: str
    prefix: str


class Change(msgspec.Struct, frozen=True):
    """What a slot held at two moments."""

    slot: Slot
    before: str
    after: str

    @property
    def differs(self) -> bool:
        return self.before != self.after


_Asked = tuple[int, int, str]
"""Sequence of the move, nearness, and the action as text."""


class Routes:
    """The slots of all nodes, as the records told so far leave them."""

    def __init__(self) -> None:
        self._asked: dict[Slot, dict[str, _Asked]] = {}

    def tell(self, records: Iterable[TraceRecord]) -> None:
        """Take in rules as they were applied, in order of time."""
        for record in records:
            if record.kind is TraceKind.RULE_APPLIED:
                self._applied(record)

    def now(self, prefixes: Collection[str]) -> dict[Slot, str]:
        """The rule in each slot of these prefixes that holds one."""
        return {
            slot: max(asked.values())[2]
            for slot, asked in self._asked.items()
            if asked and slot.prefix in prefixes
        }

    def _applied(self, record: TraceRecord) -> None:
        said = record.fields
        slot = Slot(record.node, said["table"], said["prefix"])
        asked = self._asked.setdefault(slot, {})
        if said["action"] == "none":
            asked.pop(said["owner"], None)
        elif "error" not in said:
            text = f"{said['action']} {said['target']}".rstrip()
            asked[said["owner"]] = (record.sequence, _NEARER.get(said["action"], 0), text)


def changes(before: dict[Slot, str], after: dict[Slot, str]) -> list[Change]:
    """Both moments side by side, every slot that held a rule at one of them."""
    slots = sorted(before.keys() | after.keys())
    return [Change(s, before.get(s, NOTHING), after.get(s, NOTHING)) for s in slots]
