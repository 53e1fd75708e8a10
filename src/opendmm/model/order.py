"""The order of moves: which of two claims about a mobile node is the later one.

The home anchor numbers every move it grants (design §6). The number alone decides in
ordinary operation. Two grants can carry the same number only when the home anchor was
unreachable and its delegate numbered in its place; then the later attachment wins, and
as a last resort the anchor's name, so that every entity decides alike.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from opendmm.model.identity import NodeId
from opendmm.model.quantities import Microseconds


class MoveOrder(msgspec.Struct, frozen=True, order=True):
    """Totally ordered stamp of a move; the greater one is the truth everywhere.

    `sequence` is monotonic per mobile node, first attachment 1. `attached_at` is in
    microseconds since 1970. `anchor` is the mobility anchor the mobile node moved to.
    """

    sequence: Annotated[int, Meta(ge=0, le=1 << 62)]
    attached_at: Microseconds
    anchor: NodeId

    def __str__(self) -> str:
        return f"#{self.sequence}@{self.anchor}"


NEVER = MoveOrder(0, 0, NodeId(""))
"""Less than every order a grant can carry."""


def microseconds(now: float) -> int:
    """A time in seconds since 1970 as the integer microseconds of `attached_at`."""
    return round(now * 1_000_000)
