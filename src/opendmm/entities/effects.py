"""Inputs an entity takes and effects it returns. All are values; the runtime acts on them."""

from enum import StrEnum
from typing import Any, Protocol

import msgspec

from opendmm.model.addressing import HomePrefix, Locator
from opendmm.model.identity import EntityAddress, FunctionalEntity, MobileNodeId, NodeId
from opendmm.model.rules import Rule, RuleKey
from opendmm.reference_points.message import Message

# Inputs


class Started(msgspec.Struct, frozen=True):
    """The node runs (again); `facts` is what this entity persisted before, by key."""

    facts: dict[str, bytes]


class Received(msgspec.Struct, frozen=True):
    """A message arrived; the binding vouches for the sender's identity, not for its claims."""

    sender: EntityAddress
    message: Message


class TimerFired(msgspec.Struct, frozen=True):
    key: str


class RuleOutcome(msgspec.Struct, frozen=True):
    """What became of a rule this entity asked for; `error` empty on success.

    `effective` is false when another entity's later rule holds the slot.
    """

    rule: Rule
    error: str = ""
    effective: bool = True


class PeerReachable(msgspec.Struct, frozen=True):
    """A session with a peer node came up (also after each reconnection)."""

    node: NodeId


class PeerUnreachable(msgspec.Struct, frozen=True):
    """The session with a peer node is gone, or could not be set up."""

    node: NodeId


class LinkAttached(msgspec.Struct, frozen=True):
    """To FE_MU_C: a mobile node appeared on an access link (or the node's own link came up)."""

    mobile_node: MobileNodeId
    interface: str
    link_layer_id: bytes
    anchor: NodeId | None = None
    """On a mobile node: the anchor heard on the link; None where FE_MU_C sits at the anchor."""
    care_of: Locator | None = None
    """On a mobile node: its address on a link that is not the anchor's own (RFC 6275 §11.5.3)."""


class LinkDetached(msgspec.Struct, frozen=True):
    """To FE_MU_C: a mobile node's access link is gone."""

    mobile_node: MobileNodeId
    interface: str


class HandoverExpected(msgspec.Struct, frozen=True):
    """To FE_MU_C: a move to `target` is expected soon."""

    mobile_node: MobileNodeId
    target: NodeId


class SessionsEnded(msgspec.Struct, frozen=True):
    """To FE_MU_C: no session uses these prefixes any more (all, when empty): release them."""

    mobile_node: MobileNodeId
    prefixes: tuple[HomePrefix, ...] = ()


class PacketWithoutPolicy(msgspec.Struct, frozen=True):
    """To FE_I in pull mode: a packet to `prefix` passed and no policy covers it."""

    prefix: HomePrefix


Input = (
    Started
    | Received
    | TimerFired
    | RuleOutcome
    | PeerReachable
    | PeerUnreachable
    | LinkAttached
    | LinkDetached
    | HandoverExpected
    | SessionsEnded
    | PacketWithoutPolicy
)

# Effects


class Send(msgspec.Struct, frozen=True):
    """Hand a message to the reference point that joins the two entities."""

    to: EntityAddress
    message: Message


class SetTimer(msgspec.Struct, frozen=True):
    """Fire `key` at `at` (seconds since 1970); replaces an earlier setting of the key."""

    key: str
    at: float


class CancelTimer(msgspec.Struct, frozen=True):
    key: str


class Install(msgspec.Struct, frozen=True):
    """Ask for a rule; answered by a RuleOutcome. Replaces this entity's rule in the slot."""

    rule: Rule


class Remove(msgspec.Struct, frozen=True):
    """Withdraw this entity's rule from a slot."""

    key: RuleKey


class Persist(msgspec.Struct, frozen=True):
    """Keep a fact across restarts; None forgets it. Durable before anything sent with it."""

    key: str
    value: bytes | None


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"


class Notice(msgspec.Struct, frozen=True):
    """Something a person may want to know; `event` is a fixed name, `fields` the particulars."""

    event: str
    fields: dict[str, Any]
    severity: Severity = Severity.INFO


class Advertise(msgspec.Struct, frozen=True):
    """Tell the mobile node on a link which prefixes it may use there, where the network
    speaks for it: in a Router Advertisement (RFC 4861). `preferred` are for new sessions,
    `deprecated` for those it has (RFC 4862 §5.5.4). Not answered, and harmless to repeat."""

    mobile_node: MobileNodeId
    interface: str
    link_layer_id: bytes
    preferred: tuple[HomePrefix, ...]
    deprecated: tuple[HomePrefix, ...]


Effect = Send | SetTimer | CancelTimer | Install | Remove | Persist | Notice | Advertise


class Entity(Protocol):
    """What every functional entity offers its host."""

    kind: FunctionalEntity

    def handle(self, event: Input, now: float) -> list[Effect]:
        """React to one input at time `now` (seconds since 1970). Never raises on bad input
        from a peer: it is refused, and a Notice says so."""
        ...
