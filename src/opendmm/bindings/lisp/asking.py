"""At an ITR: questions to the mapping system, and whose answers are believed (RFC 9303).

Each question has a one-time key of its own; an answer that is not signed with it, by who was asked,
is none. A Solicit-Map-Request is heeded where the EID is in use, by asking the mapping system:
whoever forges one changes nothing.
"""

import hmac
from ipaddress import IPv4Address, IPv6Address

import msgspec

from opendmm.bindings.lisp.recent import Recent
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import NodeId
from opendmm.wire.errors import WireError
from opendmm.wire.lisp.encapsulated import EncapsulatedControl
from opendmm.wire.lisp.messages import MapReply, MapRequest
from opendmm.wire.lisp.numbers import CONTROL_PORT, EncapsulatedFlags
from opendmm.wire.lisp.records import Question
from opendmm.wire.lisp.security import (
    DerivationId,
    EidAuthentication,
    ReplySecurity,
    RequestSecurity,
    WrappingId,
    derived,
    wrapped,
)

REMEMBERED = 10_000
"""Questions without an answer that are kept."""


class Asked(msgspec.Struct, frozen=True):
    """A question under way: whom it was put to, with which one-time key."""

    peer: NodeId
    key: bytes


class Questions:
    """Those of one ITR."""

    def __init__(self) -> None:
        self._asked: Recent[int, Asked] = Recent(REMEMBERED)

    def encapsulated(
        self, request: MapRequest, peer: NodeId, secret: bytes, source: IPv6Address
    ) -> bytes:
        """A Map-Request as it goes to a Map-Resolver (RFC 9301 §5.8, RFC 9303 §6.4)."""
        key = one_time_key(secret, request.nonce)
        self._asked.put(request.nonce, Asked(peer, key))
        security = RequestSecurity(
            wrapped=wrapped(key, secret, request.nonce, WrappingId.AES_128_HKDF_SHA256),
            eids=EidAuthentication(derivation=DerivationId.HKDF_SHA256),
        )
        # Who asks for no IPv6 address goes by the address of the asker: only the inside counts.
        eid = request.questions[0].eid
        return EncapsulatedControl(
            source=source,
            destination=eid if isinstance(eid, IPv6Address) else source,
            source_port=CONTROL_PORT,
            message=request.packed(),
            flags=EncapsulatedFlags.S,
            security=security.packed(),
        ).packed()

    def answered(self, reply: MapReply, payload: bytes, peer: NodeId) -> str:
        """Why an answer is not believed; empty when it is, and then no second one is."""
        asked = self._asked.get(reply.nonce)
        if asked is None or asked.peer != peer:
            return "nothing was asked with this nonce"
        if not reply.security:
            return "it is not signed"
        try:
            security = ReplySecurity.parse(reply.security)
            key = derived(asked.key, security.eids.derivation)
        except WireError as problem:
            return str(problem)
        covered = payload[: len(payload) - len(reply.security)]
        if not security.eids.is_authentic(asked.key) or not security.is_authentic(covered, key):
            return "it is not signed by who was asked"
        if not all(_claimed(record.eid, record.mask_length, security) for record in reply.records):
            return "it speaks of EIDs that the Map-Server did not name"
        self._asked.pop(reply.nonce)
        return ""


def one_time_key(secret: bytes, nonce: int) -> bytes:
    """Nobody without the secret can guess it, and no two questions have the same."""
    return hmac.new(secret, b"one-time key" + nonce.to_bytes(8, "big"), "sha256").digest()[:16]


def _claimed(eid: object, mask_length: int, security: ReplySecurity) -> bool:
    """RFC 9303 §6.9.1."""
    return any(_covers(allowed, eid, mask_length) for allowed in security.eids.eids)


def _covers(allowed: Question, eid: object, mask_length: int) -> bool:
    if not isinstance(eid, IPv4Address | IPv6Address):
        return allowed.eid == eid
    if not isinstance(allowed.eid, type(eid)):
        return False
    return HomePrefix.parse(f"{allowed.eid}/{allowed.mask_length}").covers(
        HomePrefix.parse(f"{eid}/{mask_length}")
    )
