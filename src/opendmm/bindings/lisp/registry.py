"""What is registered: EID-prefixes and where they are, found by the longest match.

A dictionary for each length, so that a million EIDs cost a dictionary entry each and a search as
many look-ups as there are lengths.
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

import msgspec

from opendmm.bindings.lisp.sites import Eid
from opendmm.model.addressing import BITS, HomePrefix
from opendmm.wire.lisp.records import Locator

MANY = 1000
"""Registrations of a site beyond which an answer is about one address alone."""
Ip = IPv4Address | IPv6Address


class Registered(msgspec.Struct, frozen=True):
    """Who registered an EID-prefix, and what is answered. `xtr` is where its ETR is, `ttl` in
    minutes, `proxy` whether the Map-Server answers in its place."""

    site: str
    locators: tuple[Locator, ...]
    xtr: Ip
    ttl: int
    expires_at: float
    proxy: bool


_Family = tuple[int, int]
"""An instance, and octets of an address."""


class Registry:
    """The registrations of one Map-Server."""

    def __init__(self) -> None:
        self._by_length: dict[_Family, dict[int, dict[bytes, Registered]]] = {}
        self._of_site: dict[str, set[Eid]] = {}

    def __len__(self) -> int:
        return sum(len(eids) for eids in self._of_site.values())

    def put(self, eid: Eid, registered: Registered) -> None:
        """In place of what was there."""
        self.remove(eid)
        lengths = self._by_length.setdefault(_family(eid), {})
        lengths.setdefault(eid.prefix.length, {})[eid.prefix.network] = registered
        self._of_site.setdefault(registered.site, set()).add(eid)

    def remove(self, eid: Eid) -> None:
        held = self._by_length.get(_family(eid), {}).get(eid.prefix.length, {})
        before = held.pop(eid.prefix.network, None)
        if before is not None:
            self._of_site[before.site].discard(eid)

    def get(self, eid: Eid) -> Registered | None:
        """Of exactly this prefix."""
        return (
            self._by_length.get(_family(eid), {}).get(eid.prefix.length, {}).get(eid.prefix.network)
        )

    def covering(self, eid: Eid, now: float) -> tuple[Eid, Registered] | None:
        """The longest prefix that an EID is under."""
        lengths = self._by_length.get(_family(eid), {})
        for length in sorted((n for n in lengths if n <= eid.prefix.length), reverse=True):
            wider = _widened(eid, length)
            found = lengths[length].get(wider.prefix.network)
            if found is not None and found.expires_at > now:
                return wider, found
        return None

    def has_many(self, site: str) -> bool:
        """Whether looking through all that a site has takes too long for one question. Then an
        answer is about what was asked alone, which nothing more specific is under."""
        return len(self._of_site.get(site, ())) > MANY

    def under(self, eid: Eid, site: str, now: float) -> Iterator[tuple[Eid, Registered]]:
        """What a site has registered within a prefix, itself excepted (RFC 9301 §5.5)."""
        for other in self._of_site.get(site, ()):
            found = self.get(other)
            if other != eid and eid.covers(other) and found and found.expires_at > now:
                yield other, found

    def hole(self, eid: Eid, within: Eid, site: str) -> Eid:
        """The shortest prefix within a site's that an EID is under and nothing registered is."""
        if self.has_many(site):
            return eid
        return hole(eid, within.prefix.length, self._of_site.get(site, set()))


def hole(eid: Eid, shortest: int, known: "set[Eid] | tuple[Eid, ...]") -> Eid:
    """The shortest prefix, no shorter than that, which an EID is under and nothing known is."""
    for length in range(shortest, eid.prefix.length):
        wider = _widened(eid, length)
        if not any(wider.covers(other) or other.covers(wider) for other in known):
            return wider
    return eid


def _family(eid: Eid) -> _Family:
    return eid.instance, len(eid.prefix.network)


def _widened(eid: Eid, length: int) -> Eid:
    octets = len(eid.prefix.network)
    shift = BITS[octets] - length
    network = int.from_bytes(eid.prefix.network, "big") >> shift << shift
    return Eid(eid.instance, HomePrefix(network.to_bytes(octets, "big"), length))
