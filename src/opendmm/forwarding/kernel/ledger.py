"""Which slots are filled and how many of them use what they share."""

from collections.abc import Callable, Iterable, Iterator

from opendmm.forwarding.contract import Installed
from opendmm.forwarding.kernel.forms import (
    AnnouncementUse,
    AttachedRouteUse,
    FlowRuleUse,
    GuestUse,
    LimitedUse,
    NeighbourUse,
    NextHopUse,
    RecognisedUse,
    TranslationUse,
    UplinkRuleUse,
    UplinkTableUse,
    Use,
)
from opendmm.model.rules import Action, RuleKey

ORDER_OF_GOING = (
    AnnouncementUse,
    TranslationUse,
    GuestUse,
    FlowRuleUse,
    LimitedUse,
    RecognisedUse,
    UplinkRuleUse,
    UplinkTableUse,
    AttachedRouteUse,
    NeighbourUse,
    NextHopUse,
)
EMPTY: tuple[None, tuple[Use, ...]] = (None, ())


class Ledger:
    """The driver's account of the kernel; `uses` tells what a filled slot uses."""

    def __init__(self, uses: Callable[[RuleKey, Action], tuple[Use, ...]]) -> None:
        self._uses = uses
        self._slots: dict[RuleKey, tuple[Action, tuple[Use, ...]]] = {}
        self._count: dict[Use, int] = {}

    def open(self, installed: Iterable[Installed]) -> None:
        """Begin with what the kernel has."""
        self._slots.clear()
        self._count.clear()
        for rule in installed:
            self.record(rule.key, rule.action)

    def items(self) -> Iterator[tuple[RuleKey, Action]]:
        """The filled slots."""
        return ((key, action) for key, (action, _) in self._slots.items())

    def action(self, key: RuleKey) -> Action | None:
        """What a slot is filled with."""
        return self._slots.get(key, EMPTY)[0]

    def record(self, key: RuleKey, action: Action | None) -> tuple[Use, ...]:
        """A slot has changed; what it used before, some of which may be idle now."""
        _, before = self._slots.get(key, EMPTY)
        if action is None:
            after: tuple[Use, ...] = ()
            self._slots.pop(key, None)
        else:
            after = self._uses(key, action)
            self._slots[key] = (action, after)
        if before == after:
            return ()
        for use in after:
            self._count[use] = self._count.get(use, 0) + 1
        for use in before:
            self._count[use] -= 1
        return before

    def idle(self, candidates: Iterable[Use]) -> list[Use]:
        """Those that nothing uses, in the order in which they may go."""
        idle = {use for use in candidates if not self._count.get(use)}
        for use in idle:
            self._count.pop(use, None)
        return sorted(idle, key=lambda use: ORDER_OF_GOING.index(type(use)))
