"""From what a run saw to the report's moves: the same assembly for laboratory and simulation.

A runtime hands over the moves as they were carried out, the probe flows and the merged
trace; windows, steps, floors and probe counts follow from these.
"""

from collections.abc import Sequence

import msgspec

from opendmm.constellation.deployment import Deployment, SubscriberPlan
from opendmm.constellation.file import MoveOrderName, TrafficDirection
from opendmm.constellation.topology import NoRouteError, Topology
from opendmm.model.identity import NodeId
from opendmm.report.floor import PlannedMove, gap_floor
from opendmm.report.probes import ProbeLog, combined, first_arrival, stream
from opendmm.report.report import HostAddress, Move, Stream
from opendmm.report.steps import MoveWindow, steps_of
from opendmm.report.trace import TraceRecord


class MoveSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A move as it was carried out; times in seconds by the clock of trace and probes.

    `previous` and `new` are where its links are: anchors, or gateways of `anchors`. `started` is
    its first sign (prediction, break, attachment), `detected` the attachment's detection,
    `ended` the next move's start or the end of the run. Paths and addresses as in `Move`.
    """

    subscriber: SubscriberPlan
    previous: NodeId
    new: NodeId
    anchors: tuple[NodeId, NodeId]
    order: MoveOrderName
    started: float
    detected: float
    ended: float
    overlap: float = 0.0
    path_before: tuple[str, ...] = ()
    path_after: tuple[str, ...] = ()
    path_by_port: dict[int, tuple[str, ...]] = {}
    addresses: tuple[HostAddress, ...] = ()


class ProbeFlow(msgspec.Struct, frozen=True):
    """One direction (DOWN or UP) of the UDP probes between a correspondent and a mobile node.

    `home` anchors the mobile node's address; None stands for its own home.
    """

    subscriber: SubscriberPlan
    correspondent: NodeId
    direction: TrafficDirection
    log: ProbeLog
    home: NodeId | None = None


def assemble_move(
    deployment: Deployment,
    topology: Topology,
    seen: MoveSeen,
    flows: Sequence[ProbeFlow],
    trace: Sequence[TraceRecord],
    *,
    scenario_start: float,
) -> Move:
    """One row of the report."""
    mine = [flow for flow in flows if flow.subscriber.mobile_node == seen.subscriber.mobile_node]
    down = [flow for flow in mine if flow.direction is TrafficDirection.DOWN]
    up = [flow for flow in mine if flow.direction is TrafficDirection.UP]
    return Move(
        mobile_node=seen.subscriber.name,
        from_=seen.previous,
        to=seen.new,
        order=seen.order,
        at_ms=round((seen.detected - scenario_start) * 1000, 3),
        steps=steps_of(trace, window_of(seen), _flowing(seen, down)),
        floor_ms=_floor_ms(deployment, topology, seen, mine),
        downlink=combined(_stream(flow, seen) for flow in down),
        uplink=combined(_stream(flow, seen) for flow in up),
        path_before=seen.path_before,
        path_after=seen.path_after,
        path_by_port=seen.path_by_port,
        stretch_after=_stretch(topology, seen),
        addresses=seen.addresses,
    )


def window_of(seen: MoveSeen) -> MoveWindow:
    """Where in the trace the move is."""
    return MoveWindow(
        mobile_node=seen.subscriber.mobile_node,
        prefixes=seen.subscriber.prefixes,
        previous=seen.anchors[0],
        new=seen.anchors[1],
        access=seen.new,
        started=seen.started,
        detected=seen.detected,
        ended=seen.ended,
    )


def _stream(flow: ProbeFlow, seen: MoveSeen) -> Stream:
    return stream(flow.log, seen.started, seen.ended, seen.detected)


def _flowing(seen: MoveSeen, down: Sequence[ProbeFlow]) -> float | None:
    """When the mobile node heard its first packet again; where both links are up it never
    stops hearing them."""
    if seen.order is MoveOrderName.MAKE_BEFORE_BREAK:
        return None
    under_way = [flow.log for flow in down if flow.log.sent and flow.log.sent[0] < seen.detected]
    heard = [first_arrival(log, seen.detected) for log in under_way]
    return max((at for at in heard if at is not None and at < seen.ended), default=None)


def _floor_ms(
    deployment: Deployment, topology: Topology, seen: MoveSeen, flows: Sequence[ProbeFlow]
) -> float:
    """Of the worst flow under way: each is led from where its prefix is anchored."""
    by_home: dict[NodeId | None, set[NodeId]] = {}
    for flow in flows:
        if flow.log.sent and flow.log.sent[0] < seen.detected:
            by_home.setdefault(flow.home, set()).add(flow.correspondent)
    floors: list[float] = []
    for home, correspondents in (by_home or {None: set()}).items():
        planned = PlannedMove(
            seen.subscriber, *seen.anchors, seen.new, seen.order, seen.overlap, home
        )
        try:
            floors.append(gap_floor(deployment, topology, planned, sorted(correspondents)))
        except NoRouteError:
            continue
    return round(max(floors, default=0.0) * 1000, 3)


def _stretch(topology: Topology, seen: MoveSeen) -> float:
    """Delay of the path taken over that of the shortest; hops where the links have no delay."""
    taken = [NodeId(node) for node in seen.path_after[:-1]]
    if len(taken) < 2:
        return 0.0
    shortest = topology.path(taken[0], taken[-1])
    least = topology.delay(*shortest)
    if least > 0:
        return round(topology.delay(*taken) / least, 3)
    return round((len(taken) - 1) / (len(shortest) - 1), 3)
