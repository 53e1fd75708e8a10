"""What an FE_IEC instance is told about its deployment."""

import msgspec

from opendmm.model.addressing import Egress, HomePrefix, Locator
from opendmm.model.context import MobilityContext
from opendmm.model.flow import FlowRule, FlowSelection, selected
from opendmm.model.identity import NodeId
from opendmm.reference_points.r_ic import PolicyMode


class IngressScope(msgspec.Struct, frozen=True):
    """How one FE_I is told: pushed everything under `groups` (empty: all), or on request.

    Of a mobile node that any of `flows` concerns it redirects these flows only.
    """

    mode: PolicyMode
    groups: tuple[HomePrefix, ...] = ()
    flows: tuple[FlowSelection, ...] = ()

    def covers(self, prefixes: tuple[HomePrefix, ...]) -> bool:
        return not self.groups or any(g.covers(p) for g in self.groups for p in prefixes)

    def flows_of(self, context: MobilityContext) -> tuple[FlowRule, ...]:
        """What the FE_I redirects of this mobile node; empty: everything."""
        return selected(self.flows, context.mobile_node, context.prefixes)


class Announcing(msgspec.Struct, frozen=True):
    """How long routers take to follow an announcement, in seconds.

    `rings` has one time for each ring of routers around this node, the nearest first: a router
    is told once the next one on the way to us follows, for else the two would send packets back
    and forth (ordered updates, as of RFC 6976). After `time_to_spread` more, all are taken to
    follow.
    """

    rings: tuple[float, ...]
    time_to_spread: float


class ControllerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One FE_IEC instance. Times are in seconds.

    `responsibility` says which instance answers for which prefixes (a prefix under none of them
    is this instance's own); `standby_for` is the instance this one takes over for, `standby`
    the one that takes over for this. `egress_controllers` says which instance speaks R_EC to
    which FE_E. `uplink_egress` gives, where the uplink is tunnelled too, the egress that
    packets from a mobile node at an anchor are sent to; `home_egress` that of home anchors
    which take the packets of their own prefixes back themselves (RFC 8885 §3.2). `ingresses`
    are the FE_I of this instance; `other_ingresses` those of the deployment that other
    instances tell. With `grants_always` it grants in the place of home anchors that are alive,
    too, if they have delegated. With `announcing` the instance announces prefixes to routers
    instead of telling FE_I.
    """

    node: NodeId
    peers: tuple[NodeId, ...] = ()
    responsibility: tuple[tuple[HomePrefix, NodeId], ...] = ()
    standby: NodeId | None = None
    standby_for: NodeId | None = None
    ingresses: dict[NodeId, IngressScope] = {}
    other_ingresses: tuple[IngressScope, ...] = ()
    egress_controllers: dict[NodeId, NodeId] = {}
    anchors: dict[NodeId, Locator] = {}
    uplink_egress: dict[NodeId, Egress] = {}
    home_egress: dict[NodeId, Egress] = {}
    drain: float = 1.0
    retransmit: float = 0.2
    lookup_timeout: float = 0.5
    grants_always: bool = False
    announcing: Announcing | None = None

    def flows_arriving(self, context: MobilityContext) -> tuple[FlowRule, ...]:
        """What an egress is sent by all ingresses together; empty: everything, as soon as one
        of them redirects everything."""
        found: dict[FlowRule, None] = {}
        for scope in (*self.ingresses.values(), *self.other_ingresses):
            if scope.covers(context.prefixes):
                flows = scope.flows_of(context)
                if not flows:
                    return ()
                found |= dict.fromkeys(flows)
        return tuple(found)

    def way_back(self, home: NodeId, anchor: NodeId) -> Egress | None:
        """Where packets from a mobile node away at an anchor leave the tunnel again; None where
        the uplink is direct."""
        usual = self.uplink_egress.get(anchor)
        return None if usual is None else self.home_egress.get(home, usual)
