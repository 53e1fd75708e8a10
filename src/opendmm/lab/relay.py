"""A link with delay or loss, where the kernel has no netem: two TAPs and this process.

Constant delay, so a first-in-first-out queue for each direction will do. Lines on standard
input change the link: `down`, `up` (carrier at both ends). Prints `ready` once the devices
exist. `python -m opendmm.lab.relay NS_A IF_A NS_B IF_B DELAY_SECONDS LOSS_SHARE`.
"""

import contextlib
import fcntl
import gc
import os
import random
import select
import struct
import sys
import time
from collections import deque

from opendmm.lab.namespaces import inside

TUNSETIFF, TUNSETCARRIER = 0x400454CA, 0x400454E2
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
LARGEST = 65_536
BURST = 64


def open_tap(namespace: str, interface: str) -> int:
    """A TAP device in a namespace; it lives as long as the descriptor."""
    with inside(namespace):
        descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        request = struct.pack("16sH22x", interface.encode(), IFF_TAP | IFF_NO_PI)
        fcntl.ioctl(descriptor, TUNSETIFF, request)
    return descriptor


class Relay:
    """Carries frames between two TAPs, each after the same delay."""

    def __init__(self, taps: tuple[int, int], delay: float, loss: float) -> None:
        self.taps = taps
        self.delay = delay
        self.loss = loss
        self._under_way: dict[int, deque[tuple[float, bytes]]] = {
            taps[0]: deque(),
            taps[1]: deque(),
        }
        """Frames by the TAP they will come out of."""

    def run(self) -> None:
        """Until standard input ends."""
        standard_input = sys.stdin.fileno()
        while True:
            watched = (*self.taps, standard_input)
            readable, _, _ = select.select(watched, (), (), self._wait())
            for tap, other in (self.taps, self.taps[::-1]):
                if tap in readable:
                    self._take(tap, other)
            self._deliver()
            if standard_input in readable and not self._command():
                return

    def _wait(self) -> float:
        due = [queue[0][0] for queue in self._under_way.values() if queue]
        return max(0.0, min(due) - time.perf_counter()) if due else 1.0

    def _take(self, tap: int, other: int) -> None:
        with contextlib.suppress(BlockingIOError):
            for _ in range(BURST):
                frame = os.read(tap, LARGEST)
                if self.loss and random.random() < self.loss:
                    continue
                self._under_way[other].append((time.perf_counter() + self.delay, frame))

    def _deliver(self) -> None:
        now = time.perf_counter()
        for tap, queue in self._under_way.items():
            while queue and queue[0][0] <= now:
                # A device that is down takes nothing: the frame is lost, as on a real link.
                with contextlib.suppress(OSError):
                    os.write(tap, queue.popleft()[1])

    def _command(self) -> bool:
        line = sys.stdin.readline()
        if line.strip() in ("up", "down"):
            for tap in self.taps:
                fcntl.ioctl(tap, TUNSETCARRIER, struct.pack("i", line.strip() == "up"))
        return bool(line)


def main() -> None:
    """Entry point of the process."""
    namespace_a, interface_a, namespace_b, interface_b, delay, loss = sys.argv[1:7]
    taps = open_tap(namespace_a, interface_a), open_tap(namespace_b, interface_b)
    gc.disable()
    with contextlib.suppress(OSError):
        os.nice(-10)
    print("ready", flush=True)
    Relay(taps, float(delay), float(loss)).run()


if __name__ == "__main__":
    main()
