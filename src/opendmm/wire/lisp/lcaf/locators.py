"""Canonical addresses that say more of locators: several, with keys, to replicate to (RFC 8060)."""

from struct import Struct
from typing import ClassVar, Self

import msgspec

from opendmm.wire.errors import WireError
from opendmm.wire.layout import require_octets
from opendmm.wire.lisp.lcaf.base import Address, Lcaf, Pack, Read, address_bits, understood
from opendmm.wire.lisp.numbers import AddressFamily, LcafType
from opendmm.wire.lisp.reading import Reader

FAMILY = Struct("!H")
MAC_OCTETS = 6
END_OF_NAME = b"\0"


class AnotherFamily(msgspec.Struct, frozen=True):
    """A MAC address or a name: kept, and of no use here (RFC 8060 §4.10.2, §4.10.3).

    A name ends with a zero octet, or with the list.
    """

    family: AddressFamily
    octets: bytes


class AfiList(Lcaf, frozen=True):
    """Several addresses for one thing, in no order of preference (RFC 8060 §4.10)."""

    TYPE = LcafType.AFI_LIST

    items: tuple[Address | AnotherFamily, ...]

    @property
    def inside(self) -> tuple[Address, ...]:
        return tuple(item for item in self.items if not isinstance(item, AnotherFamily))

    @property
    def understood(self) -> bool:
        return any(map(understood, self.inside))

    def body(self, pack: Pack) -> bytes:
        packed = []
        for number, item in enumerate(self.items, 1):
            if not isinstance(item, AnotherFamily):
                packed.append(pack(item))
                continue
            _require_length(item, is_last=number == len(self.items))
            packed.append(FAMILY.pack(item.family) + item.octets)
        return b"".join(packed)

    @classmethod
    def parse(cls, reader: Reader, _rsvd2: int, read: Read) -> Self:
        items: list[Address | AnotherFamily] = []
        while reader.left:
            start = reader.offset
            (family,) = reader.fields(FAMILY, "address family")
            if family == AddressFamily.MAC:
                octets = reader.octets(MAC_OCTETS, "MAC address")
                items.append(AnotherFamily(AddressFamily.MAC, octets))
            elif family == AddressFamily.NAME:
                end = reader.data.find(END_OF_NAME, reader.offset, reader.end) + 1
                octets = reader.octets((end or reader.end) - reader.offset, "name")
                items.append(AnotherFamily(AddressFamily.NAME, octets))
            else:
                reader.offset = start
                items.append(read(reader))
        return cls(tuple(items))


class SecurityKey(Lcaf, frozen=True):
    """A locator with its keys: of a DDT node, or for the data plane (RFC 8060 §4.7, RFC 8061 §6).

    `revoked` counts with DDT only.
    """

    TYPE = LcafType.SECURITY_KEY
    LAYOUT: ClassVar[Struct] = Struct("!BxBB")
    LENGTH: ClassVar[Struct] = Struct("!H")
    REVOKED: ClassVar[int] = 1

    algorithm: int
    keys: tuple[bytes, ...]
    locator: Address
    revoked: bool = False

    @property
    def inside(self) -> tuple[Address, ...]:
        return (self.locator,)

    @property
    def bits(self) -> int | None:
        return address_bits(self.locator)

    @property
    def understood(self) -> bool:
        return understood(self.locator)

    def body(self, pack: Pack) -> bytes:
        head = self.LAYOUT.pack(len(self.keys), self.algorithm, self.REVOKED * self.revoked)
        keys = b"".join(self.LENGTH.pack(len(key)) + key for key in self.keys)
        return head + keys + pack(self.locator)

    @classmethod
    def parse(cls, reader: Reader, _rsvd2: int, read: Read) -> Self:
        count, algorithm, flags = reader.fields(cls.LAYOUT, "key count")
        keys = reader.several(count, "key", cls._key)
        return cls(algorithm, keys, read(reader), bool(flags & cls.REVOKED))

    @classmethod
    def _key(cls, reader: Reader) -> bytes:
        (length,) = reader.fields(cls.LENGTH, "key length")
        return reader.octets(length, "key material")


class Replicator(msgspec.Struct, frozen=True):
    """Who replicates at a level of the tree; ITRs replicate to level 0."""

    level: int
    address: Address


class ReplicationList(Lcaf, frozen=True):
    """Locators to each of which a packet is sent (RFC 8060 §4.9)."""

    TYPE = LcafType.REPLICATION_LIST
    LAYOUT: ClassVar[Struct] = Struct("!3xB")

    replicators: tuple[Replicator, ...]

    @property
    def understood(self) -> bool:
        return any(understood(one.address) for one in self.replicators)

    def body(self, pack: Pack) -> bytes:
        return b"".join(self.LAYOUT.pack(r.level) + pack(r.address) for r in self.replicators)

    @classmethod
    def parse(cls, reader: Reader, _rsvd2: int, read: Read) -> Self:
        found = []
        while reader.left:
            (level,) = reader.fields(cls.LAYOUT, "level")
            found.append(Replicator(level, read(reader)))
        return cls(tuple(found))


def _require_length(item: AnotherFamily, is_last: bool) -> None:
    """Raises WireError for what would be read as something else."""
    if item.family == AddressFamily.MAC:
        require_octets("MAC address", item.octets, MAC_OCTETS)
        return
    if item.family != AddressFamily.NAME:
        raise WireError(f"address family {item.family} has no known length")
    end = item.octets.find(END_OF_NAME)
    if end != len(item.octets) - 1 if end >= 0 else not is_last:
        raise WireError("a name with a zero octet in it, or without one at its end")
