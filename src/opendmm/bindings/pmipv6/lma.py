"""The local mobility anchor (RFC 5213 §5): Proxy Binding Updates in, R_XU to the FE_MCTX.

A valid PBU becomes an AttachNotification, and the FE_MCTX's AttachAcknowledgement the PBA; what
RFC 5213 refuses is refused here with its status, before any entity hears of it. A mobile node has
one mobility session: what its Handoff Indicator says changes nothing (§5.4 with one interface).

The Binding Cache is not persisted, the FE_MCTX's attachments and the kernel's forwarding are. An
anchor that has restarted says so in its heartbeats (RFC 5847), its gateways register again, and
as they say since when each mobile node is attached, the FE_MCTX finds nothing new in that. Pure.
"""

import math

import msgspec

from opendmm.bindings.mobility.fields import MICROSECONDS, named
from opendmm.bindings.mobility.outputs import Complain, Deliver, Output, Transmit
from opendmm.bindings.mobility.vendor import added, addition
from opendmm.bindings.pmipv6.admission import Admission
from opendmm.bindings.pmipv6.cache import BindingCache, Claim, ProxyBinding, Stage
from opendmm.bindings.pmipv6.config import PmipConfig
from opendmm.bindings.pmipv6.extension import Attached, Granted
from opendmm.bindings.pmipv6.fields import (
    in_microseconds,
    indicator_in,
    link_layer_id_in,
    technology_in,
    ticks_of,
)
from opendmm.bindings.pmipv6.prefixes import ALL_ZERO, assigned, denied_ipv4
from opendmm.bindings.pmipv6.revocation import Revocations
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import EntityAddress, FunctionalEntity, MobileNodeId, NodeId
from opendmm.reference_points import r_xu
from opendmm.reference_points.catalogue import Envelope, ReferencePointName
from opendmm.reference_points.message import Message, Status, accepted
from opendmm.wire.mobility.binding import BindingAcknowledgement, BindingUpdate
from opendmm.wire.mobility.numbers import (
    LIFETIME_UNIT,
    BindingAcknowledgementFlags,
    BindingStatus,
    NotificationReason,
    RevocationTrigger,
    UpdateNotificationFlags,
)
from opendmm.wire.mobility.options.base import MobilityOption
from opendmm.wire.mobility.options.identification import MobileNodeIdentifierOption
from opendmm.wire.mobility.options.proxy import (
    AccessTechnologyTypeOption,
    HandoffIndicatorOption,
    HomeNetworkPrefixOption,
    LinkLayerIdentifierOption,
    LinkLocalAddressOption,
    TimestampOption,
)
from opendmm.wire.mobility.update_notification import UpdateNotification

STATUS = {
    Status.UNKNOWN_MOBILE_NODE: BindingStatus.NOT_LMA_FOR_THIS_MOBILE_NODE,
    Status.NOT_AUTHORISED: BindingStatus.NOT_AUTHORIZED_FOR_HOME_NETWORK_PREFIX,
    Status.UNAVAILABLE: BindingStatus.INSUFFICIENT_RESOURCES,
    Status.FORWARDING_FAILED: BindingStatus.FORWARDING_SETUP_FAILED,
}
"""What the FE_MCTX refuses with, in the words of RFC 5213 §8.9."""
TRIGGERS = {
    r_xu.RevocationReason.MOVED: RevocationTrigger.INTER_MAG_HANDOVER_UNKNOWN,
    r_xu.RevocationReason.ENDED: RevocationTrigger.USER_INITIATED_SESSION_TERMINATION,
}
ROUNDED_OFF = 16
"""Microseconds that a timestamp may be before what it says, at most: one of its fractions."""


class LocalMobilityAnchor:
    """The LMA of one node."""

    def __init__(self, config: PmipConfig) -> None:
        self.config = config
        self.cache = BindingCache()
        self.revocations = Revocations(config)
        self.refused: dict[BindingStatus, int] = {}
        self._admission = Admission(config, self.cache)
        self._sequence = 0

    # From a MAG

    def updated(self, gateway: NodeId, message: BindingUpdate, now: float) -> list[Output]:
        """A PBU (RFC 5213 §5.3.1), authentic."""
        status = self._admission.objection(gateway, message, now)
        if status is not None:
            return self.refuse(gateway, message, status, now)
        if message.lifetime == 0:
            return self._deregister(gateway, message, now)
        return self._register(gateway, message, now)

    def _register(self, gateway: NodeId, message: BindingUpdate, now: float) -> list[Output]:
        mobile_node = named(message)
        claim = Claim(
            gateway=gateway,
            attached_at=self._beginning(gateway, message, now),
            ticks=ticks_of(message),
            request=message,
        )
        self.cache.claim(mobile_node, claim)
        self.revocations.settled(gateway, mobile_node)
        notification = r_xu.AttachNotification(
            mobile_node=mobile_node,
            attached_at=claim.attached_at,
            link_layer_id=link_layer_id_in(message),
            access_technology=technology_in(message),
        )
        return [self._deliver(gateway, notification)]

    def _beginning(self, gateway: NodeId, message: BindingUpdate, now: float) -> int:
        """When the attachment began that a PBU registers, or registers again."""
        mobile_node, ticks = named(message), ticks_of(message)
        sent = in_microseconds(ticks) if ticks is not None else int(now * MICROSECONDS)
        said = addition(message, Attached).attached_at
        if said:
            return min(said, sent + ROUNDED_OFF)
        for held in (self.cache.claims.get(mobile_node), self._active(mobile_node)):
            if held is not None:
                return held.attached_at if held.gateway == gateway else sent
        return sent

    def _active(self, mobile_node: MobileNodeId) -> ProxyBinding | None:
        entry = self.cache.entries.get(mobile_node)
        return entry if entry is not None and entry.stage is Stage.ACTIVE else None

    def _deregister(self, gateway: NodeId, message: BindingUpdate, now: float) -> list[Output]:
        """RFC 5213 §5.3.5. Of a gateway that the mobile node has left already, or of one without
        a session (§5.4.1), it is ignored: no answer, no change. The FE_MCTX hears that the link is
        gone all the same: it may count on it, or know more than a cache that has restarted."""
        mobile_node = named(message)
        held = self.cache.entries.get(mobile_node)
        claim = self.cache.claims.get(mobile_node)
        self.revocations.settled(gateway, mobile_node)
        if claim is not None and claim.gateway == gateway:
            del self.cache.claims[mobile_node]
        elif held is None or held.gateway != gateway:
            return [self._detached(gateway, mobile_node, ticks_of(message), 0, now)]
        begun = max(e.attached_at for e in (held, claim) if e is not None and e.gateway == gateway)
        prefixes = held.prefixes if held is not None else ()
        answer = self._answer(
            gateway, message, BindingStatus.ACCEPTED, assigned(prefixes), now, timely=True
        )
        if held is not None and held.gateway == gateway:
            deleted = msgspec.structs.replace(
                held,
                stage=Stage.DELETED,
                sequence=message.sequence,
                ticks=ticks_of(message),
                until=now + self.config.min_delay_before_bce_delete,
            )
            self.cache.put(deleted)
        return [answer, self._detached(gateway, mobile_node, ticks_of(message), begun, now)]

    # From the FE_MCTX

    def send(self, envelope: Envelope, now: float) -> list[Output]:
        """Carry a message of R_XU to the gateway."""
        message, gateway = envelope.message, envelope.receiver.node
        match message:
            case r_xu.AttachAcknowledgement():
                return self._acknowledge(gateway, message, now)
            case r_xu.AttachmentRevoked():
                return self._revoke(gateway, message, now)
            case r_xu.DetachAcknowledgement():
                return []  # the PBA has gone already
            case _:
                fields = {"message": type(message).__name__}
                return [Complain("message-not-carried", gateway, fields)]

    def _acknowledge(
        self, gateway: NodeId, message: r_xu.AttachAcknowledgement, now: float
    ) -> list[Output]:
        claim = self.cache.claims.get(message.mobile_node)
        if claim is None or (claim.gateway, claim.attached_at) != (gateway, message.attached_at):
            return self._changed(gateway, message)
        del self.cache.claims[message.mobile_node]
        request = claim.request
        if not accepted(message.status):
            status = STATUS.get(message.status, BindingStatus.REASON_UNSPECIFIED)
            return self.refuse(gateway, request, status, now, timely=True)
        prefixes = message.prefixes + message.deprecated
        lifetime = self._lifetime(request)
        entry = ProxyBinding(
            mobile_node=message.mobile_node,
            gateway=gateway,
            stage=Stage.ACTIVE,
            attached_at=claim.attached_at,
            sequence=request.sequence,
            ticks=claim.ticks,
            link_layer_id=link_layer_id_in(request),
            access_technology=technology_in(request),
            prefixes=prefixes,
            until=now + lifetime * LIFETIME_UNIT,
        )
        self.cache.put(entry)
        options = (*assigned(prefixes), *added(Granted(message.order, message.deprecated)))
        return [self._answer(gateway, request, BindingStatus.ACCEPTED, options, now, timely=True)]

    def _changed(self, gateway: NodeId, message: r_xu.AttachAcknowledgement) -> list[Output]:
        """No PBU asked: have the gateway ask, where it does not know all (RFC 7077 §4.1)."""
        held = self._active(message.mobile_node)
        known = held.prefixes if held is not None and held.gateway == gateway else ()
        news = set(message.prefixes + message.deprecated) - set(known)
        if not accepted(message.status) or not news:
            return []
        self._sequence = (self._sequence + 1) & 0xFFFF
        notification = UpdateNotification(
            sequence=self._sequence,
            reason=NotificationReason.FORCE_REREGISTRATION,
            flags=UpdateNotificationFlags(0),
            options=(MobileNodeIdentifierOption.from_nai(message.mobile_node),),
        )
        return [Transmit(gateway, notification)]

    def _revoke(self, gateway: NodeId, message: r_xu.AttachmentRevoked, now: float) -> list[Output]:
        """RFC 5846 §8.1; nothing where the gateway has de-registered the mobile node itself."""
        mobile_node = message.mobile_node
        held = self.cache.entries.get(mobile_node)
        prefixes: tuple[HomePrefix, ...] = ()
        if held is not None and held.gateway == gateway:
            if held.stage is Stage.DELETED:
                return []
            prefixes = held.prefixes
            self._forget(held)
        trigger = TRIGGERS[message.reason]
        return self.revocations.revoke(
            gateway, mobile_node, trigger, message.attached_at, prefixes, now
        )

    def _forget(self, entry: ProxyBinding) -> None:
        """Unless the mobile node is to be registered elsewhere: its entry goes then."""
        if entry.mobile_node not in self.cache.claims:
            self.cache.drop(entry.mobile_node)

    # Time

    def next_timer(self) -> float:
        """When `fire` is due; infinite when nothing is."""
        return min(self.cache.next_timer(), self.revocations.next_timer())

    def fire(self, now: float) -> list[Output]:
        """Bindings end that nobody renewed, or that were de-registered long enough ago."""
        outputs = self.revocations.fire(now)
        for entry in self.cache.over(now):
            if entry.stage is Stage.ACTIVE:
                outputs += self._expired(entry, now)
        return outputs

    def _expired(self, entry: ProxyBinding, now: float) -> list[Output]:
        """The gateway may take it to be registered still (RFC 5846 §3.4.1)."""
        gone = (entry.gateway, entry.mobile_node)
        trigger = RevocationTrigger.POSSIBLE_OUT_OF_SYNC_BCE_STATE
        return [
            self._detached(*gone, entry.ticks, entry.attached_at, now),
            *self.revocations.revoke(*gone, trigger, entry.attached_at, entry.prefixes, now),
        ]

    def restarted(self, gateway: NodeId, now: float) -> None:
        """A gateway has lost its registrations (RFC 5847 §3.2): what it does not register anew
        before long is taken to be gone, as if it had been de-registered."""
        until = now + self.config.min_delay_before_bce_delete
        for entry in self.cache.of(gateway):
            self.cache.put(msgspec.structs.replace(entry, until=min(until, entry.until)))

    # Answers

    def refuse(
        self,
        gateway: NodeId,
        message: BindingUpdate,
        status: BindingStatus,
        now: float,
        *,
        timely: bool | None = None,
    ) -> list[Output]:
        """A PBA that rejects; it repeats the prefixes asked for (RFC 5213 §5.3.6)."""
        self.refused[status] = self.refused.get(status, 0) + 1
        if timely is None:
            timely = self._admission.timely(message, named(message), now)
        asked = message.every(HomeNetworkPrefixOption) or (ALL_ZERO,)
        options = (*asked, *denied_ipv4(message, status))
        answer = self._answer(gateway, message, status, options, now, timely=timely)
        fields = {"status": status.name, "mobile_node": named(message)}
        return [answer, Complain("registration-refused", gateway, fields)]

    def _answer(
        self,
        gateway: NodeId,
        request: BindingUpdate,
        status: BindingStatus,
        options: tuple[MobilityOption, ...],
        now: float,
        *,
        timely: bool,
    ) -> Transmit:
        sequence = request.sequence
        if status is BindingStatus.SEQUENCE_NUMBER_OUT_OF_WINDOW:
            last = self._admission.last_sequence(named(request))
            sequence = last if last is not None else sequence
        acknowledgement = BindingAcknowledgement(
            status=status,
            flags=BindingAcknowledgementFlags.P,
            sequence=sequence,
            lifetime=self._lifetime(request) if status.accepted else 0,
            options=(*_repeated(request), *options, *_time(request, now, timely=timely)),
        )
        return Transmit(gateway, acknowledgement)

    def _lifetime(self, request: BindingUpdate) -> int:
        """In units of four seconds: what was asked for, as long as it is not too much."""
        return min(request.lifetime, math.ceil(self.config.lifetime / LIFETIME_UNIT))

    def _detached(
        self, gateway: NodeId, mobile_node: MobileNodeId, ticks: int | None, begun: int, now: float
    ) -> Deliver:
        said = in_microseconds(ticks) if ticks is not None else int(now * MICROSECONDS)
        detached = r_xu.DetachNotification(mobile_node=mobile_node, detached_at=max(said, begun))
        return self._deliver(gateway, detached)

    def _deliver(self, gateway: NodeId, message: Message) -> Deliver:
        client = EntityAddress(gateway, FunctionalEntity.FE_MU_C)
        here = EntityAddress(self.config.node, FunctionalEntity.FE_MCTX)
        return Deliver(Envelope(ReferencePointName.R_XU, client, here, message))


def _repeated(request: BindingUpdate) -> tuple[MobilityOption, ...]:
    """What a PBA says again, with the substitutes of RFC 5213 §5.3.6 for what was not said."""
    identifier = request.first(MobileNodeIdentifierOption)
    options: tuple[MobilityOption, ...] = (
        identifier or MobileNodeIdentifierOption.from_nai(""),
        HandoffIndicatorOption(indicator_in(request)),
        AccessTechnologyTypeOption(technology_in(request)),
    )
    options += request.every(LinkLayerIdentifierOption)
    return options + request.every(LinkLocalAddressOption)


def _time(request: BindingUpdate, now: float, *, timely: bool) -> tuple[TimestampOption, ...]:
    """RFC 5213 §5.5: the time of the PBU where it is valid, else this node's own (items 7 to 9),
    and none where it had none."""
    asked = request.first(TimestampOption)
    if asked is None:
        return ()
    return (asked if timely else TimestampOption.from_seconds(now),)
