"""A place in a message's octets that moves on, and complains with where it is."""

from collections.abc import Callable
from struct import Struct
from typing import Any, TypeVar

from opendmm.wire.errors import WireError

Value = TypeVar("Value")
DEEPEST = 4
"""Addresses within addresses; RFC 8060 §4.10.4 gives no limit."""


class Reader:
    """Octets read one field after the other."""

    def __init__(self, data: bytes, depth: int = 0) -> None:
        self.data = data
        self.offset = 0
        self.depth = depth
        """In how many others this is nested."""

    @property
    def left(self) -> int:
        """Octets that have not been read."""
        return len(self.data) - self.offset

    def octets(self, count: int, what: str) -> bytes:
        """The next ones. Raises WireError when there are fewer."""
        if count > self.left:
            raise WireError(f"{what}: {self.left} octets where {count} are due", self.offset)
        start = self.offset
        self.offset += count
        return self.data[start : self.offset]

    def fields(self, layout: Struct, what: str) -> tuple[Any, ...]:
        """The next ones, by a layout. Raises WireError."""
        return layout.unpack(self.octets(layout.size, what))

    def rest(self) -> bytes:
        """All that is left."""
        return self.octets(self.left, "the rest")

    def several(self, count: int, read: Callable[["Reader"], Value]) -> tuple[Value, ...]:
        """So many of a kind. Raises WireError."""
        return tuple(read(self) for _ in range(count))

    def nested(self, count: int, what: str, read: Callable[["Reader"], Value]) -> Value:
        """What has a length of its own; what it says beyond what is known is skipped. Errors name
        the place in the whole."""
        start = self.offset
        if self.depth == DEEPEST:
            raise WireError(f"{what}: nested over {DEEPEST} deep", start)
        inner = Reader(self.octets(count, what), self.depth + 1)
        try:
            return read(inner)
        except WireError as problem:
            raise problem.within(what, start) from None
