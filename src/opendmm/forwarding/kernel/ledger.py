"""Which slots are filled and how many of them use what they share."""

from collections import Counter
from collections.abc import Callable, Iterable

from opendmm.forwarding.contract import Installed
from opendmm.forwarding.kernel.forms import (
    AttachedRouteUse,
    NeighbourUse,
    NextHopUse,
    UplinkRuleUse,
    UplinkTableUse,
    Use,
)
from opendmm.model.rules import Action, RuleKey

ORDER_OF_GOING = (UplinkRuleUse, UplinkTableUse, AttachedRouteUse, NeighbourUse, NextHopUse)


class Ledger:
    """The driver's account of the kernel; `uses` tells what a filled slot uses."""

    def __init__(self, uses: Callable[[RuleKey, Action | None], tuple[Use, ...]]) -> None:
        self._uses = uses
        self._slots: dict[RuleKey, Action] = {}
        self._count: Counter[Use] = Counter()

    def open(self, installed: Iterable[Installed]) -> None:
        """Begin with what the kernel has."""
        self._slots = {rule.key: rule.action for rule in installed}
        self._count = Counter(
            use for key, action in self._slots.items() for use in self._uses(key, action)
        )

    def __contains__(self, use: Use) -> bool:
        return self._count[use] > 0

    def items(self) -> Iterable[tuple[RuleKey, Action]]:
        return self._slots.items()

    def record(self, key: RuleKey, action: Action | None) -> tuple[Use, ...]:
        """A slot has changed; what it used before, some of which may be idle now."""
        before = self._uses(key, self._slots.get(key))
        after = self._uses(key, action)
        if action is None:
            self._slots.pop(key, None)
        else:
            self._slots[key] = action
        if before == after:
            return ()
        self._count.update(after)
        self._count.subtract(before)
        return before

    def idle(self, candidates: Iterable[Use]) -> list[Use]:
        """Those that nothing uses, in the order in which they may go."""
        idle = {use for use in candidates if self._count[use] <= 0}
        for use in idle:
            del self._count[use]
        return sorted(idle, key=lambda use: ORDER_OF_GOING.index(type(use)))
