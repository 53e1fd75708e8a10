"""A home agent, a mobile node that is a guest of others, and who writes to it.

    cn -- ha -- ar1 -- mn
          | \\-- ar2 --/
          \\-------- mn      (the home link; or an access link of the home agent's)

Every link of the mobile node has a default route, as a Router Advertisement gives it.
"""

import contextlib
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from ipaddress import IPv6Address
from pathlib import Path

from namespaces import inside, namespaces, sh, veth

from opendmm.forwarding.contract import ForwardingDriver
from opendmm.forwarding.kernel import KernelForwarding, NodeForwardingConfig
from opendmm.model.addressing import Egress, HomePrefix, Locator
from opendmm.model.identity import NodeId
from opendmm.model.rules import Access, Action, Change, RuleKey, Table, Tunnel
from opendmm.node.mobile_node_forwarding import MobileNodeForwarding

HOME, CORRESPONDENT = IPv6Address("2001:db8:a::100"), IPv6Address("2001:db8:c::c")
AGENT = IPv6Address("2001:db8:ff::1")
CARE_OF = {
    "ar1": IPv6Address("2001:db8:1::10"),
    "ar2": IPv6Address("2001:db8:2::10"),
    "ha": IPv6Address("2001:db8:ff::ca:0:1"),
}
"""On the link to each; the home agent's is out of the /64 of its own address."""
HOME_LINK_ID = bytes.fromhex("02000000fe01")
ELSEWHERE = Egress(NodeId("elsewhere"), Locator.parse("2001:db8:ee::1"))
PREFIX, EVERYTHING = HomePrefix(HOME.packed, 128), HomePrefix(bytes(16), 0)
DOWNLINK, EGRESS = RuleKey(Table.DOWNLINK, PREFIX), RuleKey(Table.EGRESS, PREFIX)
UPLINK = RuleKey(Table.UPLINK, EVERYTHING)
ACCESS_MTU, CORE_MTU = 1500, 2000
NODES = ("cn", "ha", "ar1", "ar2", "mn")
OUTER, UDP, DESTINATION_OPTIONS = 41, 17, 60


def locator(address: IPv6Address) -> Locator:
    return Locator(address.packed)


def to_guest(where: str) -> Tunnel:
    """The home agent's tunnel to the mobile node that is a guest of `where`."""
    return Tunnel(locator(CARE_OF[where]), entry=locator(AGENT))


def to_agent(where: str) -> Tunnel:
    """The mobile node's, from there."""
    return Tunnel(locator(AGENT), entry=locator(CARE_OF[where]))


class Network:
    """Names of namespaces, and drivers in two of them."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def agent(
        self, means: str = "srv6", *, filtered: tuple[HomePrefix, ...] = ()
    ) -> KernelForwarding:
        """A started driver of the home agent's, with an ingress filter for prefixes if any."""
        config = NodeForwardingConfig(
            node=NodeId("ha"),
            locator=locator(AGENT),
            means=means,
            egresses=(ELSEWHERE,),
            access_interfaces=("mn",),
            core_mtu=CORE_MTU,
            guests=True,
            source_filter=bool(filtered),
            pools=filtered,
        )
        with inside(self.names["ha"]):
            driver = KernelForwarding(config)
            driver.start()
        return driver

    def mobile(self) -> MobileNodeForwarding:
        """A started driver of the mobile node's."""
        with inside(self.names["mn"]):
            driver = MobileNodeForwarding([HOME], [AGENT])
            driver.start()
        return driver

    def change(self, driver: ForwardingDriver, node: str, actions: dict[RuleKey, Action]) -> None:
        """Changes that must succeed."""
        with inside(self.names[node]):
            errors = driver.apply([Change(key, action) for key, action in actions.items()])
        assert set(errors) == {""}

    def guest(self, agent: KernelForwarding, mobile: MobileNodeForwarding, where: str) -> None:
        """The mobile node is a guest of `where`: its home agent learns that first."""
        self.change(agent, "ha", {DOWNLINK: to_guest(where), EGRESS: to_guest(where)})
        self.change(mobile, "mn", {UPLINK: to_agent(where)})

    def at_home(self, agent: KernelForwarding, mobile: MobileNodeForwarding) -> None:
        access = Access("mn", HOME_LINK_ID)
        self.change(agent, "ha", {DOWNLINK: access, EGRESS: access})
        self.change(mobile, "mn", {UPLINK: Access("ha", b"")})

    def installed(self, driver: ForwardingDriver, node: str) -> dict[RuleKey, Action]:
        """What a driver reads back."""
        with inside(self.names[node]):
            return {rule.key: rule.action for rule in driver.installed()}

    def close(self, driver: ForwardingDriver, node: str, *, remove: bool) -> None:
        with inside(self.names[node]):
            driver.close(remove=remove)

    def run(self, node: str, command: str) -> str:
        return sh(f"ip netns exec {self.names[node]} {command}")

    def state(self, node: str) -> str:
        """All that a driver could have changed, but for numbers that count or run."""
        commands = (
            "ip -6 -N route show table all",
            "ip -N route show table all",
            "ip -6 -N rule",
            "ip -N rule",
            "ip nexthop",
            "ip -br link",
            "ip sr tunsrc show",
            "ip addrlabel",
            "nft list ruleset",
        )
        return "".join(self.run(node, command) for command in commands)

    def dropped(self, node: str) -> int:
        """What the rules that drop have counted."""
        lines = self.run(node, "nft list chain inet opendmm arrivals").splitlines()
        drops = [line for line in lines if line.endswith("drop")]
        assert drops
        return sum(int(line.split("packets ")[1].split()[0]) for line in drops)

    def inject(self, node: str, interface: str, packet: bytes) -> None:
        """Send an IPv6 packet by an interface, to whom the link's other end is."""
        with inside(self.names[node]):
            door = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        peer = self._link_layer_id(interface, node)
        door.sendto(packet, (interface, 0x86DD, 0, 0, peer))
        door.close()

    def exchanged(self, octets: int) -> tuple[int, int]:
        """What arrives at either side when both send so many octets in one TCP session, with no
        step longer than two seconds. The mobile node opens it, from whichever address it is."""
        with inside(self.names["cn"]):
            door = socket.create_server((str(CORRESPONDENT), 0), family=socket.AF_INET6)
        with inside(self.names["mn"]):
            opening = socket.create_connection(door.getsockname()[:2], timeout=2)
        with door, opening, door.accept()[0] as accepted:
            assert accepted.getpeername()[0] == str(HOME)
            accepted.settimeout(2)
            threads = [
                threading.Thread(target=_pour, args=(end, octets)) for end in (opening, accepted)
            ]
            for thread in threads:
                thread.start()
            arrived = _drained(accepted), _drained(opening)
            for thread in threads:
                thread.join()
        return arrived

    def _link_layer_id(self, node: str, interface: str) -> bytes:
        told = self.run(node, f"cat /sys/class/net/{interface}/address")
        return bytes.fromhex(told.strip().replace(":", ""))


@contextlib.contextmanager
def network() -> Iterator[Network]:
    """With each interface named after the node at the other end."""
    with namespaces(len(NODES)) as made:
        names = dict(zip(NODES, made, strict=True))
        for node in ("ha", "ar1", "ar2"):
            with inside(names[node]):
                Path("/proc/sys/net/ipv6/conf/all/forwarding").write_text("1")
        for left, right in (("cn", "ha"), ("ha", "ar1"), ("ha", "ar2")):
            _link(names, left, right, CORE_MTU)
            sh(f"ip -n {names[left]} addr add fe80::1/64 dev {right} nodad")
            sh(f"ip -n {names[right]} addr add fe80::2/64 dev {left} nodad")
        sh(f"ip -n {names['cn']} addr add {CORRESPONDENT}/128 dev lo nodad")
        sh(f"ip -n {names['cn']} -6 route add default via fe80::2 dev ha src {CORRESPONDENT}")
        sh(f"ip -n {names['ha']} addr add {AGENT}/128 dev lo nodad")
        sh(f"ip -n {names['ha']} -6 route add {CORRESPONDENT} via fe80::1 dev cn")
        for metric, router in enumerate(("ar1", "ar2", "ha"), 1024):
            _access_link(names, router, metric)
        sh(f"ip -n {names['mn']} addr add {HOME}/128 dev lo nodad")
        yield Network(names)


def _access_link(names: dict[str, str], router: str, metric: int) -> None:
    care_of, mobile = CARE_OF[router], names["mn"]
    _link(names, router, "mn", ACCESS_MTU)
    sh(f"ip -n {names[router]} addr add fe80::1/64 dev mn nodad")
    if router == "ha":
        sh(f"ip -n {mobile} link set ha address {HOME_LINK_ID.hex(':')}")
        sh(f"ip -n {names['ha']} -6 route add {care_of} dev mn")
    else:
        sh(f"ip -n {names[router]} addr add {care_of + 1}/64 dev mn nodad")
        sh(f"ip -n {names[router]} -6 route add default via fe80::1 dev ha")
        sh(f"ip -n {names['ha']} -6 route add {care_of}/128 via fe80::2 dev {router}")
    length = 128 if router == "ha" else 64  # its own address is not on the link
    sh(f"ip -n {mobile} addr add {care_of}/{length} dev {router} nodad")
    sh(f"ip -n {mobile} -6 route add default via fe80::1 dev {router} metric {metric}")


def _link(names: dict[str, str], left: str, right: str, mtu: int) -> None:
    veth(names[left], right, names[right], left)
    sh(f"ip -n {names[left]} link set {right} mtu {mtu} up")
    sh(f"ip -n {names[right]} link set {left} mtu {mtu} up")


def datagram(source: IPv6Address, destination: IPv6Address, port: int, data: bytes) -> bytes:
    """A UDP datagram in IPv6, as it is on the wire."""
    length = 8 + len(data)
    pseudo = source.packed + destination.packed + struct.pack(">IxxxB", length, UDP)
    head = struct.pack(">HHH", 9, port, length)
    words = pseudo + head + bytes(2) + data + bytes(len(data) % 2)
    checksum = -int.from_bytes(words, "big") % 0xFFFF or 0xFFFF
    return _header(source, destination, UDP, length) + head + struct.pack(">H", checksum) + data


def with_options(packet: bytes, options: bytes) -> bytes:
    """The datagram with a Destination Options header, if any, before UDP."""
    if not options:
        return packet
    length = len(packet) - 40 + len(options)
    source, destination = (IPv6Address(packet[at : at + 16]) for at in (8, 24))
    return _header(source, destination, DESTINATION_OPTIONS, length) + options + packet[40:]


def tunnelled(source: IPv6Address, destination: IPv6Address, inner: bytes) -> bytes:
    """In an outer header (RFC 2473)."""
    return _header(source, destination, OUTER, len(inner)) + inner


def _header(source: IPv6Address, destination: IPv6Address, following: int, length: int) -> bytes:
    return struct.pack(">IHBB", 6 << 28, length, following, 64) + source.packed + destination.packed


class Probes:
    """Numbered datagrams between correspondent and mobile node, a thousand a second each way."""

    def __init__(self, network: Network) -> None:
        ends = (("cn", CORRESPONDENT), ("mn", HOME))
        self._ends = [_udp_socket(network.names[node], address) for node, address in ends]
        self._stop = threading.Event()
        self.sent = 0
        self.got: tuple[list[int], list[int]] = ([], [])
        """What arrived at the correspondent, and at the mobile node."""
        self.refused = 0
        self._threads = [
            threading.Thread(target=self._send),
            *(threading.Thread(target=self._receive, args=(which,)) for which in (0, 1)),
        ]

    def __enter__(self) -> "Probes":
        for thread in self._threads:
            thread.start()
        time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        for end in self._ends:
            end.close()

    @property
    def lost(self) -> tuple[int, int]:
        """Towards the correspondent, and towards the mobile node."""
        up, down = (self.sent - len(set(got)) for got in self.got)
        return up, down

    def _send(self) -> None:
        due = time.monotonic()
        one, other = self._ends
        to_one, to_other = (end.getsockname()[:2] for end in (one, other))
        while not self._stop.is_set():
            for end, to in ((one, to_other), (other, to_one)):
                try:
                    end.sendto(self.sent.to_bytes(4, "big"), to)
                except OSError:
                    self.refused += 1  # an ICMP error came back, or there is no route
            self.sent += 1
            due += 0.001
            time.sleep(max(0.0, due - time.monotonic()))

    def _receive(self, which: int) -> None:
        quiet = False
        while not (quiet and self._stop.is_set()):
            try:
                self.got[which].append(int.from_bytes(self._ends[which].recv(64), "big"))
                quiet = False
            except TimeoutError:
                quiet = True
            except OSError:
                self.refused += 1


def _udp_socket(namespace: str, address: IPv6Address) -> socket.socket:
    with inside(namespace):
        made = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    made.settimeout(0.2)
    made.bind((str(address), 0))
    return made


def _pour(end: socket.socket, octets: int) -> None:
    with contextlib.suppress(TimeoutError):
        end.sendall(bytes(octets))
    end.shutdown(socket.SHUT_WR)


def _drained(end: socket.socket) -> int:
    octets = 0
    with contextlib.suppress(TimeoutError):
        while data := end.recv(1 << 16):
            octets += len(data)
    return octets


@contextlib.contextmanager
def listening(network: Network, node: str, address: IPv6Address) -> Iterator[socket.socket]:
    """A socket for injected datagrams; its `recv` gives up soon."""
    with contextlib.closing(_udp_socket(network.names[node], address)) as made:
        yield made


def heard(listener: socket.socket) -> list[bytes]:
    """What has arrived, in order."""
    found = []
    with contextlib.suppress(TimeoutError):
        while True:
            found.append(listener.recv(64))
    return found


def why_not() -> str:
    """What is missing; empty when nothing is."""
    return "" if os.geteuid() == 0 else "needs root, or a user namespace (unshare -Urnm)"
