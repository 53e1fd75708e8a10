"""Addresses of the LISP Canonical Address Format (RFC 8060, RFC 9306).

Types that nobody here knows are kept as they are: a receiver ignores them (RFC 9306 §3).
"""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from struct import Struct
from typing import ClassVar, Self, Union

import msgspec

from opendmm.wire.errors import WireError
from opendmm.wire.lisp.numbers import LcafType
from opendmm.wire.lisp.reading import Reader

HEADER = Struct("!xBBBH")
LARGEST = 0xFFFF
Any = Union[IPv4Address, IPv6Address, "Lcaf", None]
Read = Callable[[Reader], Any]
Pack = Callable[[Any], bytes]


class Lcaf(msgspec.Struct, frozen=True):
    """An address of a type of its own. `extra` is the octet before Length, where it means
    something."""

    TYPE: ClassVar[LcafType]

    @property
    def number(self) -> int:
        return self.TYPE

    @property
    def extra(self) -> int:
        return 0

    @property
    def within(self) -> Any:
        """The plain address inside, where there is one."""
        return None

    def body(self, pack: Pack) -> bytes:
        """What follows Length."""
        raise NotImplementedError

    @classmethod
    def parse(cls, reader: Reader, extra: int, read: Read) -> Self:
        """From what follows Length. Raises WireError."""
        raise NotImplementedError

    def packed(self, pack: Pack) -> bytes:
        """All that follows the address family. Raises WireError when that is too long."""
        body = self.body(pack)
        if len(body) > LARGEST:
            raise WireError(f"an address of {len(body)} octets")
        return HEADER.pack(0, self.number, self.extra, len(body)) + body


class InstanceId(Lcaf, frozen=True):
    """An address within an instance (RFC 8060 §4.1). Without an address, the range of instances
    that agree in the first `mask_length` bits."""

    TYPE = LcafType.INSTANCE_ID
    LAYOUT: ClassVar[Struct] = Struct("!I")

    instance: int
    address: Any
    mask_length: int = 0

    @property
    def extra(self) -> int:
        return self.mask_length

    @property
    def within(self) -> Any:
        return self.address

    def body(self, pack: Pack) -> bytes:
        return self.LAYOUT.pack(self.instance) + pack(self.address)

    @classmethod
    def parse(cls, reader: Reader, extra: int, read: Read) -> Self:
        (instance,) = reader.fields(cls.LAYOUT, "instance")
        return cls(instance, read(reader), extra)


class MulticastInfo(Lcaf, frozen=True):
    """A source (or any) and a group, as an EID (RFC 8060 §4.5)."""

    TYPE = LcafType.MULTICAST_INFO
    LAYOUT: ClassVar[Struct] = Struct("!I2xBB")

    instance: int
    source_length: int
    group_length: int
    source: Any
    group: Any

    def body(self, pack: Pack) -> bytes:
        head = self.LAYOUT.pack(self.instance, self.source_length, self.group_length)
        return head + pack(self.source) + pack(self.group)

    @classmethod
    def parse(cls, reader: Reader, extra: int, read: Read) -> Self:  # noqa: ARG003
        instance, source_length, group_length = reader.fields(cls.LAYOUT, "multicast info")
        return cls(instance, source_length, group_length, read(reader), read(reader))


class SecurityKey(Lcaf, frozen=True):
    """A locator with its keys (RFC 8060 §4.7)."""

    TYPE = LcafType.SECURITY_KEY
    LAYOUT: ClassVar[Struct] = Struct("!BxBB")
    LENGTH: ClassVar[Struct] = Struct("!H")
    REVOKED: ClassVar[int] = 1

    algorithm: int
    keys: tuple[bytes, ...]
    locator: Any
    revoked: bool = False

    @property
    def within(self) -> Any:
        return self.locator

    def body(self, pack: Pack) -> bytes:
        head = self.LAYOUT.pack(len(self.keys), self.algorithm, self.REVOKED * self.revoked)
        keys = b"".join(self.LENGTH.pack(len(key)) + key for key in self.keys)
        return head + keys + pack(self.locator)

    @classmethod
    def parse(cls, reader: Reader, extra: int, read: Read) -> Self:  # noqa: ARG003
        count, algorithm, flags = reader.fields(cls.LAYOUT, "security key")
        keys = reader.several(count, cls._key)
        return cls(algorithm, keys, read(reader), bool(flags & cls.REVOKED))

    @classmethod
    def _key(cls, reader: Reader) -> bytes:
        (length,) = reader.fields(cls.LENGTH, "key length")
        return reader.octets(length, "key")


class Replicator(msgspec.Struct, frozen=True):
    """Who replicates at a level of the tree; level 0 is next to the ITR."""

    level: int
    address: Any


class ReplicationList(Lcaf, frozen=True):
    """Locators that replicate (RFC 8060 §4.9)."""

    TYPE = LcafType.REPLICATION_LIST
    LAYOUT: ClassVar[Struct] = Struct("!3xB")

    replicators: tuple[Replicator, ...]

    def body(self, pack: Pack) -> bytes:
        return b"".join(self.LAYOUT.pack(r.level) + pack(r.address) for r in self.replicators)

    @classmethod
    def parse(cls, reader: Reader, extra: int, read: Read) -> Self:  # noqa: ARG003
        found = []
        while reader.left:
            (level,) = reader.fields(cls.LAYOUT, "replicator")
            found.append(Replicator(level, read(reader)))
        return cls(tuple(found))


class VendorSpecific(Lcaf, frozen=True):
    """What an organisation has for itself (RFC 9306 §4)."""

    TYPE = LcafType.VENDOR_SPECIFIC
    LAYOUT: ClassVar[Struct] = Struct("!I")
    LARGEST_OUI: ClassVar[int] = 0xFFFFFF

    organisation: int
    data: bytes

    def body(self, pack: Pack) -> bytes:  # noqa: ARG002
        if not 0 <= self.organisation <= self.LARGEST_OUI:
            raise WireError(f"organisation {self.organisation:#x} has over 24 bits")
        return self.LAYOUT.pack(self.organisation) + self.data

    @classmethod
    def parse(cls, reader: Reader, extra: int, read: Read) -> Self:  # noqa: ARG003
        (organisation,) = reader.fields(cls.LAYOUT, "organisation")
        return cls(organisation & cls.LARGEST_OUI, reader.rest())


class UnknownLcaf(Lcaf, frozen=True):
    """A type that nobody here knows."""

    type_number: int
    data: bytes
    before_length: int = 0

    @property
    def number(self) -> int:
        return self.type_number

    @property
    def extra(self) -> int:
        return self.before_length

    def body(self, pack: Pack) -> bytes:  # noqa: ARG002
        return self.data


KNOWN: dict[int, type[Lcaf]] = {
    kind.TYPE: kind
    for kind in (InstanceId, MulticastInfo, SecurityKey, ReplicationList, VendorSpecific)
}


def read_lcaf(reader: Reader, read: Read) -> Lcaf:
    """What follows the address family; `read` reads addresses inside. Raises WireError."""
    _flags, number, extra, length = reader.fields(HEADER, "canonical address")
    kind = KNOWN.get(number)
    if kind is None:
        return UnknownLcaf(number, reader.octets(length, "canonical address"), extra)
    return reader.nested(length, kind.TYPE.name, lambda inner: kind.parse(inner, extra, read))
