"""The mobile access gateway (RFC 5213 §6): R_XU towards the anchor as Proxy Binding Updates.

One entry of the Binding Update List a mobile node. An AttachNotification becomes a PBU,
repeated until its PBA comes and renewed before its lifetime ends; the PBA becomes the
AttachAcknowledgement. A DetachNotification becomes a PBU with lifetime zero. Pure.
"""

import math
from ipaddress import IPv6Address

import msgspec

from opendmm.bindings.mobility.backoff import Backoff
from opendmm.bindings.mobility.outputs import Complain, Deliver, Output, Transmit
from opendmm.bindings.pmipv6.config import PmipConfig
from opendmm.bindings.pmipv6.extension import payload_in, wrapped
from opendmm.bindings.pmipv6.prefixes import prefixes_in, requested
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import EntityAddress, MobileNodeId, NodeId
from opendmm.model.order import MoveOrder
from opendmm.reference_points import r_xu
from opendmm.reference_points.catalogue import Envelope, ReferencePointName
from opendmm.reference_points.message import Message, Status
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
    AccessTechnologyTypeOption,
    HandoffIndicatorOption,
    LinkLayerIdentifierOption,
    LinkLocalAddressOption,
    TimestampOption,
)

FIXED_LINK_LOCAL = IPv6Address("fe80::200:5eff:fe00:5213")
"""Every gateway's link-local address on access links (RFC 6543 §4): mobile nodes see one router."""
RENEWED_AFTER = 2 / 3
"""Of the lifetime."""
FOR_GOOD = frozenset(
    {
        BindingStatus.PROXY_REG_NOT_ENABLED,
        BindingStatus.MAG_NOT_AUTHORIZED_FOR_PROXY_REG,
        BindingStatus.NOT_AUTHORIZED_FOR_HOME_NETWORK_PREFIX,
        BindingStatus.NOT_LMA_FOR_THIS_MOBILE_NODE,
        BindingStatus.TIMESTAMP_MISMATCH,
    }
)
"""No other PBU follows before somebody has done something (RFC 5213 §6.9.1.2)."""


class Registration(msgspec.Struct, kw_only=True):
    """A Binding Update List entry (RFC 5213 §6.1). Times are in seconds since 1970.

    `waiting` is the clock of an unanswered PBU; `renewal` when the next is due.
    """

    client: EntityAddress
    anchor: EntityAddress
    mobile_node: MobileNodeId
    attached_at: int
    detached_at: int = 0
    link_layer_id: bytes = b""
    access_technology: int = AccessTechnology.IEEE_802_3
    handoff: HandoffIndicator = HandoffIndicator.UNKNOWN
    prefixes: tuple[HomePrefix, ...] = ()
    sequence: int = 0
    extension: dict[str, bytes | int] = {}
    waiting: Backoff | None = None
    renewal: float = math.inf

    @property
    def leaving(self) -> bool:
        return bool(self.detached_at)

    @property
    def due(self) -> float:
        return self.waiting.due if self.waiting is not None else self.renewal


class Extras(msgspec.Struct):
    """What an LMA of ours adds to a PBA: the move's order."""

    order: MoveOrder | None = None
    deprecated: tuple[HomePrefix, ...] = ()


class MobileAccessGateway:
    """The MAG of one node."""

    def __init__(self, config: PmipConfig) -> None:
        self.config = config
        self.registrations: dict[MobileNodeId, Registration] = {}
        self._sequence = 0

    # From the FE_MU_C

    def send(self, envelope: Envelope, now: float) -> list[Output]:
        """Carry a message of R_XU to the anchor, or say that PMIPv6 has nothing for it."""
        message = envelope.message
        match message:
            case r_xu.AttachNotification():
                return self._attach(envelope, message, now)
            case r_xu.DetachNotification():
                return self._detach(envelope, message, now)
            case _:
                fields = {"message": type(message).__name__}
                return [Complain("message-not-carried", envelope.receiver.node, fields)]

    def _attach(
        self, envelope: Envelope, message: r_xu.AttachNotification, now: float
    ) -> list[Output]:
        held = self.registrations.get(message.mobile_node)
        same = held is not None and held.attached_at == message.attached_at and not held.leaving
        if held is not None and same and held.waiting is not None:
            return []  # asked again while the PBU is being repeated
        known = held.prefixes if held is not None else ()
        entry = Registration(
            client=envelope.sender,
            anchor=envelope.receiver,
            mobile_node=message.mobile_node,
            attached_at=message.attached_at,
            link_layer_id=message.link_layer_id,
            access_technology=message.access_technology,
            handoff=_handoff(message, again=same),
            prefixes=known,
        )
        self.registrations[message.mobile_node] = entry
        entry.waiting = Backoff.begin(now, self.config.initial_timeout)
        return [self._update(entry, now)]

    def _detach(
        self, envelope: Envelope, message: r_xu.DetachNotification, now: float
    ) -> list[Output]:
        held = self.registrations.get(message.mobile_node)
        if held is not None and held.leaving and held.waiting is not None:
            return []
        entry = held or Registration(
            client=envelope.sender,
            anchor=envelope.receiver,
            mobile_node=message.mobile_node,
            attached_at=message.detached_at,
        )
        entry.detached_at = message.detached_at
        entry.renewal = math.inf
        self.registrations[message.mobile_node] = entry
        entry.waiting = Backoff.begin(now, self.config.initial_timeout)
        return [self._update(entry, now)]

    def _update(self, entry: Registration, now: float) -> Transmit:
        """A PBU (RFC 5213 §6.9.1.1), with a sequence number and a timestamp of its own."""
        self._sequence = (self._sequence + 1) & 0xFFFF
        entry.sequence = self._sequence
        lifetime = 0 if entry.leaving else math.ceil(self.config.lifetime / LIFETIME_UNIT)
        update = BindingUpdate(
            sequence=entry.sequence,
            flags=BindingUpdateFlags.A | BindingUpdateFlags.P,
            lifetime=lifetime,
            options=(*_about(entry), TimestampOption.from_seconds(now)),
        )
        return Transmit(entry.anchor.node, update)

    # Time

    def next_timer(self) -> float:
        """When `fire` is due; infinite when nothing is."""
        return min((entry.due for entry in self.registrations.values()), default=math.inf)

    def fire(self, now: float) -> list[Output]:
        """Repeat what was not answered, renew what will end."""
        outputs: list[Output] = []
        for entry in self.registrations.values():
            if entry.due > now:
                continue
            if entry.waiting is not None:
                entry.waiting.repeat(now)
            else:
                entry.handoff = HandoffIndicator.NOT_CHANGED
                entry.waiting = Backoff.begin(now, self.config.initial_timeout)
            outputs.append(self._update(entry, now))
        return outputs

    # From the LMA

    def acknowledged(
        self, sender: NodeId, message: BindingAcknowledgement, now: float
    ) -> list[Output]:
        """A PBA (RFC 5213 §6.9.1.2)."""
        identifier = message.first(MobileNodeIdentifierOption)
        name = MobileNodeId(identifier.nai or "") if identifier is not None else MobileNodeId("")
        entry = self.registrations.get(name)
        if (
            entry is None
            or entry.waiting is None
            or entry.anchor.node != sender
            or entry.sequence != message.sequence
            or not message.flags & BindingAcknowledgementFlags.P
            or not _echoed(entry, message)
        ):
            return []
        if entry.leaving:
            return self._left(entry, message)
        if not message.status.accepted:
            return self._refused(entry, message)
        entry.waiting = None
        entry.renewal = now + message.lifetime_seconds * RENEWED_AFTER
        entry.prefixes = prefixes_in(message)
        extras = _extras(message)
        order = extras.order or MoveOrder(1, entry.attached_at, entry.anchor.node)
        acknowledgement = r_xu.AttachAcknowledgement(
            mobile_node=entry.mobile_node,
            attached_at=entry.attached_at,
            status=Status.ACCEPTED,
            anchor=entry.anchor.node,
            order=order,
            prefixes=tuple(p for p in entry.prefixes if p not in extras.deprecated),
            deprecated=extras.deprecated,
        )
        return [self._deliver(entry, acknowledgement)]

    def _refused(self, entry: Registration, message: BindingAcknowledgement) -> list[Output]:
        fields = {"mobile_node": entry.mobile_node, "status": message.status.name}
        outputs: list[Output] = [Complain("registration-refused", entry.anchor.node, fields)]
        if message.status not in FOR_GOOD:
            return outputs  # repeated in its time (§6.9.1.2: to reassert the presence)
        entry.waiting = None
        entry.prefixes = ()
        refusal = r_xu.AttachAcknowledgement(
            mobile_node=entry.mobile_node,
            attached_at=entry.attached_at,
            status=Status.NOT_AUTHORISED,
            anchor=entry.anchor.node,
        )
        return [*outputs, self._deliver(entry, refusal)]

    def _left(self, entry: Registration, message: BindingAcknowledgement) -> list[Output]:
        if message.status == BindingStatus.TIMESTAMP_LOWER_THAN_PREV_ACCEPTED:
            return []
        del self.registrations[entry.mobile_node]
        acknowledgement = r_xu.DetachAcknowledgement(
            mobile_node=entry.mobile_node, detached_at=entry.detached_at
        )
        return [self._deliver(entry, acknowledgement)]

    def _deliver(self, entry: Registration, message: Message) -> Deliver:
        return Deliver(Envelope(ReferencePointName.R_XU, entry.anchor, entry.client, message))

    def restarted(self, anchor: NodeId, now: float) -> list[Output]:
        """The LMA has lost its bindings (RFC 5847 §3.2): register all of them anew."""
        outputs: list[Output] = []
        for entry in self.registrations.values():
            if entry.anchor.node == anchor and not entry.leaving:
                entry.waiting = Backoff.begin(now, self.config.initial_timeout)
                outputs.append(self._update(entry, now))
        return outputs

    def rows(self) -> list[dict[str, object]]:
        """The Binding Update List."""
        return [
            {
                "mobile_node": entry.mobile_node,
                "anchor": entry.anchor.node,
                "prefixes": [str(prefix) for prefix in entry.prefixes],
                "sequence": entry.sequence,
                "state": "unanswered" if entry.waiting is not None else "registered",
            }
            for entry in self.registrations.values()
        ]


def _handoff(message: r_xu.AttachNotification, *, again: bool) -> HandoffIndicator:
    if again:
        return HandoffIndicator.NOT_CHANGED
    if message.previous_anchor is not None:
        return HandoffIndicator.BETWEEN_MAGS_SAME_INTERFACE
    return HandoffIndicator.UNKNOWN


def _about(entry: Registration) -> tuple[MobilityOption, ...]:
    options: tuple[MobilityOption, ...] = (
        MobileNodeIdentifierOption.from_nai(entry.mobile_node),
        *requested(entry.prefixes),
        HandoffIndicatorOption(entry.handoff),
        AccessTechnologyTypeOption(AccessTechnology(entry.access_technology)),
    )
    if entry.link_layer_id:
        options += (LinkLayerIdentifierOption(entry.link_layer_id),)
    return (*options, LinkLocalAddressOption(FIXED_LINK_LOCAL))


def _echoed(entry: Registration, message: BindingAcknowledgement) -> bool:
    """Whether the LMA repeats what the PBU said (RFC 5213 §6.9.1.2, item 6)."""
    handoff = message.first(HandoffIndicatorOption)
    technology = message.first(AccessTechnologyTypeOption)
    link_layer = message.first(LinkLayerIdentifierOption)
    return (
        (handoff is None or handoff.indicator == entry.handoff)
        and (technology is None or technology.technology == entry.access_technology)
        and (link_layer is None or link_layer.address == entry.link_layer_id)
    )


def _extras(message: BindingAcknowledgement) -> Extras:
    payload = payload_in(message)
    if payload is None:
        return Extras()
    try:
        return msgspec.msgpack.decode(payload, type=Extras)
    except msgspec.DecodeError:
        return Extras()


def extras(acknowledgement: r_xu.AttachAcknowledgement) -> tuple[MobilityOption, ...]:
    """The options in which an LMA of ours adds them."""
    said = Extras(acknowledgement.order, acknowledgement.deprecated)
    return wrapped(msgspec.msgpack.encode(said))
