"""What a correspondent node makes its keygen tokens of: the node key Kcn and the nonces.

A nonce is made when one is needed and the current one has been in use for 30 seconds; it is
accepted for MAX_NONCE_LIFETIME from its first use. So a token is good for MAX_TOKEN_LIFETIME at
least, and eight nonces or nine are all there is to remember (RFC 6275 §5.2.7). Nothing is
remembered of the mobile nodes that asked.
"""

from collections import deque
from collections.abc import Callable
from ipaddress import IPv6Address

import msgspec

from opendmm.bindings.mipv6.constants import MAX_NONCE_LIFETIME, MAX_TOKEN_LIFETIME
from opendmm.wire.mobility.keygen import care_of_keygen_token, home_keygen_token

Random = Callable[[int], bytes]
"""So many octets that nobody can guess, as `secrets.token_bytes`."""
NEW_NONCE_AFTER = MAX_NONCE_LIFETIME - MAX_TOKEN_LIFETIME
NO_NONCE_BEFORE = 1.0
"""Seconds between nonces, at least: whoever deletes bindings shall not fill the memory."""
KCN_LENGTH = 20
"""Octets (§5.2.1)."""
NONCE_LENGTH = 8
"""Octets (§5.2.2)."""
INDEX_LENGTH = 2
INDICES = 1 << 16


class Nonce(msgspec.Struct, frozen=True):
    """`value` is secret, `index` names it to mobile nodes."""

    index: int
    value: bytes
    first_used: float

    @property
    def until(self) -> float:
        """It is not accepted from then on, in seconds since 1970."""
        return self.first_used + MAX_NONCE_LIFETIME


class Nonces:
    """The node key, which lives as long as the process, and the nonces that are valid.

    The first index is random: after a restart it is unlikely to name a nonce of before, and mobile
    nodes hear that theirs has expired instead of nothing.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._kcn = random(KCN_LENGTH)
        self._next = int.from_bytes(random(INDEX_LENGTH), "big")
        self._valid: deque[Nonce] = deque()
        self._retired = False

    def current(self, now: float) -> Nonce:
        """The one to make tokens of."""
        self._discard(now)
        lasting = NO_NONCE_BEFORE if self._retired else NEW_NONCE_AFTER
        if not self._valid or now >= self._valid[-1].first_used + lasting:
            self._valid.append(Nonce(self._next, self._random(NONCE_LENGTH), now))
            self._next = (self._next + 1) % INDICES
            self._retired = False
        return self._valid[-1]

    def retire(self) -> None:
        """Make another one soon: for somebody the current one is good for nothing any more."""
        self._retired = True

    def find(self, index: int, now: float) -> Nonce | None:
        """The one a mobile node names; None when it has expired or never was."""
        self._discard(now)
        return next((nonce for nonce in self._valid if nonce.index == index), None)

    def home_token(self, home_address: IPv6Address, nonce: Nonce) -> bytes:
        """The home keygen token (§5.2.5)."""
        return home_keygen_token(self._kcn, home_address, nonce.value)

    def care_of_token(self, care_of: IPv6Address, nonce: Nonce) -> bytes:
        """The care-of keygen token (§5.2.5)."""
        return care_of_keygen_token(self._kcn, care_of, nonce.value)

    def _discard(self, now: float) -> None:
        """§5.2.2: expired nonces are not kept."""
        while self._valid and self._valid[0].until <= now:
            self._valid.popleft()
