"""A link with delay, where the kernel has no netem: two TAPs and this process.

Constant delay, so a first-in-first-out queue for each direction will do.
`python -m opendmm.lab.relay IF_A NAMESPACE_B IF_B DELAY_SECONDS [COMMANDS]`, started in the
namespace of A, prints `ready` once the devices exist. COMMANDS is a named pipe; the lines
`down` and `up` take the carrier from both ends, and what is under way with it, and give it
back. The devices live as long as the process.
"""

import contextlib
import fcntl
import gc
import os
import select
import struct
import sys
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path

from opendmm.lab.namespaces import inside
from opendmm.lab.processes import be_punctual

TUNSETIFF, TUNSETCARRIER = 0x400454CA, 0x400454E2
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
LARGEST = 65_536
BURST = 64
TICK = 0.0002
"""Seconds between looks at the devices while frames are under way: one wake-up for several
frames, or the relays of a busy laboratory would leave no processor to its daemons."""


def open_tap(interface: str) -> int:
    """A TAP device in the namespace this is called in; it lives as long as the descriptor."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    request = struct.pack("16sH22x", interface.encode(), IFF_TAP | IFF_NO_PI)
    fcntl.ioctl(descriptor, TUNSETIFF, request)
    return descriptor


class Relay:
    """Carries frames between two TAPs, each after the same delay."""

    def __init__(self, taps: tuple[int, int], delay: float, commands: int | None) -> None:
        self._taps = taps
        # On average a frame waits half a tick to be read and half a tick too long to be
        # written, and the kernel wakes us half a tick late.
        self._delay = max(0.0, delay - 1.5 * TICK)
        self._commands = commands
        self._carrier = True
        self._under_way: dict[int, deque[tuple[float, bytes]]] = {
            taps[0]: deque(),
            taps[1]: deque(),
        }
        """Frames by the TAP they will come out of."""

    def run(self) -> None:
        """For ever."""
        reactions: dict[int, Callable[[], None]] = {
            tap: partial(self._take, tap, other) for tap, other in (self._taps, self._taps[::-1])
        }
        if self._commands is not None:
            reactions[self._commands] = self._obey
        watched = tuple(reactions)
        while True:
            if any(self._under_way.values()):
                time.sleep(TICK)
                timeout = 0.0
            else:
                timeout = None
            readable, _, _ = select.select(watched, (), (), timeout)
            for descriptor in readable:
                reactions[descriptor]()
            self._deliver()

    def _take(self, tap: int, other: int) -> None:
        queue = self._under_way[other]
        with contextlib.suppress(BlockingIOError):
            for _ in range(BURST):
                frame = os.read(tap, LARGEST)
                if self._carrier:
                    queue.append((time.perf_counter() + self._delay, frame))

    def _deliver(self) -> None:
        now = time.perf_counter()
        for tap, queue in self._under_way.items():
            while queue and queue[0][0] <= now:
                # A device that is down takes nothing: the frame is lost, as on a real link.
                with contextlib.suppress(OSError):
                    os.write(tap, queue.popleft()[1])

    def _obey(self) -> None:
        if self._commands is None:
            return
        for word in os.read(self._commands, LARGEST).decode().split():
            self._carrier = word == "up"
            for tap, queue in self._under_way.items():
                queue.clear()
                fcntl.ioctl(tap, TUNSETCARRIER, struct.pack("i", self._carrier))


def main() -> None:
    """Entry point of the process."""
    interface_a, namespace_b, interface_b, delay, *rest = sys.argv[1:]
    commands = None
    if rest:
        os.mkfifo(Path(rest[0]))
        # Open for writing, too, so that it never ends when a writer closes.
        commands = os.open(rest[0], os.O_RDWR | os.O_NONBLOCK)
    here = open_tap(interface_a)
    with inside(namespace_b):
        there = open_tap(interface_b)
    gc.disable()
    be_punctual()
    print("ready", flush=True)
    Relay((here, there), float(delay), commands).run()


if __name__ == "__main__":
    main()
