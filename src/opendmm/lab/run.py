"""One run of a constellation in the laboratory: everything up, the scenario, the report."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from opendmm.constellation.deployment import Deployment
from opendmm.constellation.file import ScenarioSection
from opendmm.constellation.quantities import seconds
from opendmm.forwarding.kernel.means import MEANS
from opendmm.lab.errors import LabError
from opendmm.lab.faults import Machines
from opendmm.lab.laboratory import Laboratory, Progress
from opendmm.lab.leftovers import Kernels, read_kernels
from opendmm.lab.live_traffic import TAIL, LiveTraffic
from opendmm.lab.path import last_whole_path, paths
from opendmm.lab.privileges import in_user_namespace
from opendmm.lab.route_watch import RouteWatch, moved_routes, routers_of
from opendmm.lab.scenario import Director, Done
from opendmm.node.control import ControlError
from opendmm.report.expectations import judged
from opendmm.report.leftovers import Place, leftovers, missing, needless_routes
from opendmm.report.report import Report, RouterCost, Runtime
from opendmm.report.routers import router_costs
from opendmm.report.timeline import MoveSeen, ProbeFlow, assemble_move
from opendmm.report.trace import TraceKind, TraceRecord, count_messages, merge

LEAD = 0.2
"""Seconds from when all are told the scenario's start until then."""
PATIENCE = 1.0
"""Seconds beyond the drain time that the last indirection gets to disappear."""
NOTE = "measured on real kernel forwarding in network namespaces"
UNPRIVILEGED = "in a user namespace: nothing runs ahead of other programs, times may be longer"


class LabRun:
    """A scenario in a laboratory that is up. `trace`, `moves`, `flows` and `daemons` are for a
    look."""

    def __init__(self, laboratory: Laboratory, scenario: ScenarioSection) -> None:
        self.deployment = laboratory.deployment
        self.daemons = laboratory.daemons
        self.scenario = scenario
        self.trace: list[TraceRecord] = []
        self.moves: list[MoveSeen] = []
        self.flows: list[ProbeFlow] = []
        self._laboratory = laboratory
        self._traffic = LiveTraffic(self.deployment, scenario, laboratory.namespaces)
        self._watch = RouteWatch(self.deployment, laboratory.namespaces)
        self._director = Director(
            self.deployment,
            scenario,
            laboratory.links,
            laboratory.daemons,
            Machines(laboratory.daemons, laboratory.routers),
            laboratory.namespaces,
            laboratory.progress,
        )

    def perform(self) -> Report:
        """From start to report. Raises LabError."""
        self._traffic.prepare()
        self._watch.start()
        for offset, opening in self._traffic.openings():
            self._director.at(offset, opening)
        start = time.time() + LEAD
        end = start + seconds(self.scenario.duration)
        self._traffic.begin(start)
        self._director.run(start)
        time.sleep(max(0.0, end + TAIL - time.time()))
        for name in self._laboratory.links:
            self._director.look_at_addresses(name)
        kernels = self._settled()
        self._traffic.finish()
        self._laboratory.progress("done; making the report")
        faults = [self._director.faults]
        self.trace = merge([*self.daemons.traces(), *faults, self._watch.records])
        self.moves = [self._seen(done, end) for done in self._director.moves]
        return self._report(start, end, kernels)

    def close(self) -> None:
        """End the traffic, finished or not."""
        self._traffic.close()
        self._watch.close()

    def _settled(self) -> Kernels:
        """What the kernels have once the last indirection had its time to disappear."""
        deadline = time.time() + self.deployment.timers.drain + PATIENCE
        while True:
            kernels = read_kernels(self.deployment, self._laboratory.namespaces)
            if not self._leftovers(kernels) or time.time() > deadline:
                return kernels
            time.sleep(0.1)

    # The report

    def _report(self, start: float, end: float, kernels: Kernels) -> Report:
        self.flows = self._traffic.probe_flows()
        topology = self._laboratory.network.topology
        lacking = missing(self.deployment, self._places(), kernels.rules)
        report = Report(
            constellation=self.deployment.name,
            runtime=Runtime.LAB,
            moves=tuple(
                assemble_move(
                    self.deployment, topology, one, self.flows, self.trace, scenario_start=start
                )
                for one in self.moves
            ),
            sessions=self._traffic.sessions(),
            leftovers=self._leftovers(kernels),
            messages=count_messages(self.trace),
            routers=self._routers(),
            means=self.deployment.means,
            duration_s=end - start,
            notes=(
                *((NOTE, UNPRIVILEGED) if in_user_namespace() else (NOTE,)),
                *self._laboratory.routers.notes,
                *self._replaced_means(),
                *self._director.complaints,
                *(f"missing at the end: {rule}" for rule in lacking),
            ),
        )
        return judged(report, self.scenario.expect)

    def _replaced_means(self) -> Iterator[str]:
        """Nodes whose kernel will not have the means of the file."""
        for name in self.daemons.names():
            try:
                used = self.daemons.ask(name, "stats")["forwarding"]["name"]
            except (OSError, ControlError, KeyError):
                continue
            if used in MEANS and used != self.deployment.means:
                wanted = self.deployment.means
                yield f"{name}: {used} in the place of {wanted} (dmm doctor says why)"

    def _leftovers(self, kernels: Kernels) -> tuple[str, ...]:
        rules = {node: found.items() for node, found in kernels.rules.items()}
        places = self._places()
        return (
            leftovers(self.deployment, places, rules)
            + needless_routes(self.deployment, places, kernels.moved)
            + kernels.unused
        )

    def _routers(self) -> tuple[RouterCost, ...]:
        moved = moved_routes(self.deployment, self._laboratory.namespaces)
        software = {
            str(name): str(self.deployment.nodes[name].router)
            for name in routers_of(self.deployment)
        }
        at_end = {str(name): len(prefixes) for name, prefixes in moved.items()}
        return router_costs(software, self.trace, at_end)

    def _places(self) -> list[Place]:
        """Where every mobile node is, with the prefixes it still uses."""
        places = []
        for name, links in self._laboratory.links.items():
            released = self._director.released.get(name, set())
            kept = tuple(p for p in links.subscriber.prefixes if p not in released)
            subscriber = msgspec.structs.replace(links.subscriber, prefixes=kept)
            places.append(Place(subscriber, links.up[-1] if links.up else None))
        return places

    def _seen(self, done: Done, end: float) -> MoveSeen:
        """A move with what the trace and the captures say of it."""
        mine = [m for m in self._director.moves if m.mobile_node == done.mobile_node]
        ended = min((m.started for m in mine if m.started > done.started), default=end)
        detected = self._detected(done)
        before, after = self._paths(done, detected, ended)
        subscriber = self._laboratory.links[done.mobile_node].subscriber
        return MoveSeen(
            subscriber=subscriber,
            previous=done.previous,
            new=done.new,
            anchors=(
                self.deployment.anchor_during(subscriber, done.previous),
                self.deployment.anchor_during(subscriber, done.new),
            ),
            order=done.order,
            started=done.started,
            detected=detected,
            ended=ended,
            overlap=done.overlap,
            path_before=before,
            path_after=after,
            path_by_port=self._paths_by_port(done, detected, ended),
            addresses=done.addresses,
        )

    def _detected(self, done: Done) -> float:
        """When the first daemon noticed the attachment: the new anchor's or the client."""
        mobile_node = self._laboratory.links[done.mobile_node].subscriber.mobile_node
        return next(
            (
                record.at
                for record in self.trace
                if record.at >= done.attached
                and record.kind is TraceKind.LINK
                and record.text == "attached"
                and record.concerns(mobile_node)
            ),
            done.attached,
        )

    def _paths_by_port(
        self, done: Done, detected: float, ended: float
    ) -> dict[int, tuple[str, ...]]:
        name = done.mobile_node
        return {
            port: last_whole_path(paths(self._traffic.sightings, flow), detected, ended, name)
            for port, flow in self._traffic.path_flows_by_port(name).items()
        }

    def _paths(
        self, done: Done, detected: float, ended: float
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        flow = self._traffic.path_flow(done.mobile_node)
        if flow is None:
            return (), ()
        found = paths(self._traffic.sightings, flow)
        name = done.mobile_node
        return (
            last_whole_path(found, done.started - 1.0, done.started, name),
            last_whole_path(found, detected, ended, name),
        )


def run_lab(
    deployment: Deployment,
    file: Path,
    *,
    progress: Progress,
    pcap: Path | None = None,
    keep: bool = False,
    finished: Callable[[LabRun], None] = lambda _run: None,
) -> Report:
    """Run a constellation's scenario; `keep` leaves the laboratory up for a look.

    `finished` may look at the run before it is taken down. Raises LabError.
    """
    if deployment.scenario is None:
        raise LabError(f"{deployment.name} has no scenario: add one to the file to run it")
    laboratory = Laboratory(deployment, file, progress)
    kept = False
    try:
        laboratory.up(pcap)
        running = LabRun(laboratory, deployment.scenario)
        try:
            report = running.perform()
        finally:
            running.close()
        finished(running)
        kept = keep
    finally:
        if kept:
            laboratory.keep()
        else:
            laboratory.down()
    return report
