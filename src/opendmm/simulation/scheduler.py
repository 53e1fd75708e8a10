"""Virtual time: a heap of things to happen, in order of time and then of their making."""

import heapq
from collections.abc import Callable

Action = Callable[[], None]


class Event:
    """Something that will happen; `cancel` makes it not happen."""

    __slots__ = ("action",)

    def __init__(self, action: Action) -> None:
        self.action: Action | None = action

    def cancel(self) -> None:
        self.action = None


class Scheduler:
    """The clock of a run. `now` is in seconds since 1970 and moves only from event to event."""

    def __init__(self, start: float) -> None:
        self.now = start
        self._heap: list[tuple[float, int, Event]] = []
        self._serial = 0

    def at(self, when: float, action: Action) -> Event:
        """Do `action` at a moment; one that has passed means as soon as possible."""
        event = Event(action)
        self._serial += 1
        heapq.heappush(self._heap, (max(when, self.now), self._serial, event))
        return event

    def after(self, delay: float, action: Action) -> Event:
        """Do `action` after `delay` seconds."""
        return self.at(self.now + delay, action)

    def run(self, until: float) -> None:
        """Let everything happen that is due by `until`; the clock then stands there."""
        heap = self._heap
        while heap and heap[0][0] <= until:
            when, _, event = heapq.heappop(heap)
            if event.action is not None:
                self.now = when
                event.action()
        self.now = max(self.now, until)
