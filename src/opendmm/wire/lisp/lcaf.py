"""Addresses in the LISP Canonical Address Format (RFC 8060, RFC 9306).

A type says how its body (what follows Length) is read and written. Addresses can contain others,
of any family: how those are read and written comes as an argument, from `addresses`. Types that
nobody here knows are kept as they are, and a receiver ignores them (RFC 9306 §3).
"""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from struct import Struct
from typing import ClassVar, Self

import msgspec

from opendmm.wire.errors import WireError
from opendmm.wire.layout import IPV4_BITS, IPV6_BITS, require_octets
from opendmm.wire.lisp.numbers import AddressFamily, LcafType
from opendmm.wire.lisp.reading import Reader

#: Rsvd1 and Flags, which are ignored; Type, Rsvd2, Length (RFC 8060 §3).
HEADER = Struct("!2xBBH")
FAMILY = Struct("!H")
LARGEST_LENGTH = 0xFFFF
#: Addresses within addresses: RFC 8060 §4.10.4 gives no limit.
DEEPEST = 4
LARGEST_TYPE = 255
INSTANCE_BITS = 32
MAC_OCTETS = 6
END_OF_NAME = b"\0"


class Lcaf(msgspec.Struct, frozen=True):
    """An address with a type of its own."""

    #: The number in the Type field.
    TYPE: ClassVar[LcafType]

    @property
    def number(self) -> int:
        return self.TYPE

    @property
    def rsvd2(self) -> int:
        """The octet between Type and Length, to which one type gives a meaning."""
        return 0

    @property
    def inside(self) -> "tuple[Address, ...]":
        """The addresses, each of which is what this one says more about."""
        return ()

    @property
    def understood(self) -> bool:
        """Whether there is something in it for a receiver here."""
        return True

    def body(self, pack: "Pack") -> bytes:
        """What follows Length. Raises WireError or struct.error for impossible values."""
        raise NotImplementedError

    @classmethod
    def parse(cls, reader: Reader, rsvd2: int, read: "Read") -> Self:
        """From what follows Length. Raises WireError."""
        raise NotImplementedError


Ip = IPv4Address | IPv6Address
Address = Ip | Lcaf | None
Read = Callable[[Reader], Address]
Pack = Callable[[Address], bytes]


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


class InstanceId(Lcaf, frozen=True):
    """An address within an instance (RFC 8060 §4.1).

    Without an address it is the range of instances that agree in the first `mask_length` bits.
    """

    TYPE = LcafType.INSTANCE_ID
    LAYOUT: ClassVar[Struct] = Struct("!I")

    instance: int
    address: Address
    mask_length: int = 0

    @property
    def rsvd2(self) -> int:
        return self.mask_length

    @property
    def inside(self) -> tuple[Address, ...]:
        return (self.address,)

    @property
    def understood(self) -> bool:
        return understood(self.address)

    def body(self, pack: Pack) -> bytes:
        self._require_range()
        return self.LAYOUT.pack(self.instance) + pack(self.address)

    @classmethod
    def parse(cls, reader: Reader, rsvd2: int, read: Read) -> Self:
        start = reader.offset
        (instance,) = reader.fields(cls.LAYOUT, "instance")
        found = cls(instance, read(reader), rsvd2)
        found._require_range(start)
        return found

    def _require_range(self, offset: int = 0) -> None:
        """Of a range "the low-order bits of the Instance ID field must be 0"."""
        if self.address is not None:
            return
        free = INSTANCE_BITS - self.mask_length
        if free < 0:
            raise WireError(f"IID mask-len {self.mask_length} is over {INSTANCE_BITS}", offset)
        if self.instance & ((1 << free) - 1):
            wrong = f"instances {self.instance:#x}/{self.mask_length} with low-order bits"
            raise WireError(wrong, offset)


class MulticastInfo(Lcaf, frozen=True):
    """A group and its source or sources, as an EID: (S,G), or (*,G) (RFC 8060 §4.5)."""

    TYPE = LcafType.MULTICAST_INFO
    LAYOUT: ClassVar[Struct] = Struct("!I2xBB")

    instance: int
    source_length: int
    group_length: int
    source: Address
    group: Address

    @property
    def understood(self) -> bool:
        return understood(self.source) and understood(self.group)

    def body(self, pack: Pack) -> bytes:
        self._require_lengths()
        head = self.LAYOUT.pack(self.instance, self.source_length, self.group_length)
        return head + pack(self.source) + pack(self.group)

    @classmethod
    def parse(cls, reader: Reader, _rsvd2: int, read: Read) -> Self:
        start = reader.offset
        instance, source_length, group_length = reader.fields(cls.LAYOUT, "multicast info")
        found = cls(instance, source_length, group_length, read(reader), read(reader))
        found._require_lengths(start)
        return found

    def _require_lengths(self, offset: int = 0) -> None:
        require_prefix_length("source", self.source, self.source_length, offset)
        require_prefix_length("group", self.group, self.group_length, offset)


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


class VendorSpecific(Lcaf, frozen=True):
    """What an organisation has for itself (RFC 9306 §4).

    A message with one of an organisation that is not understood is dropped: see `Tolerance`.
    """

    TYPE = LcafType.VENDOR_SPECIFIC
    LAYOUT: ClassVar[Struct] = Struct("!I")
    LARGEST_OUI: ClassVar[int] = 0xFFFFFF

    organisation: int
    data: bytes

    def body(self, _pack: Pack) -> bytes:
        if not 0 <= self.organisation <= self.LARGEST_OUI:
            raise WireError(f"organisation {self.organisation:#x} has over 24 bits")
        return self.LAYOUT.pack(self.organisation) + self.data

    @classmethod
    def parse(cls, reader: Reader, _rsvd2: int, _read: Read) -> Self:
        start = reader.offset
        (word,) = reader.fields(cls.LAYOUT, "organisation")
        organisation = word & cls.LARGEST_OUI
        if organisation not in reader.tolerance.organisations:
            raise WireError(f"organisation {organisation:#08x} is not understood", start)
        return cls(organisation, reader.rest())


class UnknownLcaf(Lcaf, frozen=True):
    """A type that nobody here knows: ignored by receivers, kept for logs and re-encoding."""

    type_number: int
    data: bytes
    octet: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.type_number <= LARGEST_TYPE or self.type_number in KNOWN:
            raise WireError(f"{self.type_number} is not the number of an unknown type")

    @property
    def number(self) -> int:
        return self.type_number

    @property
    def rsvd2(self) -> int:
        return self.octet

    @property
    def understood(self) -> bool:
        return False

    def body(self, _pack: Pack) -> bytes:
        return self.data


KNOWN: dict[int, type[Lcaf]] = {
    kind.TYPE: kind
    for kind in (
        AfiList,
        InstanceId,
        MulticastInfo,
        SecurityKey,
        ReplicationList,
        VendorSpecific,
    )
}


def read_lcaf(reader: Reader, read: Read) -> Lcaf:
    """What follows the address family. Raises WireError."""
    require_depth(reader.depth, reader.offset)
    number, rsvd2, length = reader.fields(HEADER, "canonical address")
    kind = KNOWN.get(number)
    if kind is None:
        return UnknownLcaf(number, reader.octets(length, "canonical address"), rsvd2)
    reader.depth += 1
    found = reader.nested(length, kind.__name__, lambda inner: kind.parse(inner, rsvd2, read))
    reader.depth -= 1
    return found


def pack_lcaf(address: Lcaf, pack: Pack) -> bytes:
    """What follows the address family. Raises WireError or struct.error."""
    body = address.body(pack)
    if len(body) > LARGEST_LENGTH:
        raise WireError(f"an address of {len(body)} octets")
    return HEADER.pack(address.number, address.rsvd2, len(body)) + body


def require_depth(depth: int, offset: int = 0) -> None:
    """Raises WireError for one address too many within another."""
    if depth >= DEEPEST:
        raise WireError(f"addresses nested over {DEEPEST} deep", offset)


def understood(address: Address) -> bool:
    """Whether a receiver here can do something with it: RFC 9306 §3 has the others ignored."""
    return not isinstance(address, Lcaf) or address.understood


def address_bits(address: Address) -> int | None:
    """How long a prefix of it can be; None where its family does not say."""
    match address:
        case IPv4Address():
            return IPV4_BITS
        case IPv6Address():
            return IPV6_BITS
        case InstanceId() | SecurityKey():
            return address_bits(address.inside[0])
    return None


def require_prefix_length(name: str, address: Address, length: int, offset: int = 0) -> None:
    """Raises WireError for a prefix longer than its address."""
    bits = address_bits(address)
    if bits is not None and not 0 <= length <= bits:
        raise WireError(f"{name}: prefix length {length} is over {bits}", offset)


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
