"""The Binding Cache of a home agent (RFC 6275 §9.1, §10.1), one entry a home address.

Beside home registrations it knows who is on the home link, which has no binding: a Binding
Update from there has a sequence number like any other.
"""

import math
from enum import StrEnum
from ipaddress import IPv6Address

import msgspec

from opendmm.bindings.mipv6.packet import Packet
from opendmm.bindings.mobility.agenda import Agenda
from opendmm.bindings.mobility.backoff import Backoff
from opendmm.model.identity import MobileNodeId
from opendmm.model.quantities import Seconds
from opendmm.wire.mobility.binding import BindingAcknowledgement, BindingUpdate

MAX_DELETE_BCE_TIMEOUT: Seconds = 10.0
"""How long a binding that is over keeps its sequence number (RFC 6275 §12)."""


class Stage(StrEnum):
    """Of an entry."""

    AWAITED = "awaited"
    """A first Binding Update waits for the FE_MCTX's word."""
    ACTIVE = "active"
    """A home registration."""
    HOME = "home"
    """On the home link, without a binding."""
    DELETED = "deleted"
    """Over; a delayed Binding Update does not revive it (§10.3.2)."""
    ASKED = "asked"
    """Forgotten in a restart, and the mobile node asked to register again."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """The latest valid Binding Update. `packet` is what it came in, without its octets."""

    packet: Packet
    update: BindingUpdate
    care_of: IPv6Address
    attached_at: int


class Entry(msgspec.Struct, kw_only=True, gc=False):
    """A Binding Cache entry. `until` is in seconds since 1970, `attached_at` in microseconds.

    `care_of` and `attached_at` are those that the FE_MCTX has accepted; `answer` is what
    `request` was answered with, None as long as the FE_MCTX has not decided. `asked` is the clock
    of Binding Refresh Requests, `requests` how many there were.
    """

    home_address: IPv6Address
    mobile_node: MobileNodeId
    attached_at: int
    stage: Stage = Stage.AWAITED
    until: float = math.inf
    care_of: IPv6Address | None = None
    request: Request | None = None
    answer: BindingAcknowledgement | None = None
    asked: Backoff | None = None
    requests: int = 1

    @property
    def due(self) -> float:
        """When something is to be done about it."""
        return min(self.until, self.asked.due) if self.asked is not None else self.until

    @property
    def served(self) -> bool:
        """Whether the FE_MCTX takes the mobile node to be here."""
        return self.stage is not Stage.DELETED


class BindingCache:
    """Entries by home address."""

    def __init__(self) -> None:
        self.entries: dict[IPv6Address, Entry] = {}
        self._agenda: Agenda[IPv6Address] = Agenda()

    def __len__(self) -> int:
        return len(self.entries)

    def get(self, home_address: IPv6Address) -> Entry | None:
        return self.entries.get(home_address)

    def put(self, entry: Entry) -> None:
        """Keep an entry, new or changed."""
        self.entries[entry.home_address] = entry
        self._agenda.put(entry.home_address, entry.due)

    def drop(self, entry: Entry) -> None:
        del self.entries[entry.home_address]
        self._agenda.drop(entry.home_address)

    def next_timer(self) -> float:
        return self._agenda.next_timer()

    def due(self, now: float) -> list[Entry]:
        """The entries about which something is to be done; each is put or dropped then."""
        return [self.entries[home_address] for home_address in self._agenda.take(now)]
