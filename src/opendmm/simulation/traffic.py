"""Live sessions in virtual time: real packets through the installed rules, hop by hop.

UDP is a train of probes. TCP is modelled as a reliable byte stream by go-back-N with
cumulative acknowledgements, fast retransmission after three duplicates and a doubling
timeout: enough to tell whether and how long a stream stalls, not a model of congestion
control, so its throughput means nothing beyond the application's rate.
"""

from collections.abc import Callable, Iterable

import msgspec

from opendmm.constellation.file import TrafficDirection
from opendmm.model.flow import PROTOCOLS
from opendmm.model.identity import NodeId
from opendmm.report.probes import ProbeLog
from opendmm.simulation.conveyor import Conveyor
from opendmm.simulation.dataplane import Packet
from opendmm.simulation.mobile_node import SimulatedMobileNode
from opendmm.simulation.scheduler import Event
from opendmm.simulation.world import World

PROBE_OCTETS = 64
SEGMENT_OCTETS = 1400
WINDOW = 64
"""Segments a sender may have unacknowledged."""
FIRST_TIMEOUT, LAST_TIMEOUT = 0.2, 60.0
"""Seconds; Linux's TCP_RTO_MIN, and the ceiling of RFC 6298 §2.5."""


class PathLog:
    """The nodes that downlink packets of a mobile node passed, remembered at each change."""

    def __init__(self) -> None:
        self._changes: list[tuple[float, tuple[str, ...]]] = []
        self._heard: list[float] = []

    def saw(self, at: float, nodes: Iterable[str]) -> None:
        """A packet arrived at `at` over `nodes`."""
        path = tuple(nodes)
        if not self._changes or self._changes[-1][1] != path:
            self._changes.append((at, path))
        self._heard.append(at)

    def last(self, after: float, before: float) -> tuple[str, ...]:
        """The path of the last packet heard in [after, before); empty when none was."""
        if not any(after <= at < before for at in reversed(self._heard)):
            return ()
        known: tuple[str, ...] = ()
        for at, path in self._changes:
            if at < before:
                known = path
        return known


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """One direction of a session: how to send a packet, and who sends it."""

    mobile: SimulatedMobileNode
    correspondent: NodeId
    direction: TrafficDirection
    """DOWN or UP."""
    ipv6: bool
    home: NodeId | None = None
    """Of the mobile node's several homes, whose address; None: any."""
    protocol: int = 0
    port: int = 0
    """Of the session, 0 for none: where UDP goes to, where the correspondent listens for TCP."""
    leading: bool = True
    """Whether its path counts as that of the mobile node."""

    def packet(self, source: bytes, destination: bytes) -> Packet:
        """A packet of the session this way."""
        served = self.protocol == PROTOCOLS["tcp"] and self.direction is TrafficDirection.DOWN
        return Packet(
            source,
            destination,
            protocol=self.protocol,
            source_port=self.port if served else 0,
            destination_port=0 if served else self.port,
        )

    address: bytes | None = None
    """The mobile node's, as chosen when the session began; None: its first."""

    @property
    def reverse(self) -> "Way":
        """The way back."""
        other = (
            TrafficDirection.UP
            if self.direction is TrafficDirection.DOWN
            else TrafficDirection.DOWN
        )
        return msgspec.structs.replace(self, direction=other)


class Sender:
    """Sends packets along ways and logs the paths of those that go down."""

    def __init__(self, world: World, conveyor: Conveyor) -> None:
        self.paths: dict[str, PathLog] = {}
        self.paths_by_port: dict[str, dict[int, PathLog]] = {}
        self._world = world
        self._conveyor = conveyor

    def send(self, way: Way, arrived: Callable[[], None]) -> None:
        """One packet; `arrived` is called when and if it gets there."""
        correspondent = self._world.data_plane.address_of(way.correspondent, ipv6=way.ipv6)
        address = way.address or self._world.destination_in(way.mobile, ipv6=way.ipv6)
        if address is None:
            return
        self._world.packets.communicates(way.mobile, address, way.correspondent)
        if way.direction is TrafficDirection.UP:
            packet = way.packet(address, correspondent)
            self._conveyor.uplink(way.mobile, packet, lambda _nodes: arrived())
            return
        logs = self._logs(way)

        def heard(nodes: tuple[NodeId, ...]) -> None:
            for log in logs:
                log.saw(self._world.scheduler.now, (*nodes, way.mobile.name))
            arrived()

        packet = way.packet(correspondent, address)
        self._conveyor.downlink(way.correspondent, way.mobile, packet, heard)

    def _logs(self, way: Way) -> list[PathLog]:
        """Where the paths of packets that go this way are remembered."""
        name, logs = way.mobile.name, []
        if way.leading:
            logs.append(self.paths.setdefault(name, PathLog()))
        if way.port and way.protocol == PROTOCOLS["udp"]:
            by_port = self.paths_by_port.setdefault(name, {})
            logs.append(by_port.setdefault(way.port, PathLog()))
        return logs


class ProbeTrain:
    """UDP probes one way, one every `interval` seconds until `end`."""

    def __init__(self, world: World, sender: Sender, way: Way, interval: float, end: float) -> None:
        self.way = way
        self.log = ProbeLog()
        self.interval = interval
        self._world = world
        self._sender = sender
        self._end = end

    def start(self) -> None:
        """Send the first probe now and the others in time."""
        self._send()

    def _send(self) -> None:
        now = self._world.scheduler.now
        if now >= self._end:
            return
        number = len(self.log.sent)
        self.log.sent.append(now)
        self._sender.send(
            self.way, lambda: self.log.arrivals.append((number, self._world.scheduler.now))
        )
        # Counted from the first, so that rounding does not add up.
        self._world.scheduler.at(self.log.sent[0] + (number + 1) * self.interval, self._send)


class ReliableStream:
    """One direction of a TCP connection. The application writes a segment every `interval`."""

    def __init__(self, world: World, sender: Sender, way: Way, interval: float, end: float) -> None:
        self.way = way
        self.written = 0
        self.received = 0
        """Segments that arrived in order."""
        self.longest_stall = 0.0
        """Seconds the receiver waited for the next segment while one was written."""
        self._world = world
        self._sender = sender
        self._interval = interval
        self._end = end
        self._acknowledged = 0
        self._next = 0
        self._duplicates = 0
        self._timeout = FIRST_TIMEOUT
        self._timer: Event | None = None
        self._waiting_since: float | None = None

    def start(self) -> None:
        """Write the first segment now and the others in time."""
        self._write()

    def open_stall(self, now: float) -> float:
        """Seconds the receiver has been waiting for a segment already written."""
        return 0.0 if self._waiting_since is None else max(0.0, now - self._waiting_since)

    def _write(self) -> None:
        now = self._world.scheduler.now
        if now >= self._end:
            return
        self.written += 1
        if self._waiting_since is None:
            self._waiting_since = now
        self._fill()
        self._world.scheduler.after(self._interval, self._write)

    def _fill(self) -> None:
        while self._next < min(self.written, self._acknowledged + WINDOW):
            self._transmit(self._next)
            self._next += 1
        if self._timer is None and self._acknowledged < self._next:
            self._timer = self._world.scheduler.after(self._timeout, self._timed_out)

    def _transmit(self, number: int) -> None:
        self._sender.send(self.way, lambda: self._segment(number))

    def _segment(self, number: int) -> None:
        """At the receiver: take it if it is the next, acknowledge in any case."""
        now = self._world.scheduler.now
        if number == self.received:
            self._note_stall(now)
            self.received += 1
            self._waiting_since = now if self.received < self.written else None
        acknowledged = self.received
        self._sender.send(self.way.reverse, lambda: self._acknowledgement(acknowledged))

    def _note_stall(self, now: float) -> None:
        if self._waiting_since is not None:
            self.longest_stall = max(self.longest_stall, now - self._waiting_since)

    def _acknowledgement(self, number: int) -> None:
        if number > self._acknowledged:
            self._acknowledged = number
            self._next = max(self._next, number)
            self._duplicates = 0
            self._timeout = FIRST_TIMEOUT
            self._stop_timer()
            self._fill()
        elif self._acknowledged < self._next:
            self._duplicates += 1
            if self._duplicates == 3:
                self._go_back()

    def _timed_out(self) -> None:
        self._timer = None
        self._timeout = min(self._timeout * 2, LAST_TIMEOUT)
        self._go_back()

    def _go_back(self) -> None:
        self._stop_timer()
        self._next = self._acknowledged
        self._fill()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
