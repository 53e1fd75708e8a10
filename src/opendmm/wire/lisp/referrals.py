"""What a DDT node answers: who knows more of an EID (RFC 8111 §6.4)."""

from ipaddress import IPv4Network, IPv6Network
from struct import Struct
from typing import ClassVar, Self

import msgspec

from opendmm.wire.errors import WireError
from opendmm.wire.lisp.addresses import pack_eid, prefix_of, read_eid
from opendmm.wire.lisp.framing import NONCE, pack_head, read_nonce, read_records
from opendmm.wire.lisp.lcaf.base import Address
from opendmm.wire.lisp.numbers import MessageType, ReferralAction, SignatureAlgorithm
from opendmm.wire.lisp.reading import Reader
from opendmm.wire.lisp.records import (
    ACTION_SHIFT,
    AUTHORITATIVE,
    LARGEST_VERSION,
    RECORD,
    Locator,
    pack_locators,
    require_map_version,
)

#: Original TTL, expiration, inception, key tag, length, algorithm, reserved.
SIGNATURE = Struct("!IIIHHB3x")
INCOMPLETE = 0x0800
SIGNATURES_SHIFT = 12
MOST_SIGNATURES = 15


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """A DDT node's signature of a record (RFC 8111 §6.4.1).

    `original_ttl` is in minutes; `inception` and `expiration` are seconds since 1970.
    """

    original_ttl: int
    inception: int
    expiration: int
    key_tag: int
    algorithm: SignatureAlgorithm
    value: bytes

    def packed(self) -> bytes:
        """Raises struct.error for impossible values."""
        times = self.original_ttl, self.expiration, self.inception
        return SIGNATURE.pack(*times, self.key_tag, len(self.value), self.algorithm) + self.value

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Raises WireError."""
        fields = reader.fields(SIGNATURE, "times and key")
        original_ttl, expiration, inception, key_tag, length, algorithm = fields
        return cls(
            original_ttl=original_ttl,
            inception=inception,
            expiration=expiration,
            key_tag=key_tag,
            algorithm=SignatureAlgorithm(algorithm),
            value=reader.octets(length, "signature"),
        )


class ReferralRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Who knows more of the EIDs under a prefix (RFC 8111 §6.4).

    `ttl` is in minutes. What is `incomplete` should not be kept (§6.3). `referrals` are DDT nodes,
    with their keys where the address is a `SecurityKey`.
    """

    eid: Address
    mask_length: int
    ttl: int
    action: ReferralAction
    referrals: tuple[Locator, ...] = ()
    authoritative: bool = False
    incomplete: bool = False
    map_version: int = 0
    signatures: tuple[Signature, ...] = ()

    def packed(self) -> bytes:
        """Raises WireError or struct.error for impossible values."""
        if len(self.signatures) > MOST_SIGNATURES:
            raise WireError(f"{len(self.signatures)} signatures of a record")
        require_map_version(self.map_version)
        bits = self.action << ACTION_SHIFT
        bits |= AUTHORITATIVE * self.authoritative | INCOMPLETE * self.incomplete
        version = len(self.signatures) << SIGNATURES_SHIFT | self.map_version
        referrals = pack_locators(self.referrals)
        head = RECORD.pack(self.ttl, len(self.referrals), self.mask_length, bits, version)
        eid = pack_eid(self.eid, self.mask_length)
        signatures = b"".join(signature.packed() for signature in self.signatures)
        return head + eid + referrals + signatures

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Raises WireError."""
        ttl, count, mask_length, bits, version = reader.fields(RECORD, "TTL and counts")
        return cls(
            eid=read_eid(reader, mask_length),
            mask_length=mask_length,
            ttl=ttl,
            action=ReferralAction(bits >> ACTION_SHIFT),
            referrals=reader.several(count, "referral", Locator.read),
            authoritative=bool(bits & AUTHORITATIVE),
            incomplete=bool(bits & INCOMPLETE),
            map_version=version & LARGEST_VERSION,
            signatures=reader.several(version >> SIGNATURES_SHIFT, "signature", Signature.read),
        )

    @property
    def prefix(self) -> IPv4Network | IPv6Network | None:
        """The EID-prefix, where it is one of IP addresses; the instance is not told."""
        return prefix_of(self.eid, self.mask_length)


class MapReferral(msgspec.Struct, frozen=True, kw_only=True):
    """A DDT node's answer to a Map-Request (RFC 8111 §6)."""

    TYPE: ClassVar = MessageType.MAP_REFERRAL

    nonce: int
    records: tuple[ReferralRecord, ...]

    def packed(self) -> bytes:
        """The UDP payload. Raises WireError or struct.error for impossible values."""
        records = [record.packed() for record in self.records]
        return b"".join((pack_head(self.TYPE, 0, self.records), NONCE.pack(self.nonce), *records))

    @classmethod
    def read(cls, word: int, reader: Reader) -> Self:
        """What follows the first word. Raises WireError."""
        nonce = read_nonce(reader)
        return cls(nonce=nonce, records=read_records(word, reader, ReferralRecord.read))
