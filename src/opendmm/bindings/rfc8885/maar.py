"""The Mobility Anchor and Access Router (RFC 8885 §3): it serves one mobile node and has served
another.

To the CMD it sends PBUs for what its FE_MCTX wants, and from the CMD alone it takes PBUs: with
the Serving MAAR option they ask it, as a previous MAAR, for contexts and tell it to forward.
Pure.
"""

from opendmm.bindings.mobility.outputs import Complain, Deliver, Output, Transmit
from opendmm.bindings.rfc8885.carrier import Carrier, Question, acknowledgement
from opendmm.bindings.rfc8885.config import DistributedConfig
from opendmm.bindings.rfc8885.registrations import Registrations
from opendmm.bindings.rfc8885.updates import Updates
from opendmm.constellation.file import DatabaseMode
from opendmm.model.identity import NodeId
from opendmm.reference_points.catalogue import Envelope
from opendmm.wire.mobility.binding import BindingAcknowledgement, BindingUpdate
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import (
    BindingAcknowledgementFlags,
    BindingStatus,
    BindingUpdateFlags,
)


class AccessRouter:
    """The MAAR of one node."""

    def __init__(self, config: DistributedConfig) -> None:
        self.config = config
        self.updates = Updates(config)
        self.carrier = Carrier(config, self.updates)
        self.registrations = Registrations(config, self.updates)

    def send(self, envelope: Envelope, now: float) -> list[Output]:
        """Carry a message of this node's entities."""
        if self.registrations.claims(envelope):
            return self.registrations.ask(envelope.message, now)
        return self.carrier.send(envelope, now)

    def updated(self, peer: NodeId, carried: BindingUpdate, now: float) -> list[Output]:
        """A PBU of the CMD."""
        if peer != self.config.database or not carried.flags & BindingUpdateFlags.D:
            status = BindingStatus.PROXY_REG_NOT_ENABLED
            question = Question(peer, carried.sequence, 0, 0)
            refused = Complain("registration-refused", peer, {"status": status.name})
            return [refused, Transmit(peer, acknowledgement(question, status, ()))]
        return self.delivered(peer, carried, now)

    def acknowledged(
        self, peer: NodeId, carried: BindingAcknowledgement, now: float
    ) -> list[Output]:
        """A PBA of the CMD, or as the CMD is a locator of a previous MAAR (RFC 8885 §3.3)."""
        located = self.config.mode is DatabaseMode.LOCATOR
        if peer != self.config.database and not located:
            return [Complain("acknowledgement-refused", peer, {"why": "the CMD is no locator"})]
        if not carried.flags & BindingAcknowledgementFlags.D:
            # An LMA that ignores the D flag as a reserved bit has taken us for a gateway.
            self.updates.acknowledged(peer, carried.sequence)
            return [Complain("peer-without-dmm", peer, {"status": carried.status.name})]
        self.updates.acknowledged(self.config.database, carried.sequence)
        received = self.carrier.received(peer, carried)
        if received is None:
            fields = {"status": carried.status.name}
            return [] if carried.status.accepted else [Complain("update-refused", peer, fields)]
        final = peer == self.config.database and not received.opened.partial
        answered = self.registrations.answered(received.opened.messages, final=final, now=now)
        if answered is not None:
            return answered
        return [Deliver(envelope) for envelope in received.envelopes]

    def delivered(
        self,
        peer: NodeId,
        carried: MobilityMessage,
        now: float,  # noqa: ARG002 - as the CMD's
    ) -> list[Output]:
        """What a message holds, for the entities here."""
        received = self.carrier.received(peer, carried)
        if received is None:
            return [Complain("message-unreadable", peer, {"why": "it lacks the extension"})]
        return [Deliver(envelope) for envelope in received.envelopes]

    def fire(self, now: float) -> list[Output]:
        """What is due by now."""
        return self.updates.fire(now)

    def next_timer(self) -> float:
        """When `fire` is due; infinite when nothing is."""
        return self.updates.next_timer()
