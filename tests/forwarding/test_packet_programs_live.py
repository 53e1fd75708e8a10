"""What the packet programs put on the wire and take off it, in throwaway namespaces."""

import ipaddress
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from forwarding_network import (
    CN4,
    CN6,
    EGRESSES,
    HOA4,
    HOA6,
    LOCATORS,
    Network,
    Probes,
    access,
    change,
    downlink,
    egress,
    why_not,
)

from opendmm.forwarding.ebpf import tunnels
from opendmm.forwarding.ebpf.build import SOURCE
from opendmm.forwarding.kernel import ForwardingUnavailableError, conventions, endpoints
from opendmm.forwarding.kernel.driver import KernelForwarding
from opendmm.forwarding.kernel.means.ebpf import DOWNLINK_NETWORK, UPLINK_NETWORK
from opendmm.forwarding.netlink.route import TABLE_MAIN
from opendmm.model.addressing import HomePrefix
from opendmm.model.flow import FlowRule
from opendmm.model.rules import Change, Redirect
from opendmm.wire.lisp.data_header import DataHeader

PROBLEM = why_not()
pytestmark = [pytest.mark.lab, pytest.mark.skipif(bool(PROBLEM), reason=PROBLEM)]

TO = {node: Redirect(e) for node, e in EGRESSES.items()}
LISP_PORT = 4341
ECT, CE, NOT_ECT = 2, 3, 0


class Seen(msgspec.Struct, frozen=True):
    """What a receiver was told of a datagram."""

    data: bytes
    hop_limit: int
    traffic_class: int


@pytest.fixture
def network() -> Iterator[Network]:
    network = Network()
    yield network
    network.close()


def redirected(network: Network, means: str) -> dict[str, KernelForwarding]:
    """From the ingress to anchor a, which delivers."""
    drivers = network.drivers_of(means)
    for prefix in (HOA6, HOA4):
        change(drivers["a"], egress(prefix), access("a"))
        change(drivers["r"], downlink(prefix), TO["a"])
    return drivers


def receiver(network: Network, address: str) -> socket.socket:
    with network.inside("mn"):
        told = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    for option in (socket.IPV6_RECVHOPLIMIT, socket.IPV6_RECVTCLASS):
        told.setsockopt(socket.IPPROTO_IPV6, option, 1)
    told.bind((address, 0))
    told.settimeout(1.0)
    return told


def next_seen(told: socket.socket) -> Seen | None:
    try:
        data, extra, _, _ = told.recvmsg(2048, 256)
    except TimeoutError:
        return None
    numbers = {kind: struct.unpack("=i", packed[:4])[0] for _, kind, packed in extra}
    return Seen(data, numbers[socket.IPV6_HOPLIMIT], numbers[socket.IPV6_TCLASS])


def captured(network: Network, node: str, interface: str, wanted: Callable[[bytes], bool]) -> bytes:
    """The first packet that comes in there and is wanted, after its Ethernet header."""
    with network.inside(node):
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
    with tap:
        tap.bind((interface, 0))
        tap.settimeout(1.0)
        while True:
            packet = tap.recv(4096)[14:]
            if wanted(packet):
                return packet


def inner_datagram(to_port: int, *, ecn: int = NOT_ECT, hop_limit: int = 60) -> bytes:
    """An IPv6 packet of a UDP datagram from the correspondent to the home address."""
    data = b"inside"
    udp = struct.pack(">HHHH", 5000, to_port, 8 + len(data), 0) + data
    source, destination = (ipaddress.IPv6Address(a).packed for a in (CN6, HOA6.address))
    pseudo = source + destination + struct.pack(">II", len(udp), 17)
    total = sum(struct.unpack(f">{len(pseudo + udp) // 2}H", pseudo + udp))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    udp = udp[:6] + struct.pack(">H", ~total & 0xFFFF) + udp[8:]
    first = 6 << 28 | ecn << 20
    return struct.pack(">IHBB", first, len(udp), 17, hop_limit) + source + destination + udp


def tunnel_from_elsewhere(
    network: Network, *, hop_limit: int = 64, traffic_class: int = 0
) -> socket.socket:
    """As a LISP tunnel router of another make would send: from the correspondent's host."""
    with network.inside("cn"):
        out = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    out.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, hop_limit)
    out.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, traffic_class)
    out.bind((CN6, 0))
    out.connect((str(LOCATORS["a"]), LISP_PORT))
    return out


def test_its_numbers_are_those_of_the_rest() -> None:
    told = dict(re.findall(r"#define (\w+) (0x\w+|\d+)$", SOURCE.read_text(), re.MULTILINE))
    numbers = {name: int(value, 0) for name, value in told.items()}
    assert numbers["EGRESS_MARK"] == conventions.EGRESS_MARK
    assert numbers["NATIVE_MARK"] == conventions.NATIVE_MARK
    assert numbers["LISP_PORT"] == conventions.LISP_PORT
    assert numbers["UPLINK_NETWORK"] == UPLINK_NETWORK != DOWNLINK_NETWORK
    assert numbers["TABLE_MAIN"] == TABLE_MAIN
    assert numbers["LENGTHS"] == tunnels.LENGTHS_AT_MOST
    assert (numbers["FAMILY_IPV4"], numbers["FAMILY_IPV6"]) == (
        tunnels.FAMILY_IPV4,
        tunnels.FAMILY_IPV6,
    )
    for downlink_end, uplink_end in (
        (endpoints.IPV6_END, endpoints.UPLINK_IPV6_END),
        (endpoints.IPV4_END, endpoints.UPLINK_IPV4_END),
    ):
        assert uplink_end == downlink_end | numbers["UPLINK_BIT"]


def test_a_lisp_packet_is_as_rfc_9300_has_it(network: Network) -> None:
    redirected(network, "lisp")
    with Probes(network, "cn", "mn", source=CN6, destination=HOA6.address):
        packet = captured(network, "a", "r", lambda packet: packet[6] == 17)
    first, length, protocol, hop_limit = struct.unpack_from(">IHBB", packet)
    assert (first >> 28, protocol, length) == (6, 17, len(packet) - 40)
    assert packet[8:24] == LOCATORS["r"].address
    assert packet[24:40] == LOCATORS["a"].address
    source, port, udp_length, checksum = struct.unpack_from(">HHHH", packet, 40)
    assert source >= 0xC000
    assert (port, udp_length, checksum) == (LISP_PORT, length, 0)
    header = DataHeader.read(packet[48:56])
    assert header == DataHeader()
    inner = packet[56:]
    assert inner[24:40] == HOA6.network
    assert inner[7] == hop_limit == 63  # copied after the ingress took one off


def test_ip_in_ipv6_is_what_the_kernels_own_segments_take_off(network: Network) -> None:
    """One end by the programs, the other by the kernel's seg6: the same on the wire."""
    drivers = {"r": network.driver(network.config("r", "ebpf"))}
    drivers["a"] = network.driver(network.config("a", "ip-in-ipv6"))
    for prefix, source in ((HOA6, CN6), (HOA4, CN4)):
        change(drivers["a"], egress(prefix), access("a"))
        change(drivers["r"], downlink(prefix), TO["a"])
        with Probes(network, "cn", "mn", source=source, destination=prefix.address) as probes:
            time.sleep(0.1)
        assert probes.lost == 0


@pytest.mark.parametrize("means", ["ebpf", "lisp"])
def test_a_redirection_counts_its_packets_and_an_operator_can_read_them(
    network: Network, means: str
) -> None:
    drivers = redirected(network, means)
    with Probes(network, "cn", "mn", source=CN6, destination=HOA6.address) as probes:
        time.sleep(0.1)
    counted = {counter.key: counter for counter in drivers["r"].counters()}
    assert drivers["r"].capabilities.counters
    assert counted[downlink(HOA6)].packets == probes.sent
    assert counted[downlink(HOA6)].octets == probes.sent * (40 + 8 + 4)
    assert counted[downlink(HOA4)].packets == 0


@pytest.mark.parametrize("means", ["ebpf", "lisp"])
def test_what_is_not_redirected_goes_on_natively_and_one_hop_is_one_hop(
    network: Network, means: str
) -> None:
    drivers = network.drivers_of(means)
    change(drivers["a"], downlink(HOA6), access("a"))
    told = receiver(network, HOA6.address)
    with network.inside("cn"):
        out = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    for _ in range(2):  # the first one finds the neighbours
        out.sendto(b"native", told.getsockname())
        seen = next_seen(told)
    assert seen is not None
    assert seen.hop_limit == 64 - 2


@pytest.mark.parametrize("means", ["ebpf", "lisp"])
def test_a_destination_that_nobody_has_is_told_of_to_its_sender(
    network: Network, means: str
) -> None:
    network.drivers_of(means)
    network.batch("r", "route replace unreachable 2001:db8:a:dead::/64")
    with network.inside("cn"):
        out = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    out.settimeout(1.0)
    out.setsockopt(socket.IPPROTO_IPV6, 25, 1)  # IPV6_RECVERR
    out.connect(("2001:db8:a:dead::1", 9))
    out.send(b"anyone?")
    with pytest.raises(OSError, match=r"No route|unreachable"):
        out.recv(1)


@pytest.mark.parametrize("means", ["ebpf", "lisp"])
def test_a_packet_too_big_for_the_tunnel_is_told_of_to_its_sender(means: str) -> None:
    network = Network(core_mtu=1500)
    try:
        redirected(network, means)
        room = 1500 - {"ebpf": 40, "lisp": 56}[means]
        told = receiver(network, HOA6.address)
        with network.inside("cn"):
            out = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        out.setsockopt(socket.IPPROTO_IPV6, 62, 1)  # IPV6_DONTFRAG
        out.connect(told.getsockname())
        out.send(bytes(room - 48))
        seen = next_seen(told)
        assert seen is not None
        assert len(seen.data) == room - 48
        out.send(bytes(room - 47))
        time.sleep(0.2)
        with pytest.raises(OSError, match="too long"):
            out.send(bytes(room - 47))
        assert out.getsockopt(socket.IPPROTO_IPV6, 24) == room  # IPV6_MTU
    finally:
        network.close()


@pytest.mark.parametrize("means", ["ebpf", "lisp"])
@pytest.mark.parametrize("family", [socket.AF_INET6, socket.AF_INET])
def test_a_stream_in_segments_larger_than_any_link_arrives_whole(
    network: Network, means: str, family: socket.AddressFamily
) -> None:
    drivers = redirected(network, means)
    change(drivers["a"], egress(HOA6), TO["b"])  # a second tunnel on the way
    change(drivers["a"], egress(HOA4), TO["b"])
    for prefix in (HOA6, HOA4):
        change(drivers["b"], egress(prefix), access("b"))
    network.mobile_uses("b")
    address = HOA6.address if family == socket.AF_INET6 else HOA4.address
    with network.inside("mn"):
        listening = socket.create_server((address, 0), family=family)
    with network.inside("cn"):
        out = socket.socket(family, socket.SOCK_STREAM)
    out.settimeout(10)
    content = bytes(range(256)) * 4096
    out.bind((CN6 if family == socket.AF_INET6 else CN4, 0))
    out.connect(listening.getsockname()[:2])
    inside, _ = listening.accept()
    inside.settimeout(10)
    got = bytearray()
    sending = threading.Thread(target=out.sendall, args=(content,))
    sending.start()
    while len(got) < len(content):
        got += inside.recv(1 << 20)
    sending.join()
    assert bytes(got) == content


def test_packets_of_other_tunnel_routers_are_taken_in_whatever_their_header_says(
    network: Network,
) -> None:
    redirected(network, "lisp")
    told = receiver(network, HOA6.address)
    port = told.getsockname()[1]
    out = tunnel_from_elsewhere(network)
    for header in (
        DataHeader(),
        DataHeader(nonce=0x123456),
        DataHeader(nonce=0x123456, echo=True),
        DataHeader(status_bits=5),
        DataHeader(instance=0),
    ):
        out.send(header.packed() + inner_datagram(port))
        seen = next_seen(told)
        assert seen is not None, header
        assert seen.data == b"inside"
    told.settimeout(0.2)
    out.send(DataHeader(instance=77).packed() + inner_datagram(port))
    assert next_seen(told) is None  # another instance's


def test_the_smaller_hop_limit_counts_and_congestion_is_handed_on(network: Network) -> None:
    """RFC 9300 §5.3, RFC 6040 §4.2."""
    redirected(network, "lisp")
    told = receiver(network, HOA6.address)
    port = told.getsockname()[1]

    def sent(outer: socket.socket, inner: bytes) -> Seen | None:
        outer.send(DataHeader().packed() + inner)
        return next_seen(told)

    plain = tunnel_from_elsewhere(network)
    low = tunnel_from_elsewhere(network, hop_limit=9)
    congested = tunnel_from_elsewhere(network, traffic_class=CE)
    seen = sent(plain, inner_datagram(port, hop_limit=30))
    assert seen is not None
    assert seen.hop_limit == 29
    seen = sent(low, inner_datagram(port, hop_limit=30))
    assert seen is not None
    assert seen.hop_limit == 9 - 3  # by r, to the tunnel's end, and on from it
    seen = sent(congested, inner_datagram(port, ecn=ECT))
    assert seen is not None
    assert seen.traffic_class & 3 == CE
    told.settimeout(0.3)
    assert sent(congested, inner_datagram(port, ecn=NOT_ECT)) is None


def test_nothing_comes_out_of_a_tunnel_from_an_access_link(network: Network) -> None:
    redirected(network, "lisp")
    told = receiver(network, HOA6.address)
    with network.inside("mn"):
        out = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    out.bind((HOA6.address, 0))
    inner = inner_datagram(told.getsockname()[1])
    told.settimeout(0.3)
    for node in "arb":
        out.sendto(DataHeader().packed() + inner, (str(LOCATORS[node]), LISP_PORT))
        assert next_seen(told) is None


def test_garbage_at_a_tunnels_end_is_dropped(network: Network) -> None:
    drivers = redirected(network, "lisp")
    told = receiver(network, HOA6.address)
    out = tunnel_from_elsewhere(network)
    told.settimeout(0.1)
    for garbage in (
        b"",
        b"\0" * 7,
        b"\0" * 8,
        b"\xff" * 60,
        DataHeader().packed() + b"\x60" + b"\0" * 5,
    ):
        out.send(garbage)
        assert next_seen(told) is None
    assert {error for d in drivers.values() for error in d.apply([])} == set()


def test_prefixes_of_many_lengths_and_the_longest_counts(network: Network) -> None:
    drivers = network.drivers_of("ebpf")
    wide, narrow = HomePrefix.parse("2001:db8:a::/56"), HOA6
    change(drivers["b"], egress(narrow), access("b"))
    change(drivers["a"], egress(narrow), access("a"))
    change(drivers["r"], downlink(wide), TO["a"])
    change(drivers["r"], downlink(narrow), TO["b"])
    with Probes(network, "cn", "mn", source=CN6, destination=HOA6.address) as probes:
        time.sleep(0.05)
        change(drivers["r"], downlink(narrow), None)
    assert probes.lost == 0
    assert len(probes.interfaces()) == 2
    lengths = [HomePrefix.parse(f"2001:db8:a:80::/{length}") for length in range(57, 64)]
    errors = drivers["r"].apply([Change(downlink(prefix), TO["a"]) for prefix in lengths])
    assert any("8 lengths" in error for error in errors)
    assert [rule.key.prefix for rule in drivers["r"].installed()] == [wide]


def test_where_the_kernel_will_not_have_them_the_same_packets_go_by_its_own_tunnels(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = {"a": network.driver(network.config("a", "ebpf"))}
    monkeypatch.setattr(tunnels, "OBJECT", Path("/nonexistent"))
    ends["r"] = network.driver(network.config("r", "ebpf"))
    assert ends["r"].capabilities.name == "ip-in-ipv6"
    assert "dmm-ebpf" not in network.run("r", "ip", "link")
    change(ends["a"], egress(HOA6), access("a"))
    change(ends["r"], downlink(HOA6), TO["a"])
    with Probes(network, "cn", "mn", source=CN6, destination=HOA6.address) as probes:
        time.sleep(0.1)
    assert probes.lost == 0
    with network.inside("r"):
        reader = KernelForwarding(network.config("r", "ebpf"))
    assert [rule.action for rule in reader.installed()] == [TO["a"]]
    reader.close(remove=False)


def test_without_its_object_file_the_means_says_how_to_build_it(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tunnels, "OBJECT", Path("/nonexistent"))
    with pytest.raises(ForwardingUnavailableError, match=r"make setup.*lisp-gpe"):
        network.driver(network.config("r", "lisp"))


def test_the_map_outlives_the_daemon_and_changes_by_the_batch(network: Network) -> None:
    config = network.config("r", "ebpf")
    first = network.driver(config)
    homes = [HomePrefix.parse(f"2001:db8:a:{i >> 8:x}::{i & 0xFF:x}") for i in range(5000)]
    assert set(first.apply([Change(downlink(home), TO["a"]) for home in homes])) == {""}
    first.close(remove=False)
    second = network.driver(config)
    assert {rule.key.prefix for rule in second.installed()} == set(homes)
    assert set(second.apply([Change(downlink(home), TO["b"]) for home in homes])) == {""}
    assert {rule.action for rule in second.installed()} == {TO["b"]}
    assert set(second.apply([Change(downlink(home), None) for home in homes])) == {""}
    assert second.installed() == []


def test_routes_of_an_earlier_life_with_other_means_are_taken_away(network: Network) -> None:
    network.driver(network.config("r", "srv6")).apply([Change(downlink(HOA6), TO["a"])])
    driver = network.driver(network.config("r", "ebpf"))
    change(driver, downlink(HOA6), TO["a"])
    change(driver, downlink(HOA6), None)
    assert driver.installed() == []
    assert HOA6.address not in network.run("r", "ip", "-6", "route", "show", "table", "all")


def test_removal_takes_the_programs_from_links_of_others(network: Network) -> None:
    driver = network.driver(network.config("r", "lisp"))
    shown = ("tc", "filter", "show", "dev", "cn", "ingress")
    assert "came_in_lisp" in network.run("r", *shown)
    with network.inside("r"):
        driver.close(remove=True)
    assert "came_in" not in network.run("r", *shown)


def test_flows_are_told_apart_so_packets_take_the_long_way(network: Network) -> None:
    network.driver(network.config("r", "lisp", flows=(FlowRule(protocol=17),)))
    assert "came_in" not in network.run("r", "tc", "filter", "show", "dev", "cn", "ingress")
