"""Mappings in messages: EID-records, locators, referrals (RFC 9301 §5.4, RFC 8111 §6.4)."""

from ipaddress import IPv4Address, IPv6Address
from struct import Struct
from typing import Self

import msgspec

from opendmm.wire.errors import WireError
from opendmm.wire.lisp.addresses import Address, address_bits, packed_address, read_address
from opendmm.wire.lisp.lcaf import UnknownLcaf
from opendmm.wire.lisp.numbers import (
    LARGEST_VERSION,
    NEVER_USED,
    Action,
    LocatorFlags,
    ReferralAction,
)
from opendmm.wire.lisp.reading import Reader

LOCATOR = Struct("!BBBBH")
HEAD = Struct("!IBBHH")
QUESTION = Struct("!BB")
SIGNATURE = Struct("!IIIHHB3x")
MOST_LOCATORS = 255
MOST_SIGNATURES = 15
AUTHORITATIVE = 0x1000
INCOMPLETE = 0x0800
ACTION_SHIFT = 13
SIGNATURES_SHIFT = 12
LAST_LOCATOR_FLAGS = 0x7
WANTED = 0x80


class Locator(msgspec.Struct, frozen=True, kw_only=True):
    """Where packets to an EID go; lower priorities first, weights share among equal ones."""

    address: Address
    priority: int = 1
    weight: int = 100
    multicast_priority: int = NEVER_USED
    multicast_weight: int = 0
    flags: LocatorFlags = LocatorFlags.R

    def packed(self) -> bytes:
        head = LOCATOR.pack(
            self.priority,
            self.weight,
            self.multicast_priority,
            self.multicast_weight,
            self.flags,
        )
        return head + packed_address(self.address)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Raises WireError."""
        priority, weight, multicast_priority, multicast_weight, flags = reader.fields(
            LOCATOR, "locator"
        )
        return cls(
            address=read_address(reader),
            priority=priority,
            weight=weight,
            multicast_priority=multicast_priority,
            multicast_weight=multicast_weight,
            flags=LocatorFlags(flags & LAST_LOCATOR_FLAGS),
        )

    @property
    def order(self) -> tuple[int, bytes]:
        """How locators of a record are sorted (RFC 9301 §5.5, RFC 8060 §3)."""
        match self.address:
            case IPv4Address() | IPv6Address():
                return self.address.version, self.address.packed
            case None:
                return 0, b""
            case lcaf:
                return 16387, bytes([lcaf.number])


class EidRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the EIDs under a prefix. `ttl` is in minutes; 0 takes the mapping away.
    `action` counts only where there are no locators."""

    eid: Address
    mask_length: int
    ttl: int
    locators: tuple[Locator, ...] = ()
    action: Action = Action.NO_ACTION
    authoritative: bool = False
    map_version: int = 0

    def packed(self) -> bytes:
        """Locators in the order of the RFC. Raises WireError."""
        bits = self.action << ACTION_SHIFT | AUTHORITATIVE * self.authoritative
        return _packed(self, bits, self.map_version, self.locators)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Raises WireError."""
        ttl, count, mask_length, bits, version = reader.fields(HEAD, "EID-record")
        eid = _read_eid(reader, mask_length)
        return cls(
            eid=eid,
            mask_length=mask_length,
            ttl=ttl,
            locators=reader.several(count, Locator.read),
            action=Action(bits >> ACTION_SHIFT),
            authoritative=bool(bits & AUTHORITATIVE),
            map_version=version & LARGEST_VERSION,
        )

    @property
    def known_locators(self) -> tuple[Locator, ...]:
        """Those in formats that are understood here (RFC 9306 §3)."""
        return tuple(one for one in self.locators if not isinstance(one.address, UnknownLcaf))


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """A DDT node's signature of a referral (RFC 8111 §6.4.1); times in seconds since 1970."""

    original_ttl: int
    expires: int
    begins: int
    key_tag: int
    algorithm: int
    value: bytes

    def packed(self) -> bytes:
        head = SIGNATURE.pack(
            self.original_ttl,
            self.expires,
            self.begins,
            self.key_tag,
            len(self.value),
            self.algorithm,
        )
        return head + self.value

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Raises WireError."""
        original_ttl, expires, begins, key_tag, length, algorithm = reader.fields(
            SIGNATURE, "signature"
        )
        return cls(
            original_ttl=original_ttl,
            expires=expires,
            begins=begins,
            key_tag=key_tag,
            algorithm=algorithm,
            value=reader.octets(length, "signature"),
        )


class ReferralRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Who knows more of the EIDs under a prefix. `ttl` is in minutes; an incomplete one is not
    to be kept."""

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
        """Raises WireError."""
        if len(self.signatures) > MOST_SIGNATURES:
            raise WireError(f"{len(self.signatures)} signatures of a record")
        bits = self.action << ACTION_SHIFT
        bits |= AUTHORITATIVE * self.authoritative | INCOMPLETE * self.incomplete
        version = len(self.signatures) << SIGNATURES_SHIFT | self.map_version
        signatures = b"".join(signature.packed() for signature in self.signatures)
        return _packed(self, bits, version, self.referrals) + signatures

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Raises WireError."""
        ttl, count, mask_length, bits, version = reader.fields(HEAD, "referral")
        eid = _read_eid(reader, mask_length)
        referrals = reader.several(count, Locator.read)
        return cls(
            eid=eid,
            mask_length=mask_length,
            ttl=ttl,
            action=ReferralAction(bits >> ACTION_SHIFT),
            referrals=referrals,
            authoritative=bool(bits & AUTHORITATIVE),
            incomplete=bool(bits & INCOMPLETE),
            map_version=version & LARGEST_VERSION,
            signatures=reader.several(version >> SIGNATURES_SHIFT, Signature.read),
        )


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What a Map-Request asks of; `wants_notifications` subscribes to changes (RFC 9437 §4)."""

    eid: Address
    mask_length: int
    wants_notifications: bool = False

    def packed(self) -> bytes:
        return QUESTION.pack(WANTED * self.wants_notifications, self.mask_length) + packed_address(
            self.eid
        )

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Raises WireError."""
        first, mask_length = reader.fields(QUESTION, "EID-prefix")
        return cls(
            eid=_read_eid(reader, mask_length),
            mask_length=mask_length,
            wants_notifications=bool(first & WANTED),
        )


def _read_eid(reader: Reader, mask_length: int) -> Address:
    start = reader.offset
    eid = read_address(reader)
    bits = address_bits(eid)
    if bits is not None and mask_length > bits:
        raise WireError(f"prefix length {mask_length} is over {bits}", start)
    return eid


def _packed(
    record: EidRecord | ReferralRecord, bits: int, version: int, locators: tuple[Locator, ...]
) -> bytes:
    if len(locators) > MOST_LOCATORS:
        raise WireError(f"{len(locators)} locators of a record")
    if record.map_version > LARGEST_VERSION:
        raise WireError(f"map version {record.map_version} is over {LARGEST_VERSION}")
    head = HEAD.pack(record.ttl, len(locators), record.mask_length, bits, version)
    ordered = sorted(locators, key=lambda one: one.order)
    return head + packed_address(record.eid) + b"".join(one.packed() for one in ordered)
