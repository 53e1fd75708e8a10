"""What LISP-SEC adds to messages (RFC 9303 §6.1 and §6.2), as values.

A question comes in an Encapsulated Control Message with `RequestSecurity`: a one-time key, and from
the Map-Server on also which EIDs an answer may be about. The answer has `ReplySecurity`: the same
word of the Map-Server, and a digest of the whole message. `protection` makes and checks both,
`one_time_keys` wraps and derives the keys.

The Map-Server's word on EIDs (EID-AD) stays the octets it came as: an ETR hands them on, an ITR
checks them, and `EidAuthentication` says what they mean.
"""

from struct import Struct
from typing import ClassVar, Self

import msgspec

from opendmm.wire.errors import WireError
from opendmm.wire.lisp.addresses import pack_eid, read_eid
from opendmm.wire.lisp.lcaf.base import Address
from opendmm.wire.lisp.numbers import LISP_SEC, DerivationId, HmacId, WrappingId
from opendmm.wire.lisp.reading import WHATEVER, Reader

MOST_EIDS = 255
CANNOT_SIGN = 0x80
#: EID-AD Length, which counts itself, and KDF ID.
EID_AD_HEAD = Struct("!HH")
#: Unassigned, mask length.
EID_HEAD = Struct("!xB")


class AuthorisedEid(msgspec.Struct, frozen=True):
    """A prefix of EIDs that an answer may be about."""

    eid: Address
    mask_length: int

    def packed(self) -> bytes:
        """Raises WireError or struct.error for impossible values."""
        return EID_HEAD.pack(self.mask_length) + pack_eid(self.eid, self.mask_length)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Raises WireError."""
        (mask_length,) = reader.fields(EID_HEAD, "mask length")
        return cls(read_eid(reader, mask_length), mask_length)


class EidAuthentication(msgspec.Struct, frozen=True, kw_only=True):
    """What an EID-AD means (RFC 9303 §6.1); of an ITR it has the `derivation` alone.

    `cannot_sign` is the E bit: some ETR of these EIDs knows no LISP-SEC.
    """

    RECORDS: ClassVar[Struct] = Struct("!BBH")

    derivation: DerivationId = DerivationId.HKDF_SHA256
    eids: tuple[AuthorisedEid, ...] = ()
    hmac_id: HmacId = HmacId.NOPREF
    digest: bytes = b""
    cannot_sign: bool = False

    def packed(self) -> bytes:
        """Raises WireError or struct.error for impossible values."""
        body = b""
        if self.eids:
            if len(self.eids) > MOST_EIDS:
                raise WireError(f"{len(self.eids)} EID-prefixes in authentication data")
            bits = CANNOT_SIGN * self.cannot_sign
            body = self.RECORDS.pack(len(self.eids), bits, self.hmac_id)
            body += b"".join(eid.packed() for eid in self.eids) + self.digest
        return EID_AD_HEAD.pack(EID_AD_HEAD.size + len(body), self.derivation) + body

    @classmethod
    def parse(cls, octets: bytes) -> Self:
        """From a whole EID-AD, that was read with a message. Raises WireError."""
        return cls.read(Reader(octets, WHATEVER))

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """From the next octets. Raises WireError."""
        start = reader.offset
        length, derivation = reader.fields(EID_AD_HEAD, "EID-AD Length")
        if length < EID_AD_HEAD.size:
            raise WireError(f"EID-AD Length {length}", start)
        known = DerivationId(derivation)
        if length == EID_AD_HEAD.size:
            return cls(derivation=known)
        rest = length - EID_AD_HEAD.size
        return reader.nested(rest, "EID-AD", lambda inner: cls._read_eids(inner, known))

    @classmethod
    def _read_eids(cls, reader: Reader, derivation: DerivationId) -> Self:
        start = reader.offset
        count, bits, hmac_id = reader.fields(cls.RECORDS, "Record Count")
        if not count:
            raise WireError("no EID-prefixes", start)
        return cls(
            derivation=derivation,
            eids=reader.several(count, "EID-prefix", AuthorisedEid.read),
            hmac_id=HmacId(hmac_id),
            digest=reader.rest(),
            cannot_sign=bool(bits & CANNOT_SIGN),
        )


#: The EID-AD of an ITR that leaves the derivation to the Map-Server.
NO_EIDS = EidAuthentication(derivation=DerivationId.NOPREF).packed()


class RequestSecurity(msgspec.Struct, frozen=True, kw_only=True):
    """In an Encapsulated Control Message (RFC 9303 §6.1).

    `wrapped` are preamble and one-time key as they travel, `eids` the whole EID-AD, `requested`
    which algorithm the digests should be of.
    """

    LAYOUT = Struct("!BxHHBB")

    wrapped: bytes
    eids: bytes = NO_EIDS
    requested: HmacId = HmacId.AUTH_HMAC_SHA_256_128
    key_id: int = 0
    wrapping: WrappingId = WrappingId.AES_KEY_WRAP_128_HKDF_SHA256

    def packed(self) -> bytes:
        """Raises WireError or struct.error for impossible values."""
        _require_whole(self.eids)
        fields = self.requested, len(self.wrapped), self.key_id, self.wrapping
        return self.LAYOUT.pack(LISP_SEC, *fields) + self.wrapped + self.eids

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Raises WireError, also for data of another type, whose end cannot be found."""
        start = reader.offset
        fields = reader.fields(cls.LAYOUT, "authentication data")
        kind, requested, length, key_id, wrapping = fields
        _require_lisp_sec(kind, start)
        return cls(
            wrapped=reader.octets(length, "one-time key"),
            eids=_read_whole(reader),
            requested=HmacId(requested),
            key_id=key_id,
            wrapping=WrappingId(wrapping),
        )


class ReplySecurity(msgspec.Struct, frozen=True, kw_only=True):
    """In a Map-Reply (RFC 9303 §6.2): the EID-AD, and the digest of the message (PKT-AD)."""

    HEAD = Struct("!B3x")
    #: PKT-AD Length, which counts itself, and PKT HMAC ID.
    PKT_AD_HEAD = Struct("!HH")

    eids: bytes
    hmac_id: HmacId
    digest: bytes

    def packed(self) -> bytes:
        """Raises WireError or struct.error for impossible values."""
        _require_whole(self.eids)
        length = self.PKT_AD_HEAD.size + len(self.digest)
        packet = self.PKT_AD_HEAD.pack(length, self.hmac_id) + self.digest
        return self.HEAD.pack(LISP_SEC) + self.eids + packet

    @property
    def digest_begins(self) -> int:
        """At which octet of these data the digest begins."""
        return self.HEAD.size + len(self.eids) + self.PKT_AD_HEAD.size

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Raises WireError, also for data of another type."""
        start = reader.offset
        (kind,) = reader.fields(cls.HEAD, "authentication data")
        _require_lisp_sec(kind, start)
        eids = _read_whole(reader)
        start = reader.offset
        length, hmac_id = reader.fields(cls.PKT_AD_HEAD, "PKT-AD Length")
        if length < cls.PKT_AD_HEAD.size:
            raise WireError(f"PKT-AD Length {length}", start)
        digest = reader.octets(length - cls.PKT_AD_HEAD.size, "PKT HMAC")
        return cls(eids=eids, hmac_id=HmacId(hmac_id), digest=digest)


def _read_whole(reader: Reader) -> bytes:
    """An EID-AD that makes sense, as it came."""
    start = reader.offset
    EidAuthentication.read(reader)
    return reader.data[start : reader.offset]


def _require_whole(eids: bytes) -> None:
    """Raises WireError for an EID-AD that would not be read as just these octets."""
    reader = Reader(eids, WHATEVER)
    EidAuthentication.read(reader)
    if reader.left:
        raise WireError(f"{reader.left} octets behind the EID-AD")


def _require_lisp_sec(kind: int, offset: int) -> None:
    if kind != LISP_SEC:
        raise WireError(f"authentication data of type {kind}", offset)
