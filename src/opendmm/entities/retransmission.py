"""Requests that await an answer: repeated, with doubling intervals, until answered or dropped.

The transport under a reference point may lose what it carried when a session breaks, and a
peer may restart with what it was told; so every request of an entity is repeated until the
entity itself is answered (RFC 6275 §11.8 in manner: doubling up to a ceiling).
"""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import msgspec

from opendmm.entities.effects import CancelTimer, Effect, Send, SetTimer
from opendmm.model.identity import EntityAddress, NodeId
from opendmm.reference_points.message import Message

CEILING = 32.0
"""Seconds; MAX_BINDACK_TIMEOUT of RFC 6275 §12."""

Key = TypeVar("Key", bound=Hashable)


class Request(msgspec.Struct):
    """A message awaiting its answer."""

    to: EntityAddress
    message: Message
    interval: float
    sent_at: float
    repetitions: int = 0


class Outstanding(Generic[Key]):
    """The unanswered requests of one entity, by a key of the entity's choice.

    `name` distinguishes this collection's timers from others of the entity; `initial` is the
    first interval in seconds. `subject` maps a key to what it is about, for `about`.
    """

    def __init__(
        self, name: str, initial: float, subject: Callable[[Key], Hashable] | None = None
    ) -> None:
        self.name = name
        self.initial = initial
        self._subject = subject
        self._by_subject: dict[Hashable, set[Key]] = {}
        self._requests: dict[Key, Request] = {}
        self._by_timer: dict[str, Key] = {}

    def __contains__(self, key: Key) -> bool:
        return key in self._requests

    def __len__(self) -> int:
        return len(self._requests)

    def pending(self) -> list[Key]:
        """The keys of all unanswered requests."""
        return list(self._requests)

    def about(self, subject: Hashable) -> list[Key]:
        """The keys of the unanswered requests about a subject."""
        return list(self._by_subject.get(subject, ()))

    def get(self, key: Key) -> Request | None:
        return self._requests.get(key)

    def request(self, key: Key, to: EntityAddress, message: Message, now: float) -> list[Effect]:
        """Send and repeat until settled; replaces an earlier request of the same key."""
        self._requests[key] = Request(to, message, self.initial, now)
        timer = self._timer(key)
        self._by_timer[timer] = key
        if self._subject is not None:
            self._by_subject.setdefault(self._subject(key), set()).add(key)
        return [Send(to, message), SetTimer(timer, now + self.initial)]

    def settle(self, key: Key) -> list[Effect]:
        """The answer came, or none is wanted any more."""
        if self._requests.pop(key, None) is None:
            return []
        timer = self._timer(key)
        self._by_timer.pop(timer, None)
        self._unindex(key)
        return [CancelTimer(timer)]

    def _unindex(self, key: Key) -> None:
        if self._subject is None:
            return
        subject = self._subject(key)
        siblings = self._by_subject[subject]
        siblings.discard(key)
        if not siblings:
            del self._by_subject[subject]

    def owns(self, timer: str) -> bool:
        return timer.startswith(f"{self.name}|")

    def repeat(self, timer: str, now: float) -> list[Effect]:
        """The timer of one of our requests fired: send it again, wait twice as long."""
        key = self._by_timer.get(timer)
        if key is None:
            return []
        pending = self._requests[key]
        pending.repetitions += 1
        pending.interval = min(pending.interval * 2, CEILING)
        return [Send(pending.to, pending.message), SetTimer(timer, now + pending.interval)]

    def resend_to(self, node: NodeId, now: float) -> list[Effect]:
        """The session with a node is back: send again at once what it has not answered."""
        effects: list[Effect] = []
        for key, pending in self._requests.items():
            if pending.to.node == node:
                pending.interval = self.initial
                effects.append(Send(pending.to, pending.message))
                effects.append(SetTimer(self._timer(key), now + pending.interval))
        return effects

    def _timer(self, key: Key) -> str:
        return f"{self.name}|{key}"
