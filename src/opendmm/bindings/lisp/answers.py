"""What a Map-Server answers about an EID, in the place of the site that has it (RFC 9301 §8.3)."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address

import msgspec

from opendmm.bindings.lisp.outputs import Ip
from opendmm.bindings.lisp.prefixes import hole
from opendmm.bindings.lisp.registry import Registered, Registry
from opendmm.bindings.lisp.sites import Eid, Site
from opendmm.wire.lisp.numbers import Action, LocatorFlags
from opendmm.wire.lisp.records import EidRecord, Question

HOLE_TTL, NOWHERE_TTL = 1, 15
"""Minutes: of an EID of a site that is not registered, and of one of no site (RFC 9301 §8.3)."""
MOST_RECORDS = 16
"""More-specific prefixes in one answer."""
Found = tuple[Eid, Registered] | None


class Answers:
    """`serves` are prefixes that nodes of ours register here, by `ours` as their site."""

    def __init__(
        self, sites: Iterable[Site], registry: Registry, serves: Sequence[Eid], ours: str
    ) -> None:
        self._registry = registry
        self._prefixes = {eid: site.name for site in sites for eid in site.eids}
        self._prefixes |= dict.fromkeys(serves, ours)

    def own(self, eid: Eid) -> Eid | None:
        """The prefix that sites may register here which an EID is under."""
        return next((prefix for prefix in self._prefixes if prefix.covers(eid)), None)

    def empty(self, eid: Eid, own: Eid) -> Eid:
        """The shortest part of such a prefix without a registration."""
        return self._registry.hole(eid, own, self._prefixes[own])

    def about(self, question: Question, eid: Eid, found: Found, now: float) -> list[EidRecord]:
        """With more-specific prefixes that are registered, as many as there is room for."""
        if found is None:
            return [self._nothing(question, eid)]
        covered, registered = found
        if self._registry.has_many(registered.site):
            return [_positive(question, eid, registered)]
        within = list(self._registry.under(covered, registered.site, now))[:MOST_RECORDS]
        return [_positive(question, *one) for one in (found, *within)]

    def _nothing(self, question: Question, eid: Eid) -> EidRecord:
        """Natively forward what is of no site, or of one and not registered."""
        own = self.own(eid)
        if own is not None:
            return negative_record(question, self.empty(eid, own), HOLE_TTL)
        registered = self._registry.hole(hole(eid, 0, self._prefixes), eid, "")
        return negative_record(question, registered, NOWHERE_TTL)


def negative_record(question: Question, eid: Eid, ttl: int) -> EidRecord:
    """Nobody has it; `ttl` in minutes."""
    return msgspec.structs.replace(_record(question, eid, ttl), action=Action.NATIVELY_FORWARD)


def _positive(question: Question, eid: Eid, registered: Registered) -> EidRecord:
    """On behalf of the ETR: not authoritative, no locator is the sender's own."""
    locators = (
        msgspec.structs.replace(one, flags=one.flags & LocatorFlags.R)
        for one in registered.locators
    )
    return msgspec.structs.replace(_record(question, eid, registered.ttl), locators=tuple(locators))


def _record(question: Question, eid: Eid, ttl: int) -> EidRecord:
    kind = IPv6Address if eid.prefix.is_ipv6 else IPv4Address
    address = kind(eid.prefix.network)
    asked = question.eid
    if not isinstance(asked, Ip) and asked is not None:
        within = msgspec.structs.replace(asked, address=address)
        return EidRecord(eid=within, mask_length=eid.prefix.length, ttl=ttl)
    return EidRecord(eid=address, mask_length=eid.prefix.length, ttl=ttl)
