"""A throwaway network for live forwarding tests: correspondent, ingress, two anchors, mobile.

    cn -- r -- a -- mn
           \\-- b --/        (and a -- b, so that anchors can pass packets on)

Namespaces carry the process number, so runs beside each other do not meet.
"""

import contextlib
import ctypes
import json
import os
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from opendmm.forwarding.kernel import KernelForwarding, NodeForwardingConfig
from opendmm.model.addressing import Egress, HomePrefix, Locator
from opendmm.model.flow import FlowRule
from opendmm.model.identity import NodeId
from opendmm.model.rules import Access, Action, Change, RuleKey, Table

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)
NODES = ("cn", "r", "a", "b", "mn")
LINKS = (("cn", "r"), ("r", "a"), ("r", "b"), ("a", "b"), ("a", "mn"), ("b", "mn"))
CN6, CN4 = "2001:db8:c::2", "10.0.0.1"
HOA6, HOA4 = HomePrefix.parse("2001:db8:a::100"), HomePrefix.parse("10.10.0.100")
HNP6 = HomePrefix.parse("2001:db8:a:1::/64")
POOLS = (HomePrefix.parse("2001:db8:a::/48"), HomePrefix.parse("10.10.0.0/16"))
IN_HNP6 = "2001:db8:a:1::7"
MACS = {"a": bytes.fromhex("020000000a01"), "b": bytes.fromhex("020000000b01")}
LOCATORS = {node: Locator.parse(f"fd00:d:{i}::1") for i, node in enumerate("rab", 1)}
EGRESSES = {node: Egress(NodeId(node), locator) for node, locator in LOCATORS.items()}


def why_not() -> str:
    """What is missing for live tests; empty when nothing is."""
    if os.geteuid() != 0:
        return "needs root, or a user namespace (unshare -Urnm)"
    if not all(shutil.which(tool) for tool in ("ip", "nft")):
        return "needs the tools ip and nft"
    probe = f"fw{os.getpid()}-probe"
    made = subprocess.run(
        ["ip", "netns", "add", probe], capture_output=True, text=True, check=False
    )
    if made.returncode:
        return f"needs network namespaces: {made.stderr.strip()}"
    subprocess.run(["ip", "netns", "del", probe], check=True)
    return ""


class Network:
    """Built at construction; `close` removes every trace."""

    def __init__(self, core_mtu: int = 2000) -> None:
        self.core_mtu = core_mtu
        self.drivers: list[KernelForwarding] = []
        for node in NODES:
            subprocess.run(["ip", "netns", "add", self.name(node)], check=True)
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def _build(self) -> None:
        for node in NODES:
            with self.inside(node):
                _write_sysctls()
        for number, (left, right) in enumerate(LINKS):
            self._link(number, left, right)
        self._addresses()
        self._routes()

    def name(self, node: str) -> str:
        return f"fw{os.getpid()}-{node}"

    @contextlib.contextmanager
    def inside(self, node: str) -> Iterator[None]:
        """This thread in a node's namespace; sockets made there stay there."""
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.name(node)}", os.O_RDONLY)
        try:
            _setns(there)
            yield
        finally:
            _setns(before)
            os.close(there)
            os.close(before)

    def run(self, node: str, *command: str) -> str:
        """Output of a command inside a node."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.name(node), *command],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
        return done.stdout

    def batch(self, node: str, *lines: str) -> None:
        """Several ip commands inside a node."""
        subprocess.run(
            ["ip", "-n", self.name(node), "-batch", "-"],
            input="\n".join(lines),
            text=True,
            check=True,
        )

    def received(self, node: str, interface: str) -> int:
        """Packets that came in by an interface so far."""
        told = json.loads(self.run(node, "ip", "-j", "-s", "link", "show", "dev", interface))
        packets: int = told[0]["stats64"]["rx"]["packets"]
        return packets

    def traces(self, node: str) -> str:
        """Whatever a driver might have left on a node."""
        commands = (
            "ip -6 route show table all proto 173",
            "ip route show table all proto 173",
            "ip nexthop",
            "ip -6 rule | grep 173",
            "ip rule | grep 173",
            "ip neigh show nud permanent",
            "ip -6 neigh show nud permanent",
            "ip -o link | grep dmm-",
            "nft list tables",
        )
        return "".join(self.run(node, "sh", "-c", f"{command} || true") for command in commands)

    def config(
        self, node: str, means: str, *, flows: tuple[FlowRule, ...] = ()
    ) -> NodeForwardingConfig:
        return NodeForwardingConfig(
            node=NodeId(node),
            locator=LOCATORS[node],
            means=means,
            egresses=tuple(EGRESSES.values()),
            anchors=tuple(LOCATORS.values()),
            access_interfaces=("mn",),
            core_mtu=self.core_mtu,
            redirected=POOLS,
            flows=flows,
        )

    def driver(self, config: NodeForwardingConfig) -> KernelForwarding:
        """A started driver on the node that the configuration names."""
        with self.inside(config.node):
            driver = KernelForwarding(config)
            driver.start()
        self.drivers.append(driver)
        return driver

    def drivers_of(
        self, means: str, *, flows: tuple[FlowRule, ...] = ()
    ) -> dict[str, KernelForwarding]:
        """One on each router."""
        return {node: self.driver(self.config(node, means, flows=flows)) for node in "rab"}

    def close(self) -> None:
        for driver in self.drivers:
            driver.close(remove=False)
        for node in NODES:
            subprocess.run(["ip", "netns", "del", self.name(node)], check=False)

    def _link(self, number: int, left: str, right: str) -> None:
        index = 10 + 2 * number  # equal indexes on both ends delay link events
        subprocess.run(
            f"ip -n {self.name(left)} link add name {right} index {index} type veth peer "
            f"name {left} index {index + 1} netns {self.name(right)}".split(),
            check=True,
        )
        core = left in "rab" and right in "rab"
        mtu = self.core_mtu if core else 1500
        if right == "mn":
            mac = MACS[left].hex(":")
            self.batch(right, f"link set dev {left} address {mac}")
        self.batch(left, f"link set dev {right} mtu {mtu} up")
        self.batch(right, f"link set dev {left} mtu {mtu} up")
        if right != "mn":
            self.batch(
                left,
                f"addr add fd00:c:{number}::1/64 dev {right} nodad",
                f"addr add 10.254.{number}.1/24 dev {right}",
            )
            self.batch(
                right,
                f"addr add fd00:c:{number}::2/64 dev {left} nodad",
                f"addr add 10.254.{number}.2/24 dev {left}",
            )

    def _addresses(self) -> None:
        for node in NODES:
            self.batch(node, "link set lo up")
        self.batch("cn", f"addr add {CN6}/128 dev lo nodad", f"addr add {CN4}/32 dev lo")
        for node, locator in LOCATORS.items():
            self.batch(node, f"addr add {locator}/128 dev lo nodad")
        self.batch(
            "mn",
            f"addr add {HOA6} dev lo nodad",
            f"addr add {HOA4} dev lo",
            f"addr add {IN_HNP6}/128 dev lo nodad",
        )
        for anchor in "ab":
            self.batch(anchor, "addr add fe80::1/64 dev mn nodad", "addr add 169.254.0.1/32 dev mn")
            self.batch("mn", f"addr add fe80::2/64 dev {anchor} nodad")

    def _routes(self) -> None:
        six, four = "fd00:c:{}::{}", "10.254.{}.{}"

        def default(link: int, end: int, device: str) -> list[str]:
            return [
                f"route add default via {six.format(link, end)} dev {device}",
                f"route add default via {four.format(link, end)} dev {device}",
            ]

        self.batch("cn", *default(0, 2, "r"))
        self.batch(
            "r",
            f"route add {CN6}/128 via fd00:c:0::1",
            f"route add {CN4}/32 via 10.254.0.1",
            "route add fd00:d:2::/64 via fd00:c:1::2",
            "route add fd00:d:3::/64 via fd00:c:2::2",
            "route add 2001:db8:a::/48 via fd00:c:1::2",
            "route add 10.10.0.0/16 via 10.254.1.2",
        )
        self.batch("a", *default(1, 1, "r"), "route add fd00:d:3::/64 via fd00:c:3::2")
        self.batch("b", *default(2, 1, "r"), "route add fd00:d:2::/64 via fd00:c:3::1")
        self.mobile_uses("a")

    def mobile_uses(self, anchor: str) -> None:
        """The mobile node sends by this anchor from now on."""
        self.batch(
            "mn",
            f"route replace default via fe80::1 dev {anchor} src {HOA6.address}",
            f"route replace default via 169.254.0.1 dev {anchor} onlink src {HOA4.address}",
        )


def _setns(handle: int) -> None:
    if LIBC.setns(handle, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def _write_sysctls() -> None:
    for scope in ("all", "default"):
        for name, value in (
            (f"ipv6/conf/{scope}/forwarding", "1"),
            (f"ipv6/conf/{scope}/accept_dad", "0"),
            (f"ipv4/conf/{scope}/forwarding", "1"),
            (f"ipv4/conf/{scope}/rp_filter", "0"),
        ):
            Path(f"/proc/sys/net/{name}").write_text(value)


def downlink(prefix: HomePrefix) -> RuleKey:
    return RuleKey(Table.DOWNLINK, prefix)


def egress(prefix: HomePrefix) -> RuleKey:
    return RuleKey(Table.EGRESS, prefix)


def access(anchor: str) -> Access:
    """Delivery to the mobile node, at an anchor."""
    return Access("mn", MACS[anchor])


def change(driver: KernelForwarding, key: RuleKey, action: Action | None) -> None:
    """One change that must succeed."""
    assert driver.apply([Change(key, action)]) == [""]


class Arrival(msgspec.Struct, frozen=True):
    """A probe's number and the interface (of the receiver) it came in by."""

    number: int
    interface: int


class Probes:
    """Numbered UDP datagrams from one node to an address on another, at a steady rate."""

    def __init__(
        self,
        network: Network,
        sender: str,
        receiver: str,
        *,
        source: str,
        destination: str,
        interval: float = 0.001,
    ) -> None:
        family = socket.AF_INET6 if ":" in destination else socket.AF_INET
        with network.inside(receiver):
            self._in = socket.socket(family, socket.SOCK_DGRAM)
        with network.inside(sender):
            self._out = socket.socket(family, socket.SOCK_DGRAM)
        if family == socket.AF_INET6:
            self._in.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        else:
            self._in.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO
        self._in.bind((destination, 0))
        self._in.settimeout(0.1)
        self._out.bind((source, 0))
        self._to = (destination, self._in.getsockname()[1])
        self._interval = interval
        self._stop = threading.Event()
        self.sent = 0
        self.refused = 0
        self.arrivals: list[Arrival] = []
        self._threads = [threading.Thread(target=t) for t in (self._receive, self._send)]

    def __enter__(self) -> "Probes":
        for thread in self._threads:
            thread.start()
        time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        time.sleep(0.1)
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._in.close()
        self._out.close()

    @property
    def port(self) -> int:
        """That the datagrams are sent to."""
        port: int = self._to[1]
        return port

    @property
    def lost(self) -> int:
        return self.sent - len({arrival.number for arrival in self.arrivals})

    def _send(self) -> None:
        due = time.monotonic()
        while not self._stop.is_set():
            try:
                self._out.sendto(struct.pack(">I", self.sent), self._to)
            except OSError:
                self.refused += 1  # an ICMP error came back
            self.sent += 1
            due += self._interval
            time.sleep(max(0.0, due - time.monotonic()))

    def _receive(self) -> None:
        while True:
            try:
                data, extra, _, _ = self._in.recvmsg(64, 256)
            except TimeoutError:
                if self._stop.is_set():
                    return
                continue
            (number,) = struct.unpack(">I", data)
            level, _, info = extra[0]
            offset = 16 if level == socket.IPPROTO_IPV6 else 0
            (interface,) = struct.unpack_from("=i", info, offset)
            self.arrivals.append(Arrival(number, interface))

    def interfaces(self) -> set[int]:
        return {arrival.interface for arrival in self.arrivals}
