"""Who the mobile node is, and that it is: RFC 4283, RFC 4285, RFC 5149, RFC 5094."""

from struct import Struct
from typing import Self

from opendmm.wire.errors import WireError
from opendmm.wire.layout import unpack_head
from opendmm.wire.mobility.numbers import AuthenticationSubtype, IdentifierSubtype, OptionType
from opendmm.wire.mobility.options.base import Alignment, FixedOption, MobilityOption

SUBTYPE = Struct("!B")
SUBTYPE_AND_SPI = Struct("!BI")
VENDOR_AND_SUBTYPE = Struct("!IB")


class MobileNodeIdentifierOption(MobilityOption, frozen=True):
    """The name of the mobile node (RFC 4283 §3); must stand before any authenticator."""

    TYPE = OptionType.MOBILE_NODE_IDENTIFIER

    subtype: IdentifierSubtype
    identifier: bytes

    @classmethod
    def from_nai(cls, nai: str) -> Self:
        """For a network access identifier such as mn1@example.org."""
        return cls(IdentifierSubtype.NAI, nai.encode())

    @property
    def nai(self) -> str | None:
        """The network access identifier, or None when the name is of another kind or no text."""
        if self.subtype != IdentifierSubtype.NAI:
            return None
        try:
            return self.identifier.decode()
        except UnicodeDecodeError:
            return None

    def body(self) -> bytes:
        return SUBTYPE.pack(self.subtype) + self.identifier

    @classmethod
    def parse(cls, body: bytes) -> Self:
        (subtype,) = unpack_head(SUBTYPE, body)
        return cls(IdentifierSubtype(subtype), body[SUBTYPE.size :])


class MessageAuthenticationOption(MobilityOption, frozen=True):
    """An authenticator by shared key (RFC 4285 §5); the last option of its message.

    `mobility_spi` names the security association. The authenticator of MN-HA has twelve octets.
    """

    TYPE = OptionType.MESSAGE_AUTHENTICATION

    subtype: AuthenticationSubtype
    mobility_spi: int
    authentication_data: bytes

    @property
    def alignment(self) -> Alignment:
        return Alignment(4, 1)

    def body(self) -> bytes:
        return SUBTYPE_AND_SPI.pack(self.subtype, self.mobility_spi) + self.authentication_data

    @classmethod
    def parse(cls, body: bytes) -> Self:
        subtype, spi = unpack_head(SUBTYPE_AND_SPI, body)
        return cls(AuthenticationSubtype(subtype), spi, body[SUBTYPE_AND_SPI.size :])


class MessageReplayProtectionOption(FixedOption, frozen=True):
    """When the message was made, as an NTP timestamp of 64 bits (RFC 4285 §6)."""

    TYPE = OptionType.MESSAGE_REPLAY_PROTECTION
    LAYOUT = Struct("!Q")
    ALIGNMENT = Alignment(8, 2)

    ntp_timestamp: int


class VendorSpecificOption(MobilityOption, frozen=True):
    """Whatever a vendor, by its enterprise number, likes to say (RFC 5094 §3)."""

    TYPE = OptionType.VENDOR_SPECIFIC

    vendor: int
    subtype: int
    data: bytes

    @property
    def alignment(self) -> Alignment:
        return Alignment(4, 2)

    def body(self) -> bytes:
        return VENDOR_AND_SUBTYPE.pack(self.vendor, self.subtype) + self.data

    @classmethod
    def parse(cls, body: bytes) -> Self:
        vendor, subtype = unpack_head(VENDOR_AND_SUBTYPE, body)
        return cls(vendor, subtype, body[VENDOR_AND_SUBTYPE.size :])


class ServiceSelectionOption(MobilityOption, frozen=True):
    """Which service the mobile node registers for, as UTF-8 (RFC 5149 §3)."""

    TYPE = OptionType.SERVICE_SELECTION

    identifier: bytes

    def __post_init__(self) -> None:
        if not self.identifier:
            raise WireError("a service identifier has at least one octet")

    def body(self) -> bytes:
        return self.identifier

    @classmethod
    def parse(cls, body: bytes) -> Self:
        return cls(body)
