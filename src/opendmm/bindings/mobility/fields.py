"""What options say that any registration may have."""

from opendmm.model.identity import MobileNodeId
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.options.identification import MobileNodeIdentifierOption

MICROSECONDS = 1_000_000
"""In a second."""


def named(message: MobilityMessage) -> MobileNodeId:
    """Whom a message is about; empty when it does not say, or not by an NAI."""
    identifier = message.first(MobileNodeIdentifierOption)
    return MobileNodeId((identifier.nai if identifier is not None else None) or "")
