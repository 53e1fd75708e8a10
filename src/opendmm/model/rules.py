"""Rules of a node's forwarding: what entities ask of the kernel, and what it has.

A rule says what happens to packets of one prefix in one table. Entities on a node may
ask for different actions on the same packets (an anchor delivers, an ingress redirects);
the rule with the greatest move order is the one installed (see `opendmm.forwarding.plan`).
"""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from opendmm.model.addressing import Egress, HomePrefix, Locator
from opendmm.model.flow import FlowRule
from opendmm.model.order import MoveOrder

EVERYWHERE = 15
"""The ring of an announcement that is for all routers, and for them to pass on."""
LAST_ANNOUNCED = (1 << 28) - 2
"""The greatest number of an announcement; after it numbers begin at 1 again."""


class Table(StrEnum):
    """Where on the packet's way a rule acts."""

    DOWNLINK = "downlink"  # destination is the prefix, on the normal forwarding path
    EGRESS = "egress"  # destination is the prefix, taken out of a DMM tunnel here
    UPLINK = "uplink"  # source is the prefix, on the normal forwarding path
    RECOGNITION = "recognition"  # destination is the prefix, arrived at a tunnel end here
    SOURCE_FILTER = "source-filter"  # source is the prefix, at an ingress filter (BCP 38)
    ANNOUNCEMENT = "announcement"  # no packets: what a routing protocol beside this node announces


class Access(msgspec.Struct, frozen=True, tag="access"):
    """Deliver on an access link (FE_MA_U): host route and a permanent neighbour."""

    interface: str
    link_layer_id: bytes


class ToAnchor(msgspec.Struct, frozen=True, tag="to-anchor"):
    """Deliver by host route to an anchor behind this egress (FE_E apart from FE_MA)."""

    anchor: Locator


class Redirect(msgspec.Struct, frozen=True, tag="redirect"):
    """Send to an egress by the node's forwarding means (FE_I, or a previous anchor)."""

    egress: Egress


class Tunnel(msgspec.Struct, frozen=True, tag="tunnel"):
    """Carry in IPv6 from `entry` to exactly `exit` (RFC 2473).

    The bidirectional tunnel of Mobile IPv6: at the home agent on the downlink and in egress, to
    the mobile node's care-of address (RFC 6275 §10.4.2); on the mobile node on the uplink, back
    to the home agent (§11.3.1). What comes the other way is taken out of it.
    """

    exit: Locator
    entry: Locator


class Permit(msgspec.Struct, frozen=True, tag="permit"):
    """Let pass: a topologically foreign source address through an ingress filter, or a flow
    through the recognition of an egress (where no flow is permitted, all pass)."""


class Announce(msgspec.Struct, frozen=True, order=True, tag="announce"):
    """Have the prefix announced as one that is here, by the number of the move: of two
    announcements the one with the greater number counts (draft A.4). It is for routers of this
    ring and of those nearer, for nobody to pass on until it is for everyone."""

    number: Annotated[int, Meta(ge=1, le=LAST_ANNOUNCED)]
    ring: Annotated[int, Meta(ge=1, le=EVERYWHERE)] = EVERYWHERE


Action = Access | ToAnchor | Redirect | Tunnel | Permit | Announce


class RuleKey(msgspec.Struct, frozen=True):
    """Names one rule slot of a node: at most one action is installed for it.

    With `flow` the slot is that of one flow to the prefix, on the downlink and in recognition;
    it goes before the slot of all packets to the prefix (see `opendmm.forwarding.plan`).
    """

    table: Table
    prefix: HomePrefix
    flow: FlowRule | None = None

    def __lt__(self, other: "RuleKey") -> bool:
        """By table and prefix, all packets before flows."""
        mine, theirs = (self.table, self.prefix), (other.table, other.prefix)
        return mine < theirs or (mine == theirs and _text(self.flow) < _text(other.flow))

    def __str__(self) -> str:
        return f"{self.table} {self.prefix} {_text(self.flow)}".rstrip()


def _text(flow: FlowRule | None) -> str:
    return "" if flow is None else str(flow)


class Rule(msgspec.Struct, frozen=True):
    """An action asked for a slot, and the move order that entitles to it."""

    key: RuleKey
    action: Action
    order: MoveOrder


class Change(msgspec.Struct, frozen=True):
    """One step for a forwarding driver: put `action` in the slot in place, or empty it."""

    key: RuleKey
    action: Action | None
