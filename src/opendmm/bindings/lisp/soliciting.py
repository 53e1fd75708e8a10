"""Who of other makes was told where an EID is, and is to ask again when it moves (RFC 9301 §6.1).

Tunnel routers of ours are told of moves, or solicited by their Map-Server; these are not. An SMR is
acknowledged by nothing: it is repeated until its receiver asks, three times at most.
"""

from ipaddress import IPv4Address, IPv6Address

from opendmm.bindings.lisp.nonces import Nonces
from opendmm.bindings.lisp.outputs import Ip, Send
from opendmm.bindings.lisp.recent import Recent
from opendmm.bindings.lisp.sites import Eid
from opendmm.bindings.mobility.agenda import Agenda
from opendmm.wire.lisp.codec import encode
from opendmm.wire.lisp.lcaf.eids import InstanceId
from opendmm.wire.lisp.messages import MapRequest
from opendmm.wire.lisp.numbers import CONTROL_PORT, MapRequestFlags
from opendmm.wire.lisp.records import Question

REMEMBERED = 100_000
"""EIDs that somebody was told of."""
OF_ONE_EID = 100
AGAIN = 3.0
"""Seconds between two SMRs about an EID to the same tunnel router (RFC 9301 §6.1)."""
TIMES = 3


class Solicitor:
    """`rloc` is where it speaks from."""

    def __init__(self, rloc: IPv6Address, nonces: Nonces) -> None:
        self._rloc = rloc
        self._nonces = nonces
        self._told: Recent[Eid, Recent[Ip, float]] = Recent(REMEMBERED)
        """Until when each goes by what it was told."""
        self._left: Recent[tuple[Eid, Ip], int] = Recent(REMEMBERED)
        """How often one is to be solicited yet."""
        self._agenda: Agenda[tuple[Eid, Ip]] = Agenda()

    def told(self, eid: Eid, itr: Ip, until: float) -> None:
        """Somebody who asked has been answered."""
        askers = self._told.get(eid)
        if askers is None:
            askers = Recent(OF_ONE_EID)
        self._told.put(eid, askers)
        askers.put(itr, until)
        self._left.pop((eid, itr))
        self._agenda.drop((eid, itr))

    def moved(self, eid: Eid, now: float) -> list[Send]:
        """What was told is no longer so."""
        askers = self._told.pop(eid)
        if askers is None:
            return []
        believing = [itr for itr in askers if (askers.get(itr) or 0.0) > now]
        return [self._solicit(eid, itr, TIMES, now) for itr in believing]

    def fire(self, now: float) -> list[Send]:
        """Solicit who has not asked."""
        return [
            self._solicit(eid, itr, left, now)
            for eid, itr in self._agenda.take(now)
            if (left := self._left.get((eid, itr)))
        ]

    def next_timer(self) -> float:
        return self._agenda.next_timer()

    def _solicit(self, eid: Eid, itr: Ip, left: int, now: float) -> Send:
        key = (eid, itr)
        if left > 1:
            self._left.put(key, left - 1)
            self._agenda.put(key, now + AGAIN)
        else:
            self._left.pop(key)
        request = MapRequest(
            nonce=self._nonces.next(now),
            itr_rlocs=(self._rloc,),
            questions=(question_about(eid),),
            flags=MapRequestFlags.S,
        )
        return Send(itr, CONTROL_PORT, encode(request))


def question_about(eid: Eid) -> Question:
    """A question of an EID-prefix."""
    kind = IPv6Address if eid.prefix.is_ipv6 else IPv4Address
    address = kind(eid.prefix.network)
    within = InstanceId(eid.instance, address) if eid.instance else address
    return Question(eid=within, mask_length=eid.prefix.length)
