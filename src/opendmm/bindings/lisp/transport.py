"""LISP's control messages on UDP 4342, in the daemon's event loop."""

import asyncio
import socket
from collections.abc import Callable, Mapping
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address

from opendmm.bindings.lisp.node import LispNode
from opendmm.bindings.lisp.outputs import Mapped, Send, Wanted
from opendmm.bindings.mobility.living import Listener, LivingCore, count
from opendmm.bindings.mobility.outputs import STRANGER, Datagram
from opendmm.model.addressing import HomePrefix
from opendmm.model.order import MoveOrder
from opendmm.wire.lisp.numbers import CONTROL_PORT

LARGEST = 65_535
AT_ONCE = 64
"""Datagrams taken before the event loop sees to something else."""
ANY = {socket.AF_INET6: "::", socket.AF_INET: "0.0.0.0"}
Ip = IPv4Address | IPv6Address


class LispTransport(LivingCore[Wanted]):
    """Lives in one event loop: `start`, then `send` at will, `close` at the end.

    Nodes of ours are spoken to from the locator. Who speaks with others listens at all addresses.
    """

    def __init__(
        self, name: str, core: LispNode, listener: Listener, now: Callable[[], float]
    ) -> None:
        super().__init__(name, core, listener, now)
        self.core = core
        self._own: socket.socket | None = None
        self._any: dict[socket.AddressFamily, socket.socket] = {}
        self._came_by: socket.socket | None = None
        self.redirect: Callable[[HomePrefix, IPv6Address | None], None] | None = None
        """What puts mappings of other makes into the kernel."""

    def listen(self) -> None:
        """Open the sockets. Raises OSError."""
        serving = any((self.core.server, self.core.etr, self.core.itr))
        self._own = _opened(socket.AF_INET6, str(self.core.config.address), shared=serving)
        if serving:
            self._any = {
                family: _opened(family, address, shared=True) for family, address in ANY.items()
            }

    def start(self) -> None:
        """Read what comes; listens, where that has not been done."""
        if self._own is None:
            self.listen()
        for one in self._sockets():
            asyncio.get_running_loop().add_reader(one, partial(self._read, one))
        self.begin()

    def _sockets(self) -> list[socket.socket]:
        return [*([self._own] if self._own is not None else []), *self._any.values()]

    def close(self) -> None:
        for one in self._sockets():
            asyncio.get_running_loop().remove_reader(one)
            one.close()
        self._own, self._any = None, {}
        self.end()

    def rows(self) -> list[dict[str, object]]:
        """For `dmm show peers`."""
        return [
            self.row(peer, str(address), self.core.reachable(peer))
            for address, peer in self.core.config.names.items()
        ]

    def delivered(self, prefixes: Mapping[HomePrefix, MoveOrder | None]) -> None:
        """Packets to these are delivered at this node, since which move, or no more."""
        self.carry_out(self.core.delivered(prefixes, self.now()))

    def packet(self, eid: HomePrefix) -> None:
        """A packet to somewhere that there is no redirection for."""
        self.carry_out(self.core.packet(eid, self.now()))

    def perform(self, one: Wanted) -> None:
        match one:
            case Datagram(to, data):
                self._transmit(to, data)
            case Send(to, port, data):
                self._answer(to, port, data)
            case Mapped(prefix, rloc) if self.redirect is not None:
                self.redirect(prefix, rloc)

    def _transmit(self, to: IPv6Address, data: bytes) -> None:
        if self._own is None:
            return
        peer = self.core.config.names[to]
        try:
            self._own.sendto(data, (str(to), CONTROL_PORT))
        except OSError as error:
            self.complain("message-unsendable", peer, {"why": str(error)})
            return
        count(self.sent, peer)

    def _read(self, reading: socket.socket) -> None:
        for _ in range(AT_ONCE):
            if reading.fileno() < 0:
                return
            try:
                data, address = reading.recvfrom(LARGEST)
            except BlockingIOError:
                return
            source, now = ip_address(address[0].partition("%")[0]), self.now()
            if isinstance(source, IPv6Address) and source in self.core.config.names:
                self.carry_out(self.core.receive(data, source, now))
                continue
            self._came_by = reading
            self.carry_out(self.core.receive_from_others(data, source, address[1], now))
            self._came_by = None

    def _answer(self, to: Ip, port: int, data: bytes) -> None:
        """From where it came in, if that can reach it; else from the locator."""
        sending = self._came_by or self._own
        family = socket.AF_INET6 if to.version == 6 else socket.AF_INET
        if sending is None or sending.family != family:
            sending = self._any.get(family, self._own)
        if sending is None:
            return
        try:
            sending.sendto(data, (str(to), port))
        except OSError as error:
            self.complain("message-unsendable", STRANGER, {"to": str(to), "why": str(error)})


def _opened(family: socket.AddressFamily, address: str, *, shared: bool) -> socket.socket:
    """`shared`: the port, at one address by one socket and at all others by another."""
    opened = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    opened.setblocking(False)
    if shared:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    opened.bind((address, CONTROL_PORT))
    return opened
