"""An entry of a mobile access gateway's Binding Update List (RFC 5213 §6.1), and its PBU."""

import math
from enum import StrEnum

import msgspec

from opendmm.bindings.mobility.backoff import Backoff
from opendmm.bindings.mobility.vendor import added
from opendmm.bindings.pmipv6.extension import Attached
from opendmm.bindings.pmipv6.prefixes import requested
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import EntityAddress, MobileNodeId
from opendmm.reference_points.message import Status
from opendmm.wire.mobility.binding import BindingAcknowledgement
from opendmm.wire.mobility.numbers import AccessTechnology, BindingStatus, HandoffIndicator
from opendmm.wire.mobility.options.base import MobilityOption
from opendmm.wire.mobility.options.identification import MobileNodeIdentifierOption
from opendmm.wire.mobility.options.proxy import (
    AccessTechnologyTypeOption,
    HandoffIndicatorOption,
    LinkLayerIdentifierOption,
)


class Stage(StrEnum):
    """Of a registration."""

    REGISTERING = "registering"
    """A PBU is repeated until its PBA comes."""
    REGISTERED = "registered"
    LEAVING = "leaving"
    """De-registered; the PBA is waited for, but not long (§6.9.1.4)."""
    DENIED = "denied"
    """Refused for a reason that does not pass by itself."""
    REVOKED = "revoked"
    """Taken back by the anchor (RFC 5846), the mobile node's link as far as we know still up."""


class Registration(msgspec.Struct, kw_only=True):
    """A Binding Update List entry. `renewal` and `again` are in seconds since 1970.

    `waiting` is the clock of an unanswered PBU, `renewal` when the next is due, `again` when a
    denied one may be tried again. `ipv4` and `ipv6` are what may be asked for, `refusal` what the
    FE_MU_C was told last.
    """

    client: EntityAddress
    anchor: EntityAddress
    mobile_node: MobileNodeId
    attached_at: int
    stage: Stage = Stage.REGISTERING
    detached_at: int = 0
    link_layer_id: bytes = b""
    access_technology: int = AccessTechnology.IEEE_802_3
    handoff: HandoffIndicator = HandoffIndicator.UNKNOWN
    prefixes: tuple[HomePrefix, ...] = ()
    ipv4: bool = True
    ipv6: bool = True
    sequence: int = 0
    waiting: Backoff | None = None
    renewal: float = math.inf
    again: float = math.inf
    refusal: int = Status.ACCEPTED

    @property
    def due(self) -> float:
        return self.waiting.due if self.waiting is not None else self.renewal

    def options(self) -> tuple[MobilityOption, ...]:
        """What a PBU says of the mobile node (§6.9.1.5). No Link-local Address option: all
        gateways have the same on all access links (RFC 6543 §3)."""
        options: tuple[MobilityOption, ...] = (
            MobileNodeIdentifierOption.from_nai(self.mobile_node),
            *requested(self.prefixes, ipv4=self.ipv4, ipv6=self.ipv6),
            HandoffIndicatorOption(self.handoff),
            AccessTechnologyTypeOption(AccessTechnology(self.access_technology)),
        )
        if any(self.link_layer_id):
            options += (LinkLayerIdentifierOption(self.link_layer_id),)
        return (*options, *added(Attached(self.attached_at)))

    def echoed(self, message: BindingAcknowledgement) -> bool:
        """Whether the anchor repeats what the PBU said (§6.9.1.2, item 6)."""
        handoff = message.first(HandoffIndicatorOption)
        technology = message.first(AccessTechnologyTypeOption)
        link_layer = message.first(LinkLayerIdentifierOption)
        return (
            (handoff is None or handoff.indicator == self.handoff)
            and (technology is None or technology.technology == self.access_technology)
            and (link_layer is None or link_layer.address == self.link_layer_id)
        )

    def ask_for_less(self, status: BindingStatus) -> bool:
        """Do without what was refused (§6.9.1.2 item 10, RFC 5844 §3.2.3.2); False when there is
        nothing left to do without."""
        before = (self.prefixes, self.ipv4, self.ipv6)
        match status:
            case (
                BindingStatus.NOT_AUTHORIZED_FOR_HOME_NETWORK_PREFIX
                | BindingStatus.BCE_PBU_PREFIX_SET_DO_NOT_MATCH
            ):
                self.prefixes = tuple(p for p in self.prefixes if not p.is_ipv6)
            case BindingStatus.NOT_AUTHORIZED_FOR_IPV4_HOME_ADDRESS:
                self.prefixes = tuple(p for p in self.prefixes if p.is_ipv6)
            case BindingStatus.NOT_AUTHORIZED_FOR_IPV4_MOBILITY_SERVICE:
                self.ipv4 = False
            case BindingStatus.NOT_AUTHORIZED_FOR_IPV6_MOBILITY_SERVICE:
                self.ipv6 = False
        changed = before != (self.prefixes, self.ipv4, self.ipv6)
        return changed and (self.ipv4 or self.ipv6)
