"""Mobility Headers on a raw socket (next header 135), in the daemon's event loop."""

import asyncio
import logging
import math
import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv6Address
from typing import Any, Protocol

from opendmm.bindings.mobility.association import SecurityAssociation
from opendmm.bindings.mobility.outputs import Complain, Datagram, Deliver, Reachable, Wanted
from opendmm.model.identity import NodeId
from opendmm.reference_points.catalogue import Envelope
from opendmm.wire.mobility.numbers import MOBILITY_HEADER

LOGGER = logging.getLogger("opendmm.mobility")
LARGEST = 65_535
AT_ONCE = 64
"""Datagrams taken before the event loop sees to something else."""
REFUSALS = frozenset(
    {"message-refused", "message-malformed", "registration-refused", "context-unreadable"}
)
"""Complaints that are counted against a peer."""
SAID_AGAIN_AFTER = 10.0
"""Seconds before the same complaint about the same peer is logged again."""


class Listener(Protocol):
    """What the binding tells its node."""

    def receive(self, envelopes: Sequence[Envelope]) -> None: ...

    def peer(self, node: NodeId, reachable: bool) -> None: ...


class Configured(Protocol):
    """What the transport needs to know of a node's configuration."""

    @property
    def address(self) -> IPv6Address: ...

    @property
    def associations(self) -> dict[NodeId, SecurityAssociation]: ...


class Core(Protocol):
    """A protocol over the Mobility Header on one node; pure."""

    @property
    def config(self) -> Configured: ...

    def start(self, now: float) -> list[Wanted]: ...

    def send(self, envelope: Envelope, now: float) -> list[Wanted]: ...

    def receive(self, data: bytes, source: IPv6Address, now: float) -> list[Wanted]: ...

    def fire(self, now: float) -> list[Wanted]: ...

    def next_timer(self) -> float: ...

    def reachable(self, peer: NodeId) -> bool | None: ...


class MobilityTransport:
    """Lives in one event loop: `start`, then `send` at will, `close` at the end.

    `name` is the binding's, for people.
    """

    def __init__(self, name: str, core: Core, listener: Listener, now: Callable[[], float]) -> None:
        self.name = name
        self.core = core
        self._listener = listener
        self._now = now
        self._socket: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._said: dict[tuple[NodeId, str], float] = {}
        self._names = {a.address: peer for peer, a in core.config.associations.items()}
        self.sent: dict[NodeId, int] = {}
        self.received: dict[NodeId, int] = {}
        self.refused: dict[NodeId, int] = {}

    def listen(self) -> None:
        """Open the socket. Raises OSError (CAP_NET_RAW is needed)."""
        self._socket = self._opened()

    def start(self) -> None:
        """Read what comes; listens, where that has not been done."""
        self._socket = reading = self._socket or self._opened()
        asyncio.get_running_loop().add_reader(reading, self._read)
        self._carry_out(self.core.start(self._now()))

    def _opened(self) -> socket.socket:
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
        if self._timer is not None:
            self._timer.cancel()

    def send(self, envelope: Envelope) -> None:
        """Take an envelope for another node; never waits, never raises for a dead peer."""
        self._carry_out(self.core.send(envelope, self._now()))

    def rows(self) -> list[dict[str, object]]:
        """For `dmm show peers`."""
        return [
            {
                "peer": peer,
                "binding": self.name,
                "address": str(association.address),
                "reachable": self.core.reachable(peer),
                "sent": self.sent.get(peer, 0),
                "received": self.received.get(peer, 0),
                "refused": self.refused.get(peer, 0),
            }
            for peer, association in self.core.config.associations.items()
        ]

    def _read(self) -> None:
        for _ in range(AT_ONCE):
            if self._socket is None:
                return
            try:
                data, address = self._socket.recvfrom(LARGEST)
            except BlockingIOError:
                return
            source = IPv6Address(address[0].partition("%")[0])
            self._carry_out(self.core.receive(data, source, self._now()))

    def _fire(self) -> None:
        self._timer = None
        self._carry_out(self.core.fire(self._now()))

    def _carry_out(self, wanted: list[Wanted]) -> None:
        envelopes: list[Envelope] = []
        for one in wanted:
            match one:
                case Datagram(to, data):
                    self._transmit(to, data)
                case Deliver(envelope):
                    self._count(self.received, envelope.sender.node)
                    envelopes.append(envelope)
                case Complain(event, peer, fields):
                    self._complain(event, peer, fields)
                case Reachable(peer, reachable):
                    self._listener.peer(peer, reachable)
        if envelopes:
            self._listener.receive(envelopes)
        self._arm()

    def _transmit(self, to: IPv6Address, data: bytes) -> None:
        if self._socket is None:
            return
        try:
            self._socket.sendto(data, (str(to), 0))
        except OSError as error:
            self._complain("message-unsendable", self._names[to], {"why": str(error)})
            return
        self._count(self.sent, self._names[to])

    def _count(self, counts: dict[NodeId, int], peer: NodeId) -> None:
        counts[peer] = counts.get(peer, 0) + 1

    def _complain(self, event: str, peer: NodeId, fields: dict[str, Any]) -> None:
        if event in REFUSALS:
            self._count(self.refused, peer)
        now = self._now()
        last = self._said.get((peer, event), -math.inf)
        if now - last >= SAID_AGAIN_AFTER:
            self._said[peer, event] = now
            LOGGER.warning(event, extra={"fields": {"peer": peer, **fields}})

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self.core.next_timer()
        if due < math.inf:
            delay = max(0.0, due - self._now())
            self._timer = asyncio.get_running_loop().call_later(delay, self._fire)
