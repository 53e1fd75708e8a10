"""Which of the rules that a node's entities ask for is installed, and what must change.

An anchor may deliver a prefix that an ingress on the same node redirects; each asks for its
own rule. For every slot the rule with the greatest move order wins; between equals the one
that brings the packet nearer to the mobile node. The slot of a flow is emptied while the slot
of all packets to its prefix is held by a rule that stands above: a mobile node that has come
back is not redirected by what an ingress was told before. When the rule that holds a slot is
withdrawn, one of an earlier move does not come back into force: where it leads to may have been
true once. Pure: no kernel here.
"""

from collections.abc import Iterable, Mapping

from opendmm.entities.host import RuleRequest
from opendmm.model.identity import FunctionalEntity
from opendmm.model.order import MoveOrder
from opendmm.model.rules import Access, Action, Change, Redirect, Rule, RuleKey, ToAnchor, Tunnel

NEARNESS: Mapping[type[Action], int] = {Redirect: 0, ToAnchor: 1, Tunnel: 1, Access: 2}


def _rank(rule: Rule) -> tuple[MoveOrder, int]:
    return rule.order, NEARNESS.get(type(rule.action), 0)


class RulePlan:
    """The rules asked for on one node, by slot and owner."""

    def __init__(self) -> None:
        self._asked: dict[RuleKey, dict[FunctionalEntity, Rule]] = {}
        self._flows: dict[RuleKey, set[RuleKey]] = {}
        """Slots of flows by the slot of all packets to their prefix."""
        self._over: dict[RuleKey, MoveOrder] = {}
        """The latest move whose rule was withdrawn from a slot that has rules of earlier ones."""

    def request(self, request: RuleRequest) -> list[Change]:
        """Record a request; the changes the driver must make, in this order."""
        key = request.key
        flows = self._flows.get(key)
        if key.flow is None and not flows:
            return self._noted(request)
        touched = [key, *sorted(flows or ())]
        before = {slot: self.effective(slot) for slot in touched}
        self._note(request)
        changes = [change for slot in touched for change in self._change(slot, before[slot])]
        # What takes packets over comes first, what leaves them to others comes last.
        return sorted(changes, key=lambda change: change.action is None)

    def _noted(self, request: RuleRequest) -> list[Change]:
        before = self.effective(request.key)
        self._note(request)
        return self._change(request.key, before)

    def _change(self, key: RuleKey, before: Rule | None) -> list[Change]:
        after = self.effective(key)
        action_before = before.action if before else None
        action_after = after.action if after else None
        return [] if action_before == action_after else [Change(key, action_after)]

    def _note(self, request: RuleRequest) -> None:
        if request.rule is not None:
            self._asked.setdefault(request.key, {})[request.owner] = request.rule
            if request.key.flow is not None:
                self._flows.setdefault(_of_all(request.key), set()).add(request.key)
        elif (asked := self._asked.get(request.key)) is not None:
            withdrawn = asked.pop(request.owner, None)
            if not asked:
                del self._asked[request.key]
                self._over.pop(request.key, None)
                self._forget_flow(request.key)
            elif withdrawn is not None and withdrawn.order > self._latest(asked):
                over = self._over.get(request.key, withdrawn.order)
                self._over[request.key] = max(over, withdrawn.order)

    def _forget_flow(self, key: RuleKey) -> None:
        if key.flow is None:
            return
        slots = self._flows[_of_all(key)]
        slots.discard(key)
        if not slots:
            del self._flows[_of_all(key)]

    def effective(self, key: RuleKey) -> Rule | None:
        """The rule that holds a slot."""
        asked = self._asked.get(key)
        if not asked:
            return None
        rule = max(asked.values(), key=_rank)
        if self._over and rule.order < self._over.get(key, rule.order):
            return None
        if key.flow is None:
            return rule
        above = self.effective(_of_all(key))
        return None if above is not None and _rank(above) > _rank(rule) else rule

    @staticmethod
    def _latest(asked: Mapping[FunctionalEntity, Rule]) -> MoveOrder:
        return max(rule.order for rule in asked.values())

    def holds(self, key: RuleKey) -> bool:
        """Whether there is a rule for all packets of a slot, or for some flow of theirs."""
        return key in self._asked or key in self._flows

    def rules(self) -> dict[RuleKey, Rule]:
        """Every slot's effective rule."""
        return {key: rule for key in self._asked if (rule := self.effective(key)) is not None}

    def differences(self, installed: Mapping[RuleKey, Action]) -> list[Change]:
        """What turns the installed rules into the planned ones: adoption, audit, repair."""
        planned = self.rules()
        changes = [
            Change(key, rule.action)
            for key, rule in planned.items()
            if installed.get(key) != rule.action
        ]
        changes.extend(Change(key, None) for key in _absent(installed, planned))
        return changes


def _of_all(key: RuleKey) -> RuleKey:
    """The slot of all packets to a prefix, not of one flow."""
    return RuleKey(key.table, key.prefix)


def _absent(installed: Iterable[RuleKey], planned: Mapping[RuleKey, Rule]) -> list[RuleKey]:
    return [key for key in installed if key not in planned]
