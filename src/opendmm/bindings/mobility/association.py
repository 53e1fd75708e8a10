"""Security associations by shared key: RFC 4285, between any two nodes of the deployment.

Every message carries when it was made (Message Replay Protection, §6) and, as its last option,
the MN-HA authenticator (§5.1) over care-of address, home address and header. RFC 4285 knows
a mobile node and its home agent; between network elements the sender's address stands for
the care-of address and the receiver's for the home address. Pure: time comes in.
"""

import hashlib
import hmac
from collections import OrderedDict
from ipaddress import IPv6Address

import msgspec

from opendmm.model.identity import NodeId
from opendmm.model.quantities import Seconds
from opendmm.wire.mobility.codec import encode, encode_without_checksum
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import AuthenticationSubtype
from opendmm.wire.mobility.options.identification import (
    MessageAuthenticationOption,
    MessageReplayProtectionOption,
)

FIRST_96_BITS = 12
CLOSE_ENOUGH: Seconds = 7.0
"""How far the clocks of two ends may be apart (RFC 4285 §5.1)."""
NTP_EPOCH = 2_208_988_800
"""Seconds from 1900 to 1970 (RFC 4285 §6 counts from 1900)."""
FRACTIONS = 1 << 32


class AuthenticationFailed(Exception):
    """A message is not from whom it says it is; the text says why."""


class ReplayedMessage(Exception):
    """A message was received before, or is too old to tell; the text says which."""


class SecurityAssociation(msgspec.Struct, frozen=True, kw_only=True):
    """What two nodes share: `key` has 16 octets, `spi` is 256 or more (RFC 4285 §5.1)."""

    peer: NodeId
    address: IPv6Address
    spi: int
    key: bytes

    def seal(self, message: MobilityMessage, source: IPv6Address, now: float) -> bytes:
        """The message in octets, timed and authenticated, from `source` to the peer."""
        timed = MessageReplayProtectionOption(ntp_timestamp(now))
        blank = self._authenticator(bytes(FIRST_96_BITS))
        options = (*message.options, timed, blank)
        data = encode_without_checksum(msgspec.structs.replace(message, options=options))
        mac = self._mac(data, source, self.address)
        sealed = (*message.options, timed, self._authenticator(mac))
        return encode(
            msgspec.structs.replace(message, options=sealed), source, self.address
        )

    def verify(self, message: MobilityMessage, data: bytes, destination: IPv6Address) -> None:
        """Check who sent `data`, decoded as `message`. Raises AuthenticationFailed."""
        last = message.options[-1] if message.options else None
        if not isinstance(last, MessageAuthenticationOption):
            raise AuthenticationFailed("no Mobility Message Authentication option")
        if last.subtype != AuthenticationSubtype.MN_HA or last.mobility_spi != self.spi:
            raise AuthenticationFailed(f"unknown mobility SPI {last.mobility_spi}")
        mac = self._mac(data, self.address, destination)
        if not hmac.compare_digest(mac, last.authentication_data):
            raise AuthenticationFailed("wrong authentication data")

    def _authenticator(self, mac: bytes) -> MessageAuthenticationOption:
        return MessageAuthenticationOption(AuthenticationSubtype.MN_HA, self.spi, mac)

    def _mac(self, data: bytes, source: IPv6Address, destination: IPv6Address) -> bytes:
        covered = bytearray(data[: _end_of_spi(data, self.spi)])
        covered[4:6] = bytes(2)
        text = source.packed + destination.packed + bytes(covered)
        return hmac.digest(self.key, text, hashlib.sha1)[:FIRST_96_BITS]


def _end_of_spi(data: bytes, spi: int) -> int:
    """Where the authenticated part ends: the option is last, but for padding to eight octets."""
    mark = spi.to_bytes(4, "big")
    for padding in (0, 2, 4, 6):
        end = len(data) - padding - FIRST_96_BITS
        if data[end - 4 : end] == mark:
            return end
    raise AuthenticationFailed("the authenticator is not the last option")


class ReplayWindow:
    """Remembers what came lately, to know it when it comes again."""

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, float] = OrderedDict()

    def admit(self, message: MobilityMessage, now: float) -> None:
        """Take note of an authentic message. Raises ReplayedMessage."""
        timed = message.first(MessageReplayProtectionOption)
        authenticator = message.first(MessageAuthenticationOption)
        if timed is None or authenticator is None:
            raise ReplayedMessage("it does not say when it was made")
        made = timed.ntp_timestamp / FRACTIONS - NTP_EPOCH
        if abs(made - now) > CLOSE_ENOUGH:
            raise ReplayedMessage(f"it was made {now - made:+.1f} s ago by this node's clock")
        while self._seen and next(iter(self._seen.values())) < now - 2 * CLOSE_ENOUGH:
            self._seen.popitem(last=False)
        if authenticator.authentication_data in self._seen:
            raise ReplayedMessage("it came before")
        self._seen[authenticator.authentication_data] = now


def ntp_timestamp(now: float) -> int:
    """Seconds since 1970 as a 64-bit NTP timestamp (RFC 4285 §6)."""
    return int((now + NTP_EPOCH) * FRACTIONS)
