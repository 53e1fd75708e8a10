"""Mappings in messages: EID-records with their locators (RFC 9301 §5.4), and what is asked for."""

from ipaddress import IPv4Network, IPv6Network
from struct import Struct
from typing import Self

import msgspec

from opendmm.wire.errors import WireError
from opendmm.wire.lisp.addresses import (
    locator_order,
    pack_address,
    pack_eid,
    prefix_of,
    read_address,
    read_eid,
)
from opendmm.wire.lisp.lcaf.base import Address, understood
from opendmm.wire.lisp.numbers import NEVER_USED, Action, LocatorFlags, known
from opendmm.wire.lisp.reading import Reader

#: Priority, Weight, M Priority, M Weight, flags.
LOCATOR = Struct("!BBBBH")
#: TTL, count of locators, mask length, ACT and A, map version.
RECORD = Struct("!IBBHH")
#: N bit and reserved ones, mask length.
QUESTION = Struct("!BB")
MOST_LOCATORS = 255
AUTHORITATIVE = 0x1000
ACTION_SHIFT = 13
LARGEST_VERSION = 0xFFF
NOTIFICATION_REQUESTED = 0x80


class Locator(msgspec.Struct, frozen=True, kw_only=True):
    """Where packets to an EID can go (RFC 9301 §5.4).

    Lower priorities come first, `NEVER_USED` never; weights share among equal priorities.
    """

    address: Address
    priority: int = 1
    weight: int = 100
    multicast_priority: int = NEVER_USED
    multicast_weight: int = 0
    flags: LocatorFlags = LocatorFlags.R

    def packed(self) -> bytes:
        """Raises WireError or struct.error for impossible values."""
        head = LOCATOR.pack(
            self.priority,
            self.weight,
            self.multicast_priority,
            self.multicast_weight,
            known(LocatorFlags, self.flags),
        )
        return head + pack_address(self.address)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Raises WireError."""
        fields = reader.fields(LOCATOR, "priorities and weights")
        priority, weight, multicast_priority, multicast_weight, flags = fields
        return cls(
            address=read_address(reader),
            priority=priority,
            weight=weight,
            multicast_priority=multicast_priority,
            multicast_weight=multicast_weight,
            flags=known(LocatorFlags, flags),
        )


class EidRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The mapping of the EIDs under a prefix (RFC 9301 §5.4).

    `ttl` is in minutes: 0 takes the mapping away, `LOCAL_TTL` leaves it to the receiver.
    `action` is for records without locators only. `map_version` 0 is none (RFC 9302 §6.1).
    """

    eid: Address
    mask_length: int
    ttl: int
    locators: tuple[Locator, ...] = ()
    action: Action = Action.NO_ACTION
    authoritative: bool = False
    map_version: int = 0

    def packed(self) -> bytes:
        """Locators sorted as RFC 9301 §5.5 wants them. Raises WireError or struct.error."""
        if self.locators and self.action is not Action.NO_ACTION:
            raise WireError(f"the action {self.action.name} in a record with locators")
        require_map_version(self.map_version)
        bits = self.action << ACTION_SHIFT | AUTHORITATIVE * self.authoritative
        count = len(self.locators)
        locators = pack_locators(self.locators)
        head = RECORD.pack(self.ttl, count, self.mask_length, bits, self.map_version)
        return head + pack_eid(self.eid, self.mask_length) + locators

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Raises WireError. The action of a record with locators is ignored."""
        ttl, count, mask_length, bits, version = reader.fields(RECORD, "TTL and counts")
        return cls(
            eid=read_eid(reader, mask_length),
            mask_length=mask_length,
            ttl=ttl,
            locators=reader.several(count, "locator", Locator.read),
            action=Action.NO_ACTION if count else Action(bits >> ACTION_SHIFT),
            authoritative=bool(bits & AUTHORITATIVE),
            map_version=version & LARGEST_VERSION,
        )

    @property
    def prefix(self) -> IPv4Network | IPv6Network | None:
        """The EID-prefix, where it is one of IP addresses; the instance is not told."""
        return prefix_of(self.eid, self.mask_length)

    @property
    def understood_locators(self) -> tuple[Locator, ...]:
        """Those that are not to be ignored; with none "equivalent to Locator Count = 0"
        (RFC 9306 §3)."""
        return tuple(locator for locator in self.locators if understood(locator.address))

    @property
    def probed(self) -> Locator | None:
        """The locator that a probe was answered for: the first, if several say so (§5.4)."""
        return next((one for one in self.locators if one.flags & LocatorFlags.PROBED), None)


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What a Map-Request asks for (RFC 9301 §5.2).

    `wants_notifications` is the N bit, which subscribes to changes (RFC 9437).
    """

    eid: Address
    mask_length: int
    wants_notifications: bool = False

    def packed(self) -> bytes:
        """Raises WireError or struct.error for impossible values."""
        bits = NOTIFICATION_REQUESTED * self.wants_notifications
        return QUESTION.pack(bits, self.mask_length) + pack_eid(self.eid, self.mask_length)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Raises WireError."""
        bits, mask_length = reader.fields(QUESTION, "mask length")
        return cls(
            eid=read_eid(reader, mask_length),
            mask_length=mask_length,
            wants_notifications=bool(bits & NOTIFICATION_REQUESTED),
        )

    @property
    def prefix(self) -> IPv4Network | IPv6Network | None:
        """The EID-prefix, where it is one of IP addresses; the instance is not told."""
        return prefix_of(self.eid, self.mask_length)


def pack_locators(locators: tuple[Locator, ...]) -> bytes:
    """In ascending order. Raises WireError or struct.error."""
    if len(locators) > MOST_LOCATORS:
        raise WireError(f"{len(locators)} locators in a record")
    ordered = sorted(locators, key=lambda one: locator_order(one.address))
    return b"".join(one.packed() for one in ordered)


def require_map_version(version: int) -> None:
    """Raises WireError for one that has no encoding."""
    if not 0 <= version <= LARGEST_VERSION:
        raise WireError(f"map version {version} is outside 0..{LARGEST_VERSION}")


def require_unprobed(records: tuple[EidRecord, ...]) -> None:
    """Raises WireError where a locator says that it was probed: it "MUST NOT" in Map-Requests and
    Map-Registers (RFC 9301 §5.4)."""
    if any(record.probed for record in records):
        raise WireError("a locator that was probed, in a message that answers no probe")


def unprobed(record: EidRecord) -> EidRecord:
    """The record as it is meant in a Map-Request or Map-Register, whose p bits say nothing."""
    if record.probed is None:
        return record
    locators = tuple(
        msgspec.structs.replace(one, flags=one.flags & ~LocatorFlags.PROBED)
        for one in record.locators
    )
    return msgspec.structs.replace(record, locators=locators)
