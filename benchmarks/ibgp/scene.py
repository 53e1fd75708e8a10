"""The network of the benchmarks, up, with two anchors to announce and routers to hear.

    anchor-a - left \\
                     edge - reflector
    anchor-b - right/

Real daemons in network namespaces of one machine, on the files of `dmm export`. The anchors
announce with the kernel driver of the product; its daemon does not run.
"""

import ipaddress
import os
import socket
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ibgp.memory import resident
from ibgp.watch import Event, Watch
from opendmm.constellation.bgp import times_to_follow
from opendmm.constellation.deployment import Deployment
from opendmm.constellation.file import ConstellationFile, RouterSoftware
from opendmm.constellation.resolve import deployment
from opendmm.forwarding.kernel import ForwardingUnavailableError, KernelForwarding
from opendmm.lab.errors import LabError
from opendmm.lab.guardian import appoint
from opendmm.lab.namespaces import claim, inside
from opendmm.lab.network import LabNetwork
from opendmm.lab.processes import end
from opendmm.lab.routers import Routers
from opendmm.lab.routing_software import SOFTWARE
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import NodeId
from opendmm.model.rules import EVERYWHERE, Announce, Change, RuleKey, Table
from opendmm.node.role import forwarding_config

ENVIRONMENT_LACKS = 4
PATIENCE = 180.0
"""Seconds for routes to arrive: more than two scans of BIRD."""
ANCHOR = ["FE_MA_C", "FE_MU_C", "FE_MCTX", "FE_E", "FE_I", "FE_IEC"]
FIRST = int(ipaddress.IPv6Address("2001:db8:a::1:0"))
WAY = {"edge": ("left", "right"), "left": ("anchor-a", "edge"), "right": ("edge", "anchor-b")}
"""Where each router's routes lead to: a prefix at anchor-a, and at anchor-b."""


class Layout(msgspec.Struct, frozen=True):
    """Software of the reflector and of the three routers, and how they are set up."""

    reflector: str
    router: str
    recommended: bool = True
    rings: bool = False
    """Anchors tell the routers of moves themselves, the nearest first; else the reflector does."""

    @property
    def name(self) -> str:
        return f"{self.reflector}/{self.router}"


COMBINATIONS = [
    ("bird", "bird"),
    ("bird", "frr"),
    ("frr", "bird"),
    ("frr", "frr"),
    ("gobgp", "bird"),
    ("gobgp", "frr"),
]
"""Software of the reflector, and of the three routers."""


def network(layout: Layout) -> Deployment:
    """The constellation of the docstring."""
    file: dict[str, Any] = {
        "constellation": f"routes-{os.getpid()}",
        "nodes": {
            "edge": {"router": layout.router},
            "left": {"router": layout.router},
            "right": {"router": layout.router},
            "reflector": {"router": layout.reflector},
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
            "recommended": layout.recommended,
            "max_prefixes": 1_000_000,
        },
        "mobile_nodes": {"mn": {"home": "anchor-a", "prefixes": ["2001:db8:a::/64"]}},
    }
    if layout.rings:
        file["reference_points"] = {"R_IC": "bgp", "R_II": "bgp"}
    return deployment(msgspec.convert(file, ConstellationFile))


class Anchor:
    """One that announces: the product's kernel driver in its namespace."""

    def __init__(self, made: Deployment, node: NodeId, namespace: str) -> None:
        self.waits = times_to_follow(made, node)
        self._namespace = namespace
        with inside(namespace):
            self._driver = KernelForwarding(forwarding_config(made, node))
            self._driver.start()

    def announce(self, hosts: Sequence[bytes], number: int, ring: int = EVERYWHERE) -> None:
        self._apply(Change(_slot(host), Announce(number, ring)) for host in hosts)

    def withdraw(self, hosts: Sequence[bytes]) -> None:
        self._apply(Change(_slot(host), None) for host in hosts)

    def close(self) -> None:
        with inside(self._namespace):
            self._driver.close(remove=False)

    def _apply(self, changes: Iterable[Change]) -> None:
        errors = [error for error in self._driver.apply(list(changes)) if error]
        if errors:
            raise LabError(f"{len(errors)} announcements failed, the first: {errors[0]}")


def _slot(host: bytes) -> RuleKey:
    return RuleKey(Table.ANNOUNCEMENT, HomePrefix(host, 128))


class Story(msgspec.Struct, frozen=True):
    """What a router's kernel told about some routes until all were as they should be."""

    seconds: float
    """From before the cause until the last one was."""
    events: list[Event]

    @property
    def deleted(self) -> int:
        """How often one was deleted."""
        return sum(not event.output for event in self.events)

    def back_again(self, before: int, after: int) -> int:
        """How often one led to where it was before once it had led to where it should."""
        followed: set[bytes] = set()
        count = 0
        for event in self.events:
            if event.output == after:
                followed.add(event.host)
            elif event.output == before and event.host in followed:
                count += 1
        return count


class Scene:
    """The network and its daemons. `watched` are the routers whose kernels are listened to."""

    def __init__(self, layout: Layout, watched: Sequence[str] = ("edge",)) -> None:
        self.deployment = network(layout)
        self.namespaces = claim(self.deployment.name)
        self._guardian = appoint(self.namespaces)
        self.network = LabNetwork(self.deployment, self.namespaces)
        self.routers = Routers(self.deployment, self.namespaces)
        self.watches: dict[str, Watch] = {}
        self._anchors: list[Anchor] = []
        try:
            self.network.build(Path("/nowhere"))
            self.routers.start()
            for node in watched:
                self.watches[node] = Watch(self.namespaces.name(node))
            for name in ("anchor-a", "anchor-b"):
                where = self.namespaces.name(name)
                self._anchors.append(Anchor(self.deployment, NodeId(name), where))
        except BaseException:
            self.close()
            raise

    @property
    def a(self) -> Anchor:
        return self._anchors[0]

    @property
    def b(self) -> Anchor:
        return self._anchors[1]

    def close(self) -> None:
        for watch in self.watches.values():
            watch.close()
        for anchor in self._anchors:
            anchor.close()
        self.routers.stop()
        self.network.close()
        self.namespaces.remove()
        end(self._guardian)

    def interface(self, node: str, neighbour: str) -> int:
        """The index of a node's interface to a neighbour."""
        with inside(self.namespaces.name(node)):
            return socket.if_nametoindex(neighbour)

    def way(self, node: str) -> tuple[int, int]:
        """`WAY` by interface."""
        before, after = WAY[node]
        return self.interface(node, before), self.interface(node, after)

    def until(
        self, doing: Callable[[], None], hosts: Sequence[bytes], output: int, node: str = "edge"
    ) -> Story:
        """Do it, and wait until a router's routes to all hosts lead to the interface `output`,
        or are gone (0). Raises LabError when they do not."""
        watch = self.watches[node]
        watch.take()
        events: list[Event] = []
        concerned, wanted = set(hosts), set(hosts)
        start = last = time.monotonic()
        doing()
        while wanted:
            for event in watch.take():
                events.append(event)
                if event.output != output:
                    wanted |= {event.host} & concerned
                elif event.host in wanted:
                    wanted.discard(event.host)
                    last = event.time
            if time.monotonic() - start > PATIENCE:
                raise LabError(f"{len(wanted)} of {len(hosts)} routes are not as they should be")
            time.sleep(0.001 if len(hosts) == 1 else 0.02)
        return Story(last - start, events)

    def resident(self, node: str) -> dict[str, int]:
        """Octets of memory of a node's routing daemons, by program."""
        return resident(self.namespaces.name(node))


def hosts(first: int, count: int) -> list[bytes]:
    """Consecutive host addresses of anchor-a's pool."""
    return [(FIRST + first + n).to_bytes(16, "big") for n in range(count)]


def run(measure: Callable[[], None], layouts: Iterable[Layout], *further: str) -> None:
    """A benchmark's body. Exits where privileges or programs are missing: those of `layouts`, and
    further ones."""
    kinds = {"bird", *(kind for one in layouts for kind in (one.reflector, one.router))}
    programs = (program for kind in kinds for program in SOFTWARE[RouterSoftware(kind)].programs)
    missing = [program for program in (*programs, *further) if not Path(program).exists()]
    if os.geteuid() != 0 or missing:
        what = f"{', '.join(missing)} to be installed" if missing else "root"
        print(f"needs {what}", file=sys.stderr)
        sys.exit(ENVIRONMENT_LACKS)
    try:
        measure()
    except ForwardingUnavailableError as problem:
        print(problem, file=sys.stderr)
        sys.exit(ENVIRONMENT_LACKS)
    except LabError as problem:
        sys.exit(str(problem))
