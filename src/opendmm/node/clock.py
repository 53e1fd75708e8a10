"""The daemon's clock: the time of day when it started, advanced by the monotonic clock.

A step of the system's clock (NTP, a person) must neither fire every timer at once nor stop
them. Time is in seconds since 1970.
"""

import time
from collections.abc import Callable

Clock = Callable[[], float]


def steady_clock() -> Clock:
    """A clock that starts at the present time of day and never jumps."""
    started = time.time() - time.monotonic()
    monotonic = time.monotonic
    return lambda: started + monotonic()
