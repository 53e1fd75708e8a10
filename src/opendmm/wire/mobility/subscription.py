"""Which multicast groups a mobile node listens to: query and response (RFC 7161 §4.3).

Sequence numbers have eight bits, unlike those of all other messages.
"""

from struct import Struct
from typing import Self

from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import MessageType, SubscriptionResponseFlags
from opendmm.wire.mobility.options.base import MobilityOption


class SubscriptionQuery(MobilityMessage, frozen=True):
    """Asks for the active subscriptions of a mobile node (RFC 7161 §4.3.1)."""

    TYPE = MessageType.SUBSCRIPTION_QUERY
    LAYOUT = Struct("!Bx")

    sequence: int


class SubscriptionResponse(MobilityMessage, frozen=True):
    """Has them as options, if the I flag is set (RFC 7161 §4.3.2)."""

    TYPE = MessageType.SUBSCRIPTION_RESPONSE
    LAYOUT = Struct("!BB")

    sequence: int
    flags: SubscriptionResponseFlags

    @classmethod
    def from_fields(cls, sequence: int, flags: int, *, options: tuple[MobilityOption, ...]) -> Self:
        return cls(sequence, SubscriptionResponseFlags(flags), options=options)
