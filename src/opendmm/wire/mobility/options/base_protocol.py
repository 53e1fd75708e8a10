"""Options of Mobile IPv6 itself (RFC 6275 §6.2)."""

from struct import Struct
from typing import Self

from opendmm.wire.errors import WireError
from opendmm.wire.mobility.numbers import OptionType
from opendmm.wire.mobility.options.base import (
    AddressOption,
    Alignment,
    FixedOption,
    MobilityOption,
)


class BindingRefreshAdviceOption(FixedOption, frozen=True):
    """When the mobile node should register again (RFC 6275 §6.2.4)."""

    TYPE = OptionType.BINDING_REFRESH_ADVICE
    LAYOUT = Struct("!H")
    ALIGNMENT = Alignment(2, 0)

    #: In units of four seconds.
    refresh_interval: int


class AlternateCareOfAddressOption(AddressOption, frozen=True):
    """The care-of address, where it is not the packet's source (RFC 6275 §6.2.5)."""

    TYPE = OptionType.ALTERNATE_CARE_OF_ADDRESS


class NonceIndicesOption(FixedOption, frozen=True):
    """Which nonces made the keygen tokens behind a Binding Update (RFC 6275 §6.2.6)."""

    TYPE = OptionType.NONCE_INDICES
    LAYOUT = Struct("!HH")
    ALIGNMENT = Alignment(2, 0)

    home_nonce_index: int
    care_of_nonce_index: int


class BindingAuthorizationDataOption(MobilityOption, frozen=True):
    """The proof of return routability (RFC 6275 §6.2.7); the last option, and nothing after it.

    The authenticator has four octets more than a multiple of eight, or the message could not
    end with it.
    """

    TYPE = OptionType.BINDING_AUTHORIZATION_DATA

    authenticator: bytes

    def __post_init__(self) -> None:
        if len(self.authenticator) % 8 != 4:
            raise WireError(f"an authenticator of {len(self.authenticator)} octets needs padding")

    @property
    def alignment(self) -> Alignment:
        return Alignment(8, 2)

    def body(self) -> bytes:
        return self.authenticator

    @classmethod
    def parse(cls, body: bytes) -> Self:
        return cls(body)
