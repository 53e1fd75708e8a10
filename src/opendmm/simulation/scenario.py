"""The scenario of a constellation file, carried out in virtual time, and its report.

The same report as the laboratory's. What differs is said in its notes: UDP probes are real
packets through the installed rules; TCP is a go-back-N stream; a cut link loses messages as
well as packets; a paused process keeps its sessions.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from ipaddress import ip_address
from random import Random

import msgspec

from opendmm.constellation.bgp import speakers
from opendmm.constellation.deployment import Deployment
from opendmm.constellation.file import (
    AttachmentSection,
    Family,
    FaultKind,
    FaultSection,
    MoveOrderName,
    ScenarioSection,
    TrafficDirection,
    TrafficKind,
    TrafficSection,
)
from opendmm.constellation.quantities import bits_per_second, seconds
from opendmm.model.addressing import HomePrefix
from opendmm.model.flow import PROTOCOLS
from opendmm.model.identity import NodeId
from opendmm.report.expectations import judged
from opendmm.report.leftovers import Place, leftovers, needless_routes
from opendmm.report.probes import longest_silence
from opendmm.report.report import Report, Runtime, Session
from opendmm.report.timeline import MoveSeen, ProbeFlow, assemble_move
from opendmm.report.trace import TraceKind, TraceRecord, count_messages
from opendmm.simulation.announcements import NOTE as BGP_MODELLED
from opendmm.simulation.conveyor import Conveyor
from opendmm.simulation.mobile_node import SimulatedMobileNode
from opendmm.simulation.node import SimulatedNode
from opendmm.simulation.traffic import (
    PROBE_OCTETS,
    SEGMENT_OCTETS,
    PathLog,
    ProbeTrain,
    ReliableStream,
    Sender,
    Way,
)
from opendmm.simulation.world import Hosts, World

SETTLING = 1.0
"""Seconds before the scenario's clock starts: sessions come up, ingresses subscribe."""
TAIL = 0.5
"""Seconds after its end in which packets still under way arrive."""
LIVENESS = 0.25
"""Seconds before the end within which a probe sent must have arrived, or the session is dead."""

NOTES = (
    "simulated: packets follow the rules the entities installed, over the file's link delays",
    "TCP is a go-back-N stream without congestion control",
)


class NothingToRunError(Exception):
    """The constellation has no scenario."""


_Happenings = Sequence[Callable[[], None]]


class ScenarioRun:
    """One run of one scenario; `run` gives the report. `moves`, `flows`, `world` are for a look."""

    def __init__(self, deployment: Deployment, hosts: Hosts, *, seed: int) -> None:
        if deployment.scenario is None:
            raise NothingToRunError(
                f"{deployment.name} has no scenario: add one to the file to run it"
            )
        self.scenario: ScenarioSection = deployment.scenario
        self.deployment = deployment
        self.seed = seed
        self.world = World(deployment, hosts, seed=seed)
        self.moves: list[MoveSeen] = []
        self.flows: list[ProbeFlow] = []
        self._by_name = {m.name: m for m in self.world.mobile_nodes.values()}
        self._start = self.world.scheduler.now + SETTLING
        self._end = self._start + seconds(self.scenario.duration)
        self._sender = Sender(self.world, Conveyor(self.world, Random(seed + 1)))
        self._trains: list[tuple[int, ProbeTrain]] = []
        self._streams: list[tuple[int, ReliableStream]] = []
        self._anchors: dict[str, NodeId] = {}

    def run(self) -> Report:
        """Carry the scenario out and report."""
        for attachment in self.scenario.attachments:
            self._plan_attachment(attachment)
        for fault in self.scenario.faults:
            self._plan_fault(fault)
        for release in self.scenario.releases:
            mobile = self._by_name[release.mobile_node]
            prefixes = tuple(HomePrefix.parse(text) for text in release.prefixes)
            self._at(seconds(release.at), partial(mobile.release, prefixes))
        for number, traffic in enumerate(self.scenario.traffic):
            self._plan_traffic(number, traffic)
        self.world.start()
        self.world.scheduler.run(self._end + TAIL)
        return self._report()

    def _at(self, offset: float, action: Callable[[], None]) -> None:
        self.world.scheduler.at(self._start + offset, action)

    # What happens

    def _plan_attachment(self, attachment: AttachmentSection) -> None:
        mobile = self._by_name[attachment.mobile_node]
        at = seconds(attachment.at)
        self._at(at, partial(self._look_at_addresses, mobile))
        if attachment.to is None:
            self._at(at, partial(self._detach_all, mobile))
            return
        target = NodeId(attachment.to)
        order = attachment.order
        if order is MoveOrderName.MAKE_BEFORE_BREAK:
            self._at(at, partial(self._attach, mobile, target, attachment, at))
            overlap = seconds(attachment.overlap)
            self._at(at + overlap / 2, partial(mobile.route_over, target))
            self._at(at + overlap, partial(self._detach_others, mobile, target))
            return
        started = at
        if order is MoveOrderName.PREDICTED:
            started = at - seconds(attachment.lead)
            self._at(started, partial(mobile.expect, self.deployment.anchor_at(target)))
        self._at(at, partial(self._detach_others, mobile, target))
        up = at + seconds(attachment.gap)
        self._at(up, partial(self._attach, mobile, target, attachment, started))

    def _attach(
        self,
        mobile: SimulatedMobileNode,
        target: NodeId,
        attachment: AttachmentSection,
        started: float,
    ) -> None:
        previous = self._anchors.get(mobile.name)
        mobile.attach(target)
        if previous is not None and previous != target:
            self.moves.append(
                MoveSeen(
                    subscriber=mobile.subscriber,
                    previous=previous,
                    new=target,
                    anchors=(
                        self.deployment.anchor_during(mobile.subscriber, previous),
                        self.deployment.anchor_during(mobile.subscriber, target),
                    ),
                    order=attachment.order,
                    started=self._start + started,
                    detected=self.world.scheduler.now,
                    ended=self._end,
                    overlap=seconds(attachment.overlap),
                )
            )
        self._anchors[mobile.name] = target

    def _look_at_addresses(self, mobile: SimulatedMobileNode) -> None:
        """Those a mobile node has now belong to its last move."""
        for index, seen in reversed(list(enumerate(self.moves))):
            if seen.subscriber is mobile.subscriber:
                self.moves[index] = msgspec.structs.replace(seen, addresses=mobile.addresses())
                return

    def _detach_others(self, mobile: SimulatedMobileNode, target: NodeId) -> None:
        for anchor in list(mobile.links):
            if anchor != target:
                mobile.detach(anchor)

    def _detach_all(self, mobile: SimulatedMobileNode) -> None:
        for anchor in list(mobile.links):
            mobile.detach(anchor)

    def _plan_fault(self, fault: FaultSection) -> None:
        at = seconds(fault.at)
        where, what, begin, end = self._fault(fault)
        for happens in begin:
            self._at(at, happens)
        self._at(at, partial(self._record_fault, where, what))
        if fault.lasts is not None:
            for happens in end:
                self._at(at + seconds(fault.lasts), happens)

    def _fault(self, fault: FaultSection) -> tuple[str, str, _Happenings, _Happenings]:
        """Where, what it is called, and what happens when it begins and when it ends."""
        network, speaking = self.world.network, self.world.announcements
        if fault.link is not None:
            a, b = map(NodeId, fault.link)
            return f"{a} – {b}", "cut", [partial(network.cut, a, b)], [partial(network.mend, a, b)]
        name = NodeId(fault.node or "")
        if fault.kind is FaultKind.RESET:
            return name, "BGP sessions reset", [partial(speaking.reset, name)], []
        node = self._station(name)
        back = partial(speaking.back, name)
        if fault.kind is FaultKind.KILL:
            return name, "killed", [node.crash, partial(speaking.kill, name)], [node.start, back]
        return name, "paused", [node.pause, partial(speaking.pause, name)], [node.resume, back]

    def _station(self, name: str) -> SimulatedNode:
        """What has a daemon of this name: a network element, or a mobile node with a client."""
        mobile = self._by_name.get(name)
        if mobile is not None and mobile.client is not None:
            return mobile.client
        return self.world.nodes[NodeId(name)]

    def _record_fault(self, where: str, what: str) -> None:
        at = self.world.scheduler.now
        record = TraceRecord(at=at, node=NodeId(where), kind=TraceKind.FAULT, text=what)
        self.world.record(record)

    def _plan_traffic(self, number: int, traffic: TrafficSection) -> None:
        directions = [TrafficDirection.DOWN, TrafficDirection.UP]
        if traffic.direction is not TrafficDirection.BOTH:
            directions = [traffic.direction]
        mobile = self._by_name[traffic.mobile_node]
        first = min(
            seconds(a.at) for a in self.scenario.attachments if a.mobile_node == mobile.name
        )
        for direction in directions:
            way = Way(
                mobile=mobile,
                correspondent=NodeId(traffic.correspondent),
                direction=direction,
                ipv6=traffic.family is Family.IPV6,
                home=None if traffic.home is None else NodeId(traffic.home),
                protocol=PROTOCOLS[traffic.kind],
                port=traffic.port or 0,
                leading=traffic.port is None or number == self._leading(traffic.mobile_node),
            )
            flow: ProbeTrain | ReliableStream
            if traffic.kind is TrafficKind.UDP:
                interval = seconds(traffic.interval)
                flow = ProbeTrain(self.world, self._sender, way, interval, self._end)
                self._trains.append((number, flow))
            else:
                interval = SEGMENT_OCTETS * 8 / bits_per_second(traffic.rate)
                flow = ReliableStream(self.world, self._sender, way, interval, self._end)
                self._streams.append((number, flow))
            begins = first + SETTLING / 2 if traffic.at is None else seconds(traffic.at)
            self._at(begins, partial(self._begin, flow))

    def _begin(self, flow: ProbeTrain | ReliableStream) -> None:
        """From the address that the mobile node chooses now."""
        way = flow.way
        address = way.mobile.source_address(way.home, ipv6=way.ipv6)
        flow.way = msgspec.structs.replace(flow.way, address=address)
        flow.start()

    def _leading(self, mobile_node: str) -> int:
        """The number of a mobile node's first session, of IPv6 if it has any."""
        sessions = enumerate(self.scenario.traffic)
        mine = [(t.family is Family.IPV4, n) for n, t in sessions if t.mobile_node == mobile_node]
        return min(mine)[1]

    # The report

    def _report(self) -> Report:
        self._close_windows()
        self.flows = [
            ProbeFlow(
                t.way.mobile.subscriber,
                t.way.correspondent,
                t.way.direction,
                t.log,
                self.deployment.home_of(t.way.address) if t.way.address else None,
            )
            for _, t in self._trains
        ]
        trace = self.world.trace
        moves = tuple(
            assemble_move(
                self.deployment,
                self.world.topology,
                seen,
                self.flows,
                trace,
                scenario_start=self._start,
            )
            for seen in self.moves
        )
        report = Report(
            constellation=self.deployment.name,
            runtime=Runtime.SIM,
            moves=moves,
            sessions=tuple(self._session(n, t) for n, t in enumerate(self.scenario.traffic)),
            leftovers=self._leftovers(),
            messages=count_messages(trace),
            means=self.deployment.means,
            duration_s=seconds(self.scenario.duration),
            seed=self.seed,
            notes=self._notes(),
        )
        return judged(report, self.scenario.expect)

    def _close_windows(self) -> None:
        """A move's window ends where the mobile node's next one starts; paths are looked up."""
        for mobile in self.world.mobile_nodes.values():
            self._look_at_addresses(mobile)
        self.moves.sort(key=lambda seen: seen.detected)
        for index, seen in enumerate(self.moves):
            name = seen.subscriber.name
            later = [m.started for m in self.moves[index + 1 :] if m.subscriber.name == name]
            ended = min(later, default=self._end)
            paths = self._sender.paths.get(name, PathLog())
            self.moves[index] = msgspec.structs.replace(
                seen,
                ended=ended,
                path_before=paths.last(seen.started - 1.0, seen.started),
                path_after=paths.last(seen.detected, ended),
                path_by_port={
                    port: log.last(seen.detected, ended)
                    for port, log in self._sender.paths_by_port.get(name, {}).items()
                },
            )

    def _session(self, number: int, traffic: TrafficSection) -> Session:
        trains = [train for n, train in self._trains if n == number]
        streams = [stream for n, stream in self._streams if n == number]
        if traffic.kind is TrafficKind.UDP:
            octets = sum(len({p for p, _ in t.log.arrivals}) for t in trains) * PROBE_OCTETS
            survived = all(self._flows(train) for train in trains)
            stall = max(longest_silence(t.log, self._start, self._end) for t in trains)
        else:
            octets = sum(stream.received for stream in streams) * SEGMENT_OCTETS
            survived = all(s.received and s.open_stall(self._end) < LIVENESS for s in streams)
            stall = max(max(s.longest_stall, s.open_stall(self._end)) for s in streams)
        return Session(
            kind=traffic.kind,
            mobile_node=traffic.mobile_node,
            correspondent=traffic.correspondent,
            family=traffic.family,
            direction=traffic.direction,
            bytes=octets,
            survived=survived,
            longest_stall_ms=round(stall * 1000, 3),
            address=_used([flow.way for flow in trains] + [flow.way for flow in streams]),
        )

    def _flows(self, train: ProbeTrain) -> bool:
        since = self._end - max(LIVENESS, 3 * train.interval)
        sent = train.log.sent
        return any(sent[probe] >= since for probe, _ in train.log.arrivals)

    def _leftovers(self) -> tuple[str, ...]:
        places = [Place(m.subscriber, m.anchor) for m in self.world.mobile_nodes.values()]
        installed = {name: node.kernel.items() for name, node in self.world.nodes.items()}
        routes = self.world.announcements.moved_prefixes()
        return (
            *leftovers(self.deployment, places, installed),
            *needless_routes(self.deployment, places, routes),
        )

    def _notes(self) -> tuple[str, ...]:
        return (*NOTES, BGP_MODELLED) if speakers(self.deployment) else NOTES


def _used(ways: Iterable[Way]) -> str:
    """The mobile node's address in a session; empty when that never began."""
    return next((str(ip_address(way.address)) for way in ways if way.address), "")
