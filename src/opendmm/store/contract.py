"""What every store offers: the facts of a node's entities, kept across restarts.

A fact is a value under (entity, key). The runtime hands over everything of one drain
together (group commit) and sends nothing before `commit` has returned, so whatever a peer
was told is still known after a crash.
"""

from collections.abc import Sequence
from typing import Protocol

from opendmm.entities.host import Fact
from opendmm.model.identity import FunctionalEntity

Facts = dict[FunctionalEntity, dict[str, bytes]]
"""All facts of a node: by entity, then by key."""


class StoreError(Exception):
    """The store cannot be used; the message says what to do."""


class FactStore(Protocol):
    """Facts of one node. One writer."""

    @property
    def notice(self) -> str:
        """What a person must know of how the store was found; empty when all was well."""
        ...

    def load(self) -> Facts:
        """Everything that was committed and not forgotten since."""
        ...

    def commit(self, facts: Sequence[Fact]) -> None:
        """Make facts durable, all or none, later ones over earlier ones; value None forgets.

        Raises StoreError when that cannot be promised.
        """
        ...

    def discard(self, why: str) -> None:
        """Put everything aside, for a person to look at, and start empty."""
        ...

    def close(self) -> None: ...
