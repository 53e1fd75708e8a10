"""The local mobility anchor (RFC 5213 §5): Proxy Binding Updates in, R_XU to the FE_MCTX.

One Binding Cache entry a mobile node. A valid PBU becomes an AttachNotification, and the
FE_MCTX's AttachAcknowledgement the PBA; what RFC 5213 refuses is refused here with its status,
before any entity hears of it. Pure.
"""

import math
from enum import StrEnum

import msgspec

from opendmm.bindings.mobility.outputs import Complain, Deliver, Output, Transmit
from opendmm.bindings.pmipv6.config import PmipConfig
from opendmm.bindings.pmipv6.mag import extras
from opendmm.bindings.pmipv6.prefixes import ALL_ZERO, assigned, prefixes_in
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import EntityAddress, FunctionalEntity, MobileNodeId, NodeId
from opendmm.reference_points import r_xu
from opendmm.reference_points.catalogue import Envelope, ReferencePointName
from opendmm.reference_points.message import Message, Status, accepted
from opendmm.wire.mobility.binding import BindingAcknowledgement, BindingUpdate
from opendmm.wire.mobility.numbers import (
    LIFETIME_UNIT,
    AccessTechnology,
    BindingAcknowledgementFlags,
    BindingStatus,
    BindingUpdateFlags,
    HandoffIndicator,
)
from opendmm.wire.mobility.options.base import MobilityOption
from opendmm.wire.mobility.options.identification import MobileNodeIdentifierOption
from opendmm.wire.mobility.options.proxy import (
    FRACTIONS,
    AccessTechnologyTypeOption,
    HandoffIndicatorOption,
    HomeNetworkPrefixOption,
    LinkLayerIdentifierOption,
    LinkLocalAddressOption,
    TimestampOption,
)

STATUS = {
    Status.UNKNOWN_MOBILE_NODE: BindingStatus.NOT_LMA_FOR_THIS_MOBILE_NODE,
    Status.NOT_AUTHORISED: BindingStatus.NOT_AUTHORIZED_FOR_HOME_NETWORK_PREFIX,
    Status.UNAVAILABLE: BindingStatus.INSUFFICIENT_RESOURCES,
    Status.FORWARDING_FAILED: BindingStatus.FORWARDING_SETUP_FAILED,
}
"""What the FE_MCTX refuses with, in the words of RFC 5213 §8.9."""
HALF_OF_ALL = 1 << 15
"""RFC 6275 §9.5.1: how far ahead a sequence number may be."""


class Stage(StrEnum):
    """Of a Binding Cache entry."""

    PENDING = "pending"
    ACTIVE = "active"
    DELETED = "deleted"
    """De-registered, kept for MinDelayBeforeBCEDelete (RFC 5213 §5.3.5)."""


class ProxyBinding(msgspec.Struct, kw_only=True):
    """A Binding Cache entry (RFC 5213 §5.1). `until` is in seconds since 1970.

    `request` is the PBU that awaits its answer; `ticks` the latest timestamp accepted,
    `attached_at` in microseconds that of the first PBU of this attachment.
    """

    mobile_node: MobileNodeId
    gateway: NodeId
    stage: Stage
    attached_at: int
    sequence: int
    ticks: int | None
    link_layer_id: bytes
    access_technology: AccessTechnology
    handoff: HandoffIndicator
    prefixes: tuple[HomePrefix, ...] = ()
    until: float = math.inf
    request: BindingUpdate | None = None


class LocalMobilityAnchor:
    """The LMA of one node."""

    def __init__(self, config: PmipConfig) -> None:
        self.config = config
        self.bindings: dict[MobileNodeId, ProxyBinding] = {}
        self.refused: dict[BindingStatus, int] = {}

    # From a MAG

    def updated(self, gateway: NodeId, message: BindingUpdate, now: float) -> list[Output]:
        """A PBU (RFC 5213 §5.3.1), authentic."""
        status = self._objection(gateway, message, now)
        if status is not None:
            return self._refuse(gateway, message, status, now)
        if message.lifetime == 0:
            return self._deregister(gateway, message, now)
        return self._register(gateway, message, now)

    def _objection(
        self, gateway: NodeId, message: BindingUpdate, now: float
    ) -> BindingStatus | None:
        """Why the PBU is refused, in the order of RFC 5213 §5.3.1; None when it is not."""
        if not message.flags & BindingUpdateFlags.P:
            return BindingStatus.HOME_REGISTRATION_NOT_SUPPORTED
        if gateway not in self.config.gateways:
            return BindingStatus.MAG_NOT_AUTHORIZED_FOR_PROXY_REG
        identifier = message.first(MobileNodeIdentifierOption)
        if identifier is None or not identifier.nai:
            return BindingStatus.MISSING_MN_IDENTIFIER_OPTION
        if message.first(HomeNetworkPrefixOption) is None:
            return BindingStatus.MISSING_HOME_NETWORK_PREFIX_OPTION
        if message.first(HandoffIndicatorOption) is None:
            return BindingStatus.MISSING_HANDOFF_INDICATOR_OPTION
        if message.first(AccessTechnologyTypeOption) is None:
            return BindingStatus.MISSING_ACCESS_TECH_TYPE_OPTION
        held = self.bindings.get(MobileNodeId(identifier.nai))
        return self._out_of_order(message, held, now) or _other_prefixes(message, held)

    def _out_of_order(
        self, message: BindingUpdate, held: ProxyBinding | None, now: float
    ) -> BindingStatus | None:
        """RFC 5213 §5.5: by timestamp where there is one, else by sequence number."""
        timestamp = message.first(TimestampOption)
        if timestamp is None:
            ahead = (message.sequence - held.sequence) & 0xFFFF if held is not None else 1
            stale = not 0 < ahead < HALF_OF_ALL
            return BindingStatus.SEQUENCE_NUMBER_OUT_OF_WINDOW if stale else None
        if abs(timestamp.seconds - now) > self.config.timestamp_validity_window:
            return BindingStatus.TIMESTAMP_MISMATCH
        if held is not None and held.ticks is not None and timestamp.ticks <= held.ticks:
            return BindingStatus.TIMESTAMP_LOWER_THAN_PREV_ACCEPTED
        return None

    def _register(self, gateway: NodeId, message: BindingUpdate, now: float) -> list[Output]:
        mobile_node = _name(message)
        held = self.bindings.get(mobile_node)
        timestamp = message.first(TimestampOption)
        ticks = timestamp.ticks if timestamp is not None else None
        same = held is not None and held.gateway == gateway and held.stage is not Stage.DELETED
        begun = ticks if ticks is not None else int(now * FRACTIONS)
        entry = ProxyBinding(
            mobile_node=mobile_node,
            gateway=gateway,
            stage=Stage.PENDING,
            attached_at=held.attached_at if held and same else begun * 1_000_000 // FRACTIONS,
            sequence=message.sequence,
            ticks=ticks,
            link_layer_id=_link_layer_id(message),
            access_technology=_technology(message),
            handoff=_indicator(message),
            prefixes=held.prefixes if held is not None else (),
            request=message,
        )
        if same and held is not None:
            entry.stage, entry.until = held.stage, held.until
        self.bindings[mobile_node] = entry
        notification = r_xu.AttachNotification(
            mobile_node=mobile_node,
            attached_at=entry.attached_at,
            link_layer_id=entry.link_layer_id,
            access_technology=entry.access_technology,
        )
        return [self._deliver(gateway, notification)]

    def _deregister(self, gateway: NodeId, message: BindingUpdate, now: float) -> list[Output]:
        """RFC 5213 §5.3.5; of a gateway that the mobile node has left already: nothing."""
        held = self.bindings.get(_name(message))
        if held is not None and held.gateway != gateway:
            return []
        answer = self._answer(gateway, message, BindingStatus.ACCEPTED, (), now)
        if held is None:
            return [answer]
        held.stage = Stage.DELETED
        held.request = None
        held.sequence = message.sequence
        timestamp = message.first(TimestampOption)
        held.ticks = timestamp.ticks if timestamp is not None else None
        held.until = now + self.config.min_delay_before_bce_delete
        return [answer, self._detached(held, now)]

    # From the FE_MCTX

    def send(self, envelope: Envelope, now: float) -> list[Output]:
        """Carry a message of R_XU to the gateway."""
        message = envelope.message
        match message:
            case r_xu.AttachAcknowledgement():
                return self._acknowledge(message, now)
            case r_xu.DetachAcknowledgement():
                return []  # the PBA has gone already
            case _:
                fields = {"message": type(message).__name__}
                return [Complain("message-not-carried", envelope.receiver.node, fields)]

    def _acknowledge(self, message: r_xu.AttachAcknowledgement, now: float) -> list[Output]:
        entry = self.bindings.get(message.mobile_node)
        if entry is None or entry.request is None or entry.attached_at != message.attached_at:
            return []
        request, entry.request = entry.request, None
        if not accepted(message.status):
            status = STATUS.get(message.status, BindingStatus.REASON_UNSPECIFIED)
            if entry.stage is Stage.PENDING:
                del self.bindings[entry.mobile_node]
            return self._refuse(entry.gateway, request, status, now)
        prefixes = message.prefixes + message.deprecated
        entry.prefixes = prefixes
        entry.stage = Stage.ACTIVE
        entry.until = now + request.lifetime_seconds
        options = (*assigned(prefixes), *extras(message))
        return [self._answer(entry.gateway, request, BindingStatus.ACCEPTED, options, now)]

    # Time

    def next_timer(self) -> float:
        """When `fire` is due; infinite when nothing is."""
        return min((entry.until for entry in self.bindings.values()), default=math.inf)

    def fire(self, now: float) -> list[Output]:
        """Bindings end that nobody renewed, or that were de-registered long enough ago."""
        over = [entry for entry in self.bindings.values() if entry.until <= now]
        for entry in over:
            del self.bindings[entry.mobile_node]
        return [self._detached(entry, now) for entry in over if entry.stage is Stage.ACTIVE]

    # Answers

    def _refuse(
        self, gateway: NodeId, message: BindingUpdate, status: BindingStatus, now: float
    ) -> list[Output]:
        self.refused[status] = self.refused.get(status, 0) + 1
        asked = message.every(HomeNetworkPrefixOption) or (ALL_ZERO,)
        answer = self._answer(gateway, message, status, asked, now)
        return [answer, Complain("registration-refused", gateway, {"status": status.name})]

    def _answer(
        self,
        gateway: NodeId,
        request: BindingUpdate,
        status: BindingStatus,
        options: tuple[MobilityOption, ...],
        now: float,
    ) -> Transmit:
        """A PBA that repeats what RFC 5213 §5.3.6 wants repeated."""
        held = self.bindings.get(_name(request))
        sequence = request.sequence
        if status is BindingStatus.SEQUENCE_NUMBER_OUT_OF_WINDOW and held is not None:
            sequence = held.sequence
        lifetime = math.ceil(self.config.lifetime / LIFETIME_UNIT)
        acknowledgement = BindingAcknowledgement(
            status=status,
            flags=BindingAcknowledgementFlags.P,
            sequence=sequence,
            lifetime=min(request.lifetime, lifetime) if status.accepted else 0,
            options=(*_repeated(request), *options, *_time(request, status, now)),
        )
        return Transmit(gateway, acknowledgement)

    def _detached(self, entry: ProxyBinding, now: float) -> Deliver:
        ticks = entry.ticks if entry.ticks is not None else int(now * FRACTIONS)
        detached = r_xu.DetachNotification(
            mobile_node=entry.mobile_node,
            detached_at=max(ticks * 1_000_000 // FRACTIONS, entry.attached_at),
        )
        return self._deliver(entry.gateway, detached)

    def _deliver(self, gateway: NodeId, message: Message) -> Deliver:
        client = EntityAddress(gateway, FunctionalEntity.FE_MU_C)
        here = EntityAddress(self.config.node, FunctionalEntity.FE_MCTX)
        return Deliver(Envelope(ReferencePointName.R_XU, client, here, message))

    def rows(self) -> list[dict[str, object]]:
        """The Binding Cache."""
        return [
            {
                "mobile_node": entry.mobile_node,
                "gateway": entry.gateway,
                "prefixes": [str(prefix) for prefix in entry.prefixes],
                "sequence": entry.sequence,
                "state": str(entry.stage),
                "expires_at": entry.until,
            }
            for entry in self.bindings.values()
        ]


def _name(message: BindingUpdate) -> MobileNodeId:
    identifier = message.first(MobileNodeIdentifierOption)
    return MobileNodeId(identifier.nai or "") if identifier is not None else MobileNodeId("")


def _other_prefixes(message: BindingUpdate, held: ProxyBinding | None) -> BindingStatus | None:
    """RFC 5213 §5.4.1: what is asked for must be what the entry has."""
    wanted = {p for p in prefixes_in(message) if p.is_ipv6}
    if held is None or not wanted or not held.prefixes:
        return None
    if wanted != {p for p in held.prefixes if p.is_ipv6}:
        return BindingStatus.BCE_PBU_PREFIX_SET_DO_NOT_MATCH
    return None


def _link_layer_id(message: BindingUpdate) -> bytes:
    option = message.first(LinkLayerIdentifierOption)
    return option.address if option is not None else b""


def _technology(message: BindingUpdate) -> AccessTechnology:
    option = message.first(AccessTechnologyTypeOption)
    return option.technology if option is not None else AccessTechnology(0)


def _indicator(message: BindingUpdate) -> HandoffIndicator:
    option = message.first(HandoffIndicatorOption)
    return option.indicator if option is not None else HandoffIndicator.RESERVED


def _repeated(request: BindingUpdate) -> tuple[MobilityOption, ...]:
    """What a PBA says again, with the substitutes of RFC 5213 §5.3.6 for what was not said."""
    identifier = request.first(MobileNodeIdentifierOption)
    options: tuple[MobilityOption, ...] = (
        identifier or MobileNodeIdentifierOption.from_nai(""),
        HandoffIndicatorOption(_indicator(request)),
        AccessTechnologyTypeOption(_technology(request)),
    )
    options += request.every(LinkLayerIdentifierOption)
    return options + request.every(LinkLocalAddressOption)


def _time(request: BindingUpdate, status: BindingStatus, now: float) -> tuple[TimestampOption, ...]:
    """RFC 5213 §5.5: the time of the PBU, or on a mismatch this node's own."""
    asked = request.first(TimestampOption)
    if asked is None:
        return ()
    if status is BindingStatus.TIMESTAMP_MISMATCH:
        return (TimestampOption.from_seconds(now),)
    return (asked,)
