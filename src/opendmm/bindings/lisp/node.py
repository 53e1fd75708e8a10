"""LISP of one node: xTR, or Map-Server and Map-Resolver, for the entities of the framework.

Octets and time in, octets out, reference-point messages on the other side. Pure.
"""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import msgspec

from opendmm.bindings.lisp.asking import Questions
from opendmm.bindings.lisp.carriage import (
    ANSWERS,
    CARRIERS,
    ends,
    mapping_of,
    subject_of,
)
from opendmm.bindings.lisp.config import LispConfig
from opendmm.bindings.lisp.enclosure import (
    TOLERANCE,
    message_in,
    negative,
    records_of,
)
from opendmm.bindings.lisp.etr import Etr, ForeignServer
from opendmm.bindings.lisp.itr import Itr
from opendmm.bindings.lisp.keepalive import Keepalive
from opendmm.bindings.lisp.map_server import MapServer
from opendmm.bindings.lisp.nonces import Nonces
from opendmm.bindings.lisp.outputs import Ip, Wanted
from opendmm.bindings.lisp.recent import Recent
from opendmm.bindings.lisp.resolving import Resolver, Waiting
from opendmm.bindings.lisp.sites import prefix_in
from opendmm.bindings.mobility.agenda import Agenda
from opendmm.bindings.mobility.outputs import STRANGER, Complain, Datagram, Deliver
from opendmm.model.addressing import HomePrefix
from opendmm.model.context import ContextId
from opendmm.model.identity import NodeId
from opendmm.model.order import MoveOrder
from opendmm.model.policy import Direction
from opendmm.reference_points import r_ic, r_xc
from opendmm.reference_points.catalogue import Envelope
from opendmm.reference_points.message import Message, accepted
from opendmm.wire.errors import WireError
from opendmm.wire.lisp.authentication import Authenticated, holds, sign
from opendmm.wire.lisp.codec import Received, encode, receive, receive_inner
from opendmm.wire.lisp.encapsulated import EncapsulatedControl
from opendmm.wire.lisp.messages import MapReply, MapRequest
from opendmm.wire.lisp.numbers import AlgorithmId, MapRegisterFlags, MapRequestFlags
from opendmm.wire.lisp.one_time_keys import unwrapped
from opendmm.wire.lisp.records import EidRecord, Question
from opendmm.wire.lisp.registrations import MapNotify, MapNotifyAck, MapRegister

ALGORITHM = AlgorithmId.HMAC_SHA_256_128_HKDF_SHA256
KEY_ID = 1
REMEMBERED = 100_000
REQUEST_INTERVAL = 1.0
"""Seconds between two Map-Requests for an EID, whoever solicits them (RFC 9301 §5.3)."""
PLAIN = MapRequestFlags(0)
REGISTERING = MapRegisterFlags.P | MapRegisterFlags.T | MapRegisterFlags.M


class LispNode:
    """What a node does on receipt of a control message, of a message to carry, and of time."""

    def __init__(
        self,
        config: LispConfig,
        server: MapServer | None = None,
        servers: Sequence[ForeignServer] = (),
        resolvers: Sequence[Ip] = (),
        eids: Sequence[HomePrefix] = (),
    ) -> None:
        self.config = config
        self.server = server
        """For sites of other makes, where this is a Map-Server for them, too."""
        self._proposed: Recent[ContextId, Authenticated] = Recent(REMEMBERED)
        """Registrations that the FE_IEC has not answered; others are told of what it accepts."""
        peers = [peer for peer in config.keys if peer in config.nodes]
        self.keepalive = Keepalive(config.node, peers, config.keepalive, config.missing_allowed)
        self._nonces = Nonces()
        self.etr = Etr(config.address, servers, config.ttl, self._nonces) if servers else None
        """With Map-Servers of other makes, if there are any."""
        self.itr = Itr(config.address, resolvers, eids, self._nonces) if resolvers else None
        """With Map-Resolvers of other makes, about their EIDs."""
        self._questions = Questions()
        self._resolver = Resolver()
        self._sent: Recent[int, None] = Recent(REMEMBERED)
        """Nonces of registrations, which a Map-Notify answers."""
        self._asked: Recent[tuple[NodeId, type[Message], str], int] = Recent(REMEMBERED)
        """The nonce that an answer bears, by who asked what."""
        self._cached: Recent[HomePrefix, NodeId] = Recent(REMEMBERED)
        """What was answered here to a question, and by whom."""
        self._asked_again: Recent[HomePrefix, float] = Recent(REMEMBERED)
        """When a solicitation was heeded last."""
        self._solicited: Recent[tuple[NodeId, HomePrefix], float] = Recent(REMEMBERED)
        self._to_solicit: Agenda[tuple[NodeId, HomePrefix]] = Agenda()

    def start(self, now: float) -> list[Wanted]:
        return [self._greeting(peer, now) for peer in self.keepalive.start(now)]

    def reachable(self, peer: NodeId) -> bool | None:
        """Whether a peer is there; None when that is not known."""
        return self.keepalive.peers[peer].reachable

    def fire(self, now: float) -> list[Wanted]:
        ask, lost = self.keepalive.due(now)
        wanted: list[Wanted] = [*lost, *(self._greeting(peer, now) for peer in ask)]
        for peer, prefix in self._to_solicit.take(now):
            if self._resolver.holds(peer, prefix):
                wanted += self._solicit(peer, prefix, now)
        for other in self._with_others():
            wanted += other.fire(now)
        return wanted

    def next_timer(self) -> float:
        due = self.keepalive.next_timer(), self._to_solicit.next_timer()
        return min(*due, *(other.next_timer() for other in self._with_others()))

    def _with_others(self) -> list[Etr | Itr | MapServer]:
        """What is done for and with tunnel routers and Map-Servers of other makes."""
        return [one for one in (self.server, self.etr, self.itr) if one is not None]

    def packet(self, eid: HomePrefix, now: float) -> Sequence[Wanted]:
        """A packet to somewhere that there is no redirection for."""
        return self.itr.packet(eid, now) if self.itr is not None else ()

    def delivered(
        self, prefixes: Mapping[HomePrefix, MoveOrder | None], now: float
    ) -> Sequence[Wanted]:
        """Packets to these are delivered at this node, since which move, or no more."""
        return self.etr.delivered(prefixes, now) if self.etr is not None else ()

    # Out

    def send(self, envelope: Envelope, now: float) -> list[Wanted]:
        """Carry a message to another node."""
        peer, message = envelope.receiver.node, envelope.message
        if type(message) not in CARRIERS or peer not in self.keepalive.peers:
            return [Complain("message-not-carried", peer, {"message": type(message).__name__})]
        try:
            return [one for part in _parts(message) for one in self._send(peer, part, now)]
        except WireError as problem:
            return [Complain("message-unsendable", peer, {"why": str(problem)})]

    def _send(self, peer: NodeId, message: Any, now: float) -> list[Wanted]:
        match message:
            case r_ic.PolicyRequest(prefix=prefix):
                return self._ask(peer, prefix, None, now)
            case r_ic.PolicySubscribe():
                return self._ask(peer, None, message, now)
            case r_ic.PolicyUpdate(policies=(policy, *_)) if policy.direction is Direction.DOWNLINK:
                told = self._told_others(message, now)
                if message.synchronisation:
                    return [self._registration(peer, message, now), *told]
                return [*self._tell(peer, message, policy.prefixes, now), *told]
            case r_ic.PolicyAbsent(prefix=prefix):
                waiting = self._resolver.waiting(peer, (prefix,))
                return [self._to(peer, waiting.reply(negative(message)))] if waiting else []
            case r_xc.LocationAcknowledgement():
                told = self._publish(peer, message, now)
                return [self._registration(peer, message, now), *told]
        return [self._registration(peer, message, now)]

    def _publish(
        self, peer: NodeId, answer: r_xc.LocationAcknowledgement, now: float
    ) -> Sequence[Wanted]:
        """What others may ask for is what the FE_IEC has accepted."""
        proposed = self._proposed.pop(answer.key)
        if self.server is None or proposed is None or not accepted(answer.status):
            return ()
        xtr = self.config.nodes[peer]
        return self.server.learn(proposed.records, xtr, now, self.config.lifetime)

    def _told_others(self, update: r_ic.PolicyUpdate, now: float) -> Sequence[Wanted]:
        """What ingresses of ours are told of, others may ask for, whoever has registered it."""
        if self.server is None:
            return ()
        records = records_of(update, self.config.ttl)
        return self.server.learn(records, self.config.address, now, self.config.lifetime)

    def _tell(
        self, peer: NodeId, update: r_ic.PolicyUpdate, prefixes: tuple[HomePrefix, ...], now: float
    ) -> list[Wanted]:
        """A policy that has changed, or that was asked for."""
        waiting = self._resolver.waiting(peer, prefixes)
        if waiting is not None:
            return [self._reply(peer, waiting, update)]
        if not self._resolver.asks(peer):
            return [self._registration(peer, update, now)]
        self._resolver.hold(peer, prefixes[0], update)
        return self._solicit(peer, prefixes[0], now)

    def _reply(self, peer: NodeId, waiting: Waiting, update: r_ic.PolicyUpdate) -> Datagram:
        self._asked.put((peer, r_ic.PolicyUpdate, subject_of(update)), waiting.nonce)
        return self._to(peer, waiting.reply(records_of(update, self.config.ttl)))

    def _solicit(self, peer: NodeId, prefix: HomePrefix, now: float) -> list[Wanted]:
        """SMR, no more often than RFC 9301 §6.1 allows; else as soon as it does."""
        key = (peer, prefix)
        allowed = (self._solicited.get(key) or 0.0) + self.config.smr_interval
        if now < allowed:
            self._to_solicit.put(key, allowed)
            return []
        self._solicited.put(key, now)
        request = MapRequest(
            nonce=self._nonces.next(now),
            itr_rlocs=(self.config.address,),
            questions=(_question(prefix),),
            flags=MapRequestFlags.S | MapRequestFlags.D,
        )
        return [self._to(peer, encode(request))]

    def _registration(self, peer: NodeId, message: Message, now: float) -> Datagram:
        kind = CARRIERS[type(message)]
        assert issubclass(kind, MapRegister | MapNotify | MapNotifyAck)
        asked = ANSWERS.get(type(message))
        key = (peer, asked, subject_of(message)) if asked is not None else None
        nonce = self._asked.get(key) if key is not None else None
        if nonce is None:
            nonce = self._nonces.next(now)
        records = records_of(message, self.config.ttl)
        plain = kind(nonce=nonce, records=records, identity=self.keepalive.identity())
        if isinstance(plain, MapRegister):
            plain = msgspec.structs.replace(plain, flags=REGISTERING)
        self._sent.put(nonce, None)
        return self._sealed(peer, plain)

    def _ask(
        self,
        peer: NodeId,
        prefix: HomePrefix | None,
        enclosing: Message | None,
        now: float,
        flags: MapRequestFlags = PLAIN,
    ) -> list[Wanted]:
        """Of a prefix, or of everything from now on (RFC 9437 §4)."""
        question = _question(prefix) if prefix is not None else _everything()
        request = MapRequest(
            nonce=self._nonces.next(now),
            itr_rlocs=(self.config.address,),
            questions=(question,),
            flags=flags,
            reply=records_of(enclosing, 0)[-1] if enclosing is not None else None,
            identity=self.keepalive.identity() if enclosing is not None else None,
        )
        secret = self.config.keys[peer]
        packed = self._questions.encapsulated(request, peer, secret, self.config.address)
        return [self._to(peer, packed)]

    def _greeting(self, peer: NodeId, now: float) -> Datagram:
        nonce = self._nonces.next(now)
        return self._sealed(
            peer, MapNotify(nonce=nonce, records=(), identity=self.keepalive.identity())
        )

    def _sealed(self, peer: NodeId, message: Authenticated) -> Datagram:
        return self._to(peer, sign(message, self.config.keys[peer], KEY_ID, ALGORITHM))

    def _to(self, peer: NodeId, data: bytes) -> Datagram:
        return Datagram(self.config.nodes[peer], data)

    # In

    def receive_from_others(self, data: bytes, source: Ip, port: int, now: float) -> list[Wanted]:
        """A control message of who is no node of ours."""
        try:
            received = receive(data)
            match received.message:
                case MapNotify() as message if self.etr is not None:
                    why = self.etr.heard(received, message, source, now)
                    return [_refused(STRANGER, why)] if why else []
                case MapRequest(flags=flags) as message if self.itr and flags & MapRequestFlags.S:
                    return [*self.itr.solicited(message, now)]
                case MapRequest() as message if self.etr is not None:
                    return [*self.etr.probed(message, source, port)]
                case MapReply() as message if self.itr is not None:
                    taken = self.itr.replied(message, source, now)
                    return [_refused(STRANGER, taken)] if isinstance(taken, str) else [*taken]
                case EncapsulatedControl() as message if self.etr is not None:
                    answered = self.etr.asked(message, now)
                    if answered or self.server is None:
                        return [*answered]
        except WireError as problem:
            return [Complain("message-malformed", STRANGER, {"why": str(problem)})]
        if self.server is None:
            return [_refused(STRANGER, f"{source} is no peer")]
        return [*self.server.receive(data, source, now)]

    def receive(self, data: bytes, source: IPv6Address, now: float) -> list[Wanted]:
        """A control message from the network; what cannot be believed is complained of."""
        peer = self.config.names.get(source)
        if peer is None:
            return [Complain("message-refused", STRANGER, {"why": f"{source} is no peer"})]
        try:
            received = receive(data, TOLERANCE)
            match received.message:
                case MapRegister() | MapNotify() | MapNotifyAck() as message:
                    return self._registered(peer, message, received, now)
                case EncapsulatedControl() as message:
                    return self._encapsulated(peer, message, now)
                case MapReply() as message:
                    return self._replied(peer, message, received)
                case MapRequest() as message:
                    return self._requested(peer, message, now)
        except ValueError as problem:
            return [Complain("message-malformed", peer, {"why": str(problem)})]
        return [_refused(peer, f"{type(received.message).__name__} is for nobody here")]

    def _registered(
        self, peer: NodeId, message: Authenticated, received: Received, now: float
    ) -> list[Wanted]:
        if not holds(received, self.config.keys[peer]):
            return [_refused(peer, "the authentication data do not fit")]
        answers = not isinstance(message, MapRegister) and message.nonce in self._sent
        acknowledges = isinstance(message, MapNotifyAck)
        if not answers and not acknowledges:
            in_order = isinstance(message, MapRegister)
            refusal = self._nonces.refusal(peer, message.nonce, now, in_order=in_order)
            if refusal:
                return [_refused(peer, refusal)]
        outputs: list[Wanted] = []
        if message.identity is not None:
            outputs += self.keepalive.identified(peer, message.identity)
        outputs += self.keepalive.heard(peer)
        if not message.records:
            return [*outputs, *self._greeted(peer, message)]
        found = message_in(message.records)
        if isinstance(found, r_xc.LocationUpdate) and self.server is not None:
            self._proposed.put(found.context.key, message)
        return [*outputs, *self._delivered(peer, message.records, message.nonce)]

    def _greeted(self, peer: NodeId, message: Authenticated) -> list[Wanted]:
        if not isinstance(message, MapNotify):
            return []
        answer = MapNotifyAck(nonce=message.nonce, records=(), identity=self.keepalive.identity())
        return [self._sealed(peer, answer)]

    def _delivered(self, peer: NodeId, records: tuple[EidRecord, ...], nonce: int) -> list[Wanted]:
        found = message_in(records)
        if found is None:
            return [_refused(peer, "nobody of ours made it")]
        self._asked.put((peer, type(found), subject_of(found)), nonce)
        if isinstance(found, r_ic.PolicySubscribe):
            self._resolver.subscribed(peer, found.mode)
        if isinstance(found, r_ic.PolicyUpdate | r_ic.PolicyAbsent):
            for prefix in mapping_of(found)[0]:
                self._cached.put(prefix, peer)
        return [Deliver(ends(found, peer, self.config.node))]

    def _encapsulated(self, peer: NodeId, message: EncapsulatedControl, now: float) -> list[Wanted]:
        """At a Map-Resolver: a question, with a one-time key that only a peer can have wrapped."""
        request = receive_inner(message, TOLERANCE).message
        security = message.security
        if not isinstance(request, MapRequest) or security is None:
            return [_refused(peer, "no question, or none that is signed")]
        secret = self.config.keys[peer]
        key = unwrapped(security.wrapped, secret, request.nonce, security.wrapping)
        refusal = self._nonces.refusal(peer, request.nonce, now)
        if refusal:
            return [_refused(peer, refusal)]
        outputs: list[Wanted] = [*self.keepalive.heard(peer)]
        if request.reply is not None:
            return [*outputs, *self._delivered(peer, (request.reply,), request.nonce)]
        question = request.questions[0]
        prefix = prefix_in(question)
        if prefix is None:
            return [*outputs, _refused(peer, f"{question.eid} is no EID of this deployment")]
        waiting = Waiting(nonce=request.nonce, key=key, security=security)
        held = self._resolver.asked(peer, prefix, waiting)
        if held is not None:
            return [*outputs, self._reply(peer, waiting, held)]
        asked = ends(r_ic.PolicyRequest(prefix=prefix), peer, self.config.node)
        return [*outputs, Deliver(asked)]

    def _replied(self, peer: NodeId, reply: MapReply, received: Received) -> list[Wanted]:
        records = self._questions.answered(received, reply.nonce, peer)
        return [*self.keepalive.heard(peer), *self._delivered(peer, records, reply.nonce)]

    def _requested(self, peer: NodeId, request: MapRequest, now: float) -> list[Wanted]:
        """An SMR: ask who answered before, if it is in use here (RFC 9301 §6.1)."""
        if not request.flags & MapRequestFlags.S:
            return [_refused(peer, "a question outside the mapping system")]
        asked: list[Wanted] = []
        for question in request.questions:
            prefix = prefix_in(question)
            server = self._cached.get(prefix) if prefix is not None else None
            if prefix is None or server is None:
                continue
            if now < (self._asked_again.get(prefix) or 0.0) + REQUEST_INTERVAL:
                continue
            self._asked_again.put(prefix, now)
            asked += self._ask(server, prefix, None, now, MapRequestFlags.SMR_INVOKED)
        return asked


def _parts(message: Message) -> Iterator[Message]:
    """A datagram has room for one policy; its acknowledgement is for one, too."""
    if isinstance(message, r_ic.PolicyUpdate) and len(message.policies) > 1:
        for policy in message.policies:
            yield msgspec.structs.replace(message, policies=(policy,))
        return
    yield message


def _question(prefix: HomePrefix) -> Question:
    kind = IPv6Address if prefix.is_ipv6 else IPv4Address
    return Question(eid=kind(prefix.network), mask_length=prefix.length)


def _everything() -> Question:
    return Question(eid=IPv6Address(0), mask_length=0, wants_notifications=True)


def _refused(peer: NodeId, why: str) -> Complain:
    return Complain("message-refused", peer, {"why": why})
