"""At a Map-Resolver: questions about EIDs that others answer for (RFC 8111 §7.3, §8). Pure.

The question goes to who is nearest to the EID, as far as is known; who is asked refers to who knows
more, until one has seen to an answer. Referrals are remembered. Believed is only who was asked, and
only of EIDs that it was asked for: each referral must be about a longer prefix than the one before,
so that nobody leads in circles, or takes over what was delegated to another.
"""

from collections.abc import Sequence

import msgspec

from opendmm.bindings.lisp.delegations import Delegation
from opendmm.bindings.lisp.outputs import Ip, Send
from opendmm.bindings.lisp.prefixes import PrefixTable
from opendmm.bindings.lisp.recent import Recent
from opendmm.bindings.lisp.sites import Eid, eid_of
from opendmm.bindings.mobility.agenda import Agenda
from opendmm.wire.lisp.codec import encode
from opendmm.wire.lisp.encapsulated import EncapsulatedControl
from opendmm.wire.lisp.numbers import CONTROL_PORT, EncapsulatedFlags, ReferralAction
from opendmm.wire.lisp.records import Question
from opendmm.wire.lisp.referrals import MapReferral, ReferralRecord

WAIT = 1.0
"""Seconds until the next one is asked."""
ROUNDS = 3
"""How often all of a referral set are asked."""
REMEMBERED = 10_000
"""Questions under way, and referrals."""
MOST_REFERRALS = 16
REFERS = (ReferralAction.NODE_REFERRAL, ReferralAction.MS_REFERRAL)
NOTHING = (ReferralAction.MS_NOT_REGISTERED, ReferralAction.DELEGATION_HOLE)


class Known(msgspec.Struct, frozen=True):
    """What the last referral about a prefix said."""

    action: ReferralAction
    to: tuple[Ip, ...]
    expires_at: float


class Pending(msgspec.Struct):
    """A question under way: what was referred last (`within`, None before the first referral), to
    whom, and how many of these were asked."""

    outer: EncapsulatedControl
    question: Question
    eid: Eid
    asker: Ip
    to: tuple[Ip, ...]
    within: Eid | None
    remembered: bool
    asked: int = 0
    referrals: int = 0


class Nowhere(msgspec.Struct, frozen=True):
    """Who asked a question is to be told that nobody has these EIDs; `ttl` in minutes."""

    pending: Pending
    nonce: int
    empty: Eid
    ttl: int


Followed = Send | Nowhere


class DdtClient:
    """`delegations` are what is known from the beginning, and for ever."""

    def __init__(self, delegations: Sequence[Delegation]) -> None:
        self._roots: PrefixTable[Known] = PrefixTable()
        for delegation in delegations:
            for eid in delegation.eids:
                known = Known(delegation.action, delegation.to, float("inf"))
                self._roots.put(eid, known)
        self._referrals: PrefixTable[Known] = PrefixTable()
        self._remembered: Recent[Eid, None] = Recent(REMEMBERED)
        self._pending: Recent[int, Pending] = Recent(REMEMBERED)
        """By nonce."""
        self._agenda: Agenda[int] = Agenda()

    def knows(self, eid: Eid) -> bool:
        """Whether somebody else may answer for an EID."""
        return self._roots.covering(eid, lambda _: True) is not None

    def ask(
        self,
        outer: EncapsulatedControl,
        nonce: int,
        question: Question,
        eid: Eid,
        asker: Ip,
        now: float,
    ) -> list[Followed]:
        """A question of an ITR. `outer` is how it came, `asker` whom to answer."""
        found = self._referrals.covering(eid, lambda known: known.expires_at > now)
        remembered = found is not None
        found = found or self._roots.covering(eid, lambda _: True)
        if found is None:
            return []
        prefix, known = found
        within = prefix if remembered else None
        pending = Pending(outer, question, eid, asker, known.to, within, remembered)
        if known.action in NOTHING:
            ttl = max(1, int(known.expires_at - now) // 60)
            return [Nowhere(pending, nonce, prefix, ttl)]
        self._pending.put(nonce, pending)
        return self._next(nonce, pending, now)

    def referred(self, message: MapReferral, source: Ip, now: float) -> list[Followed] | str:
        """An answer of a DDT node; why not, where it is not to be believed."""
        pending = self._pending.get(message.nonce)
        if pending is None:
            return "nothing was asked with this nonce"
        if source != pending.to[(pending.asked - 1) % len(pending.to)]:
            return f"{source} was not asked"
        record = next((r for r in message.records if _covers(r, pending.eid)), None)
        prefix = eid_of(record) if record is not None else None
        if record is None or prefix is None:
            return "the referral is not about what was asked"
        if pending.within is not None and not pending.within.covers(prefix):
            return "the referral is about more than was delegated"
        match record.action:
            case ReferralAction.NODE_REFERRAL | ReferralAction.MS_REFERRAL:
                return self._follow(message.nonce, pending, record, prefix, now)
            case ReferralAction.MS_ACK:
                self._remember(prefix, record, (source,), now)
                self._over(message.nonce)
                return []
            case ReferralAction.MS_NOT_REGISTERED if pending.asked < len(pending.to):
                return self._next(message.nonce, pending, now)
            case ReferralAction.MS_NOT_REGISTERED | ReferralAction.DELEGATION_HOLE:
                self._remember(prefix, record, (), now)
                self._over(message.nonce)
                return [Nowhere(pending, message.nonce, prefix, record.ttl)]
            case _:
                return self._from_the_root(message.nonce, pending, now)

    def fire(self, now: float) -> list[Followed]:
        """Who has not answered in time: ask the next one."""
        sent: list[Followed] = []
        for nonce in self._agenda.take(now):
            pending = self._pending.get(nonce)
            if pending is not None:
                sent += self._next(nonce, pending, now)
        return sent

    def next_timer(self) -> float:
        return self._agenda.next_timer()

    def _follow(
        self, nonce: int, pending: Pending, record: ReferralRecord, prefix: Eid, now: float
    ) -> list[Followed] | str:
        """RFC 8111 §7.3.4: only to a longer prefix than before."""
        to = _addresses(record)
        looped = prefix == pending.within or pending.referrals >= MOST_REFERRALS
        if looped or not to:
            self._over(nonce)
            return "the referral leads in circles" if looped else "the referral is to nobody"
        self._remember(prefix, record, to, now)
        pending.to, pending.within, pending.remembered = to, prefix, False
        pending.asked = 0
        pending.referrals += 1
        return self._next(nonce, pending, now)

    def _from_the_root(self, nonce: int, pending: Pending, now: float) -> list[Followed]:
        """What was remembered may be out of date; else somebody's configuration is wrong."""
        self._over(nonce)
        if not pending.remembered or pending.within is None:
            return []
        self._referrals.pop(pending.within)
        args = pending.outer, nonce, pending.question, pending.eid, pending.asker
        return self.ask(*args, now)

    def _next(self, nonce: int, pending: Pending, now: float) -> list[Followed]:
        if pending.asked >= ROUNDS * len(pending.to):
            self._over(nonce)
            return []
        to = pending.to[pending.asked % len(pending.to)]
        pending.asked += 1
        self._agenda.put(nonce, now + WAIT)
        flags = pending.outer.flags | EncapsulatedFlags.D
        question = msgspec.structs.replace(pending.outer, flags=flags, security=None)
        return [Send(to, CONTROL_PORT, encode(question))]

    def _remember(
        self, prefix: Eid, record: ReferralRecord, to: tuple[Ip, ...], now: float
    ) -> None:
        if record.incomplete or not record.ttl:
            return
        to = _addresses(record) or to
        if len(self._remembered) >= REMEMBERED:
            self._referrals.pop(next(iter(self._remembered)))
        self._remembered.put(prefix, None)
        known = Known(ReferralAction(record.action), to, now + record.ttl * 60.0)
        self._referrals.put(prefix, known)

    def _over(self, nonce: int) -> None:
        self._pending.pop(nonce)
        self._agenda.drop(nonce)


def _covers(record: ReferralRecord, eid: Eid) -> bool:
    prefix = eid_of(record)
    return prefix is not None and prefix.covers(eid)


def _addresses(record: ReferralRecord) -> tuple[Ip, ...]:
    return tuple(one.address for one in record.referrals if isinstance(one.address, Ip))
