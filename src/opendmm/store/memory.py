"""A store that lasts as long as its process: for the simulator and for tests."""

from collections.abc import Sequence

from opendmm.entities.host import Fact
from opendmm.store.contract import Facts


class MemoryStore:
    """Give the same store to a second host and it finds what the first one committed."""

    def __init__(self) -> None:
        self.notice = ""
        self._facts: Facts = {}

    def load(self) -> Facts:
        """A copy of everything."""
        return {entity: dict(facts) for entity, facts in self._facts.items()}

    def commit(self, facts: Sequence[Fact]) -> None:
        """Keep, replace or forget."""
        for fact in facts:
            held = self._facts.setdefault(fact.owner, {})
            if fact.value is None:
                held.pop(fact.key, None)
            else:
                held[fact.key] = fact.value

    def discard(self, why: str) -> None:
        """Forget everything."""
        self.notice = why
        self._facts.clear()

    def close(self) -> None:
        """Nothing to release."""
