"""Which of the rules that a node's entities ask for is installed, and what must change.

An anchor may deliver a prefix that an ingress on the same node redirects; each asks for its
own rule. For every slot the rule with the greatest move order wins; between equals the one
that brings the packet nearer to the mobile node. Pure: no kernel here.
"""

from collections.abc import Iterable, Mapping

from opendmm.entities.host import RuleRequest
from opendmm.model.identity import FunctionalEntity
from opendmm.model.order import MoveOrder
from opendmm.model.rules import Access, Action, Change, Redirect, Rule, RuleKey, ToAnchor

NEARNESS: Mapping[type[Action], int] = {Redirect: 0, ToAnchor: 1, Access: 2}


def _rank(rule: Rule) -> tuple[MoveOrder, int]:
    return rule.order, NEARNESS.get(type(rule.action), 0)


class RulePlan:
    """The rules asked for on one node, by slot and owner."""

    def __init__(self) -> None:
        self._asked: dict[RuleKey, dict[FunctionalEntity, Rule]] = {}

    def request(self, request: RuleRequest) -> Change | None:
        """Record a request; the change the driver must make, None when nothing changes."""
        before = self.effective(request.key)
        if request.rule is not None:
            self._asked.setdefault(request.key, {})[request.owner] = request.rule
        elif (asked := self._asked.get(request.key)) is not None:
            asked.pop(request.owner, None)
            if not asked:
                del self._asked[request.key]
        after = self.effective(request.key)
        action_before = before.action if before else None
        action_after = after.action if after else None
        if action_before == action_after:
            return None
        return Change(request.key, action_after)

    def effective(self, key: RuleKey) -> Rule | None:
        """The rule that holds a slot."""
        asked = self._asked.get(key)
        return max(asked.values(), key=_rank) if asked else None

    def rules(self) -> dict[RuleKey, Rule]:
        """Every slot's effective rule."""
        return {key: max(asked.values(), key=_rank) for key, asked in self._asked.items()}

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


def _absent(installed: Iterable[RuleKey], planned: Mapping[RuleKey, Rule]) -> list[RuleKey]:
    return [key for key in installed if key not in planned]
