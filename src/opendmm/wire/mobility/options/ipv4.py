"""IPv4 over Mobile IPv6: for the mobile node itself (RFC 5555 §3), for proxies (RFC 5844 §3.3)."""

from ipaddress import IPv4Address
from struct import Struct
from typing import Self

from opendmm.wire.errors import WireError
from opendmm.wire.layout import ipv4_prefix_length
from opendmm.wire.mobility.numbers import Ipv4AddressStatus, OptionType
from opendmm.wire.mobility.options.base import Alignment, FixedOption

#: Where the six bits of a prefix length end in a field of 16 or 8 bits.
IN_WORD = 10
IN_OCTET = 2
PREFIX_REQUESTED = 1 << 9
UDP_REQUIRED = 1 << 15
DHCP_SERVER = 1


class Ipv4HomeAddressOption(FixedOption, frozen=True):
    """The mobile node's IPv4 home address or prefix (RFC 5555 §3.1.1); 0.0.0.0 asks for one."""

    TYPE = OptionType.IPV4_HOME_ADDRESS
    LAYOUT = Struct("!H4s")
    ALIGNMENT = Alignment(4, 0)

    address: IPv4Address
    prefix_length: int = 32
    prefix_requested: bool = False

    def __post_init__(self) -> None:
        if not ipv4_prefix_length(self.prefix_length):
            raise WireError("a prefix length of zero is invalid (RFC 5555 §3.1.1)")

    def fields(self) -> tuple[int, bytes]:
        flag = PREFIX_REQUESTED if self.prefix_requested else 0
        return self.prefix_length << IN_WORD | flag, self.address.packed

    @classmethod
    def from_fields(cls, word: int, packed: bytes) -> Self:
        return cls(IPv4Address(packed), word >> IN_WORD, bool(word & PREFIX_REQUESTED))


class Ipv4AddressAnswer(FixedOption, frozen=True):
    """What the answers to a request for an IPv4 address share."""

    LAYOUT = Struct("!BB4s")
    ALIGNMENT = Alignment(4, 0)

    status: Ipv4AddressStatus
    address: IPv4Address
    prefix_length: int = 32

    def __post_init__(self) -> None:
        ipv4_prefix_length(self.prefix_length)

    def fields(self) -> tuple[int, int, bytes]:
        return self.status, self.prefix_length << IN_OCTET, self.address.packed

    @classmethod
    def from_fields(cls, status: int, octet: int, packed: bytes) -> Self:
        return cls(Ipv4AddressStatus(status), IPv4Address(packed), octet >> IN_OCTET)


class Ipv4AddressAcknowledgementOption(Ipv4AddressAnswer, frozen=True):
    """Whether the IPv4 home address is bound (RFC 5555 §3.2.1)."""

    TYPE = OptionType.IPV4_ADDRESS_ACKNOWLEDGEMENT


class NatDetectionOption(FixedOption, frozen=True):
    """Whether there is a NAT on the way (RFC 5555 §3.2.2).

    `refresh_time` is in seconds; 0 says nothing, all ones that no keepalives are needed.
    """

    TYPE = OptionType.NAT_DETECTION
    LAYOUT = Struct("!HI")
    ALIGNMENT = Alignment(4, 0)

    udp_encapsulation_required: bool
    refresh_time: int

    def fields(self) -> tuple[int, int]:
        return UDP_REQUIRED if self.udp_encapsulation_required else 0, self.refresh_time

    @classmethod
    def from_fields(cls, word: int, refresh_time: int) -> Self:
        return cls(bool(word & UDP_REQUIRED), refresh_time)


class Ipv4AddressOption(FixedOption, frozen=True):
    """An option that is one IPv4 address behind a reserved field."""

    LAYOUT = Struct("!2x4s")
    ALIGNMENT = Alignment(4, 0)

    address: IPv4Address

    def fields(self) -> tuple[bytes]:
        return (self.address.packed,)

    @classmethod
    def from_fields(cls, packed: bytes) -> Self:
        return cls(IPv4Address(packed))


class Ipv4CareOfAddressOption(Ipv4AddressOption, frozen=True):
    """The mobile node's IPv4 care-of address (RFC 5555 §3.1.2)."""

    TYPE = OptionType.IPV4_CARE_OF_ADDRESS


class Ipv4HomeAddressRequestOption(FixedOption, frozen=True):
    """A proxy asks for an IPv4 home address (RFC 5844 §3.3.1); 0.0.0.0 for any."""

    TYPE = OptionType.IPV4_HOME_ADDRESS_REQUEST
    LAYOUT = Struct("!H4s")
    ALIGNMENT = Alignment(4, 0)

    address: IPv4Address
    prefix_length: int = 32

    def __post_init__(self) -> None:
        ipv4_prefix_length(self.prefix_length)

    def fields(self) -> tuple[int, bytes]:
        return self.prefix_length << IN_WORD, self.address.packed

    @classmethod
    def from_fields(cls, word: int, packed: bytes) -> Self:
        return cls(IPv4Address(packed), word >> IN_WORD)


class Ipv4HomeAddressReplyOption(Ipv4AddressAnswer, frozen=True):
    """The IPv4 home address a proxy was given (RFC 5844 §3.3.2)."""

    TYPE = OptionType.IPV4_HOME_ADDRESS_REPLY


class Ipv4DefaultRouterAddressOption(Ipv4AddressOption, frozen=True):
    """The mobile node's IPv4 default router (RFC 5844 §3.3.3)."""

    TYPE = OptionType.IPV4_DEFAULT_ROUTER_ADDRESS


class Ipv4DhcpSupportModeOption(FixedOption, frozen=True):
    """Whether the gateway is to be DHCP server or relay (RFC 5844 §3.3.4)."""

    TYPE = OptionType.IPV4_DHCP_SUPPORT_MODE
    LAYOUT = Struct("!H")

    server: bool

    def fields(self) -> tuple[int]:
        return (DHCP_SERVER if self.server else 0,)

    @classmethod
    def from_fields(cls, word: int) -> Self:
        return cls(bool(word & DHCP_SERVER))


class AlternateIpv4CareOfAddressOption(Ipv4AddressOption, frozen=True):
    """The IPv4 care-of address, where it is not the packet's source (RFC 6463 §4.4)."""

    TYPE = OptionType.ALTERNATE_IPV4_CARE_OF_ADDRESS
    LAYOUT = Struct("!4s")
    ALIGNMENT = Alignment(4, 2)
