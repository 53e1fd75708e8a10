"""Elements inside an option: type, length, data, one after another and without padding."""

from collections.abc import Iterable

import msgspec

from opendmm.wire.errors import WireError

TYPE_AND_LENGTH = 2
LARGEST = 255


class Element(msgspec.Struct, frozen=True):
    """One element; what its number and data mean is for the option around it."""

    number: int
    data: bytes = b""

    def __post_init__(self) -> None:
        if not 0 <= self.number <= LARGEST:
            raise WireError(f"element type {self.number} is outside 0..{LARGEST}")
        if len(self.data) > LARGEST:
            raise WireError(f"{len(self.data)} octets are too long for an element")


def pack_elements(elements: Iterable[Element]) -> bytes:
    """The elements' octets."""
    return b"".join(bytes((each.number, len(each.data))) + each.data for each in elements)


def parse_elements(body: bytes, begin: int = 0) -> tuple[Element, ...]:
    """The elements from octet `begin` to the end. Raises WireError."""
    elements: list[Element] = []
    offset = begin
    while offset < len(body):
        data = offset + TYPE_AND_LENGTH
        if data > len(body):
            raise WireError("an element ends before its length", offset)
        end = data + body[offset + 1]
        if end > len(body):
            raise WireError(f"an element of {end - data} octets runs past the end", offset + 1)
        elements.append(Element(body[offset], body[data:end]))
        offset = end
    return tuple(elements)
