"""Who else answers for which EIDs, and what a DDT node says of it (RFC 8111 §7.1, §7.2). Pure."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address

import msgspec

from opendmm.bindings.lisp.outputs import Ip
from opendmm.bindings.lisp.prefixes import PrefixTable, hole
from opendmm.bindings.lisp.sites import Eid
from opendmm.wire.lisp.lcaf.eids import InstanceId
from opendmm.wire.lisp.numbers import REFERRAL_TTL, LocatorFlags, ReferralAction
from opendmm.wire.lisp.records import Locator
from opendmm.wire.lisp.referrals import ReferralRecord


class Delegation(msgspec.Struct, frozen=True):
    """Ask these about the EIDs: Map-Servers, or DDT nodes that know who is."""

    eids: tuple[Eid, ...]
    to: tuple[Ip, ...]
    map_servers: bool = True

    @property
    def action(self) -> ReferralAction:
        return ReferralAction.MS_REFERRAL if self.map_servers else ReferralAction.NODE_REFERRAL


class DdtNode:
    """What one node knows: what it delegates, what it has authority for, and who it is."""

    def __init__(
        self, own: IPv6Address, delegations: Sequence[Delegation], authority: Sequence[Eid]
    ) -> None:
        self.delegations = delegations
        self._own = own
        self._authority = tuple(authority)
        self._delegated: PrefixTable[Delegation] = PrefixTable()
        for delegation in delegations:
            for eid in delegation.eids:
                self._delegated.put(eid, delegation)

    def authority_for(self, eid: Eid) -> Eid | None:
        """The prefix of its own that an EID is under."""
        return next((one for one in self._authority if one.covers(eid)), None)

    def acknowledgement(self, within: Eid) -> ReferralRecord:
        """Whoever asked will be answered: of a prefix that sites here have."""
        return record(within, ReferralAction.MS_ACK, (self._own,))

    def not_registered(self, empty: Eid) -> ReferralRecord:
        return record(empty, ReferralAction.MS_NOT_REGISTERED, (self._own,))

    def referral(self, eid: Eid) -> ReferralRecord:
        """Who knows more of what is of no site here; or that nobody does."""
        found = self._delegated.covering(eid, lambda _: True)
        if found is not None:
            delegated, delegation = found
            return record(delegated, delegation.action, delegation.to)
        mine = self.authority_for(eid)
        if mine is None:
            return record(eid, ReferralAction.NOT_AUTHORITATIVE, (), incomplete=True)
        known = tuple(one for delegation in self.delegations for one in delegation.eids)
        empty = hole(eid, mine.prefix.length, known)
        return record(empty, ReferralAction.DELEGATION_HOLE, ())


def record(
    eid: Eid, action: ReferralAction, to: Sequence[Ip], *, incomplete: bool = False
) -> ReferralRecord:
    """The TTL follows from the action (RFC 8111 §6.4)."""
    kind = IPv6Address if eid.prefix.is_ipv6 else IPv4Address
    address = kind(eid.prefix.network)
    return ReferralRecord(
        eid=InstanceId(eid.instance, address) if eid.instance else address,
        mask_length=eid.prefix.length,
        ttl=REFERRAL_TTL[action],
        action=action,
        referrals=tuple(Locator(address=one, flags=LocatorFlags.R) for one in to),
        authoritative=action is not ReferralAction.NOT_AUTHORITATIVE,
        incomplete=incomplete,
    )
