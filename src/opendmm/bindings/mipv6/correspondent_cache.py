"""The Binding Cache of a correspondent node (RFC 6275 §9.1), and what must be remembered of
bindings that are gone (§5.2.8, §9.5.3)."""

import math
from ipaddress import IPv6Address

import msgspec

from opendmm.bindings.mobility.backoff import INITIAL_BINDACK_TIMEOUT, Backoff
from opendmm.model.quantities import Seconds

Key = tuple[IPv6Address, IPv6Address]
"""The correspondent's own address, for each has a cache of its own, and the home address."""
ASKED_BEFORE_END = 1 / 6
"""Of the lifetime: when a Binding Refresh Request is due. Mobile nodes of ours have registered
again long before."""
ASKED_AT_MOST = 3
"""Binding Refresh Requests for one binding."""

MOST_SPENT = 16
"""Authorities remembered of one home address."""


class Authority(msgspec.Struct, frozen=True):
    """What authorised a binding: these nonces, for this care-of address."""

    care_of: IPv6Address
    home_nonce: int
    care_of_nonce: int


class CachedBinding(msgspec.Struct, kw_only=True):
    """A Binding Cache entry. Times are in seconds since 1970.

    `care_of` is None where there is no binding, but `sequence` must be remembered until
    `replayable_until`: so long are the nonces accepted of the Binding Updates that came. `spent`
    are the last authorities of bindings that were deleted, and good for nothing any more; of
    those before, the sequence number alone keeps replays out.
    """

    correspondent: IPv6Address
    home_address: IPv6Address
    sequence: int
    replayable_until: float
    care_of: IPv6Address | None = None
    authority: Authority | None = None
    spent: tuple[Authority, ...] = ()
    until: float = math.inf
    ask: float = math.inf
    used: bool = False
    asked: int = 0
    waiting: Backoff | None = None

    @property
    def key(self) -> Key:
        return self.correspondent, self.home_address

    @property
    def due(self) -> float:
        """When something is to be done with it."""
        if self.care_of is None:
            return self.replayable_until
        return min(self.until, self._asking)

    def bind(self, authority: Authority, lifetime: Seconds, now: float) -> None:
        """Cache a binding, or renew it (§9.5.2)."""
        self.care_of = authority.care_of
        self.authority = authority
        self.until = now + lifetime
        self.ask = self.until - lifetime * ASKED_BEFORE_END
        self.used = False
        self.asked = 0
        self.waiting = None

    def delete(self) -> None:
        """At its mobile node's request (§9.5.3): the nonces must not bring it back."""
        if self.authority is not None:
            self.spent = (*self.spent, self.authority)[-MOST_SPENT:]
        self.end()

    def end(self) -> None:
        """The binding ends; what a replay would be known by stays."""
        self.care_of = None
        self.authority = None

    def asks_now(self, now: float) -> bool:
        """Whether to ask for a refresh now; it counts as asked (§9.5.5)."""
        if self.care_of is None or now < self._asking:
            return False
        self.asked += 1
        if self.waiting is None:
            self.waiting = Backoff.begin(now, INITIAL_BINDACK_TIMEOUT)
        else:
            self.waiting.repeat(now)
        return True

    @property
    def _asking(self) -> float:
        if not self.used or self.asked >= ASKED_AT_MOST:
            return math.inf
        return self.waiting.due if self.waiting is not None else self.ask
