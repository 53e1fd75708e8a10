"""Options between the anchors and the central database of RFC 8885 (§4.3 to §4.8).

They may appear only in a PBU or PBA with the D flag; whoever processes the message checks that.
"""

from ipaddress import IPv6Address, IPv6Network
from struct import Struct
from typing import Self

from opendmm.wire.layout import ipv6_prefix
from opendmm.wire.mobility.numbers import OptionType
from opendmm.wire.mobility.options.base import (
    AddressOption,
    Alignment,
    FixedOption,
    PrefixOption,
)
from opendmm.wire.mobility.options.proxy import LinkLayerOption


class AnchoredPrefixOption(PrefixOption, frozen=True):
    """A prefix of the mobile node, anchored at the anchoring MAAR (RFC 8885 §4.3)."""

    TYPE = OptionType.ANCHORED_PREFIX


class LocalPrefixOption(PrefixOption, frozen=True):
    """A prefix that is only reachable through the anchoring MAAR (RFC 8885 §4.4)."""

    TYPE = OptionType.LOCAL_PREFIX


class PreviousMaarOption(FixedOption, frozen=True):
    """A previous MAAR and the prefix anchored there, from CMD to serving MAAR (RFC 8885 §4.5)."""

    TYPE = OptionType.PREVIOUS_MAAR
    LAYOUT = Struct("!xB16s16s")
    ALIGNMENT = Alignment(8, 4)

    previous_maar: IPv6Address
    home_network_prefix: IPv6Network

    def fields(self) -> tuple[int, bytes, bytes]:
        prefix = self.home_network_prefix
        return prefix.prefixlen, self.previous_maar.packed, prefix.network_address.packed

    @classmethod
    def from_fields(cls, length: int, maar: bytes, packed: bytes) -> Self:
        return cls(IPv6Address(maar), ipv6_prefix(packed, length))


class ServingMaarOption(AddressOption, frozen=True):
    """The serving MAAR's address, from CMD to previous MAAR (RFC 8885 §4.6)."""

    TYPE = OptionType.SERVING_MAAR


class DlifLinkLocalAddressOption(AddressOption, frozen=True):
    """The link-local address of the logical interface to take over (RFC 8885 §4.7)."""

    TYPE = OptionType.DLIF_LINK_LOCAL_ADDRESS


class DlifLinkLayerAddressOption(LinkLayerOption, frozen=True):
    """The link-layer address of the logical interface to take over (RFC 8885 §4.8)."""

    TYPE = OptionType.DLIF_LINK_LAYER_ADDRESS
