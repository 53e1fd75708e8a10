"""All UDP probes of one node: sent on schedule, received with the kernel's own time stamps.

One thread and one loop, so that a thousand probes a second cost little and a receiver never
waits for a sender. `python -m opendmm.lab.traffic.udp PLAN RESULT`.
"""

import contextlib
import gc
import heapq
import select
import socket
import struct
import sys
import time
from pathlib import Path

import msgspec

from opendmm.lab.processes import be_punctual
from opendmm.lab.traffic.plan import (
    MAGIC,
    UdpPlan,
    UdpReceiver,
    UdpResult,
    UdpSender,
    await_opening,
    write,
)

SO_TIMESTAMPNS = 35
TIMESPEC = struct.Struct("ll")
HEADER = struct.Struct("!4sHI")
LARGEST = 2048
BURST = 256
BUFFER = 4 << 20


class _Flow:
    """A sender with its socket and what it has sent."""

    def __init__(self, sender: UdpSender) -> None:
        self.sender = sender
        family = socket.AF_INET6 if ":" in sender.destination else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind((sender.source, 0))
        self.padding = bytes(sender.octets - HEADER.size)
        self.sent: list[float] = []

    def send(self) -> None:
        """One probe. One that the node cannot send (no route) counts as sent, and lost."""
        probe = HEADER.pack(MAGIC, self.sender.flow, len(self.sent)) + self.padding
        self.sent.append(time.time())
        with contextlib.suppress(OSError):
            self.socket.sendto(probe, (self.sender.destination, self.sender.port))


def _receiving_socket(receiver: UdpReceiver) -> socket.socket:
    family = socket.AF_INET6 if ":" in receiver.address else socket.AF_INET
    receiving = socket.socket(family, socket.SOCK_DGRAM)
    receiving.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    receiving.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    receiving.setblocking(False)
    receiving.bind((receiver.address, receiver.port))
    return receiving


def _heard(receiving: socket.socket, arrivals: dict[int, list[tuple[int, float]]]) -> None:
    with contextlib.suppress(BlockingIOError):
        for _ in range(BURST):
            data, ancillary, _, _ = receiving.recvmsg(LARGEST, 64)
            if len(data) < HEADER.size:
                continue
            magic, flow, probe = HEADER.unpack_from(data)
            if magic == MAGIC:
                arrivals.setdefault(flow, []).append((probe, _stamp(ancillary)))


def _stamp(ancillary: list[tuple[int, int, bytes]]) -> float:
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
            seconds, nanoseconds = TIMESPEC.unpack_from(data)
            return float(seconds + nanoseconds / 1e9)
    return time.time()


def run(plan: UdpPlan) -> UdpResult:
    """Send and receive from the scenario's start until the plan's end."""
    arrivals: dict[int, list[tuple[int, float]]] = {}
    start, address = await_opening()
    plan = plan.opened(address)
    receiving = [_receiving_socket(receiver) for receiver in plan.receivers]
    flows = [_Flow(sender) for sender in plan.senders]
    due = [(start + flow.sender.starts_at, number) for number, flow in enumerate(flows)]
    heapq.heapify(due)
    stops_at, until = start + plan.stops_at, start + plan.until
    while (now := time.time()) < until:
        while due and due[0][0] <= now:
            at, number = heapq.heappop(due)
            flows[number].send()
            following = at + flows[number].sender.interval
            if following < stops_at:
                heapq.heappush(due, (following, number))
        wait = (due[0][0] if due else until) - time.time()
        readable, _, _ = select.select(receiving, (), (), min(max(wait, 0.0), 0.1))
        for one in readable:
            _heard(one, arrivals)
    return UdpResult({flow.sender.flow: flow.sent for flow in flows}, arrivals)


def main() -> None:
    """Entry point of the process."""
    plan = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=UdpPlan)
    gc.disable()
    be_punctual()
    write(Path(sys.argv[2]), run(plan))


if __name__ == "__main__":
    main()
