"""Options of Proxy Mobile IPv6 (RFC 5213 §8.3 to §8.8) and of its heartbeat (RFC 5847 §3.4)."""

from struct import Struct
from typing import Self

from opendmm.wire.layout import unpack_head
from opendmm.wire.mobility.numbers import AccessTechnology, HandoffIndicator, OptionType
from opendmm.wire.mobility.options.base import (
    AddressOption,
    Alignment,
    FixedOption,
    MobilityOption,
    PrefixOption,
)

RESERVED = Struct("!2x")
#: Timestamps count in these parts of a second.
FRACTIONS = 1 << 16


class HomeNetworkPrefixOption(PrefixOption, frozen=True):
    """A home network prefix (RFC 5213 §8.3); all zeroes asks for one."""

    TYPE = OptionType.HOME_NETWORK_PREFIX


class HandoffIndicatorOption(FixedOption, frozen=True):
    """What kind of attachment the registration is about (RFC 5213 §8.4)."""

    TYPE = OptionType.HANDOFF_INDICATOR
    LAYOUT = Struct("!xB")

    indicator: HandoffIndicator

    @classmethod
    def from_fields(cls, indicator: int) -> Self:
        return cls(HandoffIndicator(indicator))


class AccessTechnologyTypeOption(FixedOption, frozen=True):
    """By which technology the mobile node is attached (RFC 5213 §8.5)."""

    TYPE = OptionType.ACCESS_TECHNOLOGY_TYPE
    LAYOUT = Struct("!xB")

    technology: AccessTechnology

    @classmethod
    def from_fields(cls, technology: int) -> Self:
        return cls(AccessTechnology(technology))


class LinkLayerOption(MobilityOption, frozen=True):
    """An option that is one link-layer address of any size, as RFC 4861 §4.6 orders its octets.

    "Based on the size of the identifier, the option MUST be aligned appropriately": the address
    begins at a multiple of the largest power of two, up to eight, that divides its length; the
    reserved field before it, at an even octet.
    """

    address: bytes

    @property
    def alignment(self) -> Alignment:
        factor = next(factor for factor in (8, 4, 2, 1) if len(self.address) % factor == 0)
        return Alignment(max(factor, 2), 4 % max(factor, 2))

    def body(self) -> bytes:
        return RESERVED.pack() + self.address

    @classmethod
    def parse(cls, body: bytes) -> Self:
        unpack_head(RESERVED, body)
        return cls(body[RESERVED.size :])


class LinkLayerIdentifierOption(LinkLayerOption, frozen=True):
    """The mobile node's link-layer identifier (RFC 5213 §8.6)."""

    TYPE = OptionType.LINK_LAYER_IDENTIFIER


class LinkLocalAddressOption(AddressOption, frozen=True):
    """The mobile access gateway's link-local address toward the mobile node (RFC 5213 §8.7)."""

    TYPE = OptionType.LINK_LOCAL_ADDRESS


class TimestampOption(FixedOption, frozen=True):
    """When the message was sent (RFC 5213 §8.8), in 1/65536 s since 1970, 00:00 UTC."""

    TYPE = OptionType.TIMESTAMP
    LAYOUT = Struct("!Q")
    ALIGNMENT = Alignment(8, 2)

    ticks: int

    @classmethod
    def from_seconds(cls, seconds: float) -> Self:
        """For a time in seconds since 1970, rounded down."""
        return cls(int(seconds * FRACTIONS))

    @property
    def seconds(self) -> float:
        return self.ticks / FRACTIONS


class RestartCounterOption(FixedOption, frozen=True):
    """How often the sender of a heartbeat has restarted (RFC 5847 §3.4)."""

    TYPE = OptionType.RESTART_COUNTER
    LAYOUT = Struct("!I")
    ALIGNMENT = Alignment(4, 2)

    restart_counter: int
