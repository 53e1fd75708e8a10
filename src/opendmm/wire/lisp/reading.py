"""A place in a message's octets that moves on, and complains with its name and where it is.

Offsets are always those of the whole message, however deep the place is nested.
"""

from collections.abc import Callable, Container
from struct import Struct
from typing import Any, TypeVar

import msgspec

from opendmm.wire.errors import WireError

Value = TypeVar("Value")
#: All that an OUI can be.
ORGANISATIONS = range(1 << 24)


class Tolerance(msgspec.Struct, frozen=True, kw_only=True):
    """What a receiver lets pass that would otherwise have to be dropped."""

    #: Organisations (OUIs) whose Vendor-Specific addresses it understands (RFC 9306 §4).
    organisations: Container[int] = frozenset()
    #: Encapsulated messages whose inner UDP checksum is zero, against RFC 9301 §5.8.
    no_inner_checksum: bool = False


NONE_AT_ALL = Tolerance()
WHATEVER = Tolerance(organisations=ORGANISATIONS, no_inner_checksum=True)


class Reader:
    """Octets read one field after the other."""

    __slots__ = ("data", "depth", "end", "offset", "records_end", "tolerance")

    def __init__(self, data: bytes, tolerance: Tolerance = NONE_AT_ALL) -> None:
        self.data = data
        self.tolerance = tolerance
        #: Where the next field begins.
        self.offset = 0
        #: Where the innermost part with a length of its own ends.
        self.end = len(data)
        #: In how many other addresses the next one is.
        self.depth = 0
        #: Where the last record of the message ends: authentication covers what is before.
        self.records_end = 0

    @property
    def left(self) -> int:
        """Octets that have not been read."""
        return self.end - self.offset

    def octets(self, count: int, what: str) -> bytes:
        """The next ones. Raises WireError when there are fewer."""
        start = self._take(count, what)
        return self.data[start : self.offset]

    def fields(self, layout: Struct, what: str) -> tuple[Any, ...]:
        """The next ones, by a layout. Raises WireError when there are fewer."""
        return layout.unpack_from(self.data, self._take(layout.size, what))

    def rest(self) -> bytes:
        """All that is left."""
        return self.octets(self.left, "the rest")

    def several(
        self, count: int, what: str, read: Callable[["Reader"], Value]
    ) -> tuple[Value, ...]:
        """So many of a kind. Raises WireError, which says of which of them."""
        found: list[Value] = []
        try:
            for _ in range(count):
                found.append(read(self))
        except WireError as problem:
            raise problem.within(f"{what} {len(found) + 1}", 0) from None
        return tuple(found)

    def nested(self, count: int, what: str, read: Callable[["Reader"], Value]) -> Value:
        """A part with a length of its own; what it has beyond what is known is skipped."""
        stop = self._take(count, what) + count
        outer, self.end, self.offset = self.end, stop, stop - count
        try:
            value = read(self)
        except WireError as problem:
            raise problem.within(what, 0) from None
        self.end, self.offset = outer, stop
        return value

    def _take(self, count: int, what: str) -> int:
        """Where the next octets begin, which are now behind us."""
        start = self.offset
        if count > self.end - start:
            short = f"{what}: {self.end - start} octets where {count} are due"
            raise WireError(short, start)
        self.offset = start + count
        return start
