"""R_IC, FE_IEC – FE_I: forwarding policies, unsolicited or on request (draft §3)."""

from enum import StrEnum

import msgspec

from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.model.order import MoveOrder
from opendmm.model.policy import ForwardingPolicy
from opendmm.model.quantities import Seconds
from opendmm.reference_points.message import Message


class PolicyMode(StrEnum):
    """How an FE_I wants to be told."""

    PUSH = "push"
    PULL = "pull"


class PolicySubscribe(Message, frozen=True):
    """FE_I reports in (at start, after a reconnection) and says what it wants to be told.

    PUSH: everything under `groups` (empty: everything) now and from now on. PULL: only what
    it asks for; `held` are the prefixes it asked for before and still uses. Repeated until
    a PolicySynchronised with the same `synchronisation` number comes.
    """

    synchronisation: int
    mode: PolicyMode
    groups: tuple[HomePrefix, ...] = ()
    held: tuple[HomePrefix, ...] = ()


class PolicyUpdate(Message, frozen=True):
    """FE_IEC provides policies. Acknowledged per batch, under `transaction`.

    `synchronisation` is the number of the subscription that the batch answers, 0 for none.
    """

    transaction: int
    policies: tuple[ForwardingPolicy, ...]
    synchronisation: int = 0


class PolicySynchronised(Message, frozen=True):
    """The subscription has been answered with this many policies: any other is over.

    Holds once they all have arrived; then FE_I acknowledges under the number as transaction.
    """

    synchronisation: int
    policies: int


class PolicyResult(msgspec.Struct, frozen=True):
    """What became of one policy of a batch."""

    mobile_node: MobileNodeId
    home_anchor: NodeId
    order: MoveOrder
    status: int


class PolicyAcknowledgement(Message, frozen=True):
    """FE_I has installed (or refused) the policies of a batch."""

    transaction: int
    results: tuple[PolicyResult, ...]


class PolicyRequest(Message, frozen=True):
    """FE_I asks on the first packet to a prefix it has no policy for."""

    prefix: HomePrefix


class PolicyAbsent(Message, frozen=True):
    """FE_IEC has no redirection for the prefix; ask again after `retry_after` seconds."""

    prefix: HomePrefix
    retry_after: Seconds
