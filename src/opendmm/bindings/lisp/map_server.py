"""A Map-Server and Map-Resolver for tunnel routers of other makes (RFC 9301 §8). Pure.

Sites register by plain Map-Registers; whoever asks is answered in their place, or the question goes
to the site. What nodes of ours have registered with the framework's grants is answered, too.
"""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address

import msgspec

from opendmm.bindings.lisp.nonces import Nonces
from opendmm.bindings.lisp.outputs import Ip, Send
from opendmm.bindings.lisp.registry import Registered, Registry, hole
from opendmm.bindings.lisp.sites import Eid, Site, eid_of
from opendmm.bindings.lisp.soliciting import Solicitor
from opendmm.bindings.mobility.outputs import STRANGER, Complain
from opendmm.wire.errors import WireError
from opendmm.wire.lisp.authentication import ALGORITHMS, Filling, sign
from opendmm.wire.lisp.codec import Received, encode, receive, receive_inner
from opendmm.wire.lisp.encapsulated import EncapsulatedControl
from opendmm.wire.lisp.lcaf.base import Address
from opendmm.wire.lisp.messages import MapReply, MapRequest
from opendmm.wire.lisp.numbers import (
    CONTROL_PORT,
    NEVER_USED,
    Action,
    LocatorFlags,
    MapRegisterFlags,
    MapRequestFlags,
)
from opendmm.wire.lisp.reading import Tolerance
from opendmm.wire.lisp.records import EidRecord, Locator, Question
from opendmm.wire.lisp.registrations import MapNotify, MapRegister

TOLERANCE = Tolerance(no_inner_checksum=True)
"""Some leave the inner checksum out; the outer datagram has one."""
REGISTRATION_LASTS = 180.0
"""Seconds, where a site does not say (RFC 9301 §8.2)."""
HOLE_TTL, NOWHERE_TTL = 1, 15
"""Minutes: of an EID of a site that is not registered, and of one of no site (RFC 9301 §8.3)."""
MOST_RECORDS = 16
"""More-specific prefixes in one answer."""
Wanted = Send | Complain


class MapServer:
    """`sites` are those of other makes. What our own have is told by `learn`. Of those that were
    told of an EID by it, `address` solicits the ones that must ask again."""

    def __init__(self, sites: Sequence[Site], address: IPv6Address) -> None:
        self.sites = {site.name: site for site in sites}
        self.registry = Registry()
        self.solicitor = Solicitor(address, Nonces())
        self._nonces: dict[tuple[str, tuple[Address, ...]], int] = {}
        """The last one, by site and locators. Who an xTR says it is, and where a message came from,
        anybody on the way can change; what it registers is authenticated."""

    def receive(self, data: bytes, source: Ip, now: float) -> list[Wanted]:
        """A control message from anybody."""
        try:
            received = receive(data, TOLERANCE)
            match received.message:
                case MapRegister() as message:
                    return self._registered(message, received, source, now)
                case EncapsulatedControl() as message:
                    return self._asked(message, data, now)
                case message:
                    return [_refused(source, f"{type(message).__name__} is for nobody here")]
        except WireError as problem:
            return [_refused(source, str(problem), event="message-malformed")]

    def learn(
        self, records: Iterable[EidRecord], xtr: Ip, site: str, now: float, lasts: float
    ) -> list[Send]:
        """A registration of a node of ours; without locators it ends."""
        sent: list[Send] = []
        for record in records:
            eid = eid_of(record)
            if eid is None:
                continue
            usable = tuple(one for one in record.understood_locators if one.priority < NEVER_USED)
            registered = Registered(site, usable, xtr, record.ttl, now + lasts, proxy=True)
            sent += self._changed(eid, registered if usable else None, now)
        return sent

    def _changed(self, eid: Eid, registered: Registered | None, now: float) -> list[Send]:
        """What is answered from now on; who was told otherwise is to ask again."""
        before = self.registry.get(eid)
        if registered is None:
            self.registry.remove(eid)
        else:
            self.registry.put(eid, registered)
        if before is None or (registered and registered.locators == before.locators):
            return []
        return self.solicitor.moved(eid, now)

    # Registrations

    def _registered(
        self, message: MapRegister, received: Received, source: Ip, now: float
    ) -> list[Wanted]:
        eids = [eid_of(record) for record in message.records]
        site = self._site(message, received, [eid for eid in eids if eid is not None])
        if site is None or not eids or None in eids:
            return [_refused(source, "no site with these EID-prefixes has made it")]
        refusal = self._replayed(site, message)
        if refusal:
            return [_refused(source, refusal)]
        sent: list[Wanted] = []
        if message.flags & MapRegisterFlags.M:
            sent.append(Send(source, CONTROL_PORT, self._notify(site, message)))
        for record, eid in zip(message.records, eids, strict=True):
            assert eid is not None
            registered = self._record(site, message, record, eid, source, now)
            sent += self._changed(eid, registered, now)
        return sent

    def _site(self, message: MapRegister, received: Received, eids: list[Eid]) -> Site | None:
        for site in self.sites.values():
            if all(site.has(eid) for eid in eids) and site.made(message, received):
                return site
        return None

    def _replayed(self, site: Site, message: MapRegister) -> str:
        """Why a registration is none; empty when it is one (RFC 9301 §5.6)."""
        if site.any_nonce:
            return ""
        key = (site.name, _locators(message))
        if message.nonce <= self._nonces.get(key, -1):
            return f"nonce {message.nonce:#x} is not greater than the last one: a replay?"
        self._nonces[key] = message.nonce
        return ""

    def _record(
        self,
        site: Site,
        message: MapRegister,
        record: EidRecord,
        eid: Eid,
        source: Ip,
        now: float,
    ) -> Registered | None:
        if not record.ttl or not record.understood_locators:
            return None
        timed = message.flags & MapRegisterFlags.T
        lasts = record.ttl * 60.0 if timed else REGISTRATION_LASTS
        locators = record.understood_locators
        before = self.registry.get(eid)
        if message.flags & MapRegisterFlags.MERGE and before is not None:
            locators = _merged(before.locators, locators)
        proxy = bool(message.flags & MapRegisterFlags.P)
        return Registered(site.name, locators, source, record.ttl, now + lasts, proxy)

    def _notify(self, site: Site, message: MapRegister) -> bytes:
        """As the site signs itself: some fill in whole digests."""
        said = message.authentication
        whole = len(said.data) == ALGORITHMS[said.algorithm].whole
        notify = MapNotify(nonce=message.nonce, records=message.records)
        filling = Filling.WHOLE if whole else Filling.SHORTENED
        return sign(notify, site.keys[said.key_id], said.key_id, said.algorithm, filling)

    # Questions

    def _asked(self, message: EncapsulatedControl, data: bytes, now: float) -> list[Wanted]:
        request, asker = receive_inner(message, TOLERANCE).message, message.source
        if not isinstance(request, MapRequest):
            return [_refused(asker, "no question")]
        if message.security is not None:
            return [_refused(asker, "there is no secret to unwrap its one-time key with")]
        eid = eid_of(request.questions[0])
        if eid is None:
            return [_refused(asker, "no EID of IPv4 or IPv6")]
        found = self.registry.covering(eid, now)
        asks_the_site = request.flags & MapRequestFlags.A
        if found is not None and (asks_the_site or not found[1].proxy):
            return [Send(found[1].xtr, CONTROL_PORT, data)]
        records = self._answers(request.questions[0], eid, found, now)
        to = next((one for one in request.itr_rlocs if isinstance(one, Ip)), None)
        if to is None:
            return [_refused(asker, "no ITR-RLOC to answer to")]
        if found is not None:
            self.solicitor.told(found[0], to, now + found[1].ttl * 60.0)
        reply = MapReply(nonce=request.nonce, records=records)
        return [Send(to, message.source_port, encode(reply))]

    def _answers(
        self, question: Question, eid: Eid, found: tuple[Eid, Registered] | None, now: float
    ) -> tuple[EidRecord, ...]:
        if found is None:
            return (self._nothing(question, eid),)
        covered, registered = found
        if self.registry.has_many(registered.site):
            return (_positive(question, eid, registered),)
        within = list(self.registry.under(covered, registered.site, now))[:MOST_RECORDS]
        return tuple(_positive(question, *one) for one in (found, *within))

    def _nothing(self, question: Question, eid: Eid) -> EidRecord:
        """RFC 9301 §8.3: natively forward what is of no site, or of one and not registered."""
        for site in self.sites.values():
            for allowed in site.eids:
                if allowed.covers(eid):
                    empty = self.registry.hole(eid, allowed, site.name)
                    return _negative(question, empty, HOLE_TTL)
        known = tuple(eid for site in self.sites.values() for eid in site.eids)
        registered = self.registry.hole(hole(eid, 0, known), eid, "")
        return _negative(question, registered, NOWHERE_TTL)


def _positive(question: Question, eid: Eid, registered: Registered) -> EidRecord:
    """On behalf of the ETR: not authoritative, no locator is the sender's own."""
    locators = (
        msgspec.structs.replace(one, flags=one.flags & LocatorFlags.R)
        for one in registered.locators
    )
    return msgspec.structs.replace(_record(question, eid, registered.ttl), locators=tuple(locators))


def _negative(question: Question, eid: Eid, ttl: int) -> EidRecord:
    return msgspec.structs.replace(_record(question, eid, ttl), action=Action.NATIVELY_FORWARD)


def _record(question: Question, eid: Eid, ttl: int) -> EidRecord:
    kind = IPv6Address if eid.prefix.is_ipv6 else IPv4Address
    address = kind(eid.prefix.network)
    asked = question.eid
    if not isinstance(asked, Ip) and asked is not None:
        within = msgspec.structs.replace(asked, address=address)
        return EidRecord(eid=within, mask_length=eid.prefix.length, ttl=ttl)
    return EidRecord(eid=address, mask_length=eid.prefix.length, ttl=ttl)


def _locators(message: MapRegister) -> tuple[Address, ...]:
    """Where an xTR has its EIDs."""
    return tuple(one.address for record in message.records[:1] for one in record.locators)


def _merged(before: tuple[Locator, ...], now: tuple[Locator, ...]) -> tuple[Locator, ...]:
    """RFC 8378 §5.1.2: those of several xTRs; of the same locator the latest word counts."""
    latest = {one.address for one in now}
    return (*(one for one in before if one.address not in latest), *now)


def _refused(source: Ip, why: str, event: str = "message-refused") -> Complain:
    return Complain(event, STRANGER, {"from": str(source), "why": why})
