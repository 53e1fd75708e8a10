"""An ITR with Map-Resolvers of other makes (RFC 9301 §5.3, §5.4, §6.1; RFC 9300 §9). Pure.

The first packet to an EID asks; packets go natively until there is an answer. Believed is an answer
to a question that is open, about an EID-prefix that holds the EID asked for and lies within what
may be asked for: nobody claims more. A solicitation is believed by nobody: it has the mapping
system asked again. What there is room for is bounded, and by packets to many EIDs nobody pushes a
mapping out that is in use: while the cache is full there are no new ones.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address

import msgspec

from opendmm.bindings.lisp.nonces import Nonces
from opendmm.bindings.lisp.outputs import Ip, Mapped, Send
from opendmm.bindings.lisp.prefixes import PrefixTable
from opendmm.bindings.lisp.recent import Recent
from opendmm.bindings.lisp.sites import Eid, prefix_in
from opendmm.bindings.mobility.agenda import Agenda
from opendmm.model.addressing import HomePrefix
from opendmm.wire.lisp.codec import encode
from opendmm.wire.lisp.encapsulated import EncapsulatedControl
from opendmm.wire.lisp.messages import MapReply, MapRequest
from opendmm.wire.lisp.numbers import CONTROL_PORT, NEVER_USED, LocatorFlags, MapRequestFlags
from opendmm.wire.lisp.records import EidRecord, Question

ROOM = 100_000
"""Mappings; so many negative ones, and questions, besides."""
INTERVAL = 1.0
"""Seconds between two questions about an EID (RFC 9301 §5.3)."""
TIMES = 3
PLAIN = MapRequestFlags(0)


class Open(msgspec.Struct, frozen=True):
    """A question that waits for its answer: of which EID, whom it went to, how often it was put."""

    eid: HomePrefix
    resolver: int
    times: int


class Itr:
    """`eids` are what may be asked for, `rloc` is where answers go."""

    def __init__(
        self,
        rloc: IPv6Address,
        resolvers: Sequence[Ip],
        eids: Sequence[HomePrefix],
        nonces: Nonces,
    ) -> None:
        self.eids = eids
        self._rloc = rloc
        self._resolvers = resolvers
        self._nonces = nonces
        self._mappings: PrefixTable[IPv6Address] = PrefixTable()
        self._ends: Agenda[HomePrefix] = Agenda()
        """Of every mapping."""
        self._nowhere: Recent[HomePrefix, float] = Recent(ROOM)
        """EIDs that nobody has, and until when."""
        self._open: Recent[int, Open] = Recent(ROOM)
        """By nonce."""
        self._again: Agenda[int] = Agenda()
        self._not_before: Recent[HomePrefix, float] = Recent(ROOM)
        """When each may be asked for again."""

    def packet(self, eid: HomePrefix, now: float) -> list[Send | Mapped]:
        """One that has no mapping in the kernel."""
        known = self._mapping(eid)
        if known is not None:
            return [known]
        if (self._nowhere.get(eid) or 0.0) > now or not self._may_ask(eid, now):
            return []
        return [self._ask(Open(eid, 0, 1), PLAIN, now)]

    def replied(self, reply: MapReply, source: Ip, now: float) -> list[Mapped] | str:
        """An answer; why not, where it is not to be believed. ETRs answer, so `source` may be
        anybody: the nonce tells that the question was heard."""
        question = self._open.get(reply.nonce)
        if question is None:
            return f"{source} answers what nobody asked"
        record = next((r for r in reply.records if _holds(r, question.eid)), None)
        prefix = prefix_in(record) if record is not None else None
        if record is None or prefix is None:
            return "the answer is not about what was asked"
        if record.locators and not any(allowed.covers(prefix) for allowed in self.eids):
            return f"the answer claims {prefix}, more than may be asked for"
        self._open.pop(reply.nonce)
        self._again.drop(reply.nonce)
        return self._take(question.eid, prefix, record, now)

    def solicited(self, request: MapRequest, now: float) -> list[Send]:
        """An SMR of anybody: ask the mapping system, if it is about a mapping in use."""
        sent = []
        for question in request.questions:
            about = prefix_in(question)
            known = self._mapping(about) if about is not None else None
            if known is not None and about is not None and self._may_ask(about, now):
                sent.append(self._ask(Open(about, 0, 1), MapRequestFlags.SMR_INVOKED, now))
        return sent

    def fire(self, now: float) -> list[Send | Mapped]:
        """Ask again who has not answered; forget what is out of date."""
        done: list[Send | Mapped] = []
        for prefix in self._ends.take(now):
            self._mappings.pop(Eid(0, prefix))
            done.append(Mapped(prefix, None))
        for nonce in self._again.take(now):
            question = self._open.pop(nonce)
            if question is not None and question.times < TIMES * len(self._resolvers):
                following = (question.resolver + 1) % len(self._resolvers)
                again = Open(question.eid, following, question.times + 1)
                done.append(self._ask(again, PLAIN, now))
        return done

    def next_timer(self) -> float:
        return min(self._ends.next_timer(), self._again.next_timer())

    def _take(
        self, asked: HomePrefix, prefix: HomePrefix, record: EidRecord, now: float
    ) -> list[Mapped]:
        """A mapping, or that there is none: then packets go natively for as long as it says."""
        rloc = _best(record)
        lasts = record.ttl * 60.0
        if rloc is None:
            self._nowhere.put(asked, now + lasts)
            known = self._mapping(asked)
            if known is None:
                return []
            self._mappings.pop(Eid(0, known.prefix))
            self._ends.drop(known.prefix)
            return [Mapped(known.prefix, None)]
        eid = Eid(0, prefix)
        if self._mappings.get(eid) is None and len(self._ends) >= ROOM:
            return []
        self._mappings.put(eid, rloc)
        self._ends.put(prefix, now + lasts)
        return [Mapped(prefix, rloc)]

    def _may_ask(self, eid: HomePrefix, now: float) -> bool:
        allowed = any(whole.covers(eid) for whole in self.eids)
        return allowed and now >= (self._not_before.get(eid) or 0.0)

    def _mapping(self, eid: HomePrefix) -> Mapped | None:
        """The longest prefix in the cache that an EID is under."""
        found = self._mappings.covering(Eid(0, eid), lambda _: True)
        return Mapped(found[0].prefix, found[1]) if found is not None else None

    def _ask(self, question: Open, flags: MapRequestFlags, now: float) -> Send:
        nonce = self._nonces.next(now)
        wait = INTERVAL * 2 ** (question.times - 1)
        self._not_before.put(question.eid, now + wait)
        self._open.put(nonce, question)
        self._again.put(nonce, now + wait)
        kind = IPv6Address if question.eid.is_ipv6 else IPv4Address
        eid = kind(question.eid.network)
        request = MapRequest(
            nonce=nonce,
            itr_rlocs=(self._rloc,),
            questions=(Question(eid=eid, mask_length=question.eid.length),),
            flags=flags,
        )
        # Source and destination must be of one family; of IPv4 only the inside counts.
        outer = EncapsulatedControl(
            source=self._rloc,
            destination=eid if isinstance(eid, IPv6Address) else self._rloc,
            source_port=CONTROL_PORT,
            message=encode(request),
        )
        return Send(self._resolvers[question.resolver], CONTROL_PORT, encode(outer))


def _holds(record: EidRecord, eid: HomePrefix) -> bool:
    prefix = prefix_in(record)
    return prefix is not None and prefix.covers(eid)


def _best(record: EidRecord) -> IPv6Address | None:
    """The RLOC of the best priority, then weight, that is up (RFC 9300 §9), of IPv6."""
    usable = [
        (locator.priority, -locator.weight, locator.address)
        for locator in record.locators
        if locator.priority < NEVER_USED
        and locator.flags & LocatorFlags.R
        and isinstance(locator.address, IPv6Address)
    ]
    return min(usable)[2] if usable and record.ttl else None
