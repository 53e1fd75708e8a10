"""What is registered: EID-prefixes and where they are."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

import msgspec

from opendmm.bindings.lisp.prefixes import PrefixTable, hole
from opendmm.bindings.lisp.sites import Eid
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


class Registry:
    """The registrations of one Map-Server."""

    def __init__(self) -> None:
        self._registered: PrefixTable[Registered] = PrefixTable()
        self._of_site: dict[str, set[Eid]] = {}

    def __len__(self) -> int:
        return sum(len(eids) for eids in self._of_site.values())

    def put(self, eid: Eid, registered: Registered) -> None:
        """In place of what was there."""
        self.remove(eid)
        self._registered.put(eid, registered)
        self._of_site.setdefault(registered.site, set()).add(eid)

    def remove(self, eid: Eid) -> None:
        before = self._registered.pop(eid)
        if before is not None:
            self._of_site[before.site].discard(eid)

    def get(self, eid: Eid) -> Registered | None:
        """Of exactly this prefix."""
        return self._registered.get(eid)

    def covering(self, eid: Eid, now: float) -> tuple[Eid, Registered] | None:
        """The longest prefix that an EID is under."""
        return self._registered.covering(eid, lambda found: found.expires_at > now)

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
