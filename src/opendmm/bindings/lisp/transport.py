"""LISP's control messages on UDP 4342, in the daemon's event loop."""

import asyncio
import socket
from collections.abc import Callable
from ipaddress import IPv6Address

from opendmm.bindings.lisp.node import LispNode
from opendmm.bindings.mobility.living import Listener, LivingCore, count
from opendmm.bindings.mobility.outputs import Datagram, Wanted
from opendmm.wire.lisp.numbers import CONTROL_PORT

LARGEST = 65_535
AT_ONCE = 64
"""Datagrams taken before the event loop sees to something else."""


class LispTransport(LivingCore[Wanted]):
    """Lives in one event loop: `start`, then `send` at will, `close` at the end."""

    def __init__(
        self, name: str, core: LispNode, listener: Listener, now: Callable[[], float]
    ) -> None:
        super().__init__(name, core, listener, now)
        self.core = core
        self._socket: socket.socket | None = None

    def listen(self) -> None:
        """Open the socket. Raises OSError."""
        self._socket = self._opened()

    def start(self) -> None:
        """Read what comes; listens, where that has not been done."""
        self._socket = reading = self._socket or self._opened()
        asyncio.get_running_loop().add_reader(reading, self._read)
        self.begin()

    def _opened(self) -> socket.socket:
        opened = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        opened.setblocking(False)
        opened.bind((str(self.core.config.address), CONTROL_PORT))
        return opened

    def close(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None
        self.end()

    def rows(self) -> list[dict[str, object]]:
        """For `dmm show peers`."""
        return [
            self.row(peer, str(address), self.core.reachable(peer))
            for address, peer in self.core.config.names.items()
        ]

    def perform(self, one: Wanted) -> None:
        if not isinstance(one, Datagram) or self._socket is None:
            return
        peer = self.core.config.names[one.to]
        try:
            self._socket.sendto(one.data, (str(one.to), CONTROL_PORT))
        except OSError as error:
            self.complain("message-unsendable", peer, {"why": str(error)})
            return
        count(self.sent, peer)

    def _read(self) -> None:
        for _ in range(AT_ONCE):
            if self._socket is None:
                return
            try:
                data, address = self._socket.recvfrom(LARGEST)
            except BlockingIOError:
                return
            source = IPv6Address(address[0].partition("%")[0])
            self.carry_out(self.core.receive(data, source, self.now()))
