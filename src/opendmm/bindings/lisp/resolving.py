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
from opendmm.wire.lisp.numbers import DerivationId, HmacId
from opendmm.wire.lisp.one_time_keys import derived
from opendmm.wire.lisp.protection import sign_eids, sign_reply
from opendmm.wire.lisp.records import EidRecord
from opendmm.wire.lisp.security import AuthorisedEid, EidAuthentication, RequestSecurity

REMEMBERED = 10_000
"""Questions of an xTR, and answers held back for it, that are kept."""


class Waiting(msgspec.Struct, frozen=True):
    """A question to be answered: its nonce, one-time key and what it wants of the answer."""

    nonce: int
    key: bytes
    security: RequestSecurity

    def reply(self, records: tuple[EidRecord, ...]) -> bytes:
        """The answer, signed as Map-Server and as ETR (RFC 9303 §6.7.2). Raises WireError."""
        requested = self.security.requested
        hmac_id = HmacId.AUTH_HMAC_SHA_256_128 if requested is HmacId.NOPREF else requested
        wanted = EidAuthentication.parse(self.security.eids).derivation
        derivation = DerivationId.HKDF_SHA256 if wanted is DerivationId.NOPREF else wanted
        authorised = tuple(AuthorisedEid(one.eid, one.mask_length) for one in records)
        eids = sign_eids(authorised, self.key, hmac_id, derivation)
        reply = MapReply(nonce=self.nonce, records=records)
        return sign_reply(reply, eids, derived(self.key, derivation), hmac_id)


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
