"""What is due when, for many things at once: a heap, so that a million bindings cost nothing
while none of them is due."""

import heapq
import math
from collections.abc import Hashable
from typing import Any, Generic, Protocol, TypeVar


class Sortable(Hashable, Protocol):
    """What can be a key: of two that are due at once the lesser comes first."""

    def __lt__(self, other: Any, /) -> bool: ...


Key = TypeVar("Key", bound=Sortable)

SLACK = 64
"""Superseded entries tolerated beyond as many as there are valid ones."""


class Agenda(Generic[Key]):
    """The next time of each key, in seconds since 1970."""

    def __init__(self) -> None:
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, Key]] = []

    def __len__(self) -> int:
        return len(self._due)

    def put(self, key: Key, due: float) -> None:
        """Have a key come up at `due`, and no other time; never, when that is infinite."""
        if self._due.get(key) == due:
            return
        if due == math.inf:
            self.drop(key)
            return
        self._due[key] = due
        heapq.heappush(self._heap, (due, key))
        if len(self._heap) > 2 * len(self._due) + SLACK:
            self._heap = [(at, each) for each, at in self._due.items()]
            heapq.heapify(self._heap)

    def drop(self, key: Key) -> None:
        """Have it not come up at all."""
        self._due.pop(key, None)

    def next_timer(self) -> float:
        """When `take` has something; infinite when never."""
        while self._heap:
            due, key = self._heap[0]
            if self._due.get(key) == due:
                return due
            heapq.heappop(self._heap)
        return math.inf

    def take(self, now: float) -> list[Key]:
        """The keys that are due, earliest first; they are dropped."""
        taken: list[Key] = []
        while self.next_timer() <= now:
            _, key = heapq.heappop(self._heap)
            del self._due[key]
            taken.append(key)
        return taken
