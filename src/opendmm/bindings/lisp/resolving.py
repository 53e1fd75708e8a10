"""At a Map-Server: who asks for what, what each is answered, and who is to ask again.

An xTR that asks (pull) is not told of changes: it is solicited, and then asks (RFC 9301 §6.1).
What it is to be answered is kept until it does.
"""

import msgspec

from opendmm.bindings.lisp.recent import Recent
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import NodeId
from opendmm.reference_points.r_ic import PolicyMode, PolicyUpdate
from opendmm.wire.lisp.messages import MapReply
from opendmm.wire.lisp.numbers import MapReplyFlags
from opendmm.wire.lisp.records import EidRecord, Question
from opendmm.wire.lisp.security import (
    EidAuthentication,
    HmacId,
    ReplySecurity,
    RequestSecurity,
    derived,
)

REMEMBERED = 10_000
"""Questions of an xTR, and answers held back for it, that are kept."""
HMACS = (HmacId.HMAC_SHA_1_96, HmacId.HMAC_SHA_256_128)


class Waiting(msgspec.Struct, frozen=True):
    """A question to be answered: its nonce, one-time key and what it wants of the answer."""

    nonce: int
    key: bytes
    security: RequestSecurity

    def reply(self, records: tuple[EidRecord, ...]) -> bytes:
        """The answer, signed as Map-Server and as ETR (RFC 9303 §6.7.2)."""
        wanted = self.security.wanted
        hmac_id = wanted if wanted in HMACS else HmacId.HMAC_SHA_256_128
        eids = EidAuthentication(
            derivation=self.security.eids.derivation,
            eids=tuple(Question(eid=one.eid, mask_length=one.mask_length) for one in records),
        ).signed(self.key, hmac_id)
        reply = MapReply(nonce=self.nonce, records=records, flags=MapReplyFlags.S)
        # The S flag is among what is signed.
        covered = msgspec.structs.replace(reply, security=b"\0").packed()[:-1]
        security = ReplySecurity(eids=eids, hmac_id=hmac_id)
        signed = security.signed(covered, derived(self.key, eids.derivation))
        return covered + signed.packed()


class Resolver:
    """What one Map-Server remembers of who asks."""

    def __init__(self) -> None:
        self._modes: dict[NodeId, PolicyMode] = {}
        self._waiting: dict[NodeId, Recent[HomePrefix, Waiting]] = {}
        self._held: dict[NodeId, Recent[HomePrefix, PolicyUpdate]] = {}

    def subscribed(self, peer: NodeId, mode: PolicyMode) -> None:
        self._modes[peer] = mode

    def asks(self, peer: NodeId) -> bool:
        """Whether an xTR is told of nothing that it does not ask for."""
        return self._modes.get(peer) is PolicyMode.PULL

    def asked(self, peer: NodeId, prefix: HomePrefix, waiting: Waiting) -> PolicyUpdate | None:
        """What there is to answer already; None when it is to be found out."""
        held = self._held.setdefault(peer, Recent(REMEMBERED)).pop(prefix)
        if held is None:
            self._waiting.setdefault(peer, Recent(REMEMBERED)).put(prefix, waiting)
        return held

    def waiting(self, peer: NodeId, prefixes: tuple[HomePrefix, ...]) -> Waiting | None:
        """The question that an answer about prefixes is for."""
        questions = self._waiting.get(peer)
        if questions is None:
            return None
        asked = [one for one in questions if any(prefix.covers(one) for prefix in prefixes)]
        return questions.pop(asked[0]) if asked else None

    def holds(self, peer: NodeId, prefix: HomePrefix) -> bool:
        """Whether there is something that a peer has not asked for yet."""
        return peer in self._held and prefix in self._held[peer]

    def hold(self, peer: NodeId, prefix: HomePrefix, update: PolicyUpdate) -> None:
        """Keep an answer until it is asked for."""
        self._held.setdefault(peer, Recent(REMEMBERED)).put(prefix, update)
