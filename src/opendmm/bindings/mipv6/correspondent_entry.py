"""An entry of a mobile node's Binding Update List for a correspondent (RFC 6275 §11.1)."""

import math
from ipaddress import IPv6Address

import msgspec

from opendmm.bindings.mipv6.attempts import Attempt
from opendmm.bindings.mipv6.constants import MAX_TOKEN_LIFETIME
from opendmm.bindings.mipv6.correspondent_registration import Token, Update
from opendmm.bindings.mipv6.outputs import REPORTED_EVERY
from opendmm.model.quantities import Seconds

IN_USE_FOR: Seconds = 2 * REPORTED_EVERY
"""After the last time that the data path has told of packets."""
RENEWED_AFTER = 2 / 3
"""Of the lifetime."""


class AddressTest(Attempt):
    """HoTI or CoTI, told by its cookie."""

    cookie: bytes = b""

    def token(self, value: bytes, nonce_index: int) -> Token:
        """What came in answer: counted from the question, its lifetime is over here first."""
        return Token(value, nonce_index, self.sent + MAX_TOKEN_LIFETIME)


class Binding(msgspec.Struct, kw_only=True):
    """An acknowledged binding. `registered` is when it was asked for, `refresh` when to ask
    again."""

    care_of: IPv6Address
    registered: float
    until: float
    refresh: float

    @classmethod
    def granted(cls, update: Update, lifetime: Seconds) -> "Binding":
        """The time counts from when the update was sent (§11.7.3)."""
        return cls(
            care_of=update.at,
            registered=update.sent,
            until=update.sent + lifetime,
            refresh=update.sent + lifetime * RENEWED_AFTER,
        )


class CorrespondentEntry(msgspec.Struct, kw_only=True):
    """What a mobile node knows of one correspondent. Times are in seconds since 1970.

    `sequence` is the number of the last Binding Update. `binding` is what the data path relies
    on; `believed_until` is until when the correspondent may have a binding, as far as we know.
    `rest`: nothing is tried before, unless the mobile node moves; `refused_until`: nor then.
    `pause` is how long it rests after a failure, zero where the last attempt did not fail.
    `rejected` counts updates in a row whose nonces were not known. `ceased`: it is not to have a
    binding any more.
    """

    correspondent: IPv6Address
    sequence: int
    used: float
    home_test: AddressTest = msgspec.field(default_factory=AddressTest)
    care_of_test: AddressTest = msgspec.field(default_factory=AddressTest)
    updating: Attempt = msgspec.field(default_factory=Attempt)
    home_token: Token | None = None
    care_of_tokens: dict[IPv6Address, Token] = msgspec.field(default_factory=dict)
    update: Update | None = None
    binding: Binding | None = None
    believed_until: float = -math.inf
    rest: float = -math.inf
    refused_until: float = -math.inf
    rejected: int = 0
    pause: Seconds = 0.0
    ceased: bool = False

    def home_token_at(self, now: float) -> Token | None:
        token = self.home_token
        return token if token is not None and now < token.until else None

    def care_of_token_at(self, care_of: IPv6Address, now: float) -> Token | None:
        token = self.care_of_tokens.get(care_of)
        return token if token is not None and now < token.until else None

    def keep_care_of_token(self, care_of: IPv6Address, token: Token, now: float) -> None:
        """Beside those of other care-of addresses that it may come back to (§11.6.1)."""
        kept = {a: t for a, t in self.care_of_tokens.items() if now < t.until}
        self.care_of_tokens = {**kept, care_of: token}

    def forget_tokens(self) -> None:
        self.home_token = None
        self.care_of_tokens = {}

    def in_use(self, now: float) -> bool:
        return now < self.used + IN_USE_FOR

    def stop(self) -> None:
        """Wait for no answer."""
        for attempt in (self.home_test, self.care_of_test, self.updating):
            attempt.stop()
        self.update = None

    def failed(self, now: float) -> bool:
        """Whether something was repeated as often as it may be, in vain (§5.2.9)."""
        attempts = (self.home_test, self.care_of_test, self.updating)
        return any(attempt.failed(now) for attempt in attempts)

    def due(self, now: float) -> float:
        """When it is to be looked at after `now`."""
        soon = [self.home_test.due, self.care_of_test.due, self.updating.due]
        later = [self.rest, self.refused_until, self.believed_until, self.used + IN_USE_FOR]
        if self.binding is not None:
            soon.append(self.binding.until)
            later.append(self.binding.refresh)
        return min([*soon, *(time for time in later if time > now)])
