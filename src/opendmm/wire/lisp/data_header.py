"""The header between UDP and an encapsulated packet (RFC 9300 §5.3)."""

from struct import Struct
from typing import NamedTuple, Self

import msgspec

from opendmm.wire.errors import WireError
from opendmm.wire.lisp.numbers import DataFlags
from opendmm.wire.lisp.reading import Reader

LAYOUT = Struct("!II")
FLAGS_SHIFT = 24
VERSION_BITS = 12
LARGEST_VERSION = (1 << VERSION_BITS) - 1
LARGEST_NONCE = LARGEST_INSTANCE = 0xFFFFFF
#: Locator-Status-Bits, and what is left of them beside an Instance ID.
ALL_STATUS_BITS, FEW_STATUS_BITS = 0xFFFFFFFF, 0xFF
INSTANCE_SHIFT = 8
#: The KK bits: which of three keys the payload is encrypted with (RFC 8061), 0 for none.
LARGEST_KEY = 3


class MapVersions(NamedTuple):
    """Which mappings the sender goes by (RFC 9302 §4); 0 is none."""

    source: int
    destination: int


class DataHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What is there is not None, and its flag follows from that.

    `nonce` (N) and `versions` (V) exclude each other; `echo` (E) asks for the nonce back. Bit n of
    `status_bits` (L) says that the sender's nth locator is up, from 0.
    """

    nonce: int | None = None
    echo: bool = False
    versions: MapVersions | None = None
    instance: int | None = None
    status_bits: int | None = None
    key: int = 0

    def packed(self) -> bytes:
        """Eight octets. Raises WireError for values that have no encoding."""
        if not 0 <= self.key <= LARGEST_KEY:
            raise WireError(f"key {self.key} is outside 0..{LARGEST_KEY}")
        first, flags = self._first()
        second, more = self._second()
        return LAYOUT.pack((flags | more | self.key) << FLAGS_SHIFT | first, second)

    @classmethod
    def read(cls, data: bytes) -> Self:
        """From the start of a UDP payload. Raises WireError when that is too short.

        With N and V there is a nonce; E counts with N only, the R bit not at all.
        """
        first, second = Reader(data).fields(LAYOUT, "header of an encapsulated packet")
        bits = first >> FLAGS_SHIFT
        low = first & LARGEST_NONCE
        has_nonce = bool(bits & DataFlags.N)
        has_versions = bits & DataFlags.V and not has_nonce
        instance = second >> INSTANCE_SHIFT if bits & DataFlags.I else None
        status_bits = second & (FEW_STATUS_BITS if bits & DataFlags.I else ALL_STATUS_BITS)
        return cls(
            nonce=low if has_nonce else None,
            echo=has_nonce and bool(bits & DataFlags.E),
            versions=MapVersions(*divmod(low, 1 << VERSION_BITS)) if has_versions else None,
            instance=instance,
            status_bits=status_bits if bits & DataFlags.L else None,
            key=bits & LARGEST_KEY,
        )

    def _first(self) -> tuple[int, int]:
        """The low 24 bits of the first word, and their flags."""
        if self.nonce is not None and self.versions is not None:
            raise WireError("a nonce and map versions in one header")
        if self.nonce is not None:
            _require("nonce", self.nonce, LARGEST_NONCE)
            return self.nonce, DataFlags.N | (DataFlags.E if self.echo else 0)
        if self.echo:
            raise WireError("no nonce that could be echoed")
        if self.versions is None:
            return 0, 0
        for version in self.versions:
            _require("map version", version, LARGEST_VERSION)
        return self.versions.source << VERSION_BITS | self.versions.destination, DataFlags.V

    def _second(self) -> tuple[int, int]:
        """The second word, and its flags."""
        flags = DataFlags.L if self.status_bits is not None else DataFlags(0)
        bits = self.status_bits or 0
        if self.instance is None:
            _require("Locator-Status-Bits", bits, ALL_STATUS_BITS)
            return bits, flags
        _require("Instance ID", self.instance, LARGEST_INSTANCE)
        _require("Locator-Status-Bits", bits, FEW_STATUS_BITS)
        return self.instance << INSTANCE_SHIFT | bits, flags | DataFlags.I


def _require(name: str, value: int, largest: int) -> None:
    if not 0 <= value <= largest:
        raise WireError(f"{name} {value} is outside 0..{largest}")
