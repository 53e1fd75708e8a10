"""A node's forwarding plane: the plan decides, the driver does, the entities hear."""

from collections.abc import Sequence

from opendmm.entities.effects import RuleOutcome
from opendmm.entities.host import RuleRequest
from opendmm.forwarding.contract import ForwardingDriver
from opendmm.forwarding.plan import RulePlan
from opendmm.model.identity import FunctionalEntity
from opendmm.model.rules import Change


class ForwardingPlane:
    """Carries out rule requests through a driver and keeps the plan they add up to."""

    def __init__(self, driver: ForwardingDriver) -> None:
        self.driver = driver
        self.plan = RulePlan()

    def carry_out(
        self, requests: Sequence[RuleRequest]
    ) -> list[tuple[FunctionalEntity, RuleOutcome]]:
        """Apply a batch; the outcome of every rule asked for, to be fed back to its owner."""
        changes: list[Change] = []
        for request in requests:
            changes += self.plan.request(request)
        errors: dict[object, str] = {}
        if changes:
            for change, error in zip(changes, self.driver.apply(changes), strict=True):
                errors[change.key] = error
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

    def adopt(self) -> list[Change]:
        """Make the kernel agree with the plan, touching only what differs; what was changed."""
        installed = {rule.key: rule.action for rule in self.driver.installed()}
        changes = self.plan.differences(installed)
        self.driver.apply(changes)
        return changes
