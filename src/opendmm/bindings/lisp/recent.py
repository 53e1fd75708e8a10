"""What was put last, as much as there is room for: what strangers cause must not grow for ever."""

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Recent(Generic[Key, Value]):
    """The last `room` values by key."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._held: OrderedDict[Key, Value] = OrderedDict()

    def __contains__(self, key: Key) -> bool:
        return key in self._held

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[Key]:
        """Those there are, oldest first."""
        return iter(self._held)

    def put(self, key: Key, value: Value) -> None:
        self._held[key] = value
        self._held.move_to_end(key)
        while len(self._held) > self._room:
            self._held.popitem(last=False)

    def get(self, key: Key) -> Value | None:
        return self._held.get(key)

    def pop(self, key: Key) -> Value | None:
        return self._held.pop(key, None)
