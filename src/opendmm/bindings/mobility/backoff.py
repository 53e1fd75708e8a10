"""Retransmission of what must be acknowledged (RFC 6275 §11.8): doubling, up to a ceiling."""

import msgspec

from opendmm.model.quantities import Seconds

INITIAL_BINDACK_TIMEOUT: Seconds = 1.0
MAX_BINDACK_TIMEOUT: Seconds = 32.0
"""RFC 6275 §12."""


class Backoff(msgspec.Struct):
    """When the next repetition is due, in seconds since 1970."""

    due: float
    interval: Seconds
    ceiling: Seconds = MAX_BINDACK_TIMEOUT

    @classmethod
    def begin(
        cls,
        now: float,
        initial: Seconds = INITIAL_BINDACK_TIMEOUT,
        ceiling: Seconds = MAX_BINDACK_TIMEOUT,
    ) -> "Backoff":
        """After the first transmission at `now`."""
        return cls(now + initial, initial, ceiling)

    def repeat(self, now: float) -> None:
        """After a repetition at `now`."""
        self.interval = min(self.interval * 2, self.ceiling)
        self.due = now + self.interval
