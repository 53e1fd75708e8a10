"""R_EC, FE_IEC – FE_E: how to recognise redirected packets and where to deliver (draft §3)."""

from opendmm.model.context import ContextId
from opendmm.model.order import MoveOrder
from opendmm.model.policy import DeliveryPolicy
from opendmm.reference_points.message import ContextMessage, Message


class DeliverySubscribe(Message, frozen=True):
    """FE_E reports in (at start, after a reconnection) and wants its policies.

    Repeated until a DeliverySynchronised with the same number comes.
    """

    synchronisation: int


class DeliveryUpdate(Message, frozen=True):
    """FE_IEC provides one delivery policy."""

    policy: DeliveryPolicy


class DeliveryAcknowledgement(ContextMessage, frozen=True):
    """FE_E has installed (or refused) the policy of this order."""

    order: MoveOrder
    status: int


class DeliverySynchronised(Message, frozen=True):
    """The subscription has been answered; `held` are all contexts that have a policy here.

    Long lists come as several of these, `page` of `pages` (from 1); any order will do.
    """

    synchronisation: int
    held: tuple[ContextId, ...]
    page: int = 1
    pages: int = 1
