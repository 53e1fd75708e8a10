"""LISP-SEC: that an answer is from whom the mapping system asked (RFC 9303).

An ITR sends a one-time key with its question; the Map-Server signs with it which EIDs the ETR may
answer for, and gives the ETR a key derived from it, with which the ETR signs the whole answer.
"""

import hmac
from struct import Struct
from typing import Self

import msgspec
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap,
    aes_key_wrap,
)

from opendmm.wire.errors import WireError
from opendmm.wire.layout import OpenEnum, require_octets
from opendmm.wire.lisp.reading import Reader
from opendmm.wire.lisp.records import Question

KEY_OCTETS = 16
PREAMBLE = bytes(8)
WRAPPED_OCTETS = 24
LISP_SEC = 1
"""The type of authentication data, in messages of either kind."""
ECM = Struct("!BxHHBB")
EID_HEAD = Struct("!HH")
EID_RECORDS = Struct("!BBH")
REPLY = Struct("!B3x")
PACKET = Struct("!HH")
CANNOT_SIGN = 0x80
NONCE = Struct("!Q")


class HmacId(OpenEnum):
    """RFC 9303 §8.3."""

    NO_PREFERENCE = 0
    HMAC_SHA_1_96 = 1
    HMAC_SHA_256_128 = 2


class WrappingId(OpenEnum):
    """RFC 9303 §8.4."""

    NULL = 1
    AES_128_HKDF_SHA256 = 2


class DerivationId(OpenEnum):
    """RFC 9303 §8.5."""

    NO_PREFERENCE = 0
    HKDF_SHA1_128 = 1
    HKDF_SHA256 = 2


HMACS = {HmacId.HMAC_SHA_1_96: ("sha1", 12), HmacId.HMAC_SHA_256_128: ("sha256", 16)}


class EidAuthentication(msgspec.Struct, frozen=True, kw_only=True):
    """Which EIDs an answer may be about, signed by the Map-Server; nothing of it but the
    derivation while an ITR asks (RFC 9303 §6.1)."""

    derivation: DerivationId = DerivationId.HKDF_SHA256
    eids: tuple[Question, ...] = ()
    hmac_id: HmacId = HmacId.NO_PREFERENCE
    digest: bytes = b""
    cannot_sign: bool = False

    def packed(self) -> bytes:
        body = b""
        if self.eids:
            flags = CANNOT_SIGN * self.cannot_sign
            body = EID_RECORDS.pack(len(self.eids), flags, self.hmac_id)
            body += b"".join(eid.packed() for eid in self.eids) + self.digest
        return EID_HEAD.pack(EID_HEAD.size + len(body), self.derivation) + body

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Raises WireError."""
        length, derivation = reader.fields(EID_HEAD, "EID authentication data")
        if length < EID_HEAD.size:
            raise WireError(f"EID authentication data of {length} octets", reader.offset)
        known = DerivationId(derivation)
        if length == EID_HEAD.size:
            return cls(derivation=known)
        return reader.nested(
            length - EID_HEAD.size, "EID authentication data", lambda inner: cls._of(inner, known)
        )

    @classmethod
    def _of(cls, reader: Reader, derivation: DerivationId) -> Self:
        count, flags, hmac_id = reader.fields(EID_RECORDS, "EID-records")
        return cls(
            derivation=derivation,
            eids=reader.several(count, Question.read),
            hmac_id=HmacId(hmac_id),
            digest=reader.rest(),
            cannot_sign=bool(flags & CANNOT_SIGN),
        )

    def signed(self, itr_key: bytes, hmac_id: HmacId) -> Self:
        """By the Map-Server, with the ITR's key. Raises KeyError for an unknown algorithm."""
        named = msgspec.structs.replace(self, hmac_id=hmac_id, digest=bytes(HMACS[hmac_id][1]))
        return msgspec.structs.replace(named, digest=_hmac(hmac_id, itr_key, named.packed()))

    def is_authentic(self, itr_key: bytes) -> bool:
        """Whether the Map-Server signed it."""
        if self.hmac_id not in HMACS or not self.eids:
            return False
        return hmac.compare_digest(self.signed(itr_key, self.hmac_id).digest, self.digest)


class RequestSecurity(msgspec.Struct, frozen=True, kw_only=True):
    """What an Encapsulated Control Message says: a wrapped key and what it is for."""

    wrapped: bytes
    eids: EidAuthentication = EidAuthentication()
    wanted: HmacId = HmacId.HMAC_SHA_256_128
    key_id: int = 0
    wrapping: WrappingId = WrappingId.AES_128_HKDF_SHA256

    def packed(self) -> bytes:
        head = ECM.pack(LISP_SEC, self.wanted, len(self.wrapped), self.key_id, self.wrapping)
        return head + self.wrapped + self.eids.packed()

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """From `EncapsulatedControl.security`. Raises WireError."""
        reader = Reader(data)
        kind, wanted, length, key_id, wrapping = reader.fields(ECM, "one-time key")
        if kind != LISP_SEC:
            raise WireError(f"authentication data of type {kind}")
        return cls(
            wrapped=reader.octets(length, "one-time key"),
            eids=EidAuthentication.read(reader),
            wanted=HmacId(wanted),
            key_id=key_id,
            wrapping=WrappingId(wrapping),
        )


class ReplySecurity(msgspec.Struct, frozen=True, kw_only=True):
    """What a Map-Reply says: the Map-Server's word on the EIDs, and the ETR's on the answer."""

    eids: EidAuthentication
    hmac_id: HmacId = HmacId.HMAC_SHA_256_128
    digest: bytes = b""

    def packed(self) -> bytes:
        packet = PACKET.pack(PACKET.size + len(self.digest), self.hmac_id)
        return REPLY.pack(LISP_SEC) + self.eids.packed() + packet + self.digest

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """From `MapReply.security`. Raises WireError."""
        reader = Reader(data)
        (kind,) = reader.fields(REPLY, "authentication data")
        if kind != LISP_SEC:
            raise WireError(f"authentication data of type {kind}")
        eids = EidAuthentication.read(reader)
        length, hmac_id = reader.fields(PACKET, "packet authentication data")
        if length < PACKET.size:
            raise WireError(f"packet authentication data of {length} octets", reader.offset)
        digest = reader.octets(length - PACKET.size, "packet authentication data")
        return cls(eids=eids, hmac_id=HmacId(hmac_id), digest=digest)

    def signed(self, reply: bytes, derived_key: bytes) -> Self:
        """By the ETR; `reply` is the Map-Reply up to here, S flag set. Raises KeyError for an
        unknown algorithm."""
        blank = msgspec.structs.replace(self, digest=bytes(HMACS[self.hmac_id][1]))
        digest = _hmac(self.hmac_id, derived_key, reply + blank.packed())
        return msgspec.structs.replace(self, digest=digest)

    def is_authentic(self, reply: bytes, derived_key: bytes) -> bool:
        """Whether the ETR signed it; `reply` is the Map-Reply up to here."""
        if self.hmac_id not in HMACS:
            return False
        return hmac.compare_digest(self.signed(reply, derived_key).digest, self.digest)


def wrapped(key: bytes, secret: bytes, nonce: int, wrapping: WrappingId) -> bytes:
    """A one-time key as it travels (RFC 9303 §6.5). Raises WireError."""
    require_octets("one-time key", key, KEY_OCTETS)
    if wrapping is WrappingId.NULL:
        return PREAMBLE + key
    return aes_key_wrap(_wrapping_key(secret, nonce), key)


def unwrapped(data: bytes, secret: bytes, nonce: int, wrapping: WrappingId) -> bytes:
    """The one-time key. Raises WireError when it was wrapped with another secret."""
    require_octets("wrapped key", data, WRAPPED_OCTETS)
    if wrapping is WrappingId.NULL:
        return data[len(PREAMBLE) :]
    if wrapping is not WrappingId.AES_128_HKDF_SHA256:
        raise WireError(f"key wrapping {wrapping.name}")
    try:
        return aes_key_unwrap(_wrapping_key(secret, nonce), data)
    except InvalidUnwrap:
        raise WireError("the one-time key was wrapped with another secret") from None


def derived(key: bytes, derivation: DerivationId) -> bytes:
    """The key of the ETR (MS-OTK) from that of the ITR (RFC 9303 §6.7.1). Raises WireError."""
    if derivation is DerivationId.HKDF_SHA256:
        return HKDF(SHA256(), KEY_OCTETS, salt=None, info=None).derive(key)
    if derivation is DerivationId.HKDF_SHA1_128:
        return HKDF(SHA1(), KEY_OCTETS, salt=None, info=None).derive(key)
    raise WireError(f"key derivation {derivation.name}")


def _wrapping_key(secret: bytes, nonce: int) -> bytes:
    material = NONCE.pack(nonce) + b"OTK-Key-Wrap" + secret
    return HKDF(SHA256(), KEY_OCTETS, salt=None, info=None).derive(material)


def _hmac(hmac_id: HmacId, key: bytes, data: bytes) -> bytes:
    name, size = HMACS[hmac_id]
    return hmac.new(key, data, name).digest()[:size]
