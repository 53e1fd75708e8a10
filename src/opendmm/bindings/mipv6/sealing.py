"""Home registrations as packets: timed, authenticated (RFC 4285), with their extension headers.

The Mesg-ID option of a Binding Update says when it was made, that of its acknowledgement repeats
it; so the roles put them in, and the authenticator comes last.
"""

from ipaddress import IPv6Address

import msgspec

from opendmm.bindings.mipv6.packet import Packet
from opendmm.bindings.mobility.association import SharedKey
from opendmm.bindings.mobility.outputs import Complain, Deliver
from opendmm.model.identity import NodeId
from opendmm.wire.mobility.binding import BindingUpdate
from opendmm.wire.mobility.codec import encode
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.options.base_protocol import AlternateCareOfAddressOption
from opendmm.wire.mobility.options.identification import MessageReplayProtectionOption


class Unsealed(msgspec.Struct, frozen=True, kw_only=True):
    """A message to be authenticated towards `peer`, and its packet, as yet without it."""

    peer: NodeId
    message: MobilityMessage
    packet: Packet
    care_of: IPv6Address
    home_address: IPv6Address


Output = Unsealed | Packet | Deliver | Complain
"""What a role wants."""


def sealed(unsealed: Unsealed, association: SharedKey) -> Packet:
    """The packet. Raises WireError for what has no encoding."""
    message = association.authenticated(unsealed.message, unsealed.care_of, unsealed.home_address)
    packet = unsealed.packet
    data = encode(message, packet.sender, packet.receiver)
    return msgspec.structs.replace(packet, data=data)


def care_of_in(packet: Packet, update: BindingUpdate) -> IPv6Address:
    """The care-of address a Binding Update is about (RFC 6275 §9.5.1)."""
    alternate = update.first(AlternateCareOfAddressOption)
    return alternate.address if alternate is not None else packet.source


def made_in(message: MobilityMessage) -> int:
    """The NTP timestamp of a message; zero where it has none."""
    timed = message.first(MessageReplayProtectionOption)
    return timed.ntp_timestamp if timed is not None else 0
