"""A node's forwarding plane: the plan decides, the driver does, the entities hear."""

from collections.abc import Sequence

from opendmm.entities.effects import RuleOutcome
from opendmm.entities.host import RuleRequest
from opendmm.forwarding.contract import ForwardingDriver
from opendmm.forwarding.plan import RulePlan
from opendmm.model.identity import FunctionalEntity
from opendmm.model.rules import Change, RuleKey


class ForwardingPlane:
    """Carries out rule requests through a driver and keeps the plan they add up to."""

    def __init__(self, driver: ForwardingDriver) -> None:
        self.driver = driver
        self.plan = RulePlan()
        self._failed: set[RuleKey] = set()
        """Slots that the driver has not filled as planned."""

    def carry_out(
        self, requests: Sequence[RuleRequest]
    ) -> list[tuple[FunctionalEntity, RuleOutcome]]:
        """Apply a batch; the outcome of every rule asked for, to be fed back to its owner."""
        changes: list[Change] = []
        for request in requests:
            changes += self.plan.request(request) or self._once_more(request.key)
        errors: dict[RuleKey, str] = {}
        if changes:
            for change, error in zip(changes, self.driver.apply(changes), strict=True):
                errors[change.key] = error
                (self._failed.add if error else self._failed.discard)(change.key)
        outcomes = []
        for request in requests:
            if request.rule is None:
                continue
            effective = self.plan.effective(request.key)
            outcomes.append(
                (
                    request.owner,
                    RuleOutcome(
                        request.rule,
                        error=errors.get(request.key, ""),
                        effective=effective == request.rule,
                    ),
                )
            )
        return outcomes

    def _once_more(self, key: RuleKey) -> list[Change]:
        """What was refused before is tried again when it is asked for again."""
        rule = self.plan.effective(key) if key in self._failed else None
        return [] if rule is None else [Change(key, rule.action)]

    def adopt(self) -> list[Change]:
        """Make the kernel agree with the plan, touching only what differs; what was changed."""
        installed = {rule.key: rule.action for rule in self.driver.installed()}
        changes = self.plan.differences(installed)
        for change, error in zip(changes, self.driver.apply(changes), strict=True):
            (self._failed.add if error else self._failed.discard)(change.key)
        return changes
