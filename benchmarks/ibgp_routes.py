"""How long iBGP takes from an anchor's kernel to a router's kernel two hops away.

Run as root:

    .venv/bin/python benchmarks/ibgp_routes.py [--count 10000] [--singles 20] [--as-they-come]

Method: two anchors with BIRD, a router before each, an ingress behind both, a reflector beside
the ingress; real daemons in network namespaces of one machine, on the files of `dmm export`.

    anchor-a - left \\
                     edge - reflector
    anchor-b - right/

The anchors announce by setting routes in their kernels (`ANNOUNCED_TABLE`), as the daemon does.
A netlink socket in edge's namespace hears of its routes; sending and hearing are of one process
and its monotonic clock, which begins before the first route is handed to the anchor's kernel.

- one: `--singles` host routes one after the other, announced by one anchor; then each moved, that
  is announced by the other with the next number, until edge points there. Median (99th percentile
  or maximum).
- bulk: `--count` host routes announced at once by one anchor, moved at once to the other, then
  withdrawn by both: seconds until the last has changed at edge. One run.
- deleted: routes that edge's kernel reported as deleted while they were moved, of all moved.
- memory: what the resident set of the reflector's and edge's daemons has grown by for each route.

`--as-they-come` leaves out the settings we recommend for FRR (`--v6-rr-semantics`,
`zebra work-queue 0`) and BIRD (`netlink rx buffer`).
"""

import argparse
import contextlib
import ipaddress
import os
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from opendmm.constellation.deployment import Deployment
from opendmm.constellation.file import ConstellationFile
from opendmm.constellation.resolve import deployment
from opendmm.forwarding.kernel.forms import announcement_form
from opendmm.forwarding.netlink.attributes import parse
from opendmm.forwarding.netlink.route import (
    RTM_DELROUTE,
    RTM_NEWROUTE,
    RTMSG,
    TABLE_MAIN,
    RouteAttribute,
    delete_route,
    put_route,
)
from opendmm.forwarding.netlink.socket import NetlinkSocket
from opendmm.lab.errors import LabError
from opendmm.lab.guardian import appoint
from opendmm.lab.namespaces import claim, inside
from opendmm.lab.network import LabNetwork
from opendmm.lab.processes import end
from opendmm.lab.routers import Routers
from opendmm.model.rules import Announce

ENVIRONMENT_LACKS = 4
IPV6_ROUTES = 0x400
"""Of the multicast groups of rtnetlink: RTMGRP_IPV6_ROUTE."""
SO_RCVBUFFORCE = 33
HEADER = struct.Struct("=IHHII")
PATIENCE = 120.0
ANCHOR = ["FE_MA_C", "FE_MU_C", "FE_MCTX", "FE_E", "FE_I", "FE_IEC"]
COMBINATIONS = [
    ("bird", "bird"),
    ("bird", "frr"),
    ("frr", "bird"),
    ("frr", "frr"),
    ("gobgp", "bird"),
    ("gobgp", "frr"),
]
"""Software of the reflector, and of the three routers."""
FIRST = int(ipaddress.IPv6Address("2001:db8:a::1:0"))
SINGLES, BULK = 0, 1 << 16
"""Where the host routes of the two parts begin."""


def network(reflector: str, router: str, *, recommended: bool) -> Deployment:
    """The constellation of the docstring."""
    file = {
        "constellation": f"routes-{os.getpid()}",
        "nodes": {
            "edge": {"router": router},
            "left": {"router": router},
            "right": {"router": router},
            "reflector": {"router": reflector},
            "anchor-a": {"entities": ANCHOR, "pools": ["2001:db8:a::/48"]},
            "anchor-b": {"entities": ANCHOR, "pools": ["2001:db8:b::/48"]},
        },
        "links": [
            {"between": ["anchor-a", "left"]},
            {"between": ["anchor-b", "right"]},
            {"between": ["left", "edge"]},
            {"between": ["right", "edge"]},
            {"between": ["edge", "reflector"]},
        ],
        "bgp": {
            "reflectors": ["reflector"],
            "recommended": recommended,
            "max_prefixes": 1_000_000,
        },
        "mobile_nodes": {"mn": {"home": "anchor-a", "prefixes": ["2001:db8:a::/64"]}},
    }
    return deployment(msgspec.convert(file, ConstellationFile))


class Watch(threading.Thread):
    """What becomes of host routes in a namespace's main table, with the time it was heard of."""

    def __init__(self, namespace: str) -> None:
        super().__init__(daemon=True)
        with inside(namespace):
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 256 << 20)
        self._socket.bind((0, IPV6_ROUTES))
        self._socket.settimeout(0.5)
        self._over = False
        self.heard: list[tuple[float, int, bytes]] = []
        self.start()

    def run(self) -> None:
        while not self._over:
            try:
                data = self._socket.recv(1 << 18)
            except TimeoutError:
                continue
            now, offset = time.monotonic(), 0
            while offset < len(data):
                size, kind, *_ = HEADER.unpack_from(data, offset)
                if kind in (RTM_NEWROUTE, RTM_DELROUTE):
                    self.heard.append((now, kind, data[offset + HEADER.size : offset + size]))
                offset += (size + 3) & ~3

    def close(self) -> None:
        self._over = True
        self.join()
        self._socket.close()

    def events(self, since: int = 0) -> Iterator[tuple[float, int, bytes]]:
        """Of host routes in the main table: time, kind, destination."""
        for now, kind, body in self.heard[since:]:
            _, length, _, _, table, *_ = RTMSG.unpack_from(body)
            if length == 128 and table == TABLE_MAIN:
                yield now, kind, parse(body[RTMSG.size :])[RouteAttribute.DESTINATION]


class Speaking:
    """An anchor's kernel, from which BIRD learns."""

    def __init__(self, namespace: str) -> None:
        with inside(namespace):
            self._socket = NetlinkSocket()

    def announce(self, hosts: list[bytes], number: int) -> None:
        form = announcement_form(Announce(number))
        self._socket.execute([put_route(host, 128, form) for host in hosts])

    def withdraw(self, hosts: list[bytes], number: int) -> None:
        form = announcement_form(Announce(number))
        self._socket.execute([delete_route(host, 128, form) for host in hosts])


class Scene:
    """The network, up, with the two anchors to speak and edge to hear."""

    def __init__(self, made: Deployment) -> None:
        self.namespaces = claim(made.name)
        self._guardian = appoint(self.namespaces)
        self.network = LabNetwork(made, self.namespaces)
        self.routers = Routers(made, self.namespaces)
        self.network.build(Path("/nowhere"))
        self.routers.start()
        self.watch = Watch(self.namespaces.name("edge"))
        self.a, self.b = (Speaking(self.namespaces.name(n)) for n in ("anchor-a", "anchor-b"))

    def close(self) -> None:
        self.routers.stop()
        self.network.close()
        self.namespaces.remove()
        self.watch.close()
        end(self._guardian)

    def until(self, doing: Callable[[], None], kind: int, hosts: list[bytes]) -> tuple[float, int]:
        """Seconds from before `doing` until edge's kernel has told of `kind` for each host, and
        how many of them it reported as deleted meanwhile. Raises LabError."""
        since, wanted = len(self.watch.heard), set(hosts)
        start = last = time.monotonic()
        doing()
        seen, deleted = since, set()
        while wanted:
            heard = len(self.watch.heard)
            for now, what, host in self.watch.events(seen):
                if what == kind and host in wanted:
                    wanted.discard(host)
                    last = now
                if what == RTM_DELROUTE:
                    deleted.add(host)
            seen = heard
            if time.monotonic() - start > PATIENCE:
                raise LabError(f"{len(wanted)} of {len(hosts)} routes have not arrived")
            time.sleep(0.0002 if len(hosts) == 1 else 0.01)
        return last - start, len(deleted)

    def resident(self, node: str) -> int:
        """Octets of memory of a node's routing daemons."""
        listed = subprocess.run(
            ["ip", "netns", "pids", self.namespaces.name(node)], capture_output=True, text=True
        )
        return sum(_resident(int(pid)) for pid in listed.stdout.split())


def _resident(pid: int) -> int:
    with contextlib.suppress(FileNotFoundError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return 0


def hosts(first: int, count: int) -> list[bytes]:
    """Consecutive host addresses of anchor-a's pool."""
    return [(FIRST + first + n).to_bytes(16, "big") for n in range(count)]


def measure(scene: Scene, singles: int, count: int) -> dict[str, Any]:
    """The figures of one combination, in milliseconds and seconds."""
    announced, moved, deleted = [], [], 0
    for host in hosts(SINGLES, singles):
        one = [host]
        announced.append(scene.until(partial(scene.a.announce, one, 1), RTM_NEWROUTE, one)[0])
        time.sleep(0.05)
        took, gone = scene.until(partial(scene.b.announce, one, 2), RTM_NEWROUTE, one)
        moved.append(took)
        deleted += gone
        time.sleep(0.05)
    before = {node: scene.resident(node) for node in ("reflector", "edge")}
    many = hosts(BULK, count)
    here, _ = scene.until(partial(scene.a.announce, many, 1), RTM_NEWROUTE, many)
    grown = {node: (scene.resident(node) - before[node]) / count for node in before}
    there, gone = scene.until(partial(scene.b.announce, many, 2), RTM_NEWROUTE, many)
    time.sleep(1.0)
    since = len(scene.watch.heard)
    scene.a.withdraw(many, 1)
    time.sleep(2.0)
    disturbed = sum(1 for _ in scene.watch.events(since))
    away, _ = scene.until(partial(scene.b.withdraw, many, 2), RTM_DELROUTE, many)
    return {
        "announced": [1e3 * t for t in announced],
        "moved": [1e3 * t for t in moved],
        "bulk": (here, there, away),
        "deleted": deleted + gone,
        "disturbed": disturbed,
        "grown": grown,
    }


def shown(found: dict[str, Any], singles: int, count: int) -> str:
    """One line of the table."""
    one = "  ".join(
        f"{statistics.median(found[what]):7.1f} ({max(found[what]):.1f})".rjust(18)
        for what in ("announced", "moved")
    )
    bulk = "  ".join(f"{seconds:7.2f}" for seconds in found["bulk"])
    grown = "  ".join(f"{octets:7.0f}" for octets in found["grown"].values())
    gone = f"{found['deleted']}/{singles + count}"
    return f"{one}  {bulk}  {gone:>12}  {found['disturbed']:>9}  {grown}"


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--count", type=int, default=10_000)
    options.add_argument("--singles", type=int, default=20)
    options.add_argument("--as-they-come", action="store_true")
    options.add_argument("--only", help="one combination, like bird/frr")
    given = options.parse_args()
    if os.geteuid() != 0:
        print("needs root", file=sys.stderr)
        sys.exit(ENVIRONMENT_LACKS)
    print(
        f"iBGP, anchor's kernel to ingress' kernel, routers "
        f"{'as they come' if given.as_they_come else 'as recommended'}: one route in ms, median "
        f"(max) of {given.singles}; {given.count} at once in s; octets a route\n"
        f"{'reflector/routers':>17}  {'one announced':>18}  {'one moved':>18}  announce     move"
        "  withdraw  deleted  disturbed  reflector  edge"
    )
    for reflector, router in COMBINATIONS:
        name = f"{reflector}/{router}"
        if given.only in (None, name):
            with contextlib.closing(
                Scene(network(reflector, router, recommended=not given.as_they_come))
            ) as scene:
                found = measure(scene, given.singles, given.count)
            print(f"{name:>17}  {shown(found, given.singles, given.count)}", flush=True)


if __name__ == "__main__":
    main()
