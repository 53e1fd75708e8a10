"""The Central Mobility Database (RFC 8885 §3): an LMA without a data plane.

It takes registrations of MAARs, relays what they have to say to each other, and speaks for its
FE_IEC. Only the MAAR that serves a mobile node may end its session (§3.5). Pure.
"""

from collections import OrderedDict

from opendmm.bindings.mobility.outputs import Complain, Deliver, Output, Transmit
from opendmm.bindings.rfc8885.carrier import Carrier, Question, Received, acknowledgement
from opendmm.bindings.rfc8885.config import DistributedConfig
from opendmm.bindings.rfc8885.relays import INQUIRY, Relays
from opendmm.bindings.rfc8885.updates import Updates
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.reference_points import r_xc, r_xx
from opendmm.reference_points.catalogue import Envelope
from opendmm.reference_points.message import accepted
from opendmm.wire.mobility.binding import BindingAcknowledgement, BindingUpdate
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import (
    LIFETIME_UNIT,
    BindingAcknowledgementFlags,
    BindingStatus,
    BindingUpdateFlags,
)
from opendmm.wire.mobility.options.identification import MobileNodeIdentifierOption

REMEMBERED = 1_000_000
"""Mobile nodes whose serving MAAR is known."""


class CentralMobilityDatabase:
    """The CMD of a domain."""

    def __init__(self, config: DistributedConfig) -> None:
        self.config = config
        self.updates = Updates(config)
        self.carrier = Carrier(config, self.updates)
        self.relays = Relays(config, self.updates)
        self._reported: OrderedDict[MobileNodeId, NodeId] = OrderedDict()

    # From the FE_IEC

    def send(self, envelope: Envelope, now: float) -> list[Output]:
        """Carry a message of the FE_IEC here."""
        message, to = envelope.message, envelope.receiver.node
        answered: list[Output] | None = None
        match message:
            case r_xc.ContextFound():
                answered = self.relays.found(to, message, now)
            case r_xc.ContinuityResponse():
                answered = self.relays.granted(to, message, now)
            case r_xc.LocationAcknowledgement() if accepted(message.status):
                self._serves(message.mobile_node, message.order.anchor)
        return self.carrier.send(envelope, now) if answered is None else answered

    def _serves(self, mobile_node: MobileNodeId, anchor: NodeId) -> None:
        """The FE_IEC has recorded where a mobile node is."""
        self._reported[mobile_node] = anchor
        self._reported.move_to_end(mobile_node)
        if len(self._reported) > REMEMBERED:
            self._reported.popitem(last=False)

    # From MAARs

    def updated(self, peer: NodeId, carried: BindingUpdate, now: float) -> list[Output]:
        """A PBU: a registration, something for the FE_IEC, or for another MAAR."""
        status = self._refusal(carried)
        received = None if status is not None else self.carrier.received(peer, carried)
        if status is None and received is None:
            if carried.lifetime == 0 and not self._may_end(peer, carried):
                return [self._renewed(peer, carried)]
            # No grant, no order: nothing that could be believed (RFC 5213 §4).
            status = BindingStatus.NOT_AUTHORIZED_FOR_HOME_NETWORK_PREFIX
        if status is not None or received is None:
            return self._refuse(peer, carried, status or BindingStatus.REASON_UNSPECIFIED)
        if carried.lifetime == 0 and not self._may_end(peer, carried):
            for envelope in received.envelopes:
                self.carrier.renew(envelope, self._lifetime())
        claims = [e for e in received.envelopes if self._registers(e)]
        if claims:
            messages = tuple(envelope.message for envelope in claims)
            return self.relays.registered(peer, carried, messages, now)
        return self._onward(received, now)

    def acknowledged(
        self, peer: NodeId, carried: BindingAcknowledgement, now: float
    ) -> list[Output]:
        """A PBA of a previous MAAR, for the FE_IEC or for whoever asked."""
        key = self.updates.acknowledged(peer, carried.sequence)
        if not carried.flags & BindingAcknowledgementFlags.D:
            return [Complain("peer-without-dmm", peer, {"status": carried.status.name})]
        received = self.carrier.received(peer, carried)
        if received is None:
            if key is not None and key.startswith(INQUIRY):
                return self.relays.confirmed(key, now)  # also of a refusal
            fields = {"status": carried.status.name}
            return [] if carried.status.accepted else [Complain("update-refused", peer, fields)]
        return self._onward(received, now)

    def delivered(self, peer: NodeId, carried: MobilityMessage, now: float) -> list[Output]:
        """A notification or a revocation."""
        received = self.carrier.received(peer, carried)
        if received is None:
            return [Complain("message-unreadable", peer, {"why": "it lacks the extension"})]
        return self._onward(received, now)

    def _onward(self, received: Received, now: float) -> list[Output]:
        """To the FE_IEC here, or one hop further."""
        outputs: list[Output] = []
        for envelope in received.envelopes:
            message, serving = envelope.message, envelope.receiver.node
            if serving == self.config.node:
                outputs.append(Deliver(envelope))
                continue
            answered = None
            if isinstance(message, r_xx.ContextResponse):
                answered = self.relays.answered(serving, message, now)
            outputs += self.carrier.send(envelope, now) if answered is None else answered
        return outputs

    def _registers(self, envelope: Envelope) -> bool:
        """A claim addressed to nobody but the CMD."""
        here = envelope.receiver.node == self.config.node
        claim = isinstance(envelope.message, r_xx.ContextRequest | r_xc.ContextLookup)
        return here and claim

    # What RFC 5213 and RFC 8885 refuse

    def _refusal(self, carried: BindingUpdate) -> BindingStatus | None:
        if not carried.flags & BindingUpdateFlags.D or not carried.flags & BindingUpdateFlags.P:
            return BindingStatus.NOT_LMA_FOR_THIS_MOBILE_NODE  # no anchor for gateways (§3)
        if carried.first(MobileNodeIdentifierOption) is None:
            return BindingStatus.MISSING_MN_IDENTIFIER_OPTION  # RFC 5213 §5.3.1
        return None

    def _refuse(self, peer: NodeId, carried: BindingUpdate, status: BindingStatus) -> list[Output]:
        question = Question(peer, carried.sequence, 0, 0)
        return [
            Complain("registration-refused", peer, {"status": status.name}),
            Transmit(peer, acknowledgement(question, status, _identity(carried))),
        ]

    def _may_end(self, peer: NodeId, carried: BindingUpdate) -> bool:
        """Only the serving MAAR may, as far as is known (RFC 8885 §3.5)."""
        option = carried.first(MobileNodeIdentifierOption)
        name = MobileNodeId(option.nai or "") if option is not None else MobileNodeId("")
        return self._reported.get(name, peer) == peer

    def _renewed(self, peer: NodeId, carried: BindingUpdate) -> Transmit:
        """RFC 8885 §3.5: the session is renewed, for the mobile node is still in the domain."""
        question = Question(peer, carried.sequence, 0, self._lifetime())
        return Transmit(peer, acknowledgement(question, BindingStatus.ACCEPTED, _identity(carried)))

    def _lifetime(self) -> int:
        return int(self.config.lifetime) // LIFETIME_UNIT

    # Time

    def fire(self, now: float) -> list[Output]:
        """What is due by now."""
        return [*self.updates.fire(now), *self.relays.fire(now)]

    def next_timer(self) -> float:
        """When `fire` is due; infinite when nothing is."""
        return min(self.updates.next_timer(), self.relays.next_timer())


def _identity(carried: BindingUpdate) -> tuple[MobileNodeIdentifierOption, ...]:
    return carried.every(MobileNodeIdentifierOption)
