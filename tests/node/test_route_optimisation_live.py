"""Payload by optimised routes, between two kernels without Mobile IPv6."""

import asyncio
import contextlib
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from ipaddress import IPv6Address
from pathlib import Path

import pytest
from namespaces import inside, namespaces, sh, veth
from wiretap import dissected, recorded

from opendmm.bindings.mipv6.outputs import End, Optimise, Restore
from opendmm.bindings.mipv6.sending import PacketSender
from opendmm.bindings.mipv6.wire_form import assemble
from opendmm.node.route_optimisation.data_path import OptimisedRoutes

pytestmark = pytest.mark.lab

HOME, CORRESPONDENT = IPv6Address("2001:db8:9::9"), IPv6Address("2001:db8:c::c")
FIRST, SECOND = IPv6Address("2001:db8:1::1"), IPv6Address("2001:db8:2::1")
UDP = 17
PORT = 9000
Pairs = list[tuple[IPv6Address, IPv6Address]]


class Reports:
    """What the procedures would hear."""

    def __init__(self) -> None:
        self.conversations: list[tuple[IPv6Address, IPv6Address]] = []
        self.uses: list[tuple[IPv6Address, IPv6Address]] = []
        self.strangers: list[tuple[IPv6Address, IPv6Address, IPv6Address]] = []

    def communicates(self, home_address: IPv6Address, correspondent: IPv6Address) -> None:
        self.conversations.append((home_address, correspondent))

    def used(self, correspondent: IPv6Address, home_address: IPv6Address) -> None:
        self.uses.append((correspondent, home_address))

    def unbound(
        self, source: IPv6Address, correspondent: IPv6Address, home_address: IPv6Address
    ) -> None:
        self.strangers.append((source, correspondent, home_address))


class Node:
    """A data path in a namespace."""

    def __init__(self, namespace: str, end: End) -> None:
        self.namespace = namespace
        self.end = end
        self.reports = Reports()
        own = [HOME] if end is End.MOBILE_NODE else []
        self.routes = OptimisedRoutes(own)
        with inside(namespace):
            self.routes.start(self.reports)

    def optimise(self, care_of: IPv6Address) -> None:
        with inside(self.namespace):
            self.routes.optimise(
                Optimise(
                    end=self.end,
                    home_address=HOME,
                    correspondent=CORRESPONDENT,
                    care_of=care_of,
                )
            )

    def restore(self) -> None:
        self.routes.restore(Restore(end=self.end, home_address=HOME, correspondent=CORRESPONDENT))


@contextlib.contextmanager
def network() -> Iterator[tuple[str, str, str]]:
    """A mobile node with two links to a router, which knows the home address as if it were a home
    agent, and a correspondent behind that."""
    with namespaces(3) as (mobile, router, correspondent):
        with inside(router):
            Path("/proc/sys/net/ipv6/conf/all/forwarding").write_text("1")
        for metric, (name, care_of) in enumerate((("first", FIRST), ("second", SECOND)), 1024):
            veth(mobile, name, router, name)
            sh(f"ip -n {mobile} link set {name} up")
            sh(f"ip -n {router} link set {name} up")
            sh(f"ip -n {mobile} addr add {care_of}/64 dev {name} nodad")
            sh(f"ip -n {router} addr add {care_of + 1}/64 dev {name} nodad")
            sh(f"ip -n {mobile} -6 route add default via {care_of + 1} dev {name} metric {metric}")
        veth(correspondent, "out", router, "in")
        sh(f"ip -n {correspondent} link set out up")
        sh(f"ip -n {router} link set in up")
        sh(f"ip -n {correspondent} addr add {CORRESPONDENT}/64 dev out nodad")
        sh(f"ip -n {router} addr add {CORRESPONDENT + 1}/64 dev in nodad")
        sh(f"ip -n {correspondent} -6 route add default via {CORRESPONDENT + 1}")
        sh(f"ip -n {mobile} addr add {HOME}/128 dev lo nodad")
        sh(f"ip -n {router} -6 route add {HOME}/128 via {FIRST} dev first")
        sh(f"ip netns exec {mobile} ping -6 -c 1 -W 2 -I {HOME} {CORRESPONDENT}")
        yield mobile, router, correspondent


@contextlib.asynccontextmanager
async def optimising(mobile: str, correspondent: str) -> AsyncIterator[tuple[Node, Node]]:
    nodes = [Node(mobile, End.MOBILE_NODE)]
    try:
        nodes.append(Node(correspondent, End.CORRESPONDENT))
        yield nodes[0], nodes[1]
    finally:
        for node in nodes:
            node.routes.close()


def udp_socket(namespace: str, own: IPv6Address, peer: IPv6Address) -> socket.socket:
    with inside(namespace):
        made = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    made.setblocking(False)
    made.bind((str(own), PORT))
    made.connect((str(peer), PORT))
    return made


class Probes:
    """Numbered datagrams, a thousand a second each way, on connected sockets."""

    def __init__(self, mobile: str, correspondent: str) -> None:
        self.ends = (
            udp_socket(mobile, HOME, CORRESPONDENT),
            udp_socket(correspondent, CORRESPONDENT, HOME),
        )
        self.sent = 0
        self.got: tuple[list[int], list[int]] = ([], [])

    async def run(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        for end, got in zip(self.ends, self.got, strict=True):
            loop.add_reader(end, self._read, end, got)
        started = loop.time()
        while (elapsed := loop.time() - started) < seconds:
            while self.sent < elapsed * 1000:
                for end in self.ends:
                    end.send(self.sent.to_bytes(4, "big") + bytes(96))
                self.sent += 1
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.3)
        for end in self.ends:
            loop.remove_reader(end)
            end.close()

    def _read(self, end: socket.socket, got: list[int]) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                got.append(int.from_bytes(end.recv(2000)[:4], "big"))


async def tcp_stream(mobile: str, correspondent: str, octets: int) -> int:
    """From the mobile node; how many arrive."""
    loop = asyncio.get_running_loop()
    with inside(correspondent):
        door = socket.create_server((str(CORRESPONDENT), PORT), family=socket.AF_INET6)
    with inside(mobile):
        sending = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    for each in (door, sending):
        each.setblocking(False)
    sending.bind((str(HOME), 0))
    await loop.sock_connect(sending, (str(CORRESPONDENT), PORT))
    receiving, _ = await loop.sock_accept(door)

    async def send() -> None:
        for _ in range(octets // 10_000):
            await loop.sock_sendall(sending, bytes(10_000))
            await asyncio.sleep(0.005)
        sending.close()

    pushing = asyncio.create_task(send())
    arrived = 0
    while data := await loop.sock_recv(receiving, 1 << 16):
        arrived += len(data)
    await pushing
    receiving.close()
    door.close()
    return arrived


def test_nothing_is_lost_when_a_route_is_optimised_moved_and_given_up(tmp_path: Path) -> None:
    capture = tmp_path / "way.pcap"

    async def life(mobile: str, correspondent: str) -> Probes:
        async with optimising(mobile, correspondent) as (here, there):
            probes = Probes(mobile, correspondent)
            probing = asyncio.create_task(probes.run(3.0))
            streaming = asyncio.create_task(tcp_stream(mobile, correspondent, 2_000_000))
            await asyncio.sleep(0.5)
            there.optimise(FIRST)
            here.optimise(FIRST)
            await asyncio.sleep(0.7)
            here.restore()  # until the correspondent acknowledges
            await asyncio.sleep(0.05)
            there.optimise(SECOND)
            await asyncio.sleep(0.05)
            here.optimise(SECOND)
            await asyncio.sleep(0.7)
            here.restore()
            await asyncio.sleep(0.05)
            there.restore()
            await probing
            assert await streaming == 2_000_000
            assert here.routes.counters.lost == there.routes.counters.lost == 0
            assert there.reports.strangers == []
        return probes

    with network() as (mobile, _router, correspondent):
        with recorded(correspondent, "out", capture):
            probes = asyncio.run(life(mobile, correspondent))
        left = [
            sh(f"ip netns exec {node} {asked}")
            for node in (mobile, correspondent)
            for asked in (
                "nft list tables",
                "ip -6 route show table 7305",
                "ip -br link show type tun",
            )
        ]
        rules = [sh(f"ip -n {node} -6 rule") for node in (mobile, correspondent)]

    for got in probes.got:
        assert sorted(got) == list(range(probes.sent))
    outbound = dissected(capture, "udp && ipv6.dstopts", "ipv6.src", "ipv6.opt.mipv6.home_address")
    assert {tuple(each) for each in outbound} == {
        (str(FIRST), str(HOME)),
        (str(SECOND), str(HOME)),
    }
    assert len(outbound) > 1000
    inbound = dissected(capture, "udp && ipv6.routing.type == 2", "ipv6.dst")
    assert len(inbound) > 1000
    assert {each[0] for each in inbound} == {str(FIRST), str(SECOND)}
    assert dissected(capture, "tcp && ipv6.dstopts")
    assert dissected(capture, "tcp && ipv6.routing.type == 2")
    assert dissected(capture, "_ws.malformed") == []
    assert dissected(capture, "icmpv6.type < 128") == []
    assert left == [""] * len(left)
    assert not any("7305" in each for each in rules)


def test_what_no_binding_allows_is_dropped_and_told_and_reaches_nobody(tmp_path: Path) -> None:
    capture = tmp_path / "spoofed.pcap"
    victim = IPv6Address("2001:db8:5::5")

    async def life(mobile: str, correspondent: str) -> tuple[Node, Node, bytes]:
        async with optimising(mobile, correspondent) as (here, there):
            there.optimise(FIRST)
            with inside(correspondent):
                listening = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            listening.setblocking(False)
            listening.bind((str(CORRESPONDENT), PORT))
            with inside(mobile):
                sender = PacketSender()
            for source, home_address in ((SECOND, HOME), (FIRST, victim)):
                datagram = udp(home_address, CORRESPONDENT, b"spoofed")
                sender.send(
                    assemble(source, CORRESPONDENT, UDP, datagram, home_address=home_address)
                )
            good = udp(HOME, CORRESPONDENT, b"honest")
            sender.send(assemble(FIRST, CORRESPONDENT, UDP, good, home_address=HOME))
            sender.send(assemble(FIRST, CORRESPONDENT, UDP, good, routed_to=victim))
            sender.close()
            await asyncio.sleep(0.3)
            got = listening.recv(100)
            with pytest.raises(BlockingIOError):
                listening.recv(100)
            listening.close()
        return here, there, got

    with network() as (mobile, _router, correspondent), recorded(correspondent, "out", capture):
        _, there, got = asyncio.run(life(mobile, correspondent))

    assert got == b"honest"
    assert there.reports.strangers == [
        (SECOND, CORRESPONDENT, HOME),
        (FIRST, CORRESPONDENT, victim),
    ]
    assert there.routes.counters.refused == 3
    assert dissected(capture, "icmpv6.type < 128") == []


def test_a_stream_finds_its_size_where_the_way_is_narrower_than_the_links() -> None:
    async def life(mobile: str, correspondent: str) -> tuple[int, Node]:
        async with optimising(mobile, correspondent) as (here, there):
            there.optimise(FIRST)
            here.optimise(FIRST)
            return await asyncio.wait_for(tcp_stream(mobile, correspondent, 200_000), 20), here

    with network() as (mobile, router, correspondent):
        sh(f"ip -n {router} link set in mtu 1400")
        sh(f"ip -n {correspondent} link set out mtu 1400")
        arrived, here = asyncio.run(life(mobile, correspondent))

    assert arrived == 200_000
    assert here.routes.counters.optimised > 200_000 // 1400


def test_a_mobile_node_is_known_to_communicate_before_and_after_its_route_is_optimised() -> None:
    async def life(mobile: str, correspondent: str) -> tuple[Pairs, Pairs]:
        async with optimising(mobile, correspondent) as (here, there):
            probes = Probes(mobile, correspondent)
            await probes.run(0.1)
            before = list(here.reports.conversations)
            here.reports.conversations.clear()
            there.optimise(FIRST)
            here.optimise(FIRST)
            await asyncio.sleep(0.3)
            await Probes(mobile, correspondent).run(0.1)
            assert here.routes.counters.optimised >= 90
            return before, list(here.reports.conversations)

    with network() as (mobile, _router, correspondent):
        before, after = asyncio.run(life(mobile, correspondent))

    assert set(before) == set(after) == {(HOME, CORRESPONDENT)}
    assert len(before) <= 3


def test_a_care_of_address_that_no_link_has_leaves_everything_as_it_was() -> None:
    async def life(mobile: str, correspondent: str) -> Probes:
        async with optimising(mobile, correspondent) as (here, _there):
            here.optimise(IPv6Address("2001:db8:dead::1"))
            probes = Probes(mobile, correspondent)
            await probes.run(0.2)
            assert here.routes.counters.optimised == 0
            return probes

    with network() as (mobile, _router, correspondent):
        probes = asyncio.run(life(mobile, correspondent))

    assert sorted(probes.got[1]) == list(range(probes.sent))


def udp(source: IPv6Address, destination: IPv6Address, data: bytes) -> bytes:
    """A datagram as transport protocols see it: the checksum is over the home address."""
    head = PORT.to_bytes(2, "big") * 2 + (8 + len(data)).to_bytes(2, "big")
    padded = head + b"\0\0" + data + bytes(len(data) % 2)
    words = source.packed + destination.packed + head[4:] + bytes((0, UDP)) + padded
    return head + (-int.from_bytes(words, "big") % 0xFFFF).to_bytes(2, "big") + data


KILLED = """
import asyncio, time
from ipaddress import IPv6Address
from opendmm.bindings.mipv6.config import MipConfig
from opendmm.bindings.mipv6.node import MobileIpv6Node
from opendmm.bindings.mipv6.outputs import End, Optimise
from opendmm.bindings.mipv6.transport import PacketTransport
from opendmm.node.route_optimisation.data_path import OptimisedRoutes

async def live():
    home = IPv6Address("{home}")
    routes = OptimisedRoutes([home])
    node = MobileIpv6Node(MipConfig(node="here"))
    PacketTransport("mipv6", node, None, time.time, routes).start()
    correspondent, care_of = IPv6Address("{correspondent}"), IPv6Address("{care_of}")
    routes.optimise(Optimise(
        end=End.MOBILE_NODE, home_address=home, correspondent=correspondent, care_of=care_of
    ))
    print("ready", flush=True)
    await asyncio.Event().wait()

asyncio.run(live())
"""


def test_a_daemon_that_is_killed_takes_everything_with_it_but_an_idle_policy_rule() -> None:
    program = KILLED.format(home=HOME, correspondent=CORRESPONDENT, care_of=FIRST)
    route = f"ip -6 route get {CORRESPONDENT} from {HOME}"
    with network() as (mobile, _router, _correspondent):
        here = f"ip netns exec {mobile}"
        daemon = subprocess.Popen(
            [*here.split(), sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
        )
        try:
            assert daemon.stdout is not None
            assert daemon.stdout.readline() == "ready\n"
            before = sh(f"{here} nft list tables"), sh(f"{here} {route}")
        finally:
            daemon.kill()
            daemon.communicate()
        after = sh(f"{here} nft list tables"), sh(f"{here} {route}")
        assert "tun" not in sh(f"{here} ip -br link show type tun")

    assert before[0].count("opendmm-mip6") == 3
    assert "dev dmm-optimised" in before[1]
    assert after[0] == ""
    assert "dev first" in after[1]
