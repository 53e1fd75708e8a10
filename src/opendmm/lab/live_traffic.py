"""The scenario's traffic as processes in the namespaces, and what they found as flows."""

import errno
import socket
import time
from collections.abc import Callable
from functools import partial
from ipaddress import ip_address
from pathlib import Path

import msgspec

from opendmm.constellation.deployment import Deployment
from opendmm.constellation.file import (
    ScenarioSection,
    TrafficKind,
    TrafficSection,
)
from opendmm.constellation.quantities import seconds
from opendmm.lab.errors import LabError
from opendmm.lab.flows import FIRST_PORT, Flow, Flows, Opening
from opendmm.lab.namespaces import Namespaces, inside
from opendmm.lab.path import Sighting
from opendmm.lab.processes import Process, await_ready, end, finish, start_python, tell
from opendmm.lab.traffic.plan import (
    PROBE_OCTETS,
    TcpPlan,
    TcpResult,
    TcpStream,
    UdpPlan,
    UdpReceiver,
    UdpResult,
    write,
)
from opendmm.model.identity import NodeId
from opendmm.report.probes import ProbeLog, longest_silence
from opendmm.report.report import Session
from opendmm.report.timeline import ProbeFlow

TAIL = 0.5
"""Seconds after the end in which what is under way arrives."""
TCP_TAIL = 3.0
"""Seconds after the end that a TCP session may take to repeat what was lost, and close."""
LIVENESS = 0.25
"""Seconds before the end within which a probe sent must have arrived, or the session is dead."""
OPENING = 0.1
"""Seconds before its beginning that a session of a mobile node which chooses its addresses is
opened: both ends must have their sockets when the first packet comes."""
DISCARD = 9
"""A port to aim at without sending anything."""


def _global(address: str) -> str:
    """Nobody behind a router can answer to any other. Raises OSError."""
    if ip_address(address).is_link_local:
        raise OSError(errno.EADDRNOTAVAIL, f"none but {address} on its link")
    return address


class LiveTraffic:
    """All traffic of a run. `begin` before the scenario, the `openings` during it, `finish`
    after it."""

    def __init__(
        self,
        deployment: Deployment,
        scenario: ScenarioSection,
        namespaces: Namespaces,
    ) -> None:
        self._deployment = deployment
        self._sections = scenario.traffic
        self._duration = seconds(scenario.duration)
        self._namespaces = namespaces
        self._folder = namespaces.folder / "traffic"
        self._by_name = {s.name: s for s in deployment.subscribers.values()}
        self._processes: list[Process] = []
        self._waiting: dict[Opening | None, list[Process]] = {}
        self._chosen: dict[Opening, str] = {}
        self._results: list[Path] = []
        self._capture: Process | None = None
        self._flows = Flows(deployment, scenario)
        self.udp = UdpResult({}, {})
        self.tcp: list[TcpResult] = []
        self.sightings: list[Sighting] = []
        self._start = 0.0

    # Processes

    def prepare(self) -> None:
        """Start every process; they wait to be told when the scenario starts."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._capture = self._start_capture()
        for opening in dict.fromkeys(flow.opening for flow in self._flows.udp):
            self._start_udp(opening)
        for serving in (True, False):
            self._start_tcp(serving=serving)
        await_ready(self._capture, "the capture of path probes")
        for process in self._processes:
            await_ready(process, "a traffic process")

    def begin(self, start: float) -> None:
        """The scenario starts at `start` (seconds since 1970)."""
        self._start = start
        for process in self._waiting.get(None, ()):
            tell(process, repr(start))

    def openings(self) -> list[tuple[float, Callable[[], None]]]:
        """What is to be done during the scenario, and when: sessions of mobile nodes that
        choose an address for each are opened."""
        return [
            (max(0.0, opening.at - OPENING), partial(self._open, opening))
            for opening in self._waiting
            if opening is not None
        ]

    def _open(self, opening: Opening) -> None:
        """With the address that the mobile node's kernel prefers now."""
        correspondent = self._deployment.nodes[NodeId(opening.correspondent)]
        try:
            with (
                inside(self._namespaces.name(opening.mobile_node)),
                socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as aimed,
            ):
                aimed.connect((str(correspondent.locator), DISCARD))
                self._chosen[opening] = _global(aimed.getsockname()[0])
        except OSError as problem:
            raise LabError(
                f"{opening.mobile_node} has no address for a session at {opening.at:g} s "
                f"({problem.strerror}): let the session begin while it is attached"
            ) from problem
        for process in self._waiting[opening]:
            tell(process, f"{self._start!r} {self._chosen[opening]}")

    def _start_udp(self, opening: Opening | None) -> None:
        flows = [flow for flow in self._flows.udp if flow.opening == opening]
        for node in sorted({node for flow in flows for node in flow.ends}):
            plan = UdpPlan(
                stops_at=self._duration,
                until=self._duration + TAIL,
                senders=tuple(f.sender for f in flows if f.ends[0] == node),
                # Path probes go to the port of the session that they stand for.
                receivers=tuple(
                    dict.fromkeys(
                        UdpReceiver(f.sender.destination, f.sender.port)
                        for f in flows
                        if f.ends[1] == node
                    )
                ),
            )
            self._start_process(node, "udp", plan, opening)

    def _start_tcp(self, *, serving: bool) -> None:
        sides: dict[tuple[str, Opening | None], list[TcpStream]] = {}
        for section, stream in self._flows.tcp:
            node = section.correspondent if serving else section.mobile_node
            sides.setdefault((node, self._flows.opening(section)), []).append(stream)
        for (node, opening), streams in sides.items():
            plan = TcpPlan(
                serving=serving,
                stops_at=self._duration,
                until=self._duration + TCP_TAIL,
                streams=tuple(streams),
            )
            self._start_process(node, "tcp", plan, opening)

    def _start_process(
        self, node: str, kind: str, plan: UdpPlan | TcpPlan, opening: Opening | None
    ) -> None:
        name = f"{kind}-{node}-{len(self._processes)}"
        plan_file, result = self._folder / f"{name}.plan", self._folder / f"{name}.result"
        write(plan_file, plan)
        process = start_python(
            self._namespaces.name(node),
            f"opendmm.lab.traffic.{kind}",
            str(plan_file),
            str(result),
            log=self._folder / f"{name}.log",
        )
        self._processes.append(process)
        self._waiting.setdefault(opening, []).append(process)
        self._results.append(result)

    def _start_capture(self) -> Process:
        nodes = [*self._deployment.nodes, *self._by_name]
        places = [f"{self._namespaces.name(node)}={node}" for node in nodes]
        return start_python(
            None,
            "opendmm.lab.path",
            str(self._folder / "paths.result"),
            *places,
            log=self._folder / "paths.log",
        )

    def finish(self) -> None:
        """Wait for the end of all traffic and read what was found."""
        time.sleep(max(0.0, self._start + self._duration + TAIL - time.time()))
        for process, result in zip(self._processes, self._results, strict=True):
            if process.wait(30):
                raise LabError(f"traffic failed: {_last_line(result.with_suffix('.log'))}")
        sent: dict[int, list[float]] = {}
        arrivals: dict[int, list[tuple[int, float]]] = {}
        for result in self._results:
            if result.name.startswith("udp"):
                one = msgspec.json.decode(result.read_bytes(), type=UdpResult)
                sent |= one.sent
                arrivals |= one.arrivals
            else:
                self.tcp += msgspec.json.decode(result.read_bytes(), type=list[TcpResult])
        self.udp = UdpResult(sent, arrivals)
        if self._capture is not None:
            finish(self._capture)
            found = (self._folder / "paths.result").read_bytes()
            self.sightings = msgspec.json.decode(found, type=list[Sighting])

    def close(self) -> None:
        """End every process, finished or not."""
        for process in self._processes:
            end(process)
        if self._capture is not None:
            end(self._capture)

    # What was found

    def probe_flows(self) -> list[ProbeFlow]:
        """Every direction of every UDP session."""
        return [
            ProbeFlow(
                flow.subscriber,
                flow.correspondent,
                flow.direction,
                self._log(flow),
                self._home(flow.opening),
            )
            for flow in self._flows.udp
            if flow.session is not None
        ]

    def _home(self, opening: Opening | None) -> NodeId | None:
        """The anchor of the address that was chosen for a session, if one was."""
        chosen = "" if opening is None else self._chosen.get(opening, "")
        return self._deployment.home_of(ip_address(chosen).packed) if chosen else None

    def path_flow(self, mobile_node: str) -> int | None:
        """The number of the flow of path probes to a mobile node."""
        return next((flow.number for flow in self._flows.path_probes(mobile_node)), None)

    def path_flows_by_port(self, mobile_node: str) -> dict[int, int]:
        """The numbers of those that stand for UDP sessions to ports of their own, by port."""
        probes = self._flows.path_probes(mobile_node)
        return {f.sender.port: f.number for f in probes if f.sender.port < FIRST_PORT}

    def _log(self, flow: Flow) -> ProbeLog:
        arrivals = sorted(self.udp.arrivals.get(flow.number, ()), key=lambda arrival: arrival[1])
        return ProbeLog(self.udp.sent.get(flow.number, []), arrivals)

    def sessions(self) -> tuple[Session, ...]:
        """Every section of the traffic as a session of the report."""
        return tuple(
            self._udp_session(number, section)
            if section.kind is TrafficKind.UDP
            else self._tcp_session(number, section)
            for number, section in enumerate(self._sections)
        )

    def _udp_session(self, number: int, section: TrafficSection) -> Session:
        flows = [flow for flow in self._flows.udp if flow.session == number]
        logs = [self._log(flow) for flow in flows]
        interval = seconds(section.interval)
        ended = self._start + self._duration
        since = ended - max(LIVENESS, 3 * interval)
        survived = all(any(log.sent[p] >= since for p, _ in log.arrivals) for log in logs)
        stall = max((longest_silence(log, 0.0, ended) for log in logs), default=0.0)
        octets = sum(len({p for p, _ in log.arrivals}) for log in logs) * PROBE_OCTETS
        return self._session(section, octets, survived, stall, "")

    def _tcp_session(self, number: int, section: TrafficSection) -> Session:
        sides = [one for one in self.tcp if one.session == number]
        detail = "; ".join(side.error for side in sides if side.error) or _difference(sides)
        stall = max((side.longest_stall for side in sides), default=0.0)
        octets = sum(side.received for side in sides)
        return self._session(section, octets, not detail, stall, detail)

    def _session(
        self, section: TrafficSection, octets: int, survived: bool, stall: float, detail: str
    ) -> Session:
        opening = self._flows.opening(section)
        chosen = "" if opening is None else self._chosen.get(opening, "")
        return Session(
            kind=section.kind,
            mobile_node=section.mobile_node,
            correspondent=section.correspondent,
            family=section.family,
            direction=section.direction,
            bytes=octets,
            survived=survived and octets > 0,
            longest_stall_ms=round(stall * 1000, 3),
            address=chosen or self._flows.addresses(section)[1],
            detail=detail,
        )


def _last_line(log: Path) -> str:
    return (log.read_text(errors="replace").splitlines() or [f"{log} says nothing"])[-1]


def _difference(sides: list[TcpResult]) -> str:
    """How what was received differs from what was sent; empty when it does not."""
    if len(sides) != 2:
        return "a side of the session is missing"
    if not all(side.intact for side in sides):
        return "content altered"
    a, b = sides
    if (a.sent, b.sent) != (b.received, a.received):
        return "content incomplete"
    return ""
