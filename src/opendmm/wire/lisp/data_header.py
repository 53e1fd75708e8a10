"""The header between UDP and an encapsulated packet (RFC 9300 §5.3)."""

import enum
from struct import Struct
from typing import Self

import msgspec

from opendmm.wire.errors import WireError

LAYOUT = Struct("!II")
LOW_24 = 0xFFFFFF
LOW_8 = 0xFF
VERSION_BITS = 12


class DataFlags(enum.IntFlag):
    """The first octet of the header."""

    N = 0x80
    """A nonce is there."""
    L = 0x40
    """Locator status bits are there."""
    E = 0x20
    """The nonce is to be echoed."""
    V = 0x10
    """Map versions are there, in place of a nonce."""
    I = 0x08  # noqa: E741  (the RFC's name)
    """An Instance ID is there."""
    R = 0x04
    KK = 0x03
    """Which key the payload is encrypted with (RFC 8061)."""


class DataHeader(msgspec.Struct, frozen=True, kw_only=True):
    """The I flag goes by `instance`, of 24 bits. `nonce` is a nonce (N flag), or two map versions
    of 12 bits (V flag). There are 32 locator status bits, or 8 with an instance."""

    flags: DataFlags = DataFlags(0)
    nonce: int = 0
    instance: int | None = None
    status_bits: int = 0

    def packed(self) -> bytes:
        """Eight octets. Raises WireError."""
        if self.flags & DataFlags.N and self.flags & DataFlags.V:
            raise WireError("a nonce and map versions at once")
        flags = self.flags & ~DataFlags.I
        second = self.status_bits
        if self.instance is not None:
            flags |= DataFlags.I
            if not 0 <= self.instance <= LOW_24 or not 0 <= self.status_bits <= LOW_8:
                raise WireError("an instance of over 24 bits, or over 8 locator status bits")
            second |= self.instance << 8
        if not 0 <= self.nonce <= LOW_24:
            raise WireError("a nonce of over 24 bits")
        return LAYOUT.pack(flags << 24 | self.nonce, second)

    @classmethod
    def read(cls, data: bytes) -> Self:
        """From the start of a UDP payload. Raises WireError."""
        if len(data) < LAYOUT.size:
            raise WireError(f"{len(data)} octets where {LAYOUT.size} are due")
        first, second = LAYOUT.unpack_from(data)
        flags = DataFlags(first >> 24)
        if flags & DataFlags.N and flags & DataFlags.V:
            raise WireError("a nonce and map versions at once")
        has_instance = bool(flags & DataFlags.I)
        return cls(
            flags=flags & ~DataFlags.I,
            nonce=first & LOW_24,
            instance=second >> 8 if has_instance else None,
            status_bits=second & LOW_8 if has_instance else second,
        )

    @property
    def versions(self) -> tuple[int, int]:
        """Source and destination map version (V flag, RFC 9302)."""
        return self.nonce >> VERSION_BITS, self.nonce & ((1 << VERSION_BITS) - 1)
