"""Mobility Headers on a raw socket (next header 135), in the daemon's event loop."""

import asyncio
import socket
from collections.abc import Callable
from ipaddress import IPv6Address
from typing import Protocol

from opendmm.bindings.mobility.association import SecurityAssociation
from opendmm.bindings.mobility.living import Listener, LivingCore, Pure, count
from opendmm.bindings.mobility.outputs import Datagram, Wanted
from opendmm.bindings.mobility.problems import ParameterProblem
from opendmm.forwarding.kernel.transport_security import TransportSecurity
from opendmm.model.identity import NodeId
from opendmm.wire.mobility.numbers import MOBILITY_HEADER

LARGEST = 65_535
AT_ONCE = 64
"""Datagrams taken before the event loop sees to something else."""


class Configured(Protocol):
    """What the transport needs to know of a node's configuration."""

    @property
    def address(self) -> IPv6Address: ...

    @property
    def associations(self) -> dict[NodeId, SecurityAssociation]: ...


class Core(Pure[Wanted], Protocol):
    """A protocol over the Mobility Header on one node; pure."""

    @property
    def config(self) -> Configured: ...

    def receive(self, data: bytes, source: IPv6Address, now: float) -> list[Wanted]: ...

    def reachable(self, peer: NodeId) -> bool | None: ...


class MobilityTransport(LivingCore[Wanted]):
    """Lives in one event loop: `start`, then `send` at will, `close` at the end."""

    def __init__(
        self,
        name: str,
        core: Core,
        listener: Listener,
        now: Callable[[], float],
        security: TransportSecurity | None = None,
    ) -> None:
        super().__init__(name, core, listener, now)
        self.core = core
        self._security = security
        self._socket: socket.socket | None = None
        self._names = {a.address: peer for peer, a in core.config.associations.items()}

    def listen(self) -> None:
        """Open the socket. Raises OSError (CAP_NET_RAW is needed), and, where Mobility Headers are
        to be encrypted, ForwardingUnavailableError."""
        self._socket = self._opened()

    def start(self) -> None:
        """Read what comes; listens, where that has not been done."""
        self._socket = reading = self._socket or self._opened()
        asyncio.get_running_loop().add_reader(reading, self._read)
        self.begin()

    def _opened(self) -> socket.socket:
        if self._security is not None:
            self._security.start()
        opened = socket.socket(
            socket.AF_INET6, socket.SOCK_RAW | socket.SOCK_CLOEXEC, MOBILITY_HEADER
        )
        opened.setblocking(False)
        opened.bind((str(self.core.config.address), 0))
        return opened

    def close(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None
        if self._security is not None:
            self._security.close()
        self.end()

    def rows(self) -> list[dict[str, object]]:
        """For `dmm show peers`."""
        return [
            self.row(peer, str(association.address), self.core.reachable(peer))
            for peer, association in self.core.config.associations.items()
        ]

    def perform(self, one: Wanted) -> None:
        match one:
            case Datagram(to, data):
                self._transmit(to, data)
            case ParameterProblem():
                self.report_problem(one)

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

    def _transmit(self, to: IPv6Address, data: bytes) -> None:
        if self._socket is None:
            return
        try:
            self._socket.sendto(data, (str(to), 0))
        except OSError as error:
            self.complain("message-unsendable", self._names[to], {"why": str(error)})
            return
        count(self.sent, self._names[to])
