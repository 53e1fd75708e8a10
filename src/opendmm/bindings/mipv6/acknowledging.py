"""Binding Acknowledgements of a home agent: what they say, and by which way they go."""

from opendmm.bindings.mipv6.packet import Packet
from opendmm.bindings.mipv6.sealing import Unsealed, care_of_in, made_in
from opendmm.bindings.mobility.association import FRACTIONS, ntp_timestamp
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.wire.mobility.binding import BindingAcknowledgement, BindingUpdate
from opendmm.wire.mobility.numbers import BindingAcknowledgementFlags, BindingStatus
from opendmm.wire.mobility.options.base import MobilityOption
from opendmm.wire.mobility.options.base_protocol import BindingRefreshAdviceOption
from opendmm.wire.mobility.options.identification import (
    MessageReplayProtectionOption,
    MobileNodeIdentifierOption,
)

LOW = FRACTIONS - 1
"""The fraction of a second in an NTP timestamp."""
NO_FLAGS = BindingAcknowledgementFlags(0)


def acceptance(
    update: BindingUpdate, lifetime: int, options: tuple[MobilityOption, ...] = ()
) -> BindingAcknowledgement:
    """For `lifetime` units of four seconds (RFC 6275 §10.3.1), none where a binding is removed.

    Bindings are not kept in nonvolatile storage, so the mobile node is advised to register again
    after half of that: for so long at most a restart of the home agent stays unnoticed.
    """
    if lifetime > 1:
        options = (BindingRefreshAdviceOption(lifetime // 2), *options)
    return BindingAcknowledgement(
        status=BindingStatus.ACCEPTED,
        flags=NO_FLAGS,
        sequence=update.sequence,
        lifetime=lifetime,
        options=(*_named(update), *options, *_timed(made_in(update))),
    )


def refusal(
    update: BindingUpdate, status: BindingStatus, last_sequence: int | None, now: float
) -> BindingAcknowledgement:
    """It repeats when the Binding Update was made; the seconds are our own where these are what
    is wrong (RFC 4285 §6). The sequence number is the last one accepted where that is (§9.5.1)."""
    made = made_in(update)
    if made and status is BindingStatus.MIPV6_ID_MISMATCH:
        made = ntp_timestamp(now) & ~LOW | made & LOW
    out_of_window = status is BindingStatus.SEQUENCE_NUMBER_OUT_OF_WINDOW
    return BindingAcknowledgement(
        status=status,
        flags=NO_FLAGS,
        sequence=last_sequence if out_of_window and last_sequence is not None else update.sequence,
        lifetime=0,
        options=(*_named(update), *_timed(made)),
    )


def answering(
    packet: Packet,
    update: BindingUpdate,
    mobile_node: MobileNodeId,
    answer: BindingAcknowledgement,
    home_link: str,
) -> Unsealed:
    """Back to where `update` came from in `packet` (§9.5.4): with a type 2 routing header if it
    had a Home Address option, else plainly, to the home link."""
    away = packet.home_address is not None
    back = Packet(
        source=packet.destination,
        destination=packet.source,
        data=b"",
        routed_to=packet.home_address,
        interface="" if away else home_link,
    )
    return Unsealed(
        peer=NodeId(mobile_node),
        message=answer,
        packet=back,
        care_of=care_of_in(packet, update),
        home_address=packet.sender,
    )


def _named(update: BindingUpdate) -> tuple[MobileNodeIdentifierOption, ...]:
    return update.every(MobileNodeIdentifierOption)[:1]


def _timed(made: int) -> tuple[MessageReplayProtectionOption, ...]:
    return (MessageReplayProtectionOption(made),) if made else ()
