"""An ETR with Map-Servers of other makes (RFC 9301 §5.4 to §5.7, §7.1). Pure.

What is here is registered with each of them, again each minute, and until they say that they have
heard; who asks, or probes, is answered with authority. What leaves is registered no more: whoever
has it now says so, and a withdrawal might come after that.
"""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address

import msgspec

from opendmm.bindings.lisp.nonces import Nonces
from opendmm.bindings.lisp.outputs import Ip, Send
from opendmm.bindings.lisp.sites import Eid, prefix_in
from opendmm.bindings.lisp.soliciting import Solicitor
from opendmm.bindings.mobility.agenda import Agenda
from opendmm.model.addressing import HomePrefix
from opendmm.model.order import MoveOrder
from opendmm.wire.lisp.authentication import LIBERAL, Filling, holds, sign
from opendmm.wire.lisp.codec import Received, encode, receive_inner
from opendmm.wire.lisp.encapsulated import EncapsulatedControl
from opendmm.wire.lisp.messages import MapReply, MapRequest
from opendmm.wire.lisp.numbers import (
    CONTROL_PORT,
    AlgorithmId,
    LocatorFlags,
    MapRegisterFlags,
    MapReplyFlags,
    MapRequestFlags,
)
from opendmm.wire.lisp.records import EidRecord, Locator, Question
from opendmm.wire.lisp.registrations import MapNotify, MapRegister

AGAIN = 60.0
"""Seconds until what was registered is registered again (RFC 9301 §8.2)."""
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
"""Seconds until a Map-Register without a Map-Notify is repeated, doubling (RFC 9301 §5.7)."""
FLAGS = MapRegisterFlags.P | MapRegisterFlags.M
MOST_RECORDS = 20
"""EIDs in a Map-Register, so that it needs no fragments."""


class ForeignServer(msgspec.Struct, frozen=True, kw_only=True):
    """A Map-Server, and the key that it knows this ETR's site by; some want whole digests."""

    address: Ip
    key: bytes
    key_id: int = 0
    algorithm: AlgorithmId = AlgorithmId.HMAC_SHA_256_128
    filling: Filling = Filling.SHORTENED


class Etr:
    """The EIDs at one node. `rloc` is where packets to them go, `ttl` is in minutes."""

    def __init__(
        self,
        rloc: IPv6Address,
        servers: Sequence[ForeignServer],
        ttl: int,
        nonces: Nonces,
    ) -> None:
        self.servers = servers
        self.eids: dict[HomePrefix, MoveOrder] = {}
        """Since which move each is here."""
        self._solicitor = Solicitor(rloc, nonces)
        self._rloc = rloc
        self._ttl = ttl
        self._nonces = nonces
        self._unheard: dict[int, int] = {}
        """Nonces of registrations, by the number of the server that has not answered."""
        self._waits: dict[int, float] = {}
        self._agenda: Agenda[int] = Agenda()

    def serves(self, address: HomePrefix) -> HomePrefix | None:
        """The EID-prefix here that something is under."""
        return next((eid for eid in self.eids if eid.covers(address)), None)

    def delivered(self, prefixes: Mapping[HomePrefix, MoveOrder | None], now: float) -> list[Send]:
        """Packets to these are delivered here since that move, or no more: say so at once.

        Said again of a move that is known, nothing follows.
        """
        sent: list[Send] = []
        new: list[HomePrefix] = []
        for prefix, order in prefixes.items():
            if order is None:
                sent += self._left(prefix, now)
            elif prefix not in self.eids or self.eids[prefix] < order:
                self.eids[prefix] = order
                new.append(prefix)
        if new:
            for number in range(len(self.servers)):
                sent += self._tell(number, new, now)
        return sent

    def _left(self, prefix: HomePrefix, now: float) -> list[Send]:
        """Who was told that it is here is to ask again: whoever has it now has registered it."""
        if self.eids.pop(prefix, None) is None:
            return []
        return self._solicitor.moved(Eid(0, prefix), now)

    def fire(self, now: float) -> list[Send]:
        """Say again what is here, to who is due."""
        sent = self._solicitor.fire(now)
        for number in self._agenda.take(now):
            if self.eids:
                sent += self._tell(number, list(self.eids), now)
        return sent

    def next_timer(self) -> float:
        return min(self._agenda.next_timer(), self._solicitor.next_timer())

    def heard(self, received: Received, message: MapNotify, source: Ip, now: float) -> str:
        """A Map-Server has registered it; why not, where that is not to be believed."""
        for number, server in enumerate(self.servers):
            if server.address != source or not holds(received, server.key, LIBERAL):
                continue
            if self._unheard.pop(message.nonce, None) != number:
                return "nothing was registered with this nonce"
            if number not in self._unheard.values():
                self._waits.pop(number, None)
                self._agenda.put(number, now + AGAIN)
            return ""
        return "no Map-Server of ours has made it"

    def asked(self, outer: EncapsulatedControl, now: float) -> list[Send]:
        """A question that the mapping system hands on. Raises WireError."""
        request = receive_inner(outer).message
        if not isinstance(request, MapRequest):
            return []
        to = next((one for one in request.itr_rlocs if isinstance(one, Ip)), None)
        sent = self._answer(request, to, outer.source_port, probed=False)
        for question in request.questions:
            asked = prefix_in(question)
            eid = self.serves(asked) if asked is not None else None
            if sent and to is not None and eid is not None:
                self._solicitor.told(Eid(0, eid), to, now + self._ttl * 60.0)
        return sent

    def probed(self, request: MapRequest, source: Ip, port: int) -> list[Send]:
        """Somebody asks whether the locator is there (RFC 9301 §7.1)."""
        if not request.flags & MapRequestFlags.P:
            return []
        return self._answer(request, source, port, probed=True)

    def _answer(self, request: MapRequest, to: Ip | None, port: int, *, probed: bool) -> list[Send]:
        records = [one for question in request.questions if (one := self._record_for(question))]
        if not records or to is None:
            return []
        flags = MapReplyFlags.P if probed else MapReplyFlags(0)
        if probed:
            records = [_marked(record) for record in records]
        reply = MapReply(nonce=request.nonce, records=tuple(records), flags=flags)
        return [Send(to, port, encode(reply))]

    def _record_for(self, question: Question) -> EidRecord | None:
        asked = prefix_in(question)
        eid = self.serves(asked) if asked is not None else None
        return self._record(eid) if eid is not None else None

    def _tell(self, number: int, eids: Sequence[HomePrefix], now: float) -> list[Send]:
        """The eids to one server, which then has to answer."""
        server = self.servers[number]
        sent = []
        for start in range(0, len(eids), MOST_RECORDS):
            nonce = self._nonces.next(now)
            register = MapRegister(
                nonce=nonce,
                records=tuple(map(self._record, eids[start : start + MOST_RECORDS])),
                flags=FLAGS,
            )
            self._unheard[nonce] = number
            data = sign(register, server.key, server.key_id, server.algorithm, server.filling)
            sent.append(Send(server.address, CONTROL_PORT, data))
        self._expect(number, now)
        return sent

    def _expect(self, number: int, now: float) -> None:
        """Of what was said before only the latest counts."""
        wait = self._waits.get(number, FIRST_WAIT / 2) * 2
        self._waits[number] = min(wait, LONGEST_WAIT)
        self._agenda.put(number, now + self._waits[number])
        mine = [nonce for nonce, whose in self._unheard.items() if whose == number]
        most = 1 + len(self.eids) // MOST_RECORDS
        for nonce in mine[:-most]:
            del self._unheard[nonce]

    def _record(self, eid: HomePrefix) -> EidRecord:
        kind = IPv6Address if eid.is_ipv6 else IPv4Address
        locator = Locator(address=self._rloc, flags=LocatorFlags.L | LocatorFlags.R)
        return EidRecord(
            eid=kind(eid.network),
            mask_length=eid.length,
            ttl=self._ttl,
            locators=(locator,),
            authoritative=True,
        )


def _marked(record: EidRecord) -> EidRecord:
    """With the locator that was probed (RFC 9301 §5.4)."""
    (locator,) = record.locators
    flags = locator.flags | LocatorFlags.PROBED
    return msgspec.structs.replace(
        record, locators=(msgspec.structs.replace(locator, flags=flags),)
    )
