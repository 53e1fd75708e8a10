"""Options of fast handover (RFC 5568 §6.4) and of context between anchors (RFC 5949 §6.2)."""

from ipaddress import IPv4Address, IPv6Address
from struct import Struct
from typing import Self

from opendmm.wire.errors import WireError
from opendmm.wire.layout import ipv6_prefix, require_octets, unpack_exactly, unpack_head
from opendmm.wire.mobility.numbers import AddressCode, LinkLayerAddressCode, OptionType
from opendmm.wire.mobility.options.base import Alignment, FixedOption, MobilityOption
from opendmm.wire.mobility.options.suboptions import Element, pack_elements, parse_elements

CODE = Struct("!B")
SPI = Struct("!I")
RESERVED = Struct("!2x")
CODED_ADDRESS = {1: Struct("!Bx16s"), 2: Struct("!Bx4s")}
INTERFACE_IDENTIFIER_LENGTH = 8


class LinkLayerAddressOption(MobilityOption, frozen=True):
    """A link-layer address, usually the mobile node's (RFC 5568 §6.4.4)."""

    TYPE = OptionType.LINK_LAYER_ADDRESS

    code: LinkLayerAddressCode
    address: bytes

    def body(self) -> bytes:
        return CODE.pack(self.code) + self.address

    @classmethod
    def parse(cls, body: bytes) -> Self:
        (code,) = unpack_head(CODE, body)
        return cls(LinkLayerAddressCode(code), body[CODE.size :])


class FastBindingAuthorizationDataOption(MobilityOption, frozen=True):
    """The proof in FBU and FBack (RFC 5568 §6.4.5), the last option.

    The RFC has its Length count the authenticator, but a receiver that does not know the option
    must be able to skip it by RFC 6275 §6.2.1: here, as in Wireshark, Length counts the SPI as
    well. It begins, at 4n + 2 as drawn, where the authenticator ends the message.
    """

    TYPE = OptionType.BINDING_AUTHORIZATION_DATA_FMIPV6

    spi: int
    authenticator: bytes

    @property
    def alignment(self) -> Alignment:
        return Alignment(8, -(2 + SPI.size + len(self.authenticator)) % 8)

    def body(self) -> bytes:
        return SPI.pack(self.spi) + self.authenticator

    @classmethod
    def parse(cls, body: bytes) -> Self:
        (spi,) = unpack_head(SPI, body)
        return cls(spi, body[SPI.size :])


class AddressPrefixOption(FixedOption, frozen=True):
    """An address or prefix of the mobile node or the new router (RFC 5568 §6.4.2).

    Type 34, as registered; the Type 17 in that section is the one of Neighbor Discovery.
    """

    TYPE = OptionType.ADDRESS_PREFIX
    LAYOUT = Struct("!BB16s")
    ALIGNMENT = Alignment(8, 4)

    code: AddressCode
    prefix_length: int
    address: IPv6Address

    def __post_init__(self) -> None:
        prefix = ipv6_prefix(self.address.packed, self.prefix_length)
        if self.code == AddressCode.NAR_PREFIX and prefix.network_address != self.address:
            raise WireError(f"bits beyond the length are set in {self.address}")

    def fields(self) -> tuple[int, int, bytes]:
        return self.code, self.prefix_length, self.address.packed

    @classmethod
    def from_fields(cls, number: int, length: int, packed: bytes) -> Self:
        code = AddressCode(number)
        if code == AddressCode.NAR_PREFIX:
            packed = ipv6_prefix(packed, length).network_address.packed
        return cls(code, length, IPv6Address(packed))


class ContextRequestOption(MobilityOption, frozen=True):
    """Which options with context the other end should send (RFC 5949 §6.2.1).

    Each element has an option type, and what further tells which one is meant (for a vendor
    specific option, vendor and subtype), often nothing.
    """

    TYPE = OptionType.CONTEXT_REQUEST

    requests: tuple[Element, ...]

    @property
    def alignment(self) -> Alignment:
        return Alignment(4, 0)

    def body(self) -> bytes:
        return RESERVED.pack() + pack_elements(self.requests)

    @classmethod
    def parse(cls, body: bytes) -> Self:
        unpack_head(RESERVED, body)
        return cls(parse_elements(body, RESERVED.size))


class LocalMobilityAnchorAddressOption(MobilityOption, frozen=True):
    """With which anchor the mobile node is registered (RFC 5949 §6.2.2)."""

    TYPE = OptionType.LOCAL_MOBILITY_ANCHOR_ADDRESS

    address: IPv6Address | IPv4Address

    @property
    def alignment(self) -> Alignment:
        return Alignment(8, 4) if self.address.version == 6 else Alignment(4, 0)

    def body(self) -> bytes:
        code = 1 if self.address.version == 6 else 2
        return CODED_ADDRESS[code].pack(code, self.address.packed)

    @classmethod
    def parse(cls, body: bytes) -> Self:
        (code,) = unpack_head(CODE, body)
        layout = CODED_ADDRESS.get(code)
        if layout is None:
            raise WireError(f"unknown Option-Code {code}")
        _, packed = unpack_exactly(layout, body)
        return cls(IPv6Address(packed) if code == 1 else IPv4Address(packed))


class LinkLocalInterfaceIdentifierOption(FixedOption, frozen=True):
    """The interface identifier of the mobile node's link-local address (RFC 5949 §6.2.3)."""

    TYPE = OptionType.LINK_LOCAL_INTERFACE_IDENTIFIER
    LAYOUT = Struct("!2x8s")
    ALIGNMENT = Alignment(8, 4)

    interface_identifier: bytes

    def __post_init__(self) -> None:
        require_octets(
            "the interface identifier", self.interface_identifier, INTERFACE_IDENTIFIER_LENGTH
        )
