"""What gateways and anchors tell each other beside bindings: tunnels, load, groups, policies.

RFC 3963, RFC 5845, RFC 6463, RFC 6602, RFC 6705, RFC 6757, RFC 6909, RFC 7148, RFC 7222, RFC 8127.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from struct import Struct
from typing import Self

from opendmm.wire.errors import WireError
from opendmm.wire.layout import (
    IPV6_BITS,
    ipv4_prefix_length,
    ipv6_prefix,
    unpack_exactly,
    unpack_head,
)
from opendmm.wire.mobility.numbers import GroupSubtype, OptionType, QosOperation
from opendmm.wire.mobility.options.base import (
    Alignment,
    FixedOption,
    MobilityOption,
    PrefixOption,
)
from opendmm.wire.mobility.options.suboptions import Element, pack_elements, parse_elements

RESERVED = Struct("!2x")
RESERVED_AND_KEY = Struct("!2xI")
REDIRECT_FLAGS = Struct("!H")
REDIRECT_IPV6 = 0x8000
REDIRECT_IPV4 = 0x4000
DELEGATED_PREFIX = Struct("!BB")
DELEGATED_IPV4 = 0x80
OFFLOAD = Struct("!I")
OFFLOAD_MODE = 1 << 31
QOS = Struct("!BBB3x")
DSCP_SHIFT = 2
LARGEST_DSCP = 63
IPV4_OCTETS = 4
IPV6_OCTETS = 16


class MobileNetworkPrefixOption(PrefixOption, frozen=True):
    """A prefix behind a mobile router (RFC 3963 §4.3)."""

    TYPE = OptionType.MOBILE_NETWORK_PREFIX


class GreKeyOption(MobilityOption, frozen=True):
    """Asks for GRE, and says by which key the sender wants to be sent to (RFC 5845 §6.1)."""

    TYPE = OptionType.GRE_KEY

    key: int | None = None

    @property
    def alignment(self) -> Alignment:
        return Alignment(4, 0)

    def body(self) -> bytes:
        return RESERVED.pack() if self.key is None else RESERVED_AND_KEY.pack(self.key)

    @classmethod
    def parse(cls, body: bytes) -> Self:
        if len(body) == RESERVED.size:
            return cls()
        (key,) = unpack_exactly(RESERVED_AND_KEY, body)
        return cls(key)


class RedirectCapabilityOption(FixedOption, frozen=True):
    """The gateway can be sent to another anchor (RFC 6463 §4.1)."""

    TYPE = OptionType.REDIRECT_CAPABILITY
    LAYOUT = RESERVED
    ALIGNMENT = Alignment(4, 0)


class RedirectOption(MobilityOption, frozen=True):
    """To which anchor the gateway is sent (RFC 6463 §4.2)."""

    TYPE = OptionType.REDIRECT

    address: IPv6Address | IPv4Address

    @property
    def alignment(self) -> Alignment:
        return Alignment(4, 0)

    def body(self) -> bytes:
        flag = REDIRECT_IPV6 if self.address.version == 6 else REDIRECT_IPV4
        return REDIRECT_FLAGS.pack(flag) + self.address.packed

    @classmethod
    def parse(cls, body: bytes) -> Self:
        (flags,) = unpack_head(REDIRECT_FLAGS, body)
        packed = body[REDIRECT_FLAGS.size :]
        which = flags & (REDIRECT_IPV6 | REDIRECT_IPV4)
        if which == REDIRECT_IPV6 and len(packed) == IPV6_OCTETS:
            return cls(IPv6Address(packed))
        if which == REDIRECT_IPV4 and len(packed) == IPV4_OCTETS:
            return cls(IPv4Address(packed))
        raise WireError(f"flags {flags:#06x} do not fit an address of {len(packed)} octets")


class LoadInformationOption(FixedOption, frozen=True):
    """How busy an anchor is (RFC 6463 §4.3); capacities in kilobytes per second."""

    TYPE = OptionType.LOAD_INFORMATION
    LAYOUT = Struct("!HIIII")
    ALIGNMENT = Alignment(4, 0)

    priority: int
    sessions_in_use: int
    maximum_sessions: int
    used_capacity: int
    maximum_capacity: int


class MobileNodeGroupIdentifierOption(FixedOption, frozen=True):
    """To which group of mobile nodes the message applies (RFC 6602 §4.3)."""

    TYPE = OptionType.MOBILE_NODE_GROUP_IDENTIFIER
    LAYOUT = Struct("!BxI")
    ALIGNMENT = Alignment(4, 0)

    subtype: GroupSubtype
    group: int

    @classmethod
    def from_fields(cls, subtype: int, group: int) -> Self:
        return cls(GroupSubtype(subtype), group)


class MagIpv6AddressOption(FixedOption, frozen=True):
    """The other gateway of a localized path (RFC 6705 §11.1)."""

    TYPE = OptionType.MAG_IPV6_ADDRESS
    LAYOUT = Struct("!xB16s")
    ALIGNMENT = Alignment(8, 4)

    address: IPv6Address

    def fields(self) -> tuple[int, bytes]:
        return IPV6_BITS, self.address.packed

    @classmethod
    def from_fields(cls, length: int, packed: bytes) -> Self:
        if length != IPV6_BITS:
            raise WireError(f"address length {length} instead of {IPV6_BITS}")
        return cls(IPv6Address(packed))


class ElementsOption(MobilityOption, frozen=True):
    """An option that is at least one element."""

    elements: tuple[Element, ...]

    def __post_init__(self) -> None:
        if not self.elements:
            raise WireError("at least one element is due")

    def body(self) -> bytes:
        return pack_elements(self.elements)

    @classmethod
    def parse(cls, body: bytes) -> Self:
        return cls(parse_elements(body))


class AccessNetworkIdentifierOption(ElementsOption, frozen=True):
    """Where the mobile node is attached (RFC 6757 §3); elements by `AccessNetworkElement`."""

    TYPE = OptionType.ACCESS_NETWORK_IDENTIFIER

    @property
    def alignment(self) -> Alignment:
        return Alignment(4, 0)


class LmaControlledMagParametersOption(ElementsOption, frozen=True):
    """Timers an anchor sets in a gateway (RFC 8127 §3); elements by `MagParameter`."""

    TYPE = OptionType.LMA_CONTROLLED_MAG_PARAMETERS

    @property
    def alignment(self) -> Alignment:
        return Alignment(4, 2)


class Ipv4TrafficOffloadSelectorOption(MobilityOption, frozen=True):
    """Which IPv4 flows leave at the gateway (RFC 6909 §3.1).

    `selected_are_tunneled` is the M flag. `selector` is a Traffic Selector sub-option of RFC 6089
    as it came, or nothing.
    """

    TYPE = OptionType.IPV4_TRAFFIC_OFFLOAD_SELECTOR

    selected_are_tunneled: bool
    selector: bytes = b""

    @property
    def alignment(self) -> Alignment:
        return Alignment(4, 0)

    def body(self) -> bytes:
        return OFFLOAD.pack(OFFLOAD_MODE if self.selected_are_tunneled else 0) + self.selector

    @classmethod
    def parse(cls, body: bytes) -> Self:
        (word,) = unpack_head(OFFLOAD, body)
        return cls(bool(word & OFFLOAD_MODE), body[OFFLOAD.size :])


class DelegatedMobileNetworkPrefixOption(MobilityOption, frozen=True):
    """A prefix delegated to a mobile router (RFC 7148 §4.1)."""

    TYPE = OptionType.DELEGATED_MOBILE_NETWORK_PREFIX

    prefix: IPv6Network | IPv4Network

    @property
    def alignment(self) -> Alignment:
        return Alignment(8, 2)

    def body(self) -> bytes:
        flag = DELEGATED_IPV4 if self.prefix.version == 4 else 0
        head = DELEGATED_PREFIX.pack(flag, self.prefix.prefixlen)
        return head + self.prefix.network_address.packed

    @classmethod
    def parse(cls, body: bytes) -> Self:
        flags, length = unpack_head(DELEGATED_PREFIX, body)
        packed = body[DELEGATED_PREFIX.size :]
        if flags & DELEGATED_IPV4 and len(packed) == IPV4_OCTETS:
            return cls(IPv4Network((packed, ipv4_prefix_length(length)), strict=False))
        if not flags & DELEGATED_IPV4 and len(packed) == IPV6_OCTETS:
            return cls(ipv6_prefix(packed, length))
        raise WireError(f"flags {flags:#04x} do not fit a prefix of {len(packed)} octets")


class QualityOfServiceOption(MobilityOption, frozen=True):
    """Asks for, grants or counters treatment of flows (RFC 7222 §4.1).

    `attributes` by `QosAttribute`. With an operation that is not in the registry the receiver
    must ignore the option.
    """

    TYPE = OptionType.QUALITY_OF_SERVICE

    request: int
    dscp: int
    operation: QosOperation
    attributes: tuple[Element, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.dscp <= LARGEST_DSCP:
            raise WireError(f"code point {self.dscp} is outside 0..{LARGEST_DSCP}")

    @property
    def alignment(self) -> Alignment:
        return Alignment(4, 0)

    def body(self) -> bytes:
        head = QOS.pack(self.request, self.dscp << DSCP_SHIFT, self.operation)
        return head + pack_elements(self.attributes)

    @classmethod
    def parse(cls, body: bytes) -> Self:
        request, traffic_class, operation = unpack_head(QOS, body)
        attributes = parse_elements(body, QOS.size)
        return cls(request, traffic_class >> DSCP_SHIFT, QosOperation(operation), attributes)
