"""Authenticators of Mobility Headers: which octets they cover, and what they are.

Two of them, alike but for where the covered octets end and whose address follows the care-of
address: the Binding Authorization Data of return routability (RFC 6275 §6.2.7) and the Mobility
Message Authentication by shared key (RFC 4285 §5). A receiver checks the octets that came, not
an encoding of what it understood of them. Replays and the choice of keys are not for this file.
"""

import hashlib
import hmac
from ipaddress import IPv6Address
from typing import TypeVar

import msgspec

from opendmm.wire.errors import WireError
from opendmm.wire.mobility.codec import CHECKSUM_AT, encode_without_checksum, framed
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import AuthenticationSubtype, OptionType
from opendmm.wire.mobility.options.base_protocol import BindingAuthorizationDataOption
from opendmm.wire.mobility.options.identification import (
    SUBTYPE_AND_SPI,
    MessageAuthenticationOption,
)
from opendmm.wire.mobility.options.sequence import TYPE_AND_LENGTH, option_spans

Message = TypeVar("Message", bound=MobilityMessage)

#: Octets of an authenticator: the first 96 bits of HMAC_SHA1.
AUTHENTICATOR_LENGTH = 12
BLANK = bytes(AUTHENTICATOR_LENGTH)
MN_HA = AuthenticationSubtype.MN_HA


def authenticator(key: bytes, covered: bytes) -> bytes:
    """First (96, HMAC_SHA1 (key, covered octets)): RFC 6275 §6.2.7, RFC 4285 §5.1."""
    return hmac.digest(key, covered, "sha1")[:AUTHENTICATOR_LENGTH]


def aaa_authenticator(key: bytes, covered: bytes) -> bytes:
    """HMAC_SHA1 (key, SHA1 (covered octets)): an MN-AAA option with the SPI 3 (RFC 4285 §5.2)."""
    return hmac.digest(key, hashlib.sha1(covered).digest(), "sha1")


def covered_by_message_authentication(
    header: bytes,
    care_of_address: IPv6Address,
    home_address: IPv6Address,
    subtype: AuthenticationSubtype = MN_HA,
) -> bytes:
    """What RFC 4285 §5 authenticates: both addresses, and the header up to and with the SPI.

    Raises WireError when the header has no such option.
    """
    header, start, _ = _span(header, OptionType.MESSAGE_AUTHENTICATION, subtype)
    covered = header[: start + TYPE_AND_LENGTH + SUBTYPE_AND_SPI.size]
    return care_of_address.packed + home_address.packed + _with_zero_checksum(covered)


def covered_by_binding_authorization(
    header: bytes, care_of_address: IPv6Address, correspondent: IPv6Address
) -> bytes:
    """What RFC 6275 §6.2.7 authenticates: both addresses, and the header but the authenticator.

    The care-of address is the one that is to be registered, or the home address where the binding
    is to be removed. Raises WireError when the header has no such option.
    """
    header, start, _ = _span(header, OptionType.BINDING_AUTHORIZATION_DATA)
    covered = header[: start + TYPE_AND_LENGTH]
    return care_of_address.packed + correspondent.packed + _with_zero_checksum(covered)


def with_message_authentication(
    message: Message, spi: int, key: bytes, care_of_address: IPv6Address, home_address: IPv6Address
) -> Message:
    """The message with an MN-HA authenticator as its last option (RFC 4285 §5.1)."""
    blank = MessageAuthenticationOption(MN_HA, spi, BLANK)
    header = encode_without_checksum(_with_option(message, blank))
    covered = covered_by_message_authentication(header, care_of_address, home_address)
    proof = authenticator(key, covered)
    return _with_option(message, MessageAuthenticationOption(MN_HA, spi, proof))


def with_binding_authorization(
    message: Message, kbm: bytes, care_of_address: IPv6Address, correspondent: IPv6Address
) -> Message:
    """The message with Binding Authorization Data as its last option (RFC 6275 §6.2.7)."""
    blank = BindingAuthorizationDataOption(BLANK)
    header = encode_without_checksum(_with_option(message, blank))
    covered = covered_by_binding_authorization(header, care_of_address, correspondent)
    proof = authenticator(kbm, covered)
    return _with_option(message, BindingAuthorizationDataOption(proof))


def message_authentication_holds(
    header: bytes, key: bytes, care_of_address: IPv6Address, home_address: IPv6Address
) -> bool:
    """Whether a header's MN-HA authenticator is right. Raises WireError when it has none."""
    covered = covered_by_message_authentication(header, care_of_address, home_address)
    header, start, stop = _span(header, OptionType.MESSAGE_AUTHENTICATION, MN_HA)
    proof = header[start + TYPE_AND_LENGTH + SUBTYPE_AND_SPI.size : stop]
    return hmac.compare_digest(proof, authenticator(key, covered))


def binding_authorization_holds(
    header: bytes, kbm: bytes, care_of_address: IPv6Address, correspondent: IPv6Address
) -> bool:
    """Whether a header's Binding Authorization Data are right. Raises WireError if it has none."""
    covered = covered_by_binding_authorization(header, care_of_address, correspondent)
    header, start, stop = _span(header, OptionType.BINDING_AUTHORIZATION_DATA)
    proof = header[start + TYPE_AND_LENGTH : stop]
    return hmac.compare_digest(proof, authenticator(kbm, covered))


def _with_option(
    message: Message, option: MessageAuthenticationOption | BindingAuthorizationDataOption
) -> Message:
    return msgspec.structs.replace(message, options=(*message.options, option))


def _span(data: bytes, number: OptionType, subtype: int | None = None) -> tuple[bytes, int, int]:
    """A whole header, and where its option of a type (and subtype) starts and stops."""
    header, kind = framed(data)
    for start, stop in option_spans(header, kind.options_begin(header)):
        body = header[start + TYPE_AND_LENGTH : stop]
        if header[start] != number:
            continue
        if subtype is None or (len(body) >= SUBTYPE_AND_SPI.size and body[0] == subtype):
            return header, start, stop
    raise WireError(f"no {number.name} option")


def _with_zero_checksum(octets: bytes) -> bytes:
    return octets[: CHECKSUM_AT.start] + bytes(2) + octets[CHECKSUM_AT.stop :]
