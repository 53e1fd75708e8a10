"""What FE_MCTX exports from the previous anchor and imports at the new one."""

from typing import Self

import msgspec

from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.model.order import MoveOrder
from opendmm.model.quantities import Seconds


class ContextId(msgspec.Struct, frozen=True, order=True):
    """Names a mobility context: a mobile node that keeps prefixes of two homes has two."""

    mobile_node: MobileNodeId
    home_anchor: NodeId

    @classmethod
    def parse(cls, text: str) -> Self:
        """From what `str` gives, e.g. "mn1@example.org of anchor-a". Raises ValueError."""
        mobile_node, _, home_anchor = text.rpartition(" of ")
        if not mobile_node:
            raise ValueError(f"{text!r} names no context")
        return cls(MobileNodeId(mobile_node), NodeId(home_anchor))

    def __str__(self) -> str:
        return f"{self.mobile_node} of {self.home_anchor}"


class MobilityContext(msgspec.Struct, frozen=True, kw_only=True):
    """A mobile node's mobility context (draft §3, FE_MCTX; RFC 5213 §5.1 for the fields).

    `prefixes` are identifiers at any anchor but `home_anchor`. `lifetime` is in seconds,
    counted from the moment of the order's grant. `multicast` holds group addresses, packed.
    `grant` is the signed redirection grant the order rests on, empty while the mobile node
    is at home. `delegation` lets an FE_IEC grant in the home anchor's place (with the mobile
    node's proof) should the home anchor die; empty when the deployment does not delegate.
    """

    mobile_node: MobileNodeId
    prefixes: tuple[HomePrefix, ...]
    home_anchor: NodeId
    current_anchor: NodeId
    order: MoveOrder
    lifetime: Seconds
    link_layer_id: bytes = b""
    access_technology: int = 3
    multicast: tuple[bytes, ...] = ()
    grant: bytes = b""
    delegation: bytes = b""

    @property
    def key(self) -> ContextId:
        return ContextId(self.mobile_node, self.home_anchor)

    @property
    def at_home(self) -> bool:
        """Whether the mobile node is attached to the anchor its prefixes belong to."""
        return self.current_anchor == self.home_anchor
