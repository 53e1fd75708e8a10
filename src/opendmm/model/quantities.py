"""Times as messages carry them: finite numbers, bounded on both sides.

What comes from a peer is checked against these when it is decoded. A NaN or an infinity that
got as far as a timer would break the order of all timers of the node.
"""

from typing import Annotated

from msgspec import Meta

LATEST = 10_000_000_000
"""Seconds since 1970; the year 2286."""

Seconds = Annotated[float, Meta(ge=0, le=LATEST)]
"""A duration, or a time since 1970."""

Microseconds = Annotated[int, Meta(ge=0, le=LATEST * 1_000_000)]
"""A time since 1970."""
