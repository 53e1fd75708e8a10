"""Mobile IPv6 in the daemon's event loop: packets with a Mobility Header in, and out.

Without extension headers they come by a raw socket (next header 135), also those that the kernel
has taken out of a tunnel; with a Home Address option or a type 2 routing header by interception.
Fragments of either kind never become messages.
"""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable
from ipaddress import IPv6Address

from opendmm.bindings.mipv6.config import MipConfig
from opendmm.bindings.mipv6.data_path import DataPath, Procedures
from opendmm.bindings.mipv6.interception import Interception
from opendmm.bindings.mipv6.links import index_of, name_of
from opendmm.bindings.mipv6.node import MobileIpv6Node, Wanted
from opendmm.bindings.mipv6.outputs import Optimise, Restore
from opendmm.bindings.mipv6.packet import Packet
from opendmm.bindings.mipv6.sending import IN6_PKTINFO, PacketSender
from opendmm.bindings.mipv6.wire_form import assemble, dissect
from opendmm.bindings.mobility.living import Listener, LivingCore, count
from opendmm.bindings.mobility.outputs import STRANGER
from opendmm.bindings.mobility.problems import ParameterProblem
from opendmm.forwarding.netlink.address import dump_addresses, parse_address
from opendmm.forwarding.netlink.socket import NetlinkSocket
from opendmm.model.identity import NodeId
from opendmm.wire.errors import WireError
from opendmm.wire.mobility.numbers import MOBILITY_HEADER

LARGEST = 65_535
ANCILLARY = socket.CMSG_SPACE(IN6_PKTINFO.size)
AT_ONCE = 64
"""Packets taken before the event loop sees to something else."""
FIRST_WAIT, LONGEST_WAIT = 0.001, 0.5
"""Seconds before a packet that there is no way for is tried again, doubling."""
LOOPBACK = 1
"""Its interface index, in every network namespace."""
TABLE = "opendmm-mip6"
GROUP = 7302


class PacketTransport(LivingCore[Wanted]):
    """Lives in one event loop: `start`, then `send` at will, `close` at the end.

    `data_path` may be absent where no route is ever optimised.
    """

    def __init__(
        self,
        name: str,
        core: MobileIpv6Node,
        listener: Listener,
        now: Callable[[], float],
        data_path: DataPath | None = None,
    ) -> None:
        super().__init__(name, core, listener, now)
        self.core = core
        self._data_path = data_path
        self._doors: _Doors | None = None
        self._names = names(core.config)

    def listen(self) -> None:
        """Open the sockets. Raises OSError (CAP_NET_RAW and CAP_NET_ADMIN are needed) and
        NftablesError."""
        self._doors = _Doors()

    def start(self) -> None:
        """Read what comes; listens, where that has not been done. Raises as `listen` does."""
        self._doors = doors = self._doors or _Doors()
        loop = asyncio.get_running_loop()
        loop.add_reader(doors.plain, self._read_plain)
        loop.add_reader(doors.taken, self._read_taken)
        if self._data_path is not None:
            self._data_path.start(Procedures(self.core, self.carry_out, self.now))
        self.begin()

    def close(self) -> None:
        if self._doors is not None:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._doors.plain)
            loop.remove_reader(self._doors.taken)
            self._doors.close()
            self._doors = None
            if self._data_path is not None:
                self._data_path.close()
        self.end()

    def rows(self) -> list[dict[str, object]]:
        """For `dmm show peers`."""
        addresses = {name: address for address, name in reversed(self._names.items())}
        return [
            self.row(peer, str(addresses.get(peer, "")), self.core.reachable(peer))
            for peer in self.core.config.associations
        ]

    def perform(self, one: Wanted) -> None:
        match one:
            case Packet():
                self._transmit(one)
            case ParameterProblem():
                self.report_problem(one)
            case Optimise() if self._data_path is not None:
                self._data_path.optimise(one)
            case Restore() if self._data_path is not None:
                self._data_path.restore(one)

    def _transmit(self, packet: Packet, waited: float = FIRST_WAIT) -> None:
        if self._doors is None:
            return
        peer = self._names.get(packet.receiver, STRANGER)
        try:
            self._doors.send(packet)
        except (OSError, WireError) as problem:
            if _may_pass(problem) and waited < LONGEST_WAIT:
                # A link that has just come up has no router for an instant.
                loop = asyncio.get_running_loop()
                loop.call_later(waited, self._transmit, packet, 2 * waited)
                return
            self.complain("message-unsendable", peer, {"why": f"{packet.receiver}: {problem}"})
            return
        count(self.sent, peer)

    def _read_plain(self) -> None:
        for _ in range(AT_ONCE):
            packet = self._doors.read_plain() if self._doors is not None else None
            if packet is None:
                return
            self._receive(packet)

    def _read_taken(self) -> None:
        for _ in range(AT_ONCE):
            doors = self._doors
            taken = doors.taken.read() if doors is not None else []
            if doors is None or not taken:
                return
            for interface, octets in taken:
                try:
                    packet = doors.packet(octets, interface)
                except WireError as problem:
                    self.complain("message-malformed", STRANGER, {"why": str(problem)})
                    continue
                self._receive(packet)

    def _receive(self, packet: Packet) -> None:
        self.carry_out(self.core.receive(packet, self.now()))


class _Doors:
    """The sockets, in the network namespace of the thread that makes them."""

    def __init__(self) -> None:
        with contextlib.ExitStack() as opened:
            self.plain = opened.enter_context(_plain_socket())
            self._sender = opened.enter_context(contextlib.closing(PacketSender()))
            self._netlink = opened.enter_context(contextlib.closing(NetlinkSocket()))
            self.taken = opened.enter_context(
                contextlib.closing(Interception(TABLE, GROUP, str(MOBILITY_HEADER)))
            )
            self.close = opened.pop_all().close

    def read_plain(self) -> Packet | None:
        """A packet without extension headers; None when there is none."""
        try:
            data, ancillary, _, address = self.plain.recvmsg(LARGEST, ANCILLARY)
        except BlockingIOError:
            return None
        packed, interface = bytes(16), 0
        for level, kind, value in ancillary:
            if (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO):
                packed, interface = IN6_PKTINFO.unpack(value)
        return Packet(
            source=IPv6Address(address[0].partition("%")[0]),
            destination=IPv6Address(packed),
            data=data,
            interface=name_of(self.plain, interface),
        )

    def packet(self, octets: bytes, interface: int) -> Packet:
        """A packet that was taken on the link of this index. Raises WireError."""
        found = dissect(octets)
        return Packet(
            source=found.source,
            destination=found.destination,
            data=found.payload,
            home_address=found.home_address,
            routed_to=found.routed_to,
            interface=name_of(self.plain, interface),
        )

    def send(self, packet: Packet) -> None:
        octets = assemble(
            packet.source,
            packet.destination,
            MOBILITY_HEADER,
            packet.data,
            home_address=packet.home_address,
            routed_to=packet.routed_to,
        )
        if packet.interface:
            self._sender.send_on_link(octets, index_of(self.plain, packet.interface))
        else:
            self._sender.send(octets, self._link(packet))

    def _link(self, packet: Packet) -> int:
        """The link that a packet must leave by, as an index; 0: as routes say. From a care-of
        address it leaves by the link that has it, though all else may go by another still."""
        for body in self._netlink.dump(dump_addresses()):
            found = parse_address(body)
            if found is not None and found.address == packet.source.packed:
                return 0 if found.interface == LOOPBACK else found.interface
        return 0


def _may_pass(problem: Exception) -> bool:
    return isinstance(problem, OSError) and problem.errno == errno.ENETUNREACH


def _plain_socket() -> socket.socket:
    opened = socket.socket(socket.AF_INET6, socket.SOCK_RAW | socket.SOCK_CLOEXEC, MOBILITY_HEADER)
    opened.setblocking(False)
    opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    return opened


def names(config: MipConfig) -> dict[IPv6Address, NodeId]:
    """Who is at an address that does not change."""
    known = {address: agent for agent, address in config.agents.items()}
    for mobile_node, profile in config.profiles.items():
        known.update(dict.fromkeys(profile.home_addresses, NodeId(mobile_node)))
    return known
