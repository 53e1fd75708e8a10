"""Payload by optimised routes: packets per second through the data path in user space.

Run as root (or inside `unshare -Urnm`):

    .venv/bin/python benchmarks/route_optimisation.py [--seconds 3]

Method: a mobile node and a correspondent, one process each in a network namespace of its own, a
veth pair between them, everything gone with the processes. Datagrams go from the mobile node to
the correspondent, first as many as go, then a TCP stream; every packet gets a Home Address option
at the one end and loses it at the other, TCP's acknowledgements a type 2 routing header. A core's
rate is packets over the processor time of the process at an end, without what the kernel does in
interrupts, so that what else the machine does counts little; what arrives is limited by the
slower end, and by the cores that both ends, sender and receiver share.
"""

import argparse
import asyncio
import ctypes
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from ipaddress import IPv6Address
from multiprocessing import get_context
from multiprocessing.connection import Connection

from opendmm.bindings.mipv6.outputs import End, Optimise
from opendmm.node.route_optimisation.data_path import OptimisedRoutes

CLONE_NEWNET = 0x40000000
ENVIRONMENT_LACKS = 4
HOME = IPv6Address("2001:db8:9::9")
CARE_OF, CORRESPONDENT = IPv6Address("2001:db8:1::1"), IPv6Address("2001:db8:1::2")
PORT = 9000
SIZES = (64, 1300)
BURST = 60
"""Datagrams between two pauses: more than go through, less than the queue of the device holds."""
FORK = get_context("fork")
LIBC = ctypes.CDLL(None, use_errno=True)


class NoReports:
    """Nobody asks."""

    def communicates(self, home_address: IPv6Address, correspondent: IPv6Address) -> None: ...

    def used(self, correspondent: IPv6Address, home_address: IPv6Address) -> None: ...

    def unbound(
        self, source: IPv6Address, correspondent: IPv6Address, home_address: IPv6Address
    ) -> None: ...


def ip(command: str) -> None:
    subprocess.run(["ip", "-6", *command.split()], check=True)


def live(end: End, orders: Connection) -> None:
    """One end: says when its namespace is there, is told when its links are, and then of every
    time it is asked how many packets it has had and what processor time that took."""
    if LIBC.unshare(CLONE_NEWNET):
        orders.send("no namespaces here")
        return
    orders.send("")
    orders.recv()
    mobile = end is End.MOBILE_NODE
    ip("link set lo up")
    ip("link set wire up")
    ip(f"addr add {CARE_OF if mobile else CORRESPONDENT}/64 dev wire nodad")
    if mobile:
        ip(f"addr add {HOME}/128 dev lo nodad")
    else:
        ip(f"route add {HOME}/128 via {CARE_OF}")
    asyncio.run(serve(end, orders))


async def serve(end: End, orders: Connection) -> None:
    routes = OptimisedRoutes([HOME] if end is End.MOBILE_NODE else [])
    routes.start(NoReports())
    optimised = Optimise(end=end, home_address=HOME, correspondent=CORRESPONDENT, care_of=CARE_OF)
    done = asyncio.Event()

    def obey() -> None:
        match orders.recv():
            case "optimise":
                routes.optimise(optimised)
            case "stop":
                done.set()
        counted = routes.counters
        orders.send((counted.optimised + counted.restored, time.process_time()))

    asyncio.get_running_loop().add_reader(orders.fileno(), obey)
    await done.wait()
    routes.close()


class Part:
    """One end, as the measurement sees it."""

    def __init__(self, end: End) -> None:
        self._orders, theirs = FORK.Pipe()
        self.process = FORK.Process(target=live, args=(end, theirs), daemon=True)
        self.process.start()
        if problem := self._orders.recv():
            print(f"{problem}: needs root, or: unshare -Urnm", file=sys.stderr)
            sys.exit(ENVIRONMENT_LACKS)

    def begin(self) -> None:
        self._orders.send("")
        self.tell("optimise")

    def tell(self, order: str) -> tuple[int, float]:
        self._orders.send(order)
        packets, seconds = self._orders.recv()
        return packets, seconds

    def socket(self, kind: socket.SocketKind) -> socket.socket:
        """In its namespace."""
        own = os.open("/proc/self/ns/net", os.O_RDONLY)
        theirs = os.open(f"/proc/{self.process.pid}/ns/net", os.O_RDONLY)
        LIBC.setns(theirs, CLONE_NEWNET)
        made = socket.socket(socket.AF_INET6, kind)
        LIBC.setns(own, CLONE_NEWNET)
        os.close(own)
        os.close(theirs)
        return made


def datagrams(mobile: Part, correspondent: Part, size: int, seconds: float) -> int:
    """As many as go; how many arrive."""
    arriving, leaving = (part.socket(socket.SOCK_DGRAM) for part in (correspondent, mobile))
    arriving.bind((str(CORRESPONDENT), PORT))
    arriving.settimeout(0.5)
    leaving.bind((str(HOME), 0))
    leaving.connect((str(CORRESPONDENT), PORT))
    sender = FORK.Process(target=flood, args=(leaving, bytes(size), seconds), daemon=True)
    sender.start()
    arrived = 0
    try:
        while True:
            arriving.recv(2000)
            arrived += 1
    except TimeoutError:
        pass
    sender.join()
    return arrived


def flood(leaving: socket.socket, data: bytes, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for _ in range(BURST):
            leaving.send(data)
        time.sleep(0.0005)


def stream(mobile: Part, correspondent: Part, _size: int, seconds: float) -> int:
    """A TCP stream; how many octets arrive."""
    door, leaving = (part.socket(socket.SOCK_STREAM) for part in (correspondent, mobile))
    door.bind((str(CORRESPONDENT), PORT))
    door.listen()
    leaving.bind((str(HOME), 0))
    leaving.connect((str(CORRESPONDENT), PORT))
    arriving, _ = door.accept()
    door.close()
    sender = FORK.Process(target=pour, args=(leaving, seconds), daemon=True)
    sender.start()
    leaving.close()
    arrived = 0
    while data := arriving.recv(1 << 18):
        arrived += len(data)
    sender.join()
    return arrived


def pour(leaving: socket.socket, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        leaving.sendall(bytes(1 << 16))


def measured(
    parts: tuple[Part, Part], traffic: Callable[[Part, Part, int, float], int], *how: float
) -> tuple[int, float, float]:
    """What arrived, and packets per second of processor time at either end."""
    before = [part.tell("count") for part in parts]
    arrived = traffic(*parts, int(how[0]), how[1])
    after = [part.tell("count") for part in parts]
    rates = [(b[0] - a[0]) / (b[1] - a[1]) for a, b in zip(before, after, strict=True)]
    return arrived, rates[0], rates[1]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=3.0)
    seconds = parser.parse_args().seconds
    parts = Part(End.MOBILE_NODE), Part(End.CORRESPONDENT)
    pids = [part.process.pid for part in parts]
    ip(f"link add wire netns {pids[0]} type veth peer name wire netns {pids[1]}")
    for part in parts:
        part.begin()
    print(f"{'':24}{'arrived':>16}{'mobile node':>14}{'correspondent':>16}  (packets/s per core)")
    for size in SIZES:
        arrived, one, other = measured(parts, datagrams, size, seconds)
        rate = f"{arrived / seconds:,.0f}/s"
        print(f"datagrams of {size:<11}{rate:>16}{one:>14,.0f}{other:>16,.0f}")
    arrived, one, other = measured(parts, stream, 0, seconds)
    rate = f"{arrived * 8 / seconds / 1e6:,.0f} Mbit/s"
    print(f"{'TCP':24}{rate:>16}{one:>14,.0f}{other:>16,.0f}")
    for part in parts:
        part.tell("stop")
        part.process.join()


if __name__ == "__main__":
    main()
