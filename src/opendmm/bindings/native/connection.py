"""One connection: a session joined to a TLS socket, with a bounded queue of what is to be sent.

Frames sent within one turn of the event loop leave in one piece. When the peer does not take
them, they wait here; when too many wait, the connection is given up, so that a peer that is
slow or stopped costs a bounded amount of memory and delays nobody else.
"""

import asyncio
import socket
from collections import deque
from typing import Protocol

from opendmm.authority.names import Holder
from opendmm.bindings.native.codec import Hello
from opendmm.bindings.native.limits import Limits
from opendmm.bindings.native.reasons import plainly
from opendmm.bindings.native.session import Event, PeerIntroduced, Session, SessionEnded
from opendmm.bindings.native.tls import TlsError, authenticated
from opendmm.model.identity import NodeId
from opendmm.reference_points.catalogue import Envelope

PIECE = 64 << 10
"""Octets handed to TLS at a time."""


class ConnectionOwner(Protocol):
    """Whom a connection tells what happens to it."""

    def introduced(self, connection: "Connection", holder: Holder, hello: Hello) -> None:
        """The peer has said who it is, and its certificate whose it is: admit it, or end it."""
        ...

    def received(self, connection: "Connection", envelopes: list[Envelope]) -> None:
        """An admitted peer sent these."""
        ...

    def ended(self, connection: "Connection") -> None:
        """The connection is over; called once, whatever it had got to."""
        ...


class Connection(asyncio.Protocol):
    """`dialled` is the node this end wanted to reach; None when the peer has come to us."""

    def __init__(
        self, owner: ConnectionOwner, me: Hello, dialled: NodeId | None, limits: Limits
    ) -> None:
        loop = asyncio.get_running_loop()
        self.dialled = dialled
        self.admitted: Holder | None = None
        """Whom the owner has admitted here."""
        self.settled: asyncio.Future[None] = loop.create_future()
        """Done once the peer is admitted, or the connection is over."""
        self.over: asyncio.Future[str] = loop.create_future()
        """Done with the reason when the connection is over."""
        self.peer_address: tuple[object, ...] = ()
        self.sent = self.received = 0
        self._owner = owner
        self._limits = limits
        self._loop = loop
        self._session = Session(me, loop.time(), limits.liveness)
        self._transport: asyncio.Transport | None = None
        self._holder: Holder | None = None
        self._queue: deque[bytes] = deque()
        self._queued_octets = 0
        self._paused = False
        self._flushing = False
        self._tick: asyncio.TimerHandle | None = None

    # What the owner does

    def admit(self) -> None:
        """The peer is who it must be: from now on its envelopes are passed on."""
        self.admitted = self._holder
        if not self.settled.done():
            self.settled.set_result(None)

    def send(self, frame: bytes) -> bool:
        """Queue a frame; false when the connection is over, also by this very frame."""
        if self.over.done():
            return False
        self._queue.append(frame)
        self._queued_octets += len(frame)
        self.sent += 1
        if self.queued_frames > self._limits.queued_frames or (
            self.queued_octets > self._limits.queued_octets
        ):
            self.abort(f"too slow: {self.queued_frames} frames are waiting")
            return False
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)
        return True

    def end(self, reason: str) -> None:
        """Send what waits, say goodbye, and close once that is out."""
        self._flush()
        self._session.end(reason)
        self._close(reason)

    def abort(self, reason: str) -> None:
        """Close at once, whatever was waiting."""
        self._finish(reason)
        if self._transport is not None:
            self._transport.abort()

    @property
    def queued_frames(self) -> int:
        return len(self._queue)

    @property
    def queued_octets(self) -> int:
        waiting = self._transport.get_write_buffer_size() if self._transport is not None else 0
        return self._queued_octets + waiting

    @property
    def hello(self) -> Hello | None:
        """How the peer has introduced itself."""
        return self._session.peer

    # What the event loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=4 * PIECE)
        self.peer_address = transport.get_extra_info("peername") or ()
        _notice_dead_peers(transport.get_extra_info("socket"), self._limits)
        if self.over.done():
            transport.abort()
            return
        try:
            self._holder = authenticated(transport.get_extra_info("ssl_object"))
        except TlsError as problem:
            self.end(str(problem))
            return
        self._write(self._session.octets_to_send())
        self._arm()

    def data_received(self, data: bytes) -> None:
        self._happened(self._session.receive(data, self._loop.time()))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._finish(
            f"connection lost: {plainly(exc)}" if exc else "the peer closed the connection"
        )

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._flush()

    # Inside

    def _happened(self, events: list[Event]) -> None:
        envelopes: list[Envelope] = []
        for event in events:
            if isinstance(event, Envelope):
                envelopes.append(event)
            elif isinstance(event, PeerIntroduced) and self._holder is not None:
                self._owner.introduced(self, self._holder, event.hello)
            elif isinstance(event, SessionEnded):
                self._pass_on(envelopes)
                envelopes = []
                self._close(event.reason)
        self._pass_on(envelopes)

    def _pass_on(self, envelopes: list[Envelope]) -> None:
        if envelopes and self.admitted is not None:
            self.received += len(envelopes)
            self._owner.received(self, envelopes)

    def _flush(self) -> None:
        self._flushing = False
        while self._queue and not self._paused and not self.over.done():
            piece: list[bytes] = []
            octets = 0
            while self._queue and octets < PIECE:
                octets += len(self._queue[0])
                piece.append(self._queue.popleft())
            self._queued_octets -= octets
            self._session.said(self._loop.time())
            self._write(b"".join(piece))

    def _write(self, octets: bytes) -> None:
        if self._transport is not None and octets:
            self._transport.write(octets)

    def _arm(self) -> None:
        """One timer: after a tick that did nothing it looks again when the next is due."""
        due = max(self._session.next_tick(), self._loop.time() + 0.001)
        self._tick = self._loop.call_at(due, self._ticked)

    def _ticked(self) -> None:
        events = self._session.tick(self._loop.time())
        # A peer that does not take what is waiting gets nothing more to take.
        if not self._paused:
            self._write(self._session.octets_to_send())
        self._happened(events)
        if not self.over.done():
            self._arm()

    def _close(self, reason: str) -> None:
        if self._transport is not None:
            if self._paused:
                self._transport.abort()
            else:
                self._write(self._session.octets_to_send())
                self._transport.close()
        self._finish(reason)

    def _finish(self, reason: str) -> None:
        if self.over.done():
            return
        self.over.set_result(reason)
        if not self.settled.done():
            self.settled.set_result(None)
        if self._tick is not None:
            self._tick.cancel()
        self._queue.clear()
        self._queued_octets = 0
        self._loop.call_soon(self._owner.ended, self)


def _notice_dead_peers(connection: socket.socket, limits: Limits) -> None:
    """Let TCP give up as early as the session does (tcp(7))."""
    dead = max(1, round(limits.liveness.dead * 1000))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, dead)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
