"""Proxy Mobile IPv6 of one node: MAG, LMA and context transfer behind security associations.

Octets and time in, octets out, reference-point messages on the other side. Pure.
"""

import math
from collections.abc import Sequence
from ipaddress import IPv6Address

from opendmm.bindings.mobility.association import (
    MessageRefused,
    ReplayWindow,
)
from opendmm.bindings.mobility.outputs import (
    STRANGER,
    Complain,
    Datagram,
    Output,
    Transmit,
    Wanted,
)
from opendmm.bindings.mobility.problems import ParameterProblem
from opendmm.bindings.mobility.unreadable import Unreadable
from opendmm.bindings.pmipv6.config import PmipConfig
from opendmm.bindings.pmipv6.heartbeat import Heartbeats
from opendmm.bindings.pmipv6.lma import LocalMobilityAnchor
from opendmm.bindings.pmipv6.mag import MobileAccessGateway
from opendmm.bindings.pmipv6.transfer import ContextTransfer
from opendmm.model.identity import FunctionalEntity, NodeId
from opendmm.reference_points.catalogue import Envelope, ReferencePointName
from opendmm.wire.errors import WireError
from opendmm.wire.mobility.binding import BindingAcknowledgement, BindingError, BindingUpdate
from opendmm.wire.mobility.codec import decode
from opendmm.wire.mobility.heartbeat import Heartbeat
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import (
    BindingErrorStatus,
    BindingUpdateFlags,
    NotificationReason,
)
from opendmm.wire.mobility.revocation import (
    BindingRevocationAcknowledgement,
    BindingRevocationIndication,
)
from opendmm.wire.mobility.update_notification import UpdateNotification

UNSPECIFIED = IPv6Address("::")
BETWEEN_REFUSALS = 1.0
"""Seconds between answers to unauthentic messages of one peer: forging is free, answering not."""


class ProxyMobilityNode:
    """What a node does on receipt of a Mobility Header, of a message to carry, and of time."""

    def __init__(self, config: PmipConfig) -> None:
        self.config = config
        self.mag = MobileAccessGateway(config)
        self.lma = LocalMobilityAnchor(config)
        self.transfer = ContextTransfer(config)
        self.heartbeats = Heartbeats(config, self._has_binding_with)
        self._peers = {a.address: a for a in config.associations.values()}
        self._replays: dict[NodeId, ReplayWindow] = {}
        self._unreadable = Unreadable(config.address)
        self._answered: dict[NodeId, float] = {}

    def start(self, now: float) -> list[Wanted]:
        """Tell the peers that this node has begun anew."""
        return self._wanted(self.heartbeats.start(now), now)

    def send(self, envelope: Envelope, now: float) -> list[Wanted]:
        """Carry a message to another node."""
        if envelope.reference_point is not ReferencePointName.R_XU:
            return self._wanted(self.transfer.send(envelope), now)
        if envelope.sender.entity is FunctionalEntity.FE_MU_C:
            return self._wanted(self.mag.send(envelope, now), now)
        return self._wanted(self.lma.send(envelope, now), now)

    def receive(self, data: bytes, source: IPv6Address, now: float) -> list[Wanted]:
        """A Mobility Header from the network; what cannot be believed is complained of."""
        association = self._peers.get(source)
        if association is None and not self.config.strangers_are_told_of:
            return []
        if association is None:
            return [Complain("message-refused", STRANGER, {"why": f"{source} is no peer"})]
        try:
            message = decode(data, source, self.config.address)
        except WireError as problem:
            return self._wanted(self._unreadable.answer(association, data, problem, now), now)
        try:
            association.verify(message, data, self.config.address)
            self._replays.setdefault(association.peer, ReplayWindow()).admit(message, now)
        except (MessageRefused, WireError) as problem:
            return self._unbelieved(association.peer, message, problem, now)
        peer = association.peer
        outputs = [*self.heartbeats.heard(peer), *self._dispatch(peer, message, now)]
        return self._wanted(outputs, now)

    def reachable(self, peer: NodeId) -> bool | None:
        """Whether a peer is there; None when that is not known."""
        return self.heartbeats.peers[peer].reachable

    def fire(self, now: float) -> list[Wanted]:
        """What is due by now."""
        due = [*self.mag.fire(now), *self.lma.fire(now), *self.heartbeats.fire(now)]
        return self._wanted(due, now)

    def next_timer(self) -> float:
        """When `fire` is due; infinite when nothing is."""
        return min(self.mag.next_timer(), self.lma.next_timer(), self.heartbeats.next_timer())

    def _dispatch(self, peer: NodeId, message: MobilityMessage, now: float) -> list[Output]:
        match message:
            case BindingUpdate():
                return self.lma.updated(peer, message, now)
            case BindingAcknowledgement():
                return self.mag.acknowledged(peer, message, now)
            case BindingRevocationIndication() if peer == self.config.anchor:
                return self.mag.revoked(peer, message, now)
            case BindingRevocationAcknowledgement() if peer in self.config.gateways:
                return self.lma.revocations.acknowledged(peer, message)
            case UpdateNotification(reason=NotificationReason.FORCE_REREGISTRATION):
                return self.mag.notified(peer, message, now)
            case Heartbeat():
                return self._beat(peer, message, now)
            case BindingError():
                if message.status == BindingErrorStatus.UNRECOGNIZED_MH_TYPE:
                    self.heartbeats.unknown_type(peer)
                return [Complain("binding-error", peer, {"status": message.status.name})]
            case _:
                return self.transfer.received(peer, message)

    def _beat(self, peer: NodeId, message: Heartbeat, now: float) -> list[Output]:
        outputs, restarted = self.heartbeats.received(peer, message)
        if restarted:
            self.lma.restarted(peer, now)
            outputs += self.mag.restarted(peer, now)
        return outputs

    def _has_binding_with(self, peer: NodeId) -> bool:
        return (peer in self.config.nodes and self.config.node in self.config.nodes) or bool(
            self.lma.cache.active_by(peer) or self.mag.active_with(peer)
        )

    def _unbelieved(
        self, peer: NodeId, message: MobilityMessage, problem: Exception, now: float
    ) -> list[Wanted]:
        """A gateway is told why (RFC 4285 §5.3, §6); nothing else changes."""
        said = Complain("message-refused", peer, {"why": str(problem)})
        status = problem.status if isinstance(problem, MessageRefused) else None
        if status is None or not isinstance(message, BindingUpdate):
            return [said]
        if not message.flags & BindingUpdateFlags.P or peer not in self.config.gateways:
            return [said]
        if now - self._answered.get(peer, -math.inf) < BETWEEN_REFUSALS:
            return [said]
        self._answered[peer] = now
        return [said, *self._wanted(self.lma.refuse(peer, message, status, now), now)]

    def _wanted(self, outputs: Sequence[Output | ParameterProblem], now: float) -> list[Wanted]:
        wanted: list[Wanted] = []
        for output in outputs:
            if not isinstance(output, Transmit):
                wanted.append(output)
                continue
            association = self.config.associations.get(output.to)
            if association is None:
                wanted.append(Complain("no-association", output.to, {}))
                continue
            try:
                sealed = association.seal(output.message, self.config.address, now)
            except WireError as problem:
                wanted.append(Complain("message-unsendable", output.to, {"why": str(problem)}))
                continue
            wanted.append(Datagram(association.address, sealed))
        return wanted
