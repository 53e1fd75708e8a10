"""A Map-Server and Map-Resolver for tunnel routers of other makes (RFC 9301 §8). Pure.

Sites register by plain Map-Registers; whoever asks is answered in their place, or the question goes
to the site. What nodes of ours have registered with the framework's grants is answered, too.
"""

from collections.abc import Iterable, MutableMapping, Sequence
from ipaddress import IPv6Address

import msgspec

from opendmm.bindings.lisp.answers import Answers, Found, negative_record
from opendmm.bindings.lisp.delegations import DdtNode, Delegation
from opendmm.bindings.lisp.following import DdtClient, Followed, Nowhere
from opendmm.bindings.lisp.nonces import Nonces
from opendmm.bindings.lisp.outputs import Ip, Send
from opendmm.bindings.lisp.registry import Registered, Registry
from opendmm.bindings.lisp.sites import Eid, Site, eid_of
from opendmm.bindings.lisp.soliciting import Solicitor
from opendmm.bindings.mobility.outputs import STRANGER, Complain
from opendmm.wire.errors import WireError
from opendmm.wire.lisp.authentication import ALGORITHMS, Filling, sign
from opendmm.wire.lisp.codec import Received, encode, receive, receive_inner
from opendmm.wire.lisp.encapsulated import EncapsulatedControl
from opendmm.wire.lisp.messages import MapReply, MapRequest
from opendmm.wire.lisp.numbers import (
    CONTROL_PORT,
    NEVER_USED,
    EncapsulatedFlags,
    MapRegisterFlags,
    MapRequestFlags,
)
from opendmm.wire.lisp.reading import Tolerance
from opendmm.wire.lisp.records import EidRecord, Locator
from opendmm.wire.lisp.referrals import MapReferral, ReferralRecord
from opendmm.wire.lisp.registrations import MapNotify, MapRegister

TOLERANCE = Tolerance(no_inner_checksum=True)
"""Some leave the inner checksum out; the outer datagram has one."""
REGISTRATION_LASTS = 180.0
"""Seconds, where a site does not say (RFC 9301 §8.2)."""
OURS = "of this constellation"
"""The site of what nodes of ours register."""
Wanted = Send | Complain


class MapServer:
    """For sites of other makes. What our own nodes have is told by `learn`, of prefixes that this
    Map-Server `serves` (empty: of all). Whoever was told of an EID that moves is solicited. What
    others answer for is asked of them; `authority` is of who delegates parts of it (RFC 8111).
    `nonces` of registrations outlive this object, so that a replay is noticed then, too."""

    def __init__(
        self,
        sites: Sequence[Site],
        address: IPv6Address,
        *,
        serves: Sequence[Eid] = (),
        delegations: Sequence[Delegation] = (),
        authority: Sequence[Eid] = (),
        nonces: MutableMapping[str, int] | None = None,
    ) -> None:
        self.sites = {site.name: site for site in sites}
        self.registry = Registry()
        self._serves = serves
        self._answers = Answers(sites, self.registry, serves, OURS)
        self._solicitor = Solicitor(address, Nonces())
        self._node = DdtNode(address, delegations, authority)
        self._client = DdtClient(delegations)
        self._nonces = {} if nonces is None else nonces
        """The last one, by site and locators. Who an xTR says it is, and where a message came from,
        anybody on the way can change; what it registers is authenticated."""

    def fire(self, now: float) -> list[Wanted]:
        """Solicit and ask again who has not answered."""
        return [*self._solicitor.fire(now), *self._carried_out(self._client.fire(now))]

    def next_timer(self) -> float:
        return min(self._solicitor.next_timer(), self._client.next_timer())

    def receive(self, data: bytes, source: Ip, now: float) -> list[Wanted]:
        """A control message from anybody."""
        try:
            received = receive(data, TOLERANCE)
            match received.message:
                case MapRegister() as message:
                    return self._registered(message, received, source, now)
                case EncapsulatedControl() as message:
                    return self._asked(message, source, now)
                case MapReferral() as message:
                    return self._referred(message, source, now)
                case message:
                    return [_refused(source, f"{type(message).__name__} is for nobody here")]
        except WireError as problem:
            return [_refused(source, str(problem), event="message-malformed")]

    def learn(self, records: Iterable[EidRecord], xtr: Ip, now: float, lasts: float) -> list[Send]:
        """A registration of a node of ours; without locators it ends."""
        sent: list[Send] = []
        for record in records:
            eid = eid_of(record)
            if eid is None or (self._serves and self._answers.own(eid) is None):
                continue
            usable = tuple(one for one in record.understood_locators if one.priority < NEVER_USED)
            registered = Registered(OURS, usable, xtr, record.ttl, now + lasts, proxy=True)
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
        return self._solicitor.moved(eid, now)

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
        key = f"{site.name} {_locators(message)}"
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

    def _asked(self, message: EncapsulatedControl, source: Ip, now: float) -> list[Wanted]:
        request, asker = receive_inner(message, TOLERANCE).message, message.source
        if not isinstance(request, MapRequest):
            return [_refused(asker, "no question")]
        if message.security is not None:
            return [_refused(asker, "there is no secret to unwrap its one-time key with")]
        question = request.questions[0]
        eid = eid_of(question)
        if eid is None:
            return [_refused(asker, "no EID of IPv4 or IPv6")]
        to = next((one for one in request.itr_rlocs if isinstance(one, Ip)), None)
        if to is None:
            return [_refused(asker, "no ITR-RLOC to answer to")]
        found, own = self.registry.covering(eid, now), self._answers.own(eid)
        if message.flags & EncapsulatedFlags.D:
            referral = MapReferral(nonce=request.nonce, records=(self._referral(eid, found),))
            sent: list[Wanted] = [Send(source, CONTROL_PORT, encode(referral))]
            return [*sent, *(self._answer(message, request, eid, found, to, now) if found else [])]
        if found is None and own is None and self._client.knows(eid):
            asked = self._client.ask(message, request.nonce, question, eid, to, now)
            return self._carried_out(asked)
        return self._answer(message, request, eid, found, to, now)

    def _answer(
        self,
        message: EncapsulatedControl,
        request: MapRequest,
        eid: Eid,
        found: Found,
        to: Ip,
        now: float,
    ) -> list[Wanted]:
        """In the site's place, or the question goes to the site."""
        if found is not None and found[1].site in self.sites:
            wants_the_site = request.flags & MapRequestFlags.A
            if wants_the_site or not found[1].proxy:
                flags = message.flags & ~EncapsulatedFlags.D
                handed_on = msgspec.structs.replace(message, flags=flags)
                return [Send(found[1].xtr, CONTROL_PORT, encode(handed_on))]
        if found is not None:
            self._solicitor.told(found[0], to, now + found[1].ttl * 60.0)
        records = self._answers.about(request.questions[0], eid, found, now)
        reply = MapReply(nonce=request.nonce, records=tuple(records))
        return [Send(to, message.source_port, encode(reply))]

    # Delegation

    def _referral(self, eid: Eid, found: Found) -> ReferralRecord:
        """RFC 8111 §7.1, §7.2."""
        own = self._answers.own(eid)
        if found is not None:
            return self._node.acknowledgement(own or found[0])
        if own is not None:
            return self._node.not_registered(self._answers.empty(eid, own))
        return self._node.referral(eid)

    def _referred(self, message: MapReferral, source: Ip, now: float) -> list[Wanted]:
        followed = self._client.referred(message, source, now)
        if isinstance(followed, str):
            return [_refused(source, followed)]
        return self._carried_out(followed)

    def _carried_out(self, followed: list[Followed]) -> list[Wanted]:
        return [_told(one) if isinstance(one, Nowhere) else one for one in followed]


def _told(nowhere: Nowhere) -> Send:
    """Who asked hears that nobody has it."""
    pending = nowhere.pending
    record = negative_record(pending.question, nowhere.empty, nowhere.ttl)
    reply = MapReply(nonce=nowhere.nonce, records=(record,))
    return Send(pending.asker, pending.outer.source_port, encode(reply))


def _locators(message: MapRegister) -> str:
    """Where an xTR has its EIDs."""
    return " ".join(str(one.address) for record in message.records[:1] for one in record.locators)


def _merged(before: tuple[Locator, ...], now: tuple[Locator, ...]) -> tuple[Locator, ...]:
    """RFC 8378 §5.1.2: those of several xTRs; of the same locator the latest word counts."""
    latest = {one.address for one in now}
    return (*(one for one in before if one.address not in latest), *now)


def _refused(source: Ip, why: str, event: str = "message-refused") -> Complain:
    return Complain(event, STRANGER, {"from": str(source), "why": why})
