"""Values by EID-prefix, found by the longest match.

A dictionary for each length, so that a million EIDs cost a dictionary entry each and a search as
many look-ups as there are lengths.
"""

from collections.abc import Callable, Collection
from typing import Generic, TypeVar

from opendmm.bindings.lisp.sites import Eid
from opendmm.model.addressing import BITS, HomePrefix

Value = TypeVar("Value")
_Family = tuple[int, int]
"""An instance, and octets of an address."""


class PrefixTable(Generic[Value]):
    """One value of each EID-prefix."""

    def __init__(self) -> None:
        self._by_length: dict[_Family, dict[int, dict[bytes, Value]]] = {}

    def put(self, eid: Eid, value: Value) -> None:
        """In place of what was there."""
        lengths = self._by_length.setdefault(_family(eid), {})
        lengths.setdefault(eid.prefix.length, {})[eid.prefix.network] = value

    def pop(self, eid: Eid) -> Value | None:
        held = self._by_length.get(_family(eid), {}).get(eid.prefix.length, {})
        return held.pop(eid.prefix.network, None)

    def get(self, eid: Eid) -> Value | None:
        """Of exactly this prefix."""
        lengths = self._by_length.get(_family(eid), {})
        return lengths.get(eid.prefix.length, {}).get(eid.prefix.network)

    def covering(self, eid: Eid, holds: Callable[[Value], bool]) -> tuple[Eid, Value] | None:
        """The longest prefix that an EID is under, of those whose value holds."""
        lengths = self._by_length.get(_family(eid), {})
        for length in sorted((n for n in lengths if n <= eid.prefix.length), reverse=True):
            wider = widened(eid, length)
            found = lengths[length].get(wider.prefix.network)
            if found is not None and holds(found):
                return wider, found
        return None


def hole(eid: Eid, shortest: int, known: Collection[Eid]) -> Eid:
    """The shortest prefix, no shorter than that, which an EID is under and nothing known is."""
    for length in range(shortest, eid.prefix.length):
        wider = widened(eid, length)
        if not any(wider.covers(other) or other.covers(wider) for other in known):
            return wider
    return eid


def widened(eid: Eid, length: int) -> Eid:
    """The prefix of that length which an EID is under."""
    octets = len(eid.prefix.network)
    shift = BITS[octets] - length
    network = int.from_bytes(eid.prefix.network, "big") >> shift << shift
    return Eid(eid.instance, HomePrefix(network.to_bytes(octets, "big"), length))


def _family(eid: Eid) -> _Family:
    return eid.instance, len(eid.prefix.network)
