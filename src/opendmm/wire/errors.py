"""The one error of this room: what is wrong, at which octet, and what the receiver owes for it."""

import enum
from typing import Self


class Reaction(enum.Enum):
    """What the protocol's RFC tells a receiver to do with octets that it must not process."""

    DISCARD = "discard silently"
    #: RFC 6275 §9.2: unknown MH Type.
    BINDING_ERROR = "answer with a Binding Error, status 2"
    #: RFC 6275 §9.2: the Pointer field is the offset in the error, counted from the header that
    #: was decoded.
    PARAMETER_PROBLEM = "answer with an ICMPv6 Parameter Problem, code 0"


class WireError(ValueError):
    """Octets that cannot be decoded, or values that have no encoding.

    `offset` is in octets from the start of what was decoded (of the value, when encoding).
    """

    def __init__(self, what: str, offset: int = 0, reaction: Reaction = Reaction.DISCARD) -> None:
        super().__init__(f"{what}, at octet {offset} ({reaction.value})")
        self.what = what
        self.offset = offset
        self.reaction = reaction

    def within(self, name: str, offset: int) -> Self:
        """The same error, seen from what contains the failing part `name` at `offset`."""
        return type(self)(f"{name}: {self.what}", offset + self.offset, self.reaction)
