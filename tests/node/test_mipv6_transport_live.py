"""Packets of Mobile IPv6 between two kernels that know nothing of it."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
from ipaddress import IPv6Address
from pathlib import Path

import msgspec
import pytest
from namespaces import inside, namespaces, sh, veth
from wiretap import dissected, recorded

from opendmm.bindings.mipv6.config import MipConfig
from opendmm.bindings.mipv6.node import MobileIpv6Node, Wanted
from opendmm.bindings.mipv6.packet import Packet
from opendmm.bindings.mipv6.sending import PacketSender
from opendmm.bindings.mipv6.transport import PacketTransport
from opendmm.bindings.mipv6.wire_form import assemble
from opendmm.model.identity import NodeId
from opendmm.wire.mobility.binding import BindingAcknowledgement, BindingUpdate
from opendmm.wire.mobility.codec import encode
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import (
    MOBILITY_HEADER,
    BindingAcknowledgementFlags,
    BindingStatus,
    BindingUpdateFlags,
)
from opendmm.wire.mobility.return_routability import CareOfTest, HomeTestInit

pytestmark = pytest.mark.lab

CARE_OF, AGENT = IPv6Address("2001:db8:1::1"), IPv6Address("2001:db8:1::2")
HOME = IPv6Address("2001:db8:9::9")
UPDATE = BindingUpdate(
    sequence=7, flags=BindingUpdateFlags.A | BindingUpdateFlags.H, lifetime=10, options=()
)
ACKNOWLEDGEMENT = BindingAcknowledgement(
    status=BindingStatus.ACCEPTED,
    flags=BindingAcknowledgementFlags(0),
    sequence=7,
    lifetime=10,
    options=(),
)
ERRORS = "icmpv6.type < 128"


class Recorder(MobileIpv6Node):
    """Takes note of what comes, and wants nothing."""

    def __init__(self) -> None:
        super().__init__(MipConfig(node=NodeId("here")))
        self.got: list[Packet] = []

    def receive(self, packet: Packet, now: float) -> list[Wanted]:
        del now
        self.got.append(packet)
        return []


class Deaf:
    def receive(self, envelopes: object) -> None: ...

    def peer(self, node: NodeId, reachable: bool) -> None: ...


class End:
    """A transport in a namespace."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.core = Recorder()
        self.transport = PacketTransport("mipv6", self.core, Deaf(), lambda: 0.0)
        with inside(namespace):
            self.transport.listen()
        self.transport.start()

    def send(self, message: MobilityMessage, packet: Packet) -> Packet:
        data = encode(message, packet.sender, packet.receiver)
        whole = msgspec.structs.replace(packet, data=data)
        self.transport.carry_out([whole])
        return whole

    @property
    def got(self) -> list[Packet]:
        return self.core.got


@contextlib.contextmanager
def two_nodes() -> Iterator[tuple[str, str]]:
    with namespaces(2) as (mobile, agent):
        veth(mobile, "agent", agent, "mobile")
        sh(f"ip -n {mobile} link set agent up")
        sh(f"ip -n {agent} link set mobile up")
        sh(f"ip -n {mobile} addr add {CARE_OF}/64 dev agent nodad")
        sh(f"ip -n {agent} addr add {AGENT}/64 dev mobile nodad")
        sh(f"ip netns exec {mobile} ping -6 -c 1 -W 2 {AGENT}")
        yield mobile, agent


@contextlib.asynccontextmanager
async def transports(*nodes: str) -> AsyncIterator[list[End]]:
    ends = [End(node) for node in nodes]
    try:
        yield ends
    finally:
        for end in ends:
            end.transport.close()


async def settled(condition: Callable[[], bool]) -> None:
    """Until it holds, two seconds at most, and a little longer for what comes twice."""
    for _ in range(100):
        if condition():
            break
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.1)


def test_every_form_arrives_once_as_it_was_sent_and_no_kernel_objects(tmp_path: Path) -> None:
    capture = tmp_path / "all.pcap"

    async def exchange(mobile: str, agent: str) -> None:
        async with transports(mobile, agent) as (here, there):
            out = Packet(source=CARE_OF, destination=AGENT, data=b"")
            back = Packet(source=AGENT, destination=CARE_OF, data=b"")
            named = msgspec.structs.replace(out, home_address=HOME)
            routed = msgspec.structs.replace(back, routed_to=HOME)
            both = msgspec.structs.replace(routed, home_address=IPv6Address("2001:db8:8::8"))
            sent = [
                here.send(UPDATE, named),
                here.send(HomeTestInit(cookie=bytes(8)), out),
            ]
            test = CareOfTest(nonce_index=1, cookie=bytes(8), keygen_token=bytes(8))
            answered = [
                there.send(ACKNOWLEDGEMENT, routed),
                there.send(test, back),
                there.send(UPDATE, both),
            ]
            await settled(lambda: len(there.got) == 2 and len(here.got) == 3)

            def by(interface: str, packets: list[Packet]) -> set[Packet]:
                return {msgspec.structs.replace(each, interface=interface) for each in packets}

            assert set(there.got) == by("mobile", sent)
            assert len(there.got) == 2
            assert set(here.got) == by("agent", answered)
            assert len(here.got) == 3

    with two_nodes() as (mobile, agent), recorded(mobile, "agent", capture):
        asyncio.run(exchange(mobile, agent))

    assert dissected(capture, ERRORS) == []
    assert dissected(capture, "_ws.malformed") == []
    chains = dissected(capture, "mipv6", "ipv6.nxt", "ipv6.dstopts.nxt", "ipv6.routing.nxt")
    assert sorted(chains) == [
        ["135", "", ""],
        ["135", "", ""],
        ["43", "", "135"],
        ["43", "135", "60"],
        ["60", "135", ""],
    ]
    homes = dissected(capture, "mipv6 && ipv6.dstopts", "ipv6.opt.mipv6.home_address")
    assert sorted(homes) == [["2001:db8:8::8"], [str(HOME)]]


def test_without_us_the_kernel_refuses_and_so_it_does_again_when_we_are_gone(
    tmp_path: Path,
) -> None:
    """What the interception is for."""
    data = encode(UPDATE, HOME, AGENT)
    update = assemble(CARE_OF, AGENT, MOBILITY_HEADER, data, home_address=HOME)
    routed = assemble(CARE_OF, AGENT, MOBILITY_HEADER, data, routed_to=HOME)

    async def live_and_end(agent: str) -> None:
        async with transports(agent):
            await asyncio.sleep(0)

    async def refused(mobile: str, name: str) -> list[list[str]]:
        capture = tmp_path / name
        with recorded(mobile, "agent", capture):
            with inside(mobile):
                sender = PacketSender()
            sender.send(update)
            sender.send(routed)
            sender.close()
        return dissected(capture, ERRORS, "icmpv6.type", "icmpv6.code")

    with two_nodes() as (mobile, agent):
        before = asyncio.run(refused(mobile, "before.pcap"))
        asyncio.run(live_and_end(agent))
        left = sh(f"ip netns exec {agent} nft list tables")
        after = asyncio.run(refused(mobile, "after.pcap"))

    assert before == after == [["4", "2"], ["4", "0"]]  # unrecognised option, erroneous field
    assert left == ""


def test_the_links_of_a_node_and_its_addresses_may_come_after_it_has_begun() -> None:
    async def exchange(mobile: str, agent: str) -> None:
        async with transports(mobile, agent) as (here, there):
            veth(mobile, "late", agent, "late")
            for node, address in ((mobile, "2001:db8:2::1"), (agent, "2001:db8:2::2")):
                sh(f"ip -n {node} link set late up")
                sh(f"ip -n {node} addr add {address}/64 dev late nodad")
            sh(f"ip netns exec {mobile} ping -6 -c 1 -W 2 2001:db8:2::2")
            packet = Packet(
                source=IPv6Address("2001:db8:2::1"),
                destination=IPv6Address("2001:db8:2::2"),
                data=b"",
                home_address=HOME,
            )
            sent = here.send(UPDATE, packet)
            await settled(lambda: bool(there.got))
            assert there.got == [msgspec.structs.replace(sent, interface="late")]

    with two_nodes() as (mobile, agent):
        asyncio.run(exchange(mobile, agent))


FAR = IPv6Address("2001:db8:ffff::1")
BY_ANOTHER_LINK = ("default dev tunnel metric 10", f"default via {AGENT} dev agent metric 1024")
INTO_A_TUNNEL = (
    "default encap seg6 mode encap.red segs 2001:db8:e::e dev agent metric 10",
    f"2001:db8:e::e via {AGENT} dev agent",
    f"default via {AGENT} dev agent table 100",
)
"""As on a mobile node away from home: only what is from the care-of address goes directly."""


@pytest.mark.parametrize("routes", [BY_ANOTHER_LINK, INTO_A_TUNNEL])
def test_what_names_a_link_leaves_by_it_although_another_default_route_is_preferred(
    routes: tuple[str, ...],
) -> None:
    async def exchange(mobile: str, agent: str) -> None:
        async with transports(mobile, agent) as (here, there):
            packet = Packet(source=HOME, destination=FAR, data=b"")
            here.send(UPDATE, packet)
            await asyncio.sleep(0.2)
            assert there.got == []  # not to FAR itself
            named = Packet(source=CARE_OF, destination=FAR, data=b"", home_address=HOME)
            here.send(UPDATE, msgspec.structs.replace(named, interface="agent"))
            await settled(lambda: bool(there.got))
            assert [(got.source, got.destination) for got in there.got] == [(CARE_OF, FAR)]

    with two_nodes() as (mobile, agent):
        sh(f"ip -n {agent} addr add {FAR}/128 dev lo nodad")
        veth(mobile, "tunnel", mobile, "tunnel-x")
        for link in ("tunnel", "tunnel-x"):
            sh(f"ip -n {mobile} link set {link} up")
        for route in routes:
            sh(f"ip -n {mobile} -6 route add {route}")
        sh(f"ip -n {mobile} -6 rule add from {CARE_OF} table 100")
        asyncio.run(exchange(mobile, agent))


def test_garbage_neither_reaches_the_core_nor_stops_the_transport() -> None:
    data = encode(UPDATE, HOME, AGENT)
    good = assemble(CARE_OF, AGENT, MOBILITY_HEADER, data, home_address=HOME)
    routed = assemble(CARE_OF, AGENT, MOBILITY_HEADER, data, routed_to=HOME)
    loopback = good[:48] + IPv6Address("::1").packed + good[64:]
    too_long = good[:41] + b"\xff" + good[42:]
    none_left = routed[:43] + b"\0" + routed[44:]

    async def exchange(mobile: str, agent: str) -> None:
        async with transports(agent) as (there,):
            with inside(mobile):
                sender = PacketSender()
            for bad in (loopback, too_long, none_left):
                sender.send(bad)
            for length in range(41, len(good)):
                cut = good[:length]
                sender.send(cut[:4] + (length - 40).to_bytes(2, "big") + cut[6:])
            for _ in range(200):
                sender.send(good[:40] + b"\x87" + os.urandom(31))
            sender.send(good)
            sender.close()
            await settled(lambda: any(got.data == data for got in there.got))
            whole = [got for got in there.got if got.data == data]
            assert [got.home_address for got in whole] == [HOME]
            assert all(data.startswith(got.data) for got in there.got)
            assert set(there.transport.refused) <= {"stranger"}

    with two_nodes() as (mobile, agent):
        asyncio.run(exchange(mobile, agent))


def test_a_packet_for_another_node_is_forwarded_untouched(tmp_path: Path) -> None:
    beyond = IPv6Address("2001:db8:3::3")
    packet = assemble(
        CARE_OF, beyond, MOBILITY_HEADER, encode(UPDATE, HOME, beyond), home_address=HOME
    )

    async def pass_through(mobile: str, agent: str) -> list[Packet]:
        async with transports(agent) as (there,):
            with inside(mobile):
                sender = PacketSender()
            sender.send(packet)
            sender.close()
            await asyncio.sleep(0.3)
            return there.got

    capture = tmp_path / "beyond.pcap"
    with two_nodes() as (mobile, agent):
        with inside(agent):
            Path("/proc/sys/net/ipv6/conf/all/forwarding").write_text("1")
        sh(f"ip -n {mobile} -6 route add default via {AGENT}")
        sh(f"ip -n {agent} link add beyond type veth peer name beyond-x")
        for link in ("beyond", "beyond-x"):
            sh(f"ip -n {agent} link set {link} up")
        sh(f"ip -n {agent} -6 neigh add {beyond} lladdr 02:00:00:00:00:03 dev beyond")
        sh(f"ip -n {agent} -6 route add {beyond}/128 dev beyond")
        with recorded(agent, "beyond", capture):
            got = asyncio.run(pass_through(mobile, agent))

    assert got == []
    assert dissected(capture, "mipv6", "ipv6.dst") == [[str(beyond)]]


def test_another_process_cannot_take_the_packets_too() -> None:
    async def twice(agent: str) -> None:
        async with transports(agent):
            with pytest.raises(OSError, match="log group"):
                End(agent)

    with namespaces(1) as (agent,):
        asyncio.run(twice(agent))
