"""Security associations by shared key: RFC 4285, between any two nodes of the deployment.

Every message carries when it was made (Message Replay Protection, §6) and, as its last option,
the MN-HA authenticator (§5.1) over care-of address, home address and header. RFC 4285 knows
a mobile node and its home agent; between network elements the sender's address stands for
the care-of address and the receiver's for the home address. Pure: time comes in.
"""

from collections import OrderedDict
from ipaddress import IPv6Address

import msgspec

from opendmm.model.identity import NodeId
from opendmm.model.quantities import Seconds
from opendmm.wire.mobility.authentication import (
    Message,
    message_authentication_holds,
    with_message_authentication,
)
from opendmm.wire.mobility.codec import encode
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import AuthenticationSubtype, BindingStatus
from opendmm.wire.mobility.options.identification import (
    MessageAuthenticationOption,
    MessageReplayProtectionOption,
)

CLOSE_ENOUGH: Seconds = 7.0
"""How far the clocks of two ends may be apart (RFC 4285 §5.1)."""
NTP_EPOCH = 2_208_988_800
"""Seconds from 1900 to 1970 (RFC 4285 §6 counts from 1900)."""
FRACTIONS = 1 << 32


class MessageRefused(Exception):
    """A message is not believed; the text says why.

    `status` is what a Binding Update is answered with (RFC 4285 §8), None when with nothing.
    """

    status: BindingStatus | None = None


class NoAssociation(MessageRefused):
    """It names no security association that there is: nothing to answer with (§5.1.1)."""


class AuthenticationFailed(MessageRefused):
    """It is not from whom it says it is."""

    status = BindingStatus.MIPV6_AUTH_FAIL


class ReplayedMessage(MessageRefused):
    """It came before; whoever repeats it gets no answer out of us."""


class NotTimed(MessageRefused):
    """It does not say when it was made."""

    status = BindingStatus.MIPV6_MESG_ID_REQD


class Untimely(MessageRefused):
    """It was made too long ago, or in the future, by this node's clock."""

    status = BindingStatus.MIPV6_ID_MISMATCH


class SharedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A mobility security association: `key` has 16 octets, `spi` is 256 or more (RFC 4285 §5.1).

    `peer` is the node, or the mobile node, that has the key, too.
    """

    peer: NodeId
    spi: int
    key: bytes

    def authenticated(
        self, message: Message, care_of_address: IPv6Address, home_address: IPv6Address
    ) -> Message:
        """The message with the authenticator as its last option. Raises WireError."""
        return with_message_authentication(
            message, self.spi, self.key, care_of_address, home_address
        )

    def check(
        self,
        message: MobilityMessage,
        data: bytes,
        care_of_address: IPv6Address,
        home_address: IPv6Address,
    ) -> None:
        """Whether who made `data`, decoded as `message`, has the key. Raises MessageRefused."""
        last = message.options[-1] if message.options else None
        if not isinstance(last, MessageAuthenticationOption):
            raise NoAssociation("no Mobility Message Authentication option")
        if last.subtype != AuthenticationSubtype.MN_HA or last.mobility_spi != self.spi:
            raise NoAssociation(f"unknown mobility SPI {last.mobility_spi}")
        if not message_authentication_holds(data, self.key, care_of_address, home_address):
            raise AuthenticationFailed("wrong authentication data")


class SecurityAssociation(SharedKey, frozen=True, kw_only=True):
    """What two nodes share, and the peer's address."""

    address: IPv6Address

    def seal(self, message: MobilityMessage, source: IPv6Address, now: float) -> bytes:
        """The message in octets, timed and authenticated, from `source` to the peer."""
        timed = MessageReplayProtectionOption(ntp_timestamp(now))
        whole = msgspec.structs.replace(message, options=(*message.options, timed))
        return encode(self.authenticated(whole, source, self.address), source, self.address)

    def verify(self, message: MobilityMessage, data: bytes, destination: IPv6Address) -> None:
        """Check who sent `data`, decoded as `message`. Raises MessageRefused."""
        self.check(message, data, self.address, destination)


class ReplayWindow:
    """Remembers what came lately, to know it when it comes again."""

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, float] = OrderedDict()

    def admit(self, message: MobilityMessage, now: float) -> None:
        """Take note of an authentic message. Raises MessageRefused."""
        check_timely(message, now)
        authenticator = message.first(MessageAuthenticationOption)
        if authenticator is None:
            raise NoAssociation("no Mobility Message Authentication option")
        while self._seen and next(iter(self._seen.values())) < now - 2 * CLOSE_ENOUGH:
            self._seen.popitem(last=False)
        if authenticator.authentication_data in self._seen:
            raise ReplayedMessage("it came before")
        self._seen[authenticator.authentication_data] = now


def check_timely(message: MobilityMessage, now: float) -> None:
    """Whether a message was made about now (RFC 4285 §6). Raises MessageRefused."""
    timed = message.first(MessageReplayProtectionOption)
    if timed is None:
        raise NotTimed("it does not say when it was made")
    made = timed.ntp_timestamp / FRACTIONS - NTP_EPOCH
    if abs(made - now) > CLOSE_ENOUGH:
        raise Untimely(f"it was made {now - made:+.1f} s ago by this node's clock")


def ntp_timestamp(now: float) -> int:
    """Seconds since 1970 as a 64-bit NTP timestamp (RFC 4285 §6)."""
    return int((now + NTP_EPOCH) * FRACTIONS)
