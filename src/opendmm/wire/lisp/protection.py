"""LISP-SEC: that an answer is from whom the Map-Server asked, about EIDs that are theirs.

The Map-Server signs the EIDs with the ITR's one-time key, the ETR (or the Map-Server in its place)
the whole answer with a key derived from it (RFC 9303 §6.7 to §6.9). Checks are made on the octets
that came, not on an encoding of what was understood of them.
"""

import hmac

import msgspec

from opendmm.wire.errors import WireError
from opendmm.wire.lisp.addresses import covers
from opendmm.wire.lisp.codec import Received, encode
from opendmm.wire.lisp.messages import MapReply
from opendmm.wire.lisp.numbers import DerivationId, HmacId
from opendmm.wire.lisp.one_time_keys import derived
from opendmm.wire.lisp.records import EidRecord
from opendmm.wire.lisp.security import AuthorisedEid, EidAuthentication, ReplySecurity

#: Hash, and octets that its HMAC is shortened to (RFC 9303 §8.3).
HMACS = {
    HmacId.AUTH_HMAC_SHA_1_96: ("sha1", 12),
    HmacId.AUTH_HMAC_SHA_256_128: ("sha256", 16),
}


def sign_eids(
    eids: tuple[AuthorisedEid, ...],
    itr_key: bytes,
    hmac_id: HmacId,
    derivation: DerivationId,
    cannot_sign: bool = False,
) -> bytes:
    """A Map-Server's word on the EIDs of an answer: an EID-AD (RFC 9303 §6.7.1).

    Raises WireError for unknown algorithms.
    """
    blank = EidAuthentication(
        derivation=derivation,
        eids=eids,
        hmac_id=hmac_id,
        digest=bytes(_size(hmac_id)),
        cannot_sign=cannot_sign,
    )
    octets = blank.packed()
    return octets[: -len(blank.digest)] + _digest(hmac_id, itr_key, octets)


def eids_hold(octets: bytes, itr_key: bytes) -> bool:
    """Whether an EID-AD is from who was told the ITR's key. Raises WireError.

    The digest counts as zero (§6.7.1). That a receiver should also set EID HMAC ID to zero (§6.9)
    no sender could match.
    """
    said = EidAuthentication.parse(octets)
    if said.hmac_id not in HMACS or len(said.digest) != _size(said.hmac_id):
        return False
    covered = octets[: -len(said.digest)] + bytes(len(said.digest))
    return hmac.compare_digest(_digest(said.hmac_id, itr_key, covered), said.digest)


def sign_reply(reply: MapReply, eids: bytes, ms_key: bytes, hmac_id: HmacId) -> bytes:
    """The octets of a Map-Reply with the EID-AD and the digest of it all (RFC 9303 §6.8).

    Raises WireError, also for an unknown algorithm.
    """
    blank = ReplySecurity(eids=eids, hmac_id=hmac_id, digest=bytes(_size(hmac_id)))
    octets = encode(msgspec.structs.replace(reply, security=blank))
    return octets[: -len(blank.digest)] + _digest(hmac_id, ms_key, octets)


def reply_holds(received: Received, ms_key: bytes) -> bool:
    """Whether a Map-Reply is from who was told the Map-Server's key, and nobody changed it."""
    reply = received.message
    if not isinstance(reply, MapReply) or reply.security is None:
        return False
    said = reply.security
    if said.hmac_id not in HMACS or len(said.digest) != _size(said.hmac_id):
        return False
    begin = received.records_end + said.digest_begins
    covered = received.octets[:begin] + bytes(len(said.digest))
    return hmac.compare_digest(_digest(said.hmac_id, ms_key, covered), said.digest)


def authorised_records(
    received: Received,
    itr_key: bytes,
    requested: HmacId = HmacId.NOPREF,
    derivation: DerivationId = DerivationId.NOPREF,
) -> tuple[EidRecord, ...]:
    """The records of a Map-Reply that an ITR may use (RFC 9303 §6.9).

    `requested` and `derivation` are what it had asked for. Raises WireError where the whole answer
    is to be discarded. A record that claims more than the Map-Server has signed is left out, as in
    the example of §6.9.1, though by its rule it would be narrowed to what was signed.
    """
    reply = received.message
    if not isinstance(reply, MapReply) or reply.security is None:
        raise WireError("no Map-Reply with LISP-SEC")
    said = EidAuthentication.parse(reply.security.eids)
    if requested not in (HmacId.NOPREF, reply.security.hmac_id):
        raise WireError(f"{reply.security.hmac_id.name} where {requested.name} was asked for")
    if derivation not in (DerivationId.NOPREF, said.derivation):
        raise WireError(f"{said.derivation.name} where {derivation.name} was asked for")
    if not eids_hold(reply.security.eids, itr_key):
        raise WireError("the EIDs are not signed with our key")
    if not reply_holds(received, derived(itr_key, said.derivation)):
        raise WireError("the answer is not signed with the key made of ours")
    return tuple(one for one in reply.records if is_authorised(one, said.eids))


def is_authorised(record: EidRecord, eids: tuple[AuthorisedEid, ...]) -> bool:
    """Whether all EIDs of a record are under one of the prefixes."""
    return any(
        covers(allowed.eid, allowed.mask_length, record.eid, record.mask_length) for allowed in eids
    )


def _size(hmac_id: HmacId) -> int:
    if hmac_id not in HMACS:
        raise WireError(f"{hmac_id.name} is no algorithm that is known")
    return HMACS[hmac_id][1]


def _digest(hmac_id: HmacId, key: bytes, covered: bytes) -> bytes:
    name, size = HMACS[hmac_id]
    return hmac.digest(key, covered, name)[:size]
