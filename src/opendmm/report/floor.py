"""The floor of a move's gap: what the link delays cost, whatever the implementation does.

From the attachment's detection at the new anchor (nMA) this chain of messages is required
(design §5); each is charged its one-way delay over the routed path, computing is free:

1. the notification: one access delay where FE_MU_C is on the mobile node, the way from a mobile
   access gateway to its anchor where the link is the gateway's;
2. the context request to the home anchor and its response with the grant (nothing when the
   home anchor is nMA itself);
3. the quicker of two ways by which data start to flow:
   (a) AnchorChanged to the previous anchor (pMA), then data from pMA to nMA; where nMA's FE_E
       is apart, the data cannot pass it before nMA's location update has come to it by FE_IEC;
   (b) the location update to the FE_IEC of an ingress, the R_EC round trip where FE_E is apart,
       the policy to the ingress, then data from the ingress over FE_E to nMA;
4. the way of the data from nMA to the mobile node: to its gateway, and the access delay.

What RFC 8885 carries goes by the Central Mobility Database (CMD): in the second step the request
to the home anchor, and by its mode the response (relay), a response from the home anchor
itself (locator), or the response at once, without asking the home anchor (proxy); in the third
AnchorChanged. So it takes four, three or two trips until nMA has the context.

A make before break hears the old link for its overlap, which is taken off. In a predicted
move the second step is done before the attachment; the others are not, for nothing may be
sent to an anchor before the mobile node is there (design §5: no blackhole).
"""

from collections.abc import Iterable

import msgspec

from opendmm.constellation.assembly import ingress_controllers
from opendmm.constellation.deployment import Deployment, SubscriberPlan
from opendmm.constellation.file import DatabaseMode, MoveOrderName
from opendmm.constellation.rfc8885 import database_of
from opendmm.constellation.topology import Topology
from opendmm.model.identity import FunctionalEntity, NodeId


class PlannedMove(msgspec.Struct, frozen=True):
    """A move as the scenario has it; `overlap` in seconds, for a make before break.

    `previous` and `new` are anchors; `access` is where the new link is: the anchor, or a gateway.
    `home` anchors the prefix in use; the mobile node's own home when not given.
    """

    subscriber: SubscriberPlan
    previous: NodeId
    new: NodeId
    access: NodeId
    order: MoveOrderName
    overlap: float = 0.0
    home: NodeId | None = None

    @property
    def anchored_at(self) -> NodeId:
        return self.home or self.subscriber.home


def gap_floor(
    deployment: Deployment,
    topology: Topology,
    move: PlannedMove,
    correspondents: Iterable[NodeId] = (),
) -> float:
    """The least possible gap of a move, in seconds.

    Only the ingress that a correspondent's packets meet first can help its flow; without
    correspondents the nearest ingress is taken. Raises NoRouteError.
    """
    access = move.subscriber.access_delay
    backhaul = topology.delay(move.access, move.new)
    home = move.anchored_at
    predicted = move.order is MoveOrderName.PREDICTED
    granted = 0.0 if predicted else topology.delay(*_context_way(deployment, move))
    notified = backhaul + (access if move.subscriber.client else 0.0)
    if move.previous == move.new:
        return _heard(move, notified + backhaul + access)
    ingresses = _first_ingresses(deployment, topology, home, correspondents)
    ways = [_by_ingress(deployment, topology, move, ingress) for ingress in ingresses]
    ways.append(_by_previous_anchor(deployment, topology, move))
    return _heard(move, notified + granted + min(ways) + backhaul + access)


def _context_way(deployment: Deployment, move: PlannedMove) -> tuple[NodeId, ...]:
    """From the new anchor with the request, and back with the context and the grant."""
    new, home, database = move.new, move.anchored_at, database_of(deployment)
    if database is None or new == home:
        return new, home, new
    ways = {
        DatabaseMode.RELAY: (new, database, home, database, new),
        DatabaseMode.LOCATOR: (new, database, home, new),
        DatabaseMode.PROXY: (new, database, new),
    }
    return ways[deployment.rfc8885.mode]


def _heard(move: PlannedMove, floor: float) -> float:
    """A make before break hears the old link for its overlap."""
    if move.order is MoveOrderName.MAKE_BEFORE_BREAK:
        return max(0.0, floor - move.overlap)
    return floor


def _egress_node(deployment: Deployment, move: PlannedMove) -> NodeId:
    """Where redirected packets leave the tunnel; at home they are not redirected."""
    egress = deployment.nodes[move.new].egress
    return move.new if egress is None or move.new == move.anchored_at else egress.node


def _by_previous_anchor(deployment: Deployment, topology: Topology, move: PlannedMove) -> float:
    egress = _egress_node(deployment, move)
    database = database_of(deployment)
    told = (move.new, move.previous) if database is None else (move.new, database, move.previous)
    at_egress = topology.delay(*told, egress)
    if egress != move.new:
        controllers = deployment.nodes[move.new].controllers
        policy = min(topology.delay(move.new, c, egress) for c in controllers)
        at_egress = max(at_egress, policy)
    return at_egress + topology.delay(egress, move.new)


def _by_ingress(
    deployment: Deployment, topology: Topology, move: PlannedMove, ingress: NodeId
) -> float:
    if ingress == move.new:
        return 0.0  # what it delivers itself it does not redirect
    egress = _egress_node(deployment, move)
    controllers = ingress_controllers(deployment, ingress)
    return min(
        topology.delay(move.new, controller)
        + (topology.delay(controller, egress, controller) if egress != move.new else 0.0)
        + topology.delay(controller, ingress, egress, move.new)
        for controller in controllers
    )


def _first_ingresses(
    deployment: Deployment, topology: Topology, home: NodeId, correspondents: Iterable[NodeId]
) -> list[NodeId]:
    met = []
    for correspondent in correspondents:
        for node in topology.path(correspondent, home):
            if FunctionalEntity.FE_I in deployment.nodes[node].entities:
                met.append(node)
                break
    return met or list(deployment.ingresses)
