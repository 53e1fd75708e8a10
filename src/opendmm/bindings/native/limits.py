"""Times and bounds of the native binding, with the defaults a deployment runs on."""

import msgspec

from opendmm.bindings.native.session import Liveness

PORT = 7333
"""TCP port of the native binding."""


class Endpoint(msgspec.Struct, frozen=True):
    """Where a peer listens; `host` may carry a scope ("fe80::1%anchor-a")."""

    host: str
    port: int = PORT


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds on what peers can make a node hold, and on how long it waits for them.

    `queued_frames` and `queued_octets`: what waits for one peer at most, before it is taken
    for too slow. `handshake`: seconds from a connection's first packet to its Hello.
    `unauthenticated`: connections at once that have not got so far; the oldest goes first.
    `first_retry`, `last_retry`: seconds between attempts to reach a peer, doubling.
    """

    queued_frames: int = 65_536
    queued_octets: int = 64 << 20
    handshake: float = 5.0
    unauthenticated: int = 64
    first_retry: float = 0.05
    last_retry: float = 5.0
    liveness: Liveness = Liveness()
