"""What the options of a registration say, with what stands for those that are not there."""

from opendmm.bindings.mobility.fields import MICROSECONDS
from opendmm.wire.mobility.binding import BindingUpdate
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import AccessTechnology, HandoffIndicator
from opendmm.wire.mobility.options.proxy import (
    FRACTIONS,
    AccessTechnologyTypeOption,
    HandoffIndicatorOption,
    LinkLayerIdentifierOption,
    TimestampOption,
)


def ticks_of(message: BindingUpdate) -> int | None:
    """The Timestamp, in 1/65536 s since 1970."""
    timestamp = message.first(TimestampOption)
    return timestamp.ticks if timestamp is not None else None


def in_microseconds(ticks: int) -> int:
    """A Timestamp in microseconds since 1970."""
    return ticks * MICROSECONDS // FRACTIONS


def link_layer_id_in(message: MobilityMessage) -> bytes:
    option = message.first(LinkLayerIdentifierOption)
    return option.address if option is not None else b""


def technology_in(message: MobilityMessage) -> AccessTechnology:
    option = message.first(AccessTechnologyTypeOption)
    return option.technology if option is not None else AccessTechnology.RESERVED


def indicator_in(message: MobilityMessage) -> HandoffIndicator:
    option = message.first(HandoffIndicatorOption)
    return option.indicator if option is not None else HandoffIndicator.RESERVED
