"""Announcing in place of R_IC: every router is FE_I, by routes to where a prefix is (draft A.4).

This instance stands beside the egress of its anchor and announces what has come there, with
the number of the move; a routing protocol takes that to all routers, the other members of one
distributed FE_IEC. Routers that hear of a move in any order send packets back and forth between
those that follow and those that do not yet; so the nearest are told first, ring by ring, and no
packet is lost while the former anchor still forwards. No router says that it follows: this is
a matter of time.
"""

from collections.abc import Iterable

import msgspec

from opendmm.entities.effects import (
    CancelTimer,
    Effect,
    Install,
    Notice,
    Remove,
    RuleOutcome,
    SetTimer,
    Severity,
)
from opendmm.entities.fe_iec.config import Announcing
from opendmm.entities.fe_iec.core import Core
from opendmm.entities.fe_iec.record import Record
from opendmm.model.addressing import HomePrefix
from opendmm.model.context import ContextId
from opendmm.model.order import MoveOrder
from opendmm.model.rules import EVERYWHERE, LAST_ANNOUNCED, Announce, Rule, RuleKey, Table

AGAIN, RING, SPREAD, LAST = TIMERS = "announce", "ring", "spread", "withdraw"
"""Purposes of timers."""
RETRY_AFTER = 1.0
"""Seconds after which an announcement that failed is tried again."""


class _Announced(msgspec.Struct):
    """What is announced of one context, as far as `ring`; `unconfirmed` are the prefixes that
    forwarding has not reported yet, `spread` whether every router has had the time to follow."""

    order: MoveOrder
    prefixes: tuple[HomePrefix, ...]
    ring: int
    unconfirmed: set[HomePrefix]
    spread: bool = False


class AnnouncementControl:
    """The announcements of one instance. It has no FE_I that subscribes or answers."""

    def __init__(self, core: Core, announcing: Announcing) -> None:
        self.core = core
        self.announcing = announcing
        self._announced: dict[ContextId, _Announced] = {}
        self._by_prefix: dict[HomePrefix, ContextId] = {}

    def rows(self) -> list[dict[str, object]]:
        """For `dmm show announcements`."""
        return [
            {
                "mobile_node": key.mobile_node,
                "prefixes": [str(prefix) for prefix in announced.prefixes],
                "move": number_of(announced.order),
                "told": self._told(announced),
            }
            for key, announced in self._announced.items()
        ]

    def _told(self, announced: _Announced) -> str:
        if announced.spread:
            return "all routers"
        if announced.unconfirmed:
            return "nobody yet"
        if announced.ring == EVERYWHERE:
            return "all routers, which may not follow yet"
        return f"ring {announced.ring} of {len(self.announcing.rings)}"

    def waits_for(self, key: ContextId) -> bool:
        """Whether a router may not follow yet."""
        announced = self._announced.get(key)
        return announced is not None and not announced.spread

    def push(self, record: Record, now: float) -> list[Effect]:
        """Announce what has come here, in place of what was announced before; withdraw what has
        left, which nobody has to follow any more."""
        if not self._is_due(record, now):
            return self.forget(record.key)
        before = self._announced.get(record.key)
        prefixes = record.context.prefixes
        if before is not None and (before.order, before.prefixes) == (record.order, prefixes):
            return self._last_of(record)
        gone = set(before.prefixes) - set(prefixes) if before is not None else set()
        announced = self._announce(record, self._next(0))
        return [*announced, *_removed(gone), *self._last_of(record)]

    def restored(self, record: Record, now: float) -> list[Effect]:
        """What an earlier life had announced to everyone."""
        if not self._is_due(record, now):
            return []
        return [*self._announce(record, EVERYWHERE), *self._last_of(record)]

    def further(self, record: Record, now: float, *, again: bool) -> list[Effect]:
        """The routers of a ring have had the time to follow: on to the next one. Or try again."""
        announced = self._announced.get(record.key)
        if announced is None or not self._is_due(record, now):
            return []
        return self._announce(record, announced.ring if again else self._next(announced.ring))

    def outcome(self, outcome: RuleOutcome, now: float) -> list[Effect]:
        """Forwarding has put an announcement where the routing protocol finds it."""
        key = self._by_prefix.get(outcome.rule.key.prefix)
        announced = self._announced.get(key) if key is not None else None
        if key is None or announced is None or announced.order != outcome.rule.order:
            return []
        if outcome.error:
            fields = {"rule": str(outcome.rule.key), "why": outcome.error}
            failed = Notice("announcement-failed", fields, Severity.WARNING)
            return [failed, SetTimer(f"{AGAIN} {key}", now + RETRY_AFTER)]
        announced.unconfirmed.discard(outcome.rule.key.prefix)
        if announced.unconfirmed or announced.spread:
            return []
        if announced.ring == EVERYWHERE:
            return [SetTimer(f"{SPREAD} {key}", now + self.announcing.time_to_spread)]
        return [SetTimer(f"{RING} {key}", now + self.announcing.rings[announced.ring - 1])]

    def spread(self, key: ContextId) -> None:
        """The time that all routers have to follow is over."""
        announced = self._announced.get(key)
        if announced is not None and not announced.unconfirmed:
            announced.spread = True

    def forget(self, key: ContextId) -> list[Effect]:
        """The record is over, and with it whatever was announced."""
        announced = self._forget(key)
        if announced is None:
            return []
        timers = [CancelTimer(f"{purpose} {key}") for purpose in TIMERS]
        return [*_removed(announced.prefixes), *timers]

    def _is_due(self, record: Record, now: float) -> bool:
        """At home the announcement of the pool is enough, unless routers may follow still what a
        former anchor announced: until all have had the time to hear of its withdrawal."""
        if record.released or record.egress.node != self.core.node:
            return False
        last = self._last(record)
        returning = record.order.sequence > 1 and (last is None or now < last)
        return returning or not record.context.at_home

    def _last(self, record: Record) -> float | None:
        """When nothing need be announced any more of what has come home."""
        since = record.alone_since
        return None if since is None else since + self.announcing.time_to_spread

    def _last_of(self, record: Record) -> list[Effect]:
        last = self._last(record)
        return [] if last is None else [SetTimer(f"{LAST} {record.key}", last)]

    def _next(self, ring: int) -> int:
        """The ring that is told after this one."""
        return ring + 1 if ring < len(self.announcing.rings) else EVERYWHERE

    def _announce(self, record: Record, ring: int) -> list[Effect]:
        prefixes = record.context.prefixes
        self._forget(record.key)
        self._announced[record.key] = _Announced(record.order, prefixes, ring, set(prefixes))
        self._by_prefix |= dict.fromkeys(prefixes, record.key)
        action = Announce(number_of(record.order), ring)
        return [Install(Rule(_slot(prefix), action, record.order)) for prefix in prefixes]

    def _forget(self, key: ContextId) -> _Announced | None:
        announced = self._announced.pop(key, None)
        for prefix in announced.prefixes if announced is not None else ():
            if self._by_prefix.get(prefix) == key:
                del self._by_prefix[prefix]
        return announced


def number_of(order: MoveOrder) -> int:
    """The number of an announcement. After the last one the numbers begin anew: then the former
    anchor's counts as later until it is withdrawn, and that anchor forwards for longer."""
    return 1 + (order.sequence - 1) % LAST_ANNOUNCED


def _slot(prefix: HomePrefix) -> RuleKey:
    return RuleKey(Table.ANNOUNCEMENT, prefix)


def _removed(prefixes: Iterable[HomePrefix]) -> list[Effect]:
    return [Remove(_slot(prefix)) for prefix in sorted(prefixes)]
