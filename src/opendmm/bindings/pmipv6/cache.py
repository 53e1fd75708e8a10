"""The Binding Cache of a local mobility anchor (RFC 5213 §5.1), one entry a mobile node."""

from collections import OrderedDict
from enum import StrEnum

import msgspec

from opendmm.bindings.mobility.agenda import Agenda
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.wire.mobility.binding import BindingUpdate
from opendmm.wire.mobility.numbers import AccessTechnology

CLAIMS_KEPT = 100_000
"""Registrations that may await the FE_MCTX at a time; the oldest is forgotten beyond that."""


class Stage(StrEnum):
    """Of a Binding Cache entry."""

    ACTIVE = "active"
    DELETED = "deleted"
    """De-registered, kept for MinDelayBeforeBCEDelete (RFC 5213 §5.3.5)."""


class ProxyBinding(msgspec.Struct, kw_only=True, gc=False):
    """A Binding Cache entry (RFC 5213 §5.1). `until` is in seconds since 1970.

    `ticks` is the latest timestamp accepted, None when the latest PBU had none; `attached_at`
    in microseconds since 1970 is when the attachment began.
    """

    mobile_node: MobileNodeId
    gateway: NodeId
    stage: Stage
    attached_at: int
    sequence: int
    ticks: int | None
    link_layer_id: bytes
    access_technology: AccessTechnology
    prefixes: tuple[HomePrefix, ...]
    until: float


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A valid PBU that awaits the FE_MCTX's word; until then the entry stays as it is."""

    gateway: NodeId
    attached_at: int
    ticks: int | None
    request: BindingUpdate


class BindingCache:
    """Entries by mobile node, with what is needed to look them up otherwise."""

    def __init__(self) -> None:
        self.entries: dict[MobileNodeId, ProxyBinding] = {}
        self.claims: OrderedDict[MobileNodeId, Claim] = OrderedDict()
        self._agenda: Agenda[MobileNodeId] = Agenda()
        self._active: dict[NodeId, int] = {}

    def __len__(self) -> int:
        return len(self.entries)

    def put(self, entry: ProxyBinding) -> None:
        """Keep an entry, in the place of an earlier one of its mobile node."""
        self.drop(entry.mobile_node)
        self.entries[entry.mobile_node] = entry
        self._count(entry, 1)
        self._agenda.put(entry.mobile_node, entry.until)

    def drop(self, mobile_node: MobileNodeId) -> None:
        entry = self.entries.pop(mobile_node, None)
        if entry is None:
            return
        self._count(entry, -1)
        self._agenda.drop(mobile_node)

    def active_by(self, gateway: NodeId) -> int:
        """How many mobile nodes a gateway has registered."""
        return self._active.get(gateway, 0)

    def of(self, gateway: NodeId) -> list[ProxyBinding]:
        """The active entries of a gateway."""
        return [
            entry
            for entry in self.entries.values()
            if entry.gateway == gateway and entry.stage is Stage.ACTIVE
        ]

    def claim(self, mobile_node: MobileNodeId, claim: Claim) -> None:
        """A later claim for a mobile node takes the place of an earlier one."""
        self.claims.pop(mobile_node, None)
        self.claims[mobile_node] = claim
        if len(self.claims) > CLAIMS_KEPT:
            self.claims.popitem(last=False)

    def next_timer(self) -> float:
        return self._agenda.next_timer()

    def over(self, now: float) -> list[ProxyBinding]:
        """Entries whose time has passed; they are dropped."""
        entries = [self.entries[mobile_node] for mobile_node in self._agenda.take(now)]
        for entry in entries:
            self.drop(entry.mobile_node)
        return entries

    def _count(self, entry: ProxyBinding, by: int) -> None:
        if entry.stage is not Stage.ACTIVE:
            return
        count = self._active.get(entry.gateway, 0) + by
        self._active[entry.gateway] = count
        if not count:
            del self._active[entry.gateway]
