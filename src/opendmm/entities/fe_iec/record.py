"""What an FE_IEC holds of one mobility context."""

from enum import StrEnum

import msgspec

from opendmm.model.addressing import Egress
from opendmm.model.context import ContextId, MobilityContext
from opendmm.model.flow import FlowRule
from opendmm.model.identity import EntityAddress, NodeId
from opendmm.model.order import MoveOrder
from opendmm.model.policy import Direction, ForwardingPolicy


class Stage(StrEnum):
    """How far the indirection of the recorded move has come (design §5, steps 4 to 6)."""

    EGRESS = "egress"  # waiting for the new FE_E
    FORWARDED = "forwarded"  # handed to the responsible instance
    INGRESS = "ingress"  # waiting for FE_I
    COMPLETE = "complete"


class Record(msgspec.Struct, kw_only=True):
    """A context, where its mobile node is, and how far the network follows.

    `former` are egresses that still forward to the present one, or have not yet said that they
    forget since all was `drained`. `redirected` are the
    ingresses that may hold a redirection, `uplink` the anchors whose FE_I may hold an uplink
    one. `reporter` is told when everything follows; None once it has been. `told` is what the
    ingresses go by while the new FE_E is not ready; None when they were told nothing.
    `alone_since`: when it was heard that no former anchor announces the prefixes any more.
    """

    context: MobilityContext
    egress: Egress
    released: bool
    expires_at: float
    stage: Stage
    reporter: EntityAddress | None = None
    former: list[Egress] = []
    drained: bool = False
    redirected: set[NodeId] = set()
    uplink: set[NodeId] = set()
    told: ForwardingPolicy | None = None
    alone_since: float | None = None

    @property
    def key(self) -> ContextId:
        return self.context.key

    @property
    def order(self) -> MoveOrder:
        return self.context.order

    @property
    def away(self) -> bool:
        """Whether packets must be redirected for the mobile node to receive them."""
        return not self.released and not self.context.at_home

    @property
    def egress_needed(self) -> bool:
        """Whether packets may arrive at the egress: redirected there, or by a former one."""
        forwarding = bool(self.former) and not self.drained
        return self.away or (forwarding and not self.released)

    def policy(
        self, direction: Direction, egress: Egress | None, flows: tuple[FlowRule, ...] = ()
    ) -> ForwardingPolicy:
        """What an FE_I is to do: redirect (these flows) to `egress`, or (None) no longer."""
        return ForwardingPolicy(
            mobile_node=self.context.mobile_node,
            home_anchor=self.context.home_anchor,
            prefixes=self.context.prefixes,
            order=self.context.order,
            egress=egress,
            expires_at=self.expires_at,
            grant=self.context.grant,
            direction=direction,
            flows=flows,
        )
