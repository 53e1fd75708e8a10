"""The Binding Update List of a mobile node (RFC 6275 §11.1): its registrations with home agents."""

import math
from enum import StrEnum
from ipaddress import IPv6Address

import msgspec

from opendmm.bindings.mipv6.extension import Granted
from opendmm.bindings.mobility.association import ntp_timestamp
from opendmm.bindings.mobility.backoff import Backoff
from opendmm.model.identity import EntityAddress, NodeId
from opendmm.reference_points.message import Status
from opendmm.reference_points.r_xu import AttachNotification

RENEWED_AFTER = 2 / 3
"""Of the lifetime, where the home agent has no advice."""


class Stage(StrEnum):
    """Of a registration."""

    REGISTERING = "registering"
    """A Binding Update is repeated until it is answered."""
    REGISTERED = "registered"
    DENIED = "denied"
    """Refused for a reason that does not pass by itself."""
    LEFT = "left"
    """Another home agent is to serve from now on; this one will hear when that does."""
    LEAVING = "leaving"
    """De-registered, which is repeated until it is answered or the binding ends by itself."""


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """Where the mobile node is, as its FE_MU_C says. `care_of` is None on the home link."""

    client: EntityAddress
    agent: EntityAddress
    notification: AttachNotification
    care_of: IPv6Address | None


class Registration(msgspec.Struct, kw_only=True):
    """Of one home address with one home agent. Times are in seconds since 1970.

    Of the Binding Update sent last `made` is the NTP timestamp, `sent` when that was, `asked_for`
    the lifetime in units of four seconds, `registered` the care-of address, None where it was to
    remove a binding. `by` is the attachment that Binding Updates are sent from, `accepted` the one
    that was accepted last, `detached_at` when the FE_MU_C said that it is gone. `waiting` is the
    clock of what is not answered, `renewal` when the next is due, `expires` when the
    binding ends, `refusal` what the FE_MU_C was told.
    """

    agent: NodeId
    home_address: IPv6Address
    stage: Stage = Stage.REGISTERING
    sequence: int = 0
    made: int = 0
    sent: float = -math.inf
    asked_for: int = 0
    registered: IPv6Address | None = None
    by: Attachment | None = None
    detached_at: int = 0
    accepted: Attachment | None = None
    waiting: Backoff | None = None
    renewal: float = math.inf
    expires: float = -math.inf
    refusal: int = Status.ACCEPTED
    granted: Granted = Granted()

    @property
    def due(self) -> float:
        return self.waiting.due if self.waiting is not None else self.renewal


class Clock(msgspec.Struct):
    """Time as a home agent has it: `ahead` of ours in seconds; `last` is what it was told last."""

    ahead: float = 0.0
    last: int = 0

    def tick(self, now: float) -> int:
        """An NTP timestamp greater than all before (RFC 4285 §6)."""
        self.last = max(ntp_timestamp(now + self.ahead), self.last + 1)
        return self.last


class Pace:
    """At most so many messages in a second (MAX_UPDATE_RATE, RFC 6275 §11.8)."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._sent: list[float] = []

    def earliest(self, now: float) -> float:
        """When the next one may be sent."""
        self._sent = [at for at in self._sent if at > now - 1.0]
        return now if len(self._sent) < self._rate else self._sent[-self._rate] + 1.0

    def count(self, now: float) -> None:
        """One is sent."""
        self._sent.append(now)
