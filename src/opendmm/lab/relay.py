"""Links with delay, where the kernel has no netem: two TAPs each, and this process for all.

Constant delay, so a first-in-first-out queue for each direction will do. One process: as many
as there are links would keep the processors busy with waking up, and what is measured with it.

`python -m opendmm.lab.relay` takes one link a line on its standard input, as JSON (`Link`),
and prints `ready` once its devices exist. Where a link has a named pipe for commands, the
words `down` and `up` take the carrier from both ends, and what is under way with it, and give
it back. The devices live as long as the process, which is longer than its input lasts.
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

import msgspec

from opendmm.lab.namespaces import inside
from opendmm.lab.processes import be_punctual

TUNSETIFF, TUNSETCARRIER = 0x400454CA, 0x400454E2
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
LARGEST = 65_536
BURST = 64
TICK = 0.0002
"""Seconds between looks at the devices while frames are under way: one wake-up for several."""


class Link(msgspec.Struct, frozen=True):
    """A link to be made: its ends as (namespace, interface), its delay in seconds one way, and
    the path of the named pipe to be made for its commands, empty for none."""

    ends: tuple[tuple[str, str], tuple[str, str]]
    delay: float
    commands: str = ""


def open_tap(interface: str) -> int:
    """A TAP device in the namespace this is called in; it lives as long as the descriptor."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    request = struct.pack("16sH22x", interface.encode(), IFF_TAP | IFF_NO_PI)
    fcntl.ioctl(descriptor, TUNSETIFF, request)
    return descriptor


class Direction:
    """Frames from one TAP on their way to another."""

    def __init__(self, source: int, target: int, delay: float) -> None:
        self.source, self.target = source, target
        self.carrier = True
        # On average a frame waits half a tick too long to be written, and the kernel wakes us
        # half a tick late.
        self._delay = max(0.0, delay - TICK)
        self.under_way: deque[tuple[float, bytes]] = deque()

    def take(self, arrived: float) -> None:
        """Read what has come, at about that time."""
        with contextlib.suppress(BlockingIOError):
            for _ in range(BURST):
                frame = os.read(self.source, LARGEST)
                if self.carrier:
                    self.under_way.append((arrived + self._delay, frame))

    def deliver(self, now: float) -> None:
        """Write what is due."""
        while self.under_way and self.under_way[0][0] <= now:
            # A device that is down takes nothing: the frame is lost, as on a real link.
            with contextlib.suppress(OSError):
                os.write(self.target, self.under_way.popleft()[1])

    def set_carrier(self, up: bool) -> None:
        """What is under way is lost either way: it was sent before."""
        self.carrier = up
        self.under_way.clear()
        fcntl.ioctl(self.target, TUNSETCARRIER, struct.pack("i", up))


class Relay:
    """Carries frames over all links there are."""

    def __init__(self) -> None:
        self._directions: list[Direction] = []
        self._reactions: dict[int, Callable[[float], None]] = {}
        self._poll = select.epoll()

    def watch(self, descriptor: int, reaction: Callable[[float], None]) -> None:
        """Call `reaction` whenever there is something to be read, with about the time since
        when, by `time.perf_counter`."""
        self._reactions[descriptor] = reaction
        self._poll.register(descriptor, select.EPOLLIN)

    def forget(self, descriptor: int) -> None:
        self._poll.unregister(descriptor)
        del self._reactions[descriptor]

    def join(self, link: Link) -> None:
        """Make a link's devices and carry its frames from now on. Raises OSError."""
        taps = []
        for namespace, interface in link.ends:
            with inside(namespace):
                taps.append(open_tap(interface))
        ways = [Direction(a, b, link.delay) for a, b in (taps, taps[::-1])]
        for way in ways:
            self.watch(way.source, way.take)
        if link.commands:
            os.mkfifo(Path(link.commands))
            # Open for writing, too, so that it never ends when a writer closes.
            commands = os.open(link.commands, os.O_RDWR | os.O_NONBLOCK)
            self.watch(commands, partial(_obey, commands, ways))
        self._directions += ways

    def run(self) -> None:
        """For ever."""
        while True:
            idle = not any(way.under_way for way in self._directions)
            if not idle:
                time.sleep(TICK)
            readable = self._poll.poll(-1 if idle else 0)
            # What comes while we sleep has waited for half of it on average.
            arrived = time.perf_counter() - (0.0 if idle else TICK / 2)
            for descriptor, _ in readable:
                self._reactions[descriptor](arrived)
            now = time.perf_counter()
            for way in self._directions:
                way.deliver(now)


def _obey(commands: int, ways: list[Direction], _arrived: float) -> None:
    for word in os.read(commands, LARGEST).decode().split():
        for way in ways:
            way.set_carrier(word == "up")


class _Orders:
    """Links to be made, a line each on standard input; when it ends the others live on."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._input = sys.stdin.fileno()
        self._begun = b""
        relay.watch(self._input, self._read)

    def _read(self, _arrived: float) -> None:
        data = os.read(self._input, LARGEST)
        if not data:
            self._relay.forget(self._input)
        *lines, self._begun = (self._begun + data).split(b"\n")
        for line in lines:
            self._relay.join(msgspec.json.decode(line, type=Link))
            print("ready", flush=True)


def main() -> None:
    """Entry point of the process."""
    gc.disable()
    be_punctual()
    relay = Relay()
    _Orders(relay)
    relay.run()


if __name__ == "__main__":
    main()
