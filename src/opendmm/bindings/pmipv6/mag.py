"""The mobile access gateway (RFC 5213 §6): R_XU towards the anchor as Proxy Binding Updates.

An AttachNotification becomes a PBU, repeated until its PBA comes and renewed before its lifetime
ends; the PBA becomes the AttachAcknowledgement. A DetachNotification becomes a PBU with lifetime
zero, a Binding Revocation Indication (RFC 5846) an AttachmentRevoked. Nothing is persisted here:
the FE_MU_C knows its links, and after a restart it tells of them again. Pure.
"""

import math
from collections.abc import Iterable

from opendmm.bindings.mobility.agenda import Agenda
from opendmm.bindings.mobility.backoff import MAX_BINDACK_TIMEOUT, Backoff
from opendmm.bindings.mobility.fields import named
from opendmm.bindings.mobility.outputs import Complain, Deliver, Output, Transmit
from opendmm.bindings.mobility.vendor import addition
from opendmm.bindings.pmipv6.config import PmipConfig, PolicyProfile
from opendmm.bindings.pmipv6.extension import Granted
from opendmm.bindings.pmipv6.prefixes import prefixes_in
from opendmm.bindings.pmipv6.registration import Registration, Stage
from opendmm.bindings.pmipv6.revoked import MOVES, objection
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.model.order import MoveOrder
from opendmm.reference_points import r_xu
from opendmm.reference_points.catalogue import Envelope, ReferencePointName
from opendmm.reference_points.message import Message, Status
from opendmm.wire.mobility.binding import BindingAcknowledgement, BindingUpdate
from opendmm.wire.mobility.numbers import (
    LIFETIME_UNIT,
    BindingAcknowledgementFlags,
    BindingStatus,
    BindingUpdateFlags,
    HandoffIndicator,
    NotificationStatus,
    RevocationFlags,
    RevocationStatus,
    RevocationTrigger,
    UpdateNotificationFlags,
)
from opendmm.wire.mobility.options.identification import MobileNodeIdentifierOption
from opendmm.wire.mobility.options.proxy import FRACTIONS, TimestampOption
from opendmm.wire.mobility.revocation import (
    BindingRevocationAcknowledgement,
    BindingRevocationIndication,
)
from opendmm.wire.mobility.update_notification import (
    UpdateNotification,
    UpdateNotificationAcknowledgement,
)

RENEWED_AFTER = 2 / 3
"""Of the lifetime."""
UPDATE_INTERVAL = 1 / 3
"""Seconds between PBUs for one mobile node, at least: MAX_UPDATE_RATE of RFC 6275 §12."""
OUT_OF_SYNC = RevocationTrigger.POSSIBLE_OUT_OF_SYNC_BCE_STATE
FOR_GOOD = frozenset(
    {
        BindingStatus.HOME_REGISTRATION_NOT_SUPPORTED,
        BindingStatus.PROXY_REG_NOT_ENABLED,
        BindingStatus.NOT_LMA_FOR_THIS_MOBILE_NODE,
        BindingStatus.MAG_NOT_AUTHORIZED_FOR_PROXY_REG,
        BindingStatus.NOT_AUTHORIZED_FOR_HOME_NETWORK_PREFIX,
        BindingStatus.BCE_PBU_PREFIX_SET_DO_NOT_MATCH,
        BindingStatus.MISSING_HOME_NETWORK_PREFIX_OPTION,
        BindingStatus.MISSING_MN_IDENTIFIER_OPTION,
        BindingStatus.MISSING_HANDOFF_INDICATOR_OPTION,
        BindingStatus.MISSING_ACCESS_TECH_TYPE_OPTION,
        BindingStatus.NOT_AUTHORIZED_FOR_IPV4_MOBILITY_SERVICE,
        BindingStatus.NOT_AUTHORIZED_FOR_IPV4_HOME_ADDRESS,
        BindingStatus.NOT_AUTHORIZED_FOR_IPV6_MOBILITY_SERVICE,
        BindingStatus.MULTIPLE_IPV4_HOME_ADDRESS_ASSIGNMENT_NOT_SUPPORTED,
    }
)
"""For this attachment no other PBU follows (RFC 5213 §6.9.1.2, RFC 5844 §3.2.3.2)."""
BY_THE_CLOCK = frozenset({BindingStatus.TIMESTAMP_MISMATCH, BindingStatus.MIPV6_ID_MISMATCH})
"""None follows before the clock has been set (item 9): nobody tells when, so that is tried."""
TO_REASSERT = frozenset(
    {
        BindingStatus.TIMESTAMP_LOWER_THAN_PREV_ACCEPTED,
        BindingStatus.MIPV6_AUTH_FAIL,
    }
)
"""Another PBU follows (item 8). So it does where the anchor took one for a forgery: whoever sends
forgeries in our name shall not be able to silence us (RFC 4285 §5.3 would have us stop)."""


class MobileAccessGateway:
    """The MAG of one node."""

    def __init__(self, config: PmipConfig) -> None:
        self.config = config
        self.registrations: dict[MobileNodeId, Registration] = {}
        self._agenda: Agenda[MobileNodeId] = Agenda()
        self._sequence = 0
        self._ticks = 0

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
        if held is not None and held.attached_at == message.attached_at:
            if held.stage is Stage.REGISTERING:
                return []  # asked again while the PBU is being repeated
            if held.stage is Stage.DENIED and now < held.again:
                return [self._refusal(held)]
            if held.stage is Stage.REGISTERED:
                return self._register(held, HandoffIndicator.NOT_CHANGED, now)
        profile = self.config.profiles.get(message.mobile_node, PolicyProfile())
        entry = Registration(
            client=envelope.sender,
            anchor=envelope.receiver,
            mobile_node=message.mobile_node,
            attached_at=message.attached_at,
            link_layer_id=message.link_layer_id,
            access_technology=message.access_technology,
            prefixes=held.prefixes if held is not None else (),
            ipv4=profile.may_use_ipv4,
            ipv6=profile.may_use_ipv6,
            sequence=held.sequence if held is not None else 0,
        )
        self.registrations[message.mobile_node] = entry
        return self._register(entry, HandoffIndicator.UNKNOWN, now)

    def _register(self, entry: Registration, handoff: HandoffIndicator, now: float) -> list[Output]:
        """Begin with a PBU and go on until it is answered."""
        entry.stage = Stage.REGISTERING
        entry.handoff = handoff
        entry.waiting = Backoff.begin(now, self.config.initial_timeout)
        return [self._update(entry, now)]

    def _detach(
        self, envelope: Envelope, message: r_xu.DetachNotification, now: float
    ) -> list[Output]:
        """RFC 5213 §6.9.1.4: said once more each time the FE_MU_C says it, for the short while
        that the answer is waited for; an anchor that has heard of a later attachment gives none."""
        entry = self.registrations.get(message.mobile_node)
        if entry is not None and entry.stage is Stage.DENIED:
            entry.detached_at = message.detached_at
            return self._left(entry)
        if entry is None:
            entry = Registration(
                client=envelope.sender,
                anchor=envelope.receiver,
                mobile_node=message.mobile_node,
                attached_at=message.detached_at,
            )
            self.registrations[message.mobile_node] = entry
        if entry.stage is not Stage.LEAVING:
            entry.stage = Stage.LEAVING
            entry.handoff = HandoffIndicator.UNKNOWN
            entry.waiting = Backoff.begin(now, self.config.initial_timeout)
        entry.detached_at = message.detached_at
        return [self._update(entry, now)]

    def _update(self, entry: Registration, now: float) -> Transmit:
        """A PBU (RFC 5213 §6.9.1.1): with the gateway's own sequence number and a timestamp, or,
        by the scheme of RFC 6275, with the next one of the mobile node (§5.5)."""
        options = entry.options()
        if self.config.timestamp_based_approach_in_use:
            self._sequence = (self._sequence + 1) & 0xFFFF
            self._ticks = max(int(now * FRACTIONS), self._ticks + 1)
            entry.sequence = self._sequence
            options += (TimestampOption(self._ticks),)
        else:
            entry.sequence = (entry.sequence + 1) & 0xFFFF
        leaving = entry.stage is Stage.LEAVING
        self._agenda.put(entry.mobile_node, entry.due)
        update = BindingUpdate(
            sequence=entry.sequence,
            flags=BindingUpdateFlags.A | BindingUpdateFlags.P,
            lifetime=0 if leaving else math.ceil(self.config.lifetime / LIFETIME_UNIT),
            options=options,
        )
        return Transmit(entry.anchor.node, update)

    # Time

    def next_timer(self) -> float:
        """When `fire` is due; infinite when nothing is."""
        return self._agenda.next_timer()

    def fire(self, now: float) -> list[Output]:
        """Repeat what was not answered, renew what will end, wait no longer for who has left."""
        outputs: list[Output] = []
        for mobile_node in self._agenda.take(now):
            entry = self.registrations[mobile_node]
            if entry.stage is Stage.LEAVING:
                outputs += self._left(entry)
            elif entry.waiting is not None:
                entry.waiting.repeat(now)
                outputs.append(self._update(entry, now))
            else:
                outputs += self._register(entry, HandoffIndicator.NOT_CHANGED, now)
        return outputs

    # From the LMA

    def acknowledged(
        self, sender: NodeId, message: BindingAcknowledgement, now: float
    ) -> list[Output]:
        """A PBA (RFC 5213 §6.9.1.2)."""
        entry = self.registrations.get(named(message))
        if entry is None or not self._answers(entry, sender, message):
            return []
        if not entry.echoed(message):
            fields = {"mobile_node": entry.mobile_node}
            complaint = Complain("acknowledgement-differs", sender, fields)
            return [complaint, *self._deny(entry, Status.REFUSED)]
        if entry.stage is Stage.LEAVING:
            return self._left(entry)
        if message.status.accepted:
            return self._accepted(entry, message, now)
        return self._rejected(entry, message, now)

    def _answers(
        self, entry: Registration, sender: NodeId, message: BindingAcknowledgement
    ) -> bool:
        """Whether a PBA belongs to the PBU sent last (item 5)."""
        if entry.waiting is None or entry.anchor.node != sender:
            return False
        if not message.flags & BindingAcknowledgementFlags.P:
            return False
        return message.sequence == entry.sequence or self._out_of_window(message)

    def _out_of_window(self, message: BindingAcknowledgement) -> bool:
        """The one answer with another sequence number than its PBU's (RFC 6275 §9.5.4)."""
        by_sequence = not self.config.timestamp_based_approach_in_use
        return by_sequence and message.status == BindingStatus.SEQUENCE_NUMBER_OUT_OF_WINDOW

    def _accepted(
        self, entry: Registration, message: BindingAcknowledgement, now: float
    ) -> list[Output]:
        lifetime = max(message.lifetime_seconds, LIFETIME_UNIT)
        entry.stage = Stage.REGISTERED
        entry.waiting = None
        entry.refusal = Status.ACCEPTED
        entry.renewal = now + lifetime * RENEWED_AFTER
        entry.prefixes = prefixes_in(message)
        self._agenda.put(entry.mobile_node, entry.due)
        granted = addition(message, Granted)
        order = granted.order or MoveOrder(1, entry.attached_at, entry.anchor.node)
        acknowledgement = r_xu.AttachAcknowledgement(
            mobile_node=entry.mobile_node,
            attached_at=entry.attached_at,
            status=Status.ACCEPTED,
            anchor=entry.anchor.node,
            order=order,
            prefixes=tuple(p for p in entry.prefixes if p not in granted.deprecated),
            deprecated=granted.deprecated,
        )
        return [self._deliver(entry, acknowledgement)]

    def _rejected(
        self, entry: Registration, message: BindingAcknowledgement, now: float
    ) -> list[Output]:
        status = message.status
        fields = {"mobile_node": entry.mobile_node, "status": status.name}
        outputs: list[Output] = [Complain("registration-refused", entry.anchor.node, fields)]
        if self._out_of_window(message):
            entry.sequence = message.sequence  # RFC 6275 §11.7.3
            return [*outputs, self._update(entry, now)]
        if entry.ask_for_less(status):
            return [*outputs, self._update(entry, now)]
        if status in FOR_GOOD:
            return [*outputs, *self._deny(entry, Status.NOT_AUTHORISED)]
        if status in BY_THE_CLOCK:
            again = now + MAX_BINDACK_TIMEOUT
            return [*outputs, *self._deny(entry, Status.NOT_AUTHORISED, again)]
        if status in TO_REASSERT and entry.waiting is not None:
            entry.waiting.due = min(entry.waiting.due, now + UPDATE_INTERVAL)
            entry.waiting.interval = min(entry.waiting.interval, self.config.initial_timeout)
            self._agenda.put(entry.mobile_node, entry.due)
            return outputs
        if entry.refusal != Status.UNAVAILABLE:
            entry.refusal = Status.UNAVAILABLE
            outputs.append(self._refusal(entry))
        return outputs  # and repeated in its time: the reason may pass

    def _deny(self, entry: Registration, status: int, again: float = math.inf) -> list[Output]:
        entry.stage = Stage.DENIED
        entry.waiting = None
        entry.renewal = math.inf
        entry.again = again
        entry.prefixes = ()
        entry.refusal = status
        self._agenda.drop(entry.mobile_node)
        return [self._refusal(entry)]

    def _refusal(self, entry: Registration) -> Deliver:
        """The mobile node is not to be served (item 11)."""
        refusal = r_xu.AttachAcknowledgement(
            mobile_node=entry.mobile_node,
            attached_at=entry.attached_at,
            status=entry.refusal,
            anchor=entry.anchor.node,
        )
        return self._deliver(entry, refusal)

    def _left(self, entry: Registration) -> list[Output]:
        del self.registrations[entry.mobile_node]
        self._agenda.drop(entry.mobile_node)
        acknowledgement = r_xu.DetachAcknowledgement(
            mobile_node=entry.mobile_node, detached_at=entry.detached_at
        )
        return [self._deliver(entry, acknowledgement)]

    def revoked(
        self, sender: NodeId, message: BindingRevocationIndication, now: float
    ) -> list[Output]:
        """A BRI (RFC 5846 §9.1)."""
        outputs: list[Output] = []
        if message.flags & RevocationFlags.G:
            concerned = [e for e in self.registrations.values() if e.anchor.node == sender]
        else:
            entry = self.registrations.get(named(message))
            concerned = [entry] if entry is not None and entry.anchor.node == sender else []
        status = objection(message, concerned)
        if status is None and message.trigger == OUT_OF_SYNC:
            # The mobile node is here: that is what the anchor has to know.
            status = RevocationStatus.REVOCATION_FAILED_MN_IS_ATTACHED
            outputs = self._again(concerned, now)
        elif status is None:
            outputs = [output for entry in concerned for output in self._give_up(entry, message)]
        answer = BindingRevocationAcknowledgement(
            status=status or RevocationStatus.SUCCESS,
            sequence=message.sequence,
            flags=message.flags,
            options=message.every(MobileNodeIdentifierOption),
        )
        return [Transmit(sender, answer), *outputs]

    def _give_up(self, entry: Registration, message: BindingRevocationIndication) -> list[Output]:
        if entry.stage is Stage.REVOKED:
            return []
        reason = r_xu.RevocationReason
        entry.stage = Stage.REVOKED
        entry.waiting = None
        entry.renewal = math.inf
        self._agenda.drop(entry.mobile_node)
        revoked = r_xu.AttachmentRevoked(
            mobile_node=entry.mobile_node,
            attached_at=entry.attached_at,
            reason=reason.MOVED if message.trigger in MOVES else reason.ENDED,
        )
        return [self._deliver(entry, revoked)]

    def notified(self, sender: NodeId, message: UpdateNotification, now: float) -> list[Output]:
        """A UPN: register again, for there is news (RFC 7077 §6.2)."""
        entry = self.registrations.get(named(message))
        here = entry is not None and entry.stage in (Stage.REGISTERED, Stage.REVOKED)
        again = self._again([entry], now) if entry is not None and here else []
        if not message.flags & UpdateNotificationFlags.A:
            return again
        attached = entry is not None and entry.stage is not Stage.LEAVING
        answer = UpdateNotificationAcknowledgement(
            sequence=message.sequence,
            status=NotificationStatus.SUCCESS if attached else NotificationStatus.MN_NOT_ATTACHED,
            options=message.every(MobileNodeIdentifierOption),
        )
        return [Transmit(sender, answer), *again]

    def restarted(self, anchor: NodeId, now: float) -> list[Output]:
        """The LMA has lost its bindings (RFC 5847 §3.2): register all of them anew."""
        return self._again([e for e in self.registrations.values() if e.anchor.node == anchor], now)

    def _again(self, concerned: Iterable[Registration], now: float) -> list[Output]:
        return [
            output
            for entry in concerned
            if entry.stage not in (Stage.LEAVING, Stage.DENIED)
            for output in self._register(entry, HandoffIndicator.NOT_CHANGED, now)
        ]

    def _deliver(self, entry: Registration, message: Message) -> Deliver:
        return Deliver(Envelope(ReferencePointName.R_XU, entry.anchor, entry.client, message))

    def active_with(self, anchor: NodeId) -> bool:
        """Whether the anchor has a binding of ours (RFC 5847 §3)."""
        return any(
            entry.anchor.node == anchor and entry.stage is Stage.REGISTERED
            for entry in self.registrations.values()
        )
