"""Requests that await an answer: repeated, with doubling intervals, until answered or dropped.

The transport under a reference point may lose what it carried when a session breaks, and a
peer may restart with what it was told; so every request of an entity is repeated until the
entity itself is answered (RFC 6275 §11.8 in manner: doubling up to a ceiling). At most a
window of them is under way to one peer: the others wait their turn, so that a peer that
reports in, or is slow, is never buried under everything at once.
"""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import msgspec

from opendmm.entities.effects import CancelTimer, Effect, Send, SetTimer
from opendmm.model.identity import EntityAddress, NodeId
from opendmm.reference_points.message import Message

CEILING = 32.0
"""Seconds; MAX_BINDACK_TIMEOUT of RFC 6275 §12."""

WINDOW = 4000
"""Contexts under way to one peer: some 2 MB, and more than a round trip of anybody's moves."""

Key = TypeVar("Key", bound=Hashable)


class Request(msgspec.Struct):
    """A message awaiting its answer, or (`waiting`) its turn; `weight` counts contexts."""

    to: EntityAddress
    message: Message
    interval: float
    weight: int
    waiting: bool = False


class Outstanding(Generic[Key]):
    """The unanswered requests of one entity, by a key of the entity's choice.

    `name` distinguishes this collection's timers from others of the entity; `initial` is the
    first interval in seconds. `subject` maps a key to what it is about, for `about`.
    """

    def __init__(
        self,
        name: str,
        initial: float,
        subject: Callable[[Key], Hashable] | None = None,
        *,
        window: int = WINDOW,
    ) -> None:
        self.name = name
        self.initial = initial
        self._subject = subject
        self._window = window
        self._by_subject: dict[Hashable, set[Key]] = {}
        self._requests: dict[Key, Request] = {}
        self._by_timer: dict[str, Key] = {}
        self._load: dict[NodeId, int] = {}
        self._backlog: dict[NodeId, dict[Key, None]] = {}
        self._latest = 0.0

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

    def request(
        self, key: Key, to: EntityAddress, message: Message, now: float, *, weight: int = 1
    ) -> list[Effect]:
        """Send (when the window allows) and repeat until settled; replaces an earlier request
        of the same key."""
        self._latest = now
        effects = self._withdraw(key)
        request = Request(to, message, self.initial, weight)
        self._requests[key] = request
        if self._subject is not None:
            self._by_subject.setdefault(self._subject(key), set()).add(key)
        load = self._load.get(to.node, 0)
        if load and load + weight > self._window:
            request.waiting = True
            self._backlog.setdefault(to.node, {})[key] = None
            return effects
        return [*effects, *self._dispatch(key, request)]

    def amend(self, key: Key, message: Message) -> None:
        """Say something else at the next repetition, which is no sooner for that. Raises
        KeyError when there is nothing to repeat."""
        self._requests[key].message = message

    def settle(self, key: Key) -> list[Effect]:
        """The answer came, or none is wanted any more; whoever waited takes the place."""
        request = self._requests.get(key)
        if request is None:
            return []
        return [*self._withdraw(key), *self._admit(request.to.node)]

    def owns(self, timer: str) -> bool:
        return timer.startswith(f"{self.name}|")

    def repeat(self, timer: str, now: float) -> list[Effect]:
        """The timer of one of our requests fired: send it again, wait twice as long."""
        self._latest = now
        key = self._by_timer.get(timer)
        if key is None:
            return []
        pending = self._requests[key]
        pending.interval = min(pending.interval * 2, CEILING)
        return [Send(pending.to, pending.message), SetTimer(timer, now + pending.interval)]

    def resend_to(self, node: NodeId, now: float) -> list[Effect]:
        """The session with a node is back: send again at once what it has not answered."""
        self._latest = now
        effects: list[Effect] = []
        for key, pending in self._requests.items():
            if pending.to.node == node and not pending.waiting:
                pending.interval = self.initial
                effects.append(Send(pending.to, pending.message))
                effects.append(SetTimer(self._timer(key), now + pending.interval))
        return effects

    def _dispatch(self, key: Key, request: Request) -> list[Effect]:
        node, timer = request.to.node, self._timer(key)
        request.waiting = False
        self._load[node] = self._load.get(node, 0) + request.weight
        self._by_timer[timer] = key
        return [Send(request.to, request.message), SetTimer(timer, self._latest + self.initial)]

    def _withdraw(self, key: Key) -> list[Effect]:
        request = self._requests.pop(key, None)
        if request is None:
            return []
        self._unindex(key)
        node = request.to.node
        if request.waiting:
            del self._backlog[node][key]
            return []
        self._load[node] -= request.weight
        if not self._load[node]:
            del self._load[node]
        timer = self._timer(key)
        self._by_timer.pop(timer, None)
        return [CancelTimer(timer)]

    def _admit(self, node: NodeId) -> list[Effect]:
        backlog = self._backlog.get(node, {})
        effects: list[Effect] = []
        while backlog:
            key = next(iter(backlog))
            request = self._requests[key]
            load = self._load.get(node, 0)
            if load and load + request.weight > self._window:
                return effects
            del backlog[key]
            effects += self._dispatch(key, request)
        self._backlog.pop(node, None)
        return effects

    def _unindex(self, key: Key) -> None:
        if self._subject is None:
            return
        subject = self._subject(key)
        siblings = self._by_subject[subject]
        siblings.discard(key)
        if not siblings:
            del self._by_subject[subject]

    def _timer(self, key: Key) -> str:
        return f"{self.name}|{key}"
