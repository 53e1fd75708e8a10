"""Canonical addresses that tell EIDs apart (RFC 8060 §4.1 and §4.5)."""

from struct import Struct
from typing import ClassVar, Self

from opendmm.wire.errors import WireError
from opendmm.wire.lisp.lcaf.base import (
    Address,
    Lcaf,
    Pack,
    Read,
    address_bits,
    require_prefix_length,
    understood,
)
from opendmm.wire.lisp.numbers import LcafType
from opendmm.wire.lisp.reading import Reader

INSTANCE_BITS = 32


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
    def bits(self) -> int | None:
        return address_bits(self.address)

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
