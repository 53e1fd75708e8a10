"""What the DMM functions add to home registrations, in Vendor Specific options.

A home agent without the extension skips it; from a mobile node without it a home agent takes the
first Binding Update of a care-of address for the beginning of an attachment, which nothing proves.
"""

import msgspec

from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import NodeId
from opendmm.model.order import MoveOrder
from opendmm.wire.mobility.numbers import AccessTechnology


class Moved(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Added to a Binding Update: which attachment it is about, or which one is over.

    Times are in microseconds since 1970 by the mobile node's clock; `proof` is its signature, as
    in R_XU. With `detached_at` the home agent is not to deliver any more.
    """

    attached_at: int = 0
    detached_at: int = 0
    link_layer_id: bytes = b""
    access_technology: int = int(AccessTechnology.IEEE_802_3)
    home_anchor: NodeId | None = None
    previous_anchor: NodeId | None = None
    proof: bytes = b""


class Granted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Added to a Binding Acknowledgement that accepts: what R_XU says of the move."""

    order: MoveOrder | None = None
    home_anchor: NodeId | None = None
    prefixes: tuple[HomePrefix, ...] = ()
    deprecated: tuple[HomePrefix, ...] = ()
