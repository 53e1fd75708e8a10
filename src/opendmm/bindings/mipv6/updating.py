"""Binding Updates of a mobile node to a home agent: what they say, and by which way they go."""

from ipaddress import IPv6Address

from opendmm.bindings.mipv6.config import MipConfig
from opendmm.bindings.mipv6.extension import Moved
from opendmm.bindings.mipv6.home_registration import Registration
from opendmm.bindings.mipv6.packet import Packet
from opendmm.bindings.mipv6.sealing import Unsealed
from opendmm.bindings.mobility.vendor import added
from opendmm.model.identity import MobileNodeId
from opendmm.reference_points.r_xu import AttachNotification
from opendmm.wire.mobility.binding import BindingUpdate
from opendmm.wire.mobility.numbers import BindingUpdateFlags
from opendmm.wire.mobility.options.base import MobilityOption
from opendmm.wire.mobility.options.base_protocol import AlternateCareOfAddressOption
from opendmm.wire.mobility.options.identification import (
    MessageReplayProtectionOption,
    MobileNodeIdentifierOption,
)

HOME_REGISTRATION = BindingUpdateFlags.A | BindingUpdateFlags.H
"""K is clear: no key management protocol runs (§11.7.1). So is L: no link-local address is to be
defended on a point-to-point home link."""


def updating(
    config: MipConfig,
    mobile_node: MobileNodeId,
    entry: Registration,
    care_of: IPv6Address | None,
    said: Moved,
) -> Unsealed:
    """From the care-of address with a Home Address option (§11.7.1), or from the home link without
    (§11.5.5). The care-of address that is registered stands in an option in any case, as the
    header's source may be changed on the way; it is the home address to remove a binding."""
    home_address = entry.home_address
    registered = entry.registered or home_address
    options: tuple[MobilityOption, ...] = (
        MobileNodeIdentifierOption.from_nai(mobile_node),
        *added(said),
        MessageReplayProtectionOption(entry.made),
    )
    if care_of is not None:
        options = (AlternateCareOfAddressOption(registered), *options)
    update = BindingUpdate(
        sequence=entry.sequence,
        flags=HOME_REGISTRATION,
        lifetime=entry.asked_for,
        options=options,
    )
    packet = Packet(
        source=care_of or home_address,
        destination=config.agents[entry.agent],
        data=b"",
        home_address=home_address if care_of is not None else None,
        interface="" if care_of is not None else config.home_links.get(mobile_node, ""),
    )
    return Unsealed(
        peer=entry.agent,
        message=update,
        packet=packet,
        care_of=registered,
        home_address=home_address,
    )


def moved(notification: AttachNotification) -> Moved:
    """What R_XU says of an attachment beside its addresses."""
    return Moved(
        attached_at=notification.attached_at,
        link_layer_id=notification.link_layer_id,
        access_technology=notification.access_technology,
        home_anchor=notification.home_anchor,
        previous_anchor=notification.previous_anchor,
        proof=notification.proof,
    )
