"""What is added to registrations by proxy, in Vendor Specific options (`mobility.vendor`)."""

import msgspec

from opendmm.model.addressing import HomePrefix
from opendmm.model.order import MoveOrder


class Granted(msgspec.Struct, frozen=True):
    """Added to a PBA: the move's order, and which prefixes are for old sessions only."""

    order: MoveOrder | None = None
    deprecated: tuple[HomePrefix, ...] = ()


class Attached(msgspec.Struct, frozen=True):
    """Added to a PBU and a BRI: which attachment is meant, by when it began.

    In microseconds since 1970 by the clock of the gateway. Without it an anchor takes the first
    PBU for the beginning, so one that has restarted cannot tell who was attached last.
    """

    attached_at: int = 0
