"""Messages of a mobile node that a correspondent has to answer (RFC 6275 §11.8)."""

import math

import msgspec

from opendmm.bindings.mipv6.constants import MAX_RO_FAILURE, MAX_UPDATE_RATE
from opendmm.bindings.mobility.backoff import Backoff
from opendmm.model.quantities import Seconds

RATED_OVER: Seconds = 1.0
"""What MAX_UPDATE_RATE counts in."""


class Attempt(msgspec.Struct):
    """One type of message to one correspondent: repeated until it is answered, never too often.

    `due` is when it is to be sent, or to be given up, in seconds since 1970; infinite where
    nothing is waited for. `times` counts transmissions since it began, `sent` is when the last one
    was, `lately` the last few.
    """

    due: float = math.inf
    sent: float = -math.inf
    times: int = 0
    lately: tuple[float, ...] = ()
    _backoff: Backoff | None = None

    @property
    def pending(self) -> bool:
        return self.due < math.inf

    def begin(self, now: float) -> None:
        """Send it, as soon as that is allowed."""
        self.times = 0
        self.hasten(now)

    def hasten(self, now: float) -> None:
        """Repeat it sooner than its backoff has it."""
        full = len(self.lately) == MAX_UPDATE_RATE
        self.due = max(now, self.lately[0] + RATED_OVER) if full else now

    def transmitted(self, now: float) -> None:
        """It was sent."""
        if self._backoff is None or self.times == 0:
            self._backoff = Backoff.begin(now)
        else:
            self._backoff.repeat(now)
        self.times += 1
        self.sent = now
        self.lately = (*self.lately, now)[-MAX_UPDATE_RATE:]
        self.due = self._backoff.due

    def failed(self, now: float) -> bool:
        """Whether the last repetition has had its time, too."""
        return self.due <= now and self.times > MAX_RO_FAILURE

    def stop(self) -> None:
        """It was answered, or the answer is of no use any more."""
        self.due = math.inf
