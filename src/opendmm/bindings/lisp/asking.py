"""At an ITR: questions to the mapping system, and whose answers are believed (RFC 9303).

Each question has a one-time key of its own; an answer that is not signed with it, by who was asked,
is none. A Solicit-Map-Request is heeded where the EID is in use, by asking the mapping system:
whoever forges one changes nothing.
"""

import hmac
from ipaddress import IPv6Address

import msgspec

from opendmm.bindings.lisp.recent import Recent
from opendmm.model.identity import NodeId
from opendmm.wire.errors import WireError
from opendmm.wire.lisp.codec import Received, encode
from opendmm.wire.lisp.encapsulated import EncapsulatedControl
from opendmm.wire.lisp.messages import MapRequest
from opendmm.wire.lisp.numbers import CONTROL_PORT, DerivationId, HmacId, WrappingId
from opendmm.wire.lisp.one_time_keys import wrapped
from opendmm.wire.lisp.protection import authorised_records
from opendmm.wire.lisp.records import EidRecord
from opendmm.wire.lisp.security import EidAuthentication, RequestSecurity

HMAC = HmacId.AUTH_HMAC_SHA_256_128
DERIVATION = DerivationId.HKDF_SHA256
WRAPPING = WrappingId.AES_KEY_WRAP_128_HKDF_SHA256
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
        # Who asks for no IPv6 address goes by the address of the asker: only the inside counts.
        eid = request.questions[0].eid
        outer = EncapsulatedControl(
            source=source,
            destination=eid if isinstance(eid, IPv6Address) else source,
            source_port=CONTROL_PORT,
            message=encode(request),
            security=RequestSecurity(
                wrapped=wrapped(key, secret, request.nonce, WRAPPING),
                eids=EidAuthentication(derivation=DERIVATION).packed(),
                requested=HMAC,
            ),
        )
        return encode(outer)

    def answered(self, received: Received, nonce: int, peer: NodeId) -> tuple[EidRecord, ...]:
        """What an answer says, if it is one: none to the same question is believed again.

        Raises WireError.
        """
        asked = self._asked.get(nonce)
        if asked is None or asked.peer != peer:
            raise WireError("nothing was asked with this nonce")
        records = authorised_records(received, asked.key, HMAC, DERIVATION)
        self._asked.pop(nonce)
        return records


def one_time_key(secret: bytes, nonce: int) -> bytes:
    """Nobody without the secret can guess it, and no two questions have the same."""
    return hmac.new(secret, b"one-time key" + nonce.to_bytes(8, "big"), "sha256").digest()[:16]
