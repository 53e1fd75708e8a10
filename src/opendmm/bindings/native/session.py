"""One session between two nodes, without a socket: octets and time in, events and octets out.

| state      | input                 | action                              | next       |
|------------|-----------------------|-------------------------------------|------------|
| GREETING   | Hello                 | PeerIntroduced                      | OPEN       |
| GREETING   | any other frame       | protocol error                      | CLOSED     |
| OPEN       | Envelope              | the envelope                        | OPEN       |
| OPEN       | KeepAlive             | –                                   | OPEN       |
| OPEN       | Hello                 | protocol error                      | CLOSED     |
| any        | Goodbye               | SessionEnded with the peer's reason | CLOSED     |
| any        | nothing for `dead`    | SessionEnded                        | CLOSED     |
| CLOSED     | anything              | –                                   | CLOSED     |

Each end greets at once. A protocol error says Goodbye with the reason, and ends the session.
"""

from enum import StrEnum

import msgspec

from opendmm.bindings.native.codec import (
    LARGEST_FRAME,
    Frame,
    FrameBuffer,
    Goodbye,
    Hello,
    KeepAlive,
    NativeProtocolError,
    decode,
    encode,
)
from opendmm.reference_points.catalogue import Envelope


class Liveness(msgspec.Struct, frozen=True):
    """Seconds: after how much silence to say something, or to take the peer for dead."""

    interval: float = 1.0
    dead: float = 3.0


class State(StrEnum):
    """Where a session is in its life."""

    GREETING = "greeting"
    OPEN = "open"
    CLOSED = "closed"


class PeerIntroduced(msgspec.Struct, frozen=True):
    """The peer has said who it is; whether it is, the caller knows from TLS."""

    hello: Hello


class SessionEnded(msgspec.Struct, frozen=True):
    """The session is over; close the connection once the octets to send are out."""

    reason: str


Event = PeerIntroduced | SessionEnded | Envelope


class Session:
    """`me` is how this end introduces itself; `now` in seconds, of any steady clock."""

    def __init__(self, me: Hello, now: float, liveness: Liveness) -> None:
        self.state = State.GREETING
        self.peer: Hello | None = None
        self._liveness = liveness
        self._frames = FrameBuffer()
        self._heard_at = now
        self._said_at = now
        self._out: list[bytes] = [encode(me)]

    def octets_to_send(self) -> bytes:
        """What is to be sent now, besides envelopes (see `codec.encode`)."""
        octets = b"".join(self._out)
        self._out.clear()
        return octets

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Octets came in. Never raises; after an end of the session nothing more is heard."""
        if self.state is State.CLOSED:
            return []
        self._heard_at = now
        self._frames.feed(data)
        events: list[Event] = []
        try:
            for content in self._frames.contents():
                self._frame(decode(content), events)
                if self.closed:
                    break
        except NativeProtocolError as error:
            events.append(self.end(f"protocol error: {error}"))
        return events

    def said(self, now: float) -> None:
        """An envelope went out: no need to say that we are alive."""
        self._said_at = now

    def end(self, reason: str) -> SessionEnded:
        """End the session from this side, telling the peer why."""
        if not self.closed:
            self._out.append(encode(Goodbye(reason)))
        self.state = State.CLOSED
        return SessionEnded(reason)

    def next_tick(self) -> float:
        """When `tick` is due."""
        return min(self._said_at + self._liveness.interval, self._heard_at + self._liveness.dead)

    def tick(self, now: float) -> list[Event]:
        """Time has passed: say that we are alive, or notice that the peer is not."""
        if self.closed:
            return []
        silent = now - self._heard_at
        if silent >= self._liveness.dead:
            return [self.end(f"nothing heard for {silent:.1f} s")]
        if now - self._said_at >= self._liveness.interval and self.state is State.OPEN:
            self._out.append(encode(KeepAlive()))
            self._said_at = now
        return []

    @property
    def closed(self) -> bool:
        return self.state is State.CLOSED

    def _frame(self, frame: Frame, events: list[Event]) -> None:
        if isinstance(frame, Goodbye):
            self.state = State.CLOSED
            events.append(SessionEnded(f"the peer said goodbye: {frame.reason}"))
        elif self.state is State.GREETING:
            if not isinstance(frame, Hello):
                raise NativeProtocolError(f"{type(frame).__name__} before Hello")
            self.state = State.OPEN
            self.peer = frame
            self._frames.largest = LARGEST_FRAME
            events.append(PeerIntroduced(frame))
        elif isinstance(frame, Envelope):
            events.append(frame)
        elif isinstance(frame, Hello):
            raise NativeProtocolError("a second Hello")
