"""The mobile node's home registrations (RFC 6275 §11): R_XU as Binding Updates of its own.

An AttachNotification becomes a Binding Update to the home agent it is for, one for each home
address, repeated until it is answered and renewed before its lifetime ends; the Binding
Acknowledgement becomes the AttachAcknowledgement. Where that home agent is another one than
before (the DMM extension), the one before is de-registered as soon as the new one serves. Nothing
is persisted: a sequence number that is out of window after a restart is put right by the home
agent (§11.7.3). Pure.
"""

import math
from collections.abc import Iterable
from ipaddress import IPv6Address

from opendmm.bindings.mipv6.config import MipConfig
from opendmm.bindings.mipv6.constants import MAX_UPDATE_RATE
from opendmm.bindings.mipv6.extension import Granted, Moved
from opendmm.bindings.mipv6.home_registration import (
    RENEWED_AFTER,
    Attachment,
    Clock,
    Pace,
    Registration,
    Stage,
)
from opendmm.bindings.mipv6.packet import Packet
from opendmm.bindings.mipv6.sealing import Output, made_in
from opendmm.bindings.mipv6.updating import moved, updating
from opendmm.bindings.mobility.association import FRACTIONS
from opendmm.bindings.mobility.backoff import Backoff
from opendmm.bindings.mobility.outputs import Complain, Deliver
from opendmm.bindings.mobility.sequence import following
from opendmm.bindings.mobility.vendor import addition
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import EntityAddress, MobileNodeId, NodeId
from opendmm.model.order import MoveOrder, microseconds
from opendmm.reference_points import r_xu
from opendmm.reference_points.catalogue import Envelope, ReferencePointName
from opendmm.reference_points.message import Message, Status
from opendmm.wire.mobility.binding import BindingAcknowledgement, BindingError
from opendmm.wire.mobility.numbers import (
    LIFETIME_UNIT,
    BindingErrorStatus,
    BindingStatus,
)
from opendmm.wire.mobility.options.base_protocol import (
    BindingRefreshAdviceOption,
)

NOT_MADE = -1
"""The timestamp of a Binding Update that is yet to be sent."""
FOR_GOOD = {
    BindingStatus.ADMINISTRATIVELY_PROHIBITED: Status.NOT_AUTHORISED,
    BindingStatus.HOME_REGISTRATION_NOT_SUPPORTED: Status.NOT_RESPONSIBLE,
    BindingStatus.NOT_HOME_SUBNET: Status.NOT_RESPONSIBLE,
    BindingStatus.NOT_HOME_AGENT_FOR_THIS_MOBILE_NODE: Status.UNKNOWN_MOBILE_NODE,
    BindingStatus.DUPLICATE_ADDRESS_DETECTION_FAILED: Status.NOT_AUTHORISED,
    BindingStatus.REGISTRATION_TYPE_CHANGE_DISALLOWED: Status.REFUSED,
    BindingStatus.MIPV6_MESG_ID_REQD: Status.REFUSED,
    BindingStatus.INVALID_CARE_OF_ADDRESS: Status.REFUSED,
    BindingStatus.TIMESTAMP_LOWER_THAN_PREV_ACCEPTED: Status.STALE,
}
"""After these, nothing more is sent for this attachment (§11.7.3)."""
FOR_NOW = {
    BindingStatus.INSUFFICIENT_RESOURCES: Status.UNAVAILABLE,
    BindingStatus.FORWARDING_SETUP_FAILED: Status.FORWARDING_FAILED,
    BindingStatus.MIPV6_AUTH_FAIL: Status.NOT_AUTHORISED,
}
"""After these, and others, it is repeated as if there had been no answer: the reason may pass.
RFC 4285 §5.3 would have us stop after MIPV6-AUTH-FAIL, but whoever changes a Binding Update of
ours on its way shall not be able to silence us."""
NOTHING = Granted()
IN_USE = (Stage.REGISTERING, Stage.REGISTERED, Stage.DENIED)


class MobileNode:
    """The mobile node of one node."""

    def __init__(self, config: MipConfig, mobile_node: MobileNodeId) -> None:
        self.config = config
        self.mobile_node = mobile_node
        self.attachment: Attachment | None = None
        self.registrations: dict[tuple[NodeId, IPv6Address], Registration] = {}
        self._sequences: dict[tuple[NodeId, IPv6Address], int] = {}
        self._clocks: dict[NodeId, Clock] = {}
        self._paces: dict[NodeId, Pace] = {}

    # From the FE_MU_C

    def send(self, envelope: Envelope, now: float) -> list[Output]:
        """Carry a message of R_XU to a home agent, or say that Mobile IPv6 has nothing for it."""
        message = envelope.message
        agent = envelope.receiver.node
        if agent not in self.config.agents:
            return [Complain("no-home-agent", agent, {"message": type(message).__name__})]
        match message:
            case r_xu.AttachNotification(care_of=None):
                return self._attach(envelope, message, None, now)
            case r_xu.AttachNotification(care_of=care_of) if care_of and care_of.is_ipv6:
                return self._attach(envelope, message, IPv6Address(care_of.address), now)
            case r_xu.DetachNotification():
                return self._detach(envelope, message, now)
            case _:
                return [Complain("message-not-carried", agent, {"message": type(message).__name__})]

    def _attach(
        self,
        envelope: Envelope,
        message: r_xu.AttachNotification,
        care_of: IPv6Address | None,
        now: float,
    ) -> list[Output]:
        attachment = Attachment(
            client=envelope.sender, agent=envelope.receiver, notification=message, care_of=care_of
        )
        if attachment == self.attachment:
            return self._asked_again(now)
        self.attachment = attachment
        for other in self.registrations.values():
            if other.stage is Stage.LEAVING:
                other.by = attachment
            elif other.agent != attachment.agent.node and other.stage in IN_USE:
                other.stage = Stage.LEFT
                other.waiting, other.renewal = None, math.inf
        agent = attachment.agent.node
        for home_address in self.config.home_addresses:
            key = agent, home_address
            if key not in self.registrations:
                entry = Registration(agent=agent, home_address=home_address)
                entry.sequence = self._sequences.get(key, 0)
                self.registrations[key] = entry
        return self._register(self._concerned(), now)

    def _asked_again(self, now: float) -> list[Output]:
        """The FE_MU_C has not heard from us, or has forgotten."""
        concerned = self._concerned()
        if any(entry.stage is Stage.REGISTERING for entry in concerned):
            return []
        if all(entry.stage is Stage.DENIED for entry in concerned):
            return self._report()
        return self._register(
            [entry for entry in concerned if entry.stage is not Stage.DENIED], now
        )

    def _detach(
        self, envelope: Envelope, message: r_xu.DetachNotification, now: float
    ) -> list[Output]:
        """No care-of address before long (§10.3.2): said as long as there still is one."""
        agent = envelope.receiver.node
        if self.attachment is not None and self.attachment.agent.node == agent:
            self.attachment = None
        entries = [entry for entry in self._of(agent) if entry.by is not None]
        for entry in entries:
            entry.detached_at = message.detached_at
        if not entries:
            return [self._gone(envelope.sender, envelope.receiver, message.detached_at)]
        return self._leave(entries, now)

    def _left(self, entry: Registration) -> list[Output]:
        """De-registered, or over by itself."""
        del self.registrations[entry.agent, entry.home_address]
        others = [other for other in self._of(entry.agent) if other.stage is Stage.LEAVING]
        if not entry.detached_at or entry.by is None or others:
            return []
        return [self._gone(entry.by.client, entry.by.agent, entry.detached_at)]

    def _gone(self, client: EntityAddress, agent: EntityAddress, detached_at: int) -> Deliver:
        message = r_xu.DetachAcknowledgement(mobile_node=self.mobile_node, detached_at=detached_at)
        return Deliver(Envelope(ReferencePointName.R_XU, agent, client, message))

    # From a home agent

    def acknowledged(
        self, agent: NodeId, packet: Packet, message: BindingAcknowledgement, now: float
    ) -> list[Output]:
        """An authentic Binding Acknowledgement (§11.7.3)."""
        entry = self.registrations.get((agent, packet.receiver))
        if entry is None or not _answers(entry, message):
            return []
        if message.status is BindingStatus.SEQUENCE_NUMBER_OUT_OF_WINDOW:
            entry.sequence = message.sequence
            return self._update(entry, now)
        if message.status is BindingStatus.MIPV6_ID_MISMATCH:
            return self._set_clock(entry, message, now)
        if entry.stage is Stage.LEAVING:
            return self._left(entry)
        ended = message.status is BindingStatus.NOT_HOME_AGENT_FOR_THIS_MOBILE_NODE
        if message.status.accepted or (ended and not entry.asked_for):
            return self._accepted(entry, message, now)
        return self._rejected(entry, message.status)

    def _set_clock(
        self, entry: Registration, message: BindingAcknowledgement, now: float
    ) -> list[Output]:
        """RFC 4285 §6: the home agent says how late it is there, in whole seconds."""
        ahead = (made_in(message) - entry.made) // FRACTIONS
        clock = self._clock(entry.agent)
        clock.ahead += ahead
        clock.last = 0
        complaint = Complain("clocks-differ", entry.agent, {"seconds": clock.ahead})
        return [complaint, *self._update(entry, now)]

    def _accepted(
        self, entry: Registration, message: BindingAcknowledgement, now: float
    ) -> list[Output]:
        """The lifetime counts from when the Binding Update was sent (§11.7.3)."""
        lifetime = min(message.lifetime, entry.asked_for) * LIFETIME_UNIT
        advice = message.first(BindingRefreshAdviceOption)
        refresh = lifetime * RENEWED_AFTER
        if advice is not None:
            refresh = min(refresh, max(advice.refresh_interval, 1) * LIFETIME_UNIT)
        away = entry.asked_for > 0
        entry.stage = Stage.REGISTERED
        entry.waiting = None
        entry.refusal = Status.ACCEPTED
        entry.expires = entry.sent + lifetime if away else math.inf
        entry.renewal = max(entry.sent + refresh, now) if away else math.inf
        entry.granted = addition(message, Granted)
        entry.accepted = entry.by
        before = [
            other
            for other in self.registrations.values()
            if other.stage is Stage.LEFT and other.home_address == entry.home_address
        ]
        return [*self._report(), *self._leave(before, now)]

    def _leave(self, entries: Iterable[Registration], now: float) -> list[Output]:
        """Another home agent serves: those before shall not keep what nobody renews."""
        outputs: list[Output] = []
        for entry in entries:
            entry.stage = Stage.LEAVING
            entry.by = self.attachment or entry.by
            latest = max(entry.expires, entry.sent + self.config.lifetime)
            entry.expires = min(latest, now + self.config.lifetime)
            entry.waiting = Backoff.begin(now, self.config.initial_timeout)
            outputs += self._update(entry, now)
        return outputs

    def _rejected(self, entry: Registration, status: BindingStatus) -> list[Output]:
        fields = {"status": status.name, "home_address": str(entry.home_address)}
        complaint = Complain("registration-refused", entry.agent, fields)
        if status in FOR_GOOD:
            entry.stage = Stage.DENIED
            entry.waiting, entry.renewal = None, math.inf
            entry.refusal = FOR_GOOD[status]
            return [complaint, *self._report()]
        told = entry.refusal
        entry.refusal = FOR_NOW.get(status, Status.REFUSED)
        return [complaint, *(self._report() if entry.refusal != told else [])]

    def refresh_requested(self, agent: NodeId, now: float) -> list[Output]:
        """A Binding Refresh Request of a home agent that has lost its cache: there is no return
        routability to go through first (§11.7.4)."""
        return self._again(agent, now)

    def error(self, agent: NodeId, message: BindingError, now: float) -> list[Output]:
        """A Binding Error (§11.3.6). Anyone could have sent it: what it asks for is limited by
        MAX_UPDATE_RATE, and that the home agent knows no MH Type of ours is only told."""
        said = Complain("binding-error", agent, {"status": message.status.name})
        if message.status is BindingErrorStatus.UNKNOWN_BINDING:
            return [said, *self._again(agent, now)]
        return [said]

    def _again(self, agent: NodeId, now: float) -> list[Output]:
        entries = [entry for entry in self._of(agent) if entry.stage is Stage.REGISTERED]
        return self._register(entries, now)

    # Time

    def next_timer(self) -> float:
        """When `fire` is due; infinite when nothing is."""
        return min((entry.due for entry in self.registrations.values()), default=math.inf)

    def fire(self, now: float) -> list[Output]:
        """Repeat what was not answered, renew what will end."""
        outputs: list[Output] = []
        for entry in [e for e in self.registrations.values() if e.due <= now]:
            if entry.stage is Stage.LEAVING and entry.expires <= now:
                outputs += self._left(entry)
            elif entry.waiting is not None:
                entry.waiting.repeat(now)
                outputs += self._update(entry, now)
            else:
                outputs += self._register([entry], now)
        return outputs

    # Binding Updates

    def _register(self, entries: Iterable[Registration], now: float) -> list[Output]:
        """Begin with a Binding Update each, and go on until it is answered."""
        outputs: list[Output] = []
        for entry in entries:
            bound = entry.expires > now
            initial = self.config.initial_timeout
            first = self.config.initial_bindack_timeout_first_reg
            entry.stage = Stage.REGISTERING
            entry.by = self.attachment
            entry.detached_at = 0
            entry.refusal = Status.ACCEPTED
            entry.waiting = Backoff.begin(now, initial if bound else first)
            outputs += self._update(entry, now)
        return outputs

    def _update(self, entry: Registration, now: float) -> list[Output]:
        """A Binding Update with the next sequence number (§11.7.1, §11.8); later, where there
        have been too many already."""
        if entry.by is None:
            return []
        pace = self._paces.setdefault(entry.agent, Pace(MAX_UPDATE_RATE))
        earliest = pace.earliest(now)
        if earliest > now and entry.waiting is not None:
            entry.waiting.due = earliest
            entry.made = NOT_MADE
            return []
        pace.count(now)
        leaving = entry.stage is Stage.LEAVING
        entry.sequence = following(entry.sequence)
        self._sequences[entry.agent, entry.home_address] = entry.sequence
        entry.made = self._clock(entry.agent).tick(now)
        entry.sent = now
        away = entry.by.care_of is not None and not leaving
        entry.asked_for = math.ceil(self.config.lifetime / LIFETIME_UNIT) if away else 0
        entry.registered = entry.by.care_of if away else None
        said = moved(entry.by.notification)
        if leaving:
            said = Moved(detached_at=entry.detached_at or microseconds(now))
        return [updating(self.config, self.mobile_node, entry, entry.by.care_of, said)]

    # What the FE_MU_C is told

    def _report(self) -> list[Output]:
        """How it stands, once each home address has an answer: accepted where any is."""
        attachment, concerned = self.attachment, self._concerned()
        answered = all(e.stage is not Stage.REGISTERING or e.refusal for e in concerned)
        if attachment is None or not answered:
            return []
        served = [entry.granted for entry in concerned if entry.stage is Stage.REGISTERED]
        at = attachment.notification.attached_at
        status = next((e.refusal for e in concerned if e.refusal), Status.ACCEPTED)
        if not served:
            return [self._acknowledgement(attachment, status)]
        agent = attachment.agent.node
        granted = Granted(
            order=next((g.order for g in served if g.order), MoveOrder(1, at, agent)),
            home_anchor=next((g.home_anchor for g in served if g.home_anchor), None),
            prefixes=_union(g.prefixes for g in served) or self._homes(),
            deprecated=_union(g.deprecated for g in served),
        )
        return [self._acknowledgement(attachment, Status.ACCEPTED, granted)]

    def _acknowledgement(
        self, attachment: Attachment, status: int, granted: Granted = NOTHING
    ) -> Deliver:
        message: Message = r_xu.AttachAcknowledgement(
            mobile_node=self.mobile_node,
            attached_at=attachment.notification.attached_at,
            status=status,
            anchor=attachment.agent.node,
            home_anchor=granted.home_anchor,
            order=granted.order,
            prefixes=granted.prefixes,
            deprecated=granted.deprecated,
        )
        ends = attachment.agent, attachment.client
        return Deliver(Envelope(ReferencePointName.R_XU, *ends, message))

    def _homes(self) -> tuple[HomePrefix, ...]:
        """What a home agent without the extension serves."""
        return tuple(
            HomePrefix.parse(str(entry.home_address))
            for entry in self._concerned()
            if entry.stage is Stage.REGISTERED
        )

    # What there is

    def attachment_of(self, home_address: IPv6Address) -> Attachment | None:
        """Where a home address is registered now: the same for all. None when it is nowhere."""
        del home_address
        return self.attachment

    def registered_until(self, home_address: IPv6Address) -> float | None:
        """When the binding at the present place ends, infinite at home; None where no home agent
        has accepted it."""
        if self.attachment is None:
            return None
        entry = self.registrations.get((self.attachment.agent.node, home_address))
        if entry is None or entry.accepted != self.attachment or entry.stage is Stage.DENIED:
            return None
        return entry.expires

    def registered(self, agent: NodeId, home_address: IPv6Address) -> IPv6Address | None:
        """The care-of address in the Binding Update sent last to a home agent: the home address
        itself to remove a binding. None where there was none."""
        entry = self.registrations.get((agent, home_address))
        return (entry.registered or home_address) if entry is not None else None

    def registered_with(self, agent: NodeId) -> bool:
        """Whether a home agent has acknowledged, and that still holds."""
        return any(entry.stage is Stage.REGISTERED for entry in self._of(agent))

    def _concerned(self) -> list[Registration]:
        """The registrations of the present attachment."""
        return self._of(self.attachment.agent.node) if self.attachment is not None else []

    def _of(self, agent: NodeId) -> list[Registration]:
        return [entry for entry in self.registrations.values() if entry.agent == agent]

    def _clock(self, agent: NodeId) -> Clock:
        return self._clocks.setdefault(agent, Clock())


def _answers(entry: Registration, message: BindingAcknowledgement) -> bool:
    """Whether an acknowledgement is of the Binding Update sent last: by its sequence number
    (§11.7.3), except where that is what is wrong, and by when it was made (RFC 4285 §6), of which
    only the fraction is repeated where the rest is wrong."""
    if entry.waiting is None:
        return False
    same_sequence = message.sequence == entry.sequence
    if message.status is BindingStatus.MIPV6_ID_MISMATCH:
        return same_sequence and (made_in(message) - entry.made) % FRACTIONS == 0
    out_of_window = message.status is BindingStatus.SEQUENCE_NUMBER_OUT_OF_WINDOW
    return (same_sequence or out_of_window) and made_in(message) == entry.made


def _union(of: Iterable[tuple[HomePrefix, ...]]) -> tuple[HomePrefix, ...]:
    return tuple(dict.fromkeys(prefix for prefixes in of for prefix in prefixes))
