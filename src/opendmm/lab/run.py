"""One run of a constellation in the laboratory: everything up, the scenario, the report."""

import time
from collections.abc import Callable
from pathlib import Path

from opendmm.constellation.deployment import Deployment
from opendmm.constellation.file import ScenarioSection
from opendmm.constellation.quantities import seconds
from opendmm.forwarding.kernel.driver import KernelForwarding
from opendmm.lab.access import MobileNodeLinks
from opendmm.lab.capture import PacketCapture
from opendmm.lab.daemons import USER_PLANE, Daemons
from opendmm.lab.errors import LabError
from opendmm.lab.live_traffic import TAIL, LiveTraffic
from opendmm.lab.namespaces import claim, inside
from opendmm.lab.network import LabNetwork
from opendmm.lab.path import last_whole_path, paths
from opendmm.lab.scenario import Director, Done, Progress
from opendmm.model.identity import NodeId
from opendmm.model.rules import Action, RuleKey
from opendmm.node.role import forwarding_config
from opendmm.report.expectations import judged
from opendmm.report.leftovers import Place, leftovers
from opendmm.report.report import Report, Runtime
from opendmm.report.timeline import MoveSeen, assemble_move
from opendmm.report.trace import TraceKind, TraceRecord, count_messages, merge

SETTLING = 0.5
"""Seconds between a mobile node's first attachment and the start of its traffic."""
LEAD = 1.0
"""Seconds between readiness and the scenario's start, for traffic processes to be ready."""


class LabRun:
    """A laboratory: `up`, `perform`, and `down` in any case."""

    def __init__(self, deployment: Deployment, file: Path, progress: Progress) -> None:
        if deployment.scenario is None:
            raise LabError(f"{deployment.name} has no scenario: add one to the file to run it")
        self.deployment = deployment
        self.scenario: ScenarioSection = deployment.scenario
        self.namespaces = claim(deployment.name)
        self.network = LabNetwork(deployment, self.namespaces)
        self.daemons = Daemons(deployment, file.resolve(), self.namespaces)
        self.traffic = LiveTraffic(deployment, self.scenario.traffic, self.namespaces)
        self.trace: list[TraceRecord] = []
        self._progress = progress
        self._links: dict[str, MobileNodeLinks] = {}
        self._captures: list[PacketCapture] = []

    def up(self, pcap: Path | None = None) -> None:
        """Network, captures, daemons."""
        self._progress(f"network: {len(self.network.nodes())} namespaces")
        self.network.build()
        for subscriber in self.deployment.subscribers.values():
            self._links[subscriber.name] = MobileNodeLinks(subscriber, self.network)
        if pcap is not None:
            pcap.mkdir(parents=True, exist_ok=True)
            self._captures = [
                PacketCapture(self.namespaces.name(node), pcap / f"{node}.pcap")
                for node in self.network.nodes()
            ]
        self._progress(f"daemons: {', '.join(self.daemons.names())}")
        self.daemons.start()

    def perform(self) -> Report:
        """The scenario, from start to report."""
        director = Director(
            self.scenario, self._links, self.daemons, self.namespaces, self._progress
        )
        start = time.time() + LEAD
        end = start + seconds(self.scenario.duration)
        first = min(seconds(attachment.at) for attachment in self.scenario.attachments)
        self.traffic.start(start + first + SETTLING, end)
        if time.time() > start:
            raise LabError("this machine is too slow for the scenario's traffic")
        director.run(start)
        time.sleep(max(0.0, end + TAIL - time.time()))
        installed = self._installed()
        self.traffic.finish()
        self.trace = merge(self.daemons.traces())
        self._progress("done; making the report")
        return self._report(director, start, end, installed)

    def down(self) -> None:
        """Take everything away."""
        self.traffic.close()
        for capture in self._captures:
            capture.close()
        self.daemons.stop()
        for links in self._links.values():
            links.close()
        self.network.close()
        self.namespaces.remove()

    # The report

    def _report(
        self,
        director: Director,
        start: float,
        end: float,
        installed: dict[NodeId, list[tuple[RuleKey, Action]]],
    ) -> Report:
        flows = self.traffic.probe_flows()
        seen = [self._seen(done, director.moves, end) for done in director.moves]
        topology = self.network.topology
        by_name = {s.name: s for s in self.deployment.subscribers.values()}
        places = [Place(by_name[name], anchor) for name, anchor in director.places.items()]
        report = Report(
            constellation=self.deployment.name,
            runtime=Runtime.LAB,
            moves=tuple(
                assemble_move(
                    self.deployment, topology, one, flows, self.trace, scenario_start=start
                )
                for one in seen
            ),
            sessions=self.traffic.sessions(),
            leftovers=leftovers(self.deployment, places, installed),
            messages=count_messages(self.trace),
            means=self.deployment.means,
            duration_s=end - start,
            notes=("measured on real kernel forwarding in network namespaces",),
        )
        return judged(report, self.scenario.expect)

    def _seen(self, done: Done, moves: list[Done], end: float) -> MoveSeen:
        """A move with what the trace and the captures say of it."""
        later = [m.started for m in moves if m.mobile_node == done.mobile_node]
        ended = min((at for at in later if at > done.started), default=end)
        subscriber = self._links[done.mobile_node].subscriber
        detected = next(
            (
                record.at
                for record in self.trace
                if record.kind is TraceKind.LINK
                and record.text == "attached"
                and record.node == done.new
                and record.concerns(subscriber.mobile_node)
                and record.at >= done.attached - 0.001
            ),
            done.attached,
        )
        before, after = self._paths(done, detected, ended)
        return MoveSeen(
            subscriber=subscriber,
            previous=done.previous,
            new=done.new,
            order=done.order,
            started=done.started,
            detected=detected,
            ended=ended,
            overlap=done.overlap,
            path_before=before,
            path_after=after,
        )

    def _paths(
        self, done: Done, detected: float, ended: float
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        flow = self.traffic.path_flow(done.mobile_node)
        if flow is None:
            return (), ()
        found = paths(self.traffic.sightings, flow)
        name = done.mobile_node
        return (
            last_whole_path(found, done.started - 1.0, done.started, name),
            last_whole_path(found, detected, ended, name),
        )

    def _installed(self) -> dict[NodeId, list[tuple[RuleKey, Action]]]:
        """What every node's kernel has of ours now, read without asking any daemon."""
        found: dict[NodeId, list[tuple[RuleKey, Action]]] = {}
        for name, plan in self.deployment.nodes.items():
            if not set(plan.entities) - USER_PLANE:
                continue
            with inside(self.namespaces.name(name)):
                driver = KernelForwarding(forwarding_config(self.deployment, name))
                found[name] = [(rule.key, rule.action) for rule in driver.installed()]
                driver.close(remove=False)
        return found


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
    laboratory = LabRun(deployment, file, progress)
    kept = False
    try:
        laboratory.up(pcap)
        report = laboratory.perform()
        finished(laboratory)
        kept = keep
    finally:
        if kept:
            laboratory.namespaces.keep()
        else:
            laboratory.down()
    return report
