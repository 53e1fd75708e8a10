"""Distributed Proxy Mobile IPv6 of one node: MAAR or CMD behind security associations.

Octets and time in, octets out, reference-point messages on the other side. Pure.
"""

from collections.abc import Sequence
from ipaddress import IPv6Address

from opendmm.bindings.mobility.association import (
    MessageRefused,
    ReplayWindow,
    SecurityAssociation,
)
from opendmm.bindings.mobility.outputs import (
    STRANGER,
    Complain,
    Datagram,
    Output,
    Reachable,
    Transmit,
    Wanted,
)
from opendmm.bindings.mobility.problems import ParameterProblem
from opendmm.bindings.mobility.unreadable import Unreadable
from opendmm.bindings.pmipv6.heartbeat import Heartbeats
from opendmm.bindings.rfc8885 import mad_pmipv6
from opendmm.bindings.rfc8885.cmd import CentralMobilityDatabase
from opendmm.bindings.rfc8885.config import DistributedConfig
from opendmm.bindings.rfc8885.maar import AccessRouter
from opendmm.constellation.file import Compatibility
from opendmm.model.identity import NodeId
from opendmm.reference_points.catalogue import Envelope
from opendmm.wire.errors import WireError
from opendmm.wire.mobility.binding import BindingAcknowledgement, BindingError, BindingUpdate
from opendmm.wire.mobility.codec import decode
from opendmm.wire.mobility.heartbeat import Heartbeat
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import BindingErrorStatus


class DistributedMobilityNode:
    """What a node does on receipt of a Mobility Header, of a message to carry, and of time."""

    def __init__(self, config: DistributedConfig) -> None:
        self.config = config
        self.role: AccessRouter | CentralMobilityDatabase = (
            CentralMobilityDatabase(config) if config.is_database else AccessRouter(config)
        )
        self._peers = {a.address: a for a in config.associations.values()}
        self.heartbeats = Heartbeats(config, needed=lambda _peer: True)
        self._replays: dict[NodeId, ReplayWindow] = {}
        self._unreadable = Unreadable(config.address)

    def start(self, now: float) -> list[Wanted]:
        """Tell the peers that this node has begun anew."""
        return self._wanted(self.heartbeats.start(now), now)

    def reachable(self, peer: NodeId) -> bool | None:
        """Whether a peer is there; None when that is not known."""
        return self.heartbeats.peers[peer].reachable

    def send(self, envelope: Envelope, now: float) -> list[Wanted]:
        """Carry a message to another node."""
        return self._wanted(self.role.send(envelope, now), now)

    def receive(self, data: bytes, source: IPv6Address, now: float) -> list[Wanted]:
        """A Mobility Header from the network; what cannot be believed is complained of."""
        association = self._peers.get(source)
        if association is None:
            return [Complain("message-refused", STRANGER, {"why": f"{source} is no peer"})]
        peer = association.peer
        try:
            message = decode(data, source, self.config.address)
            association.verify(message, data, self.config.address)
            self._replays.setdefault(peer, ReplayWindow()).admit(message, now)
        except (WireError, MessageRefused) as problem:
            return self._of_another_make(peer, data) or self._not_believed(
                association, data, problem, now
            )
        try:
            outputs = [*self.heartbeats.heard(peer), *self._dispatch(peer, message, now)]
        except ValueError as problem:
            fields = {"message": type(message).__name__, "why": str(problem)}
            return [Complain("message-unreadable", peer, fields)]
        return self._wanted(outputs, now)

    def _of_another_make(self, peer: NodeId, data: bytes) -> list[Wanted]:
        """A controller whose habits are put up with; empty where it is none, or says nothing."""
        known = self.config.compatibility is Compatibility.MAD_PMIPV6
        if not known or self.config.is_database or peer != self.config.database:
            return []
        try:
            return [Complain("acknowledgement-without-grant", peer, mad_pmipv6.heard(data))]
        except WireError:
            return []

    def _not_believed(
        self,
        association: SecurityAssociation,
        data: bytes,
        problem: WireError | MessageRefused,
        now: float,
    ) -> list[Wanted]:
        if isinstance(problem, WireError):
            answer = self._unreadable.answer(association, data, problem, now)
            return self._wanted(answer, now)
        return [Complain("message-refused", association.peer, {"why": str(problem)})]

    def fire(self, now: float) -> list[Wanted]:
        """What is due by now."""
        return self._wanted([*self.role.fire(now), *self.heartbeats.fire(now)], now)

    def next_timer(self) -> float:
        """When `fire` is due; infinite when nothing is."""
        return min(self.role.next_timer(), self.heartbeats.next_timer())

    def _dispatch(self, peer: NodeId, message: MobilityMessage, now: float) -> list[Output]:
        match message:
            case BindingUpdate():
                return self.role.updated(peer, message, now)
            case BindingAcknowledgement():
                return self.role.acknowledged(peer, message, now)
            case Heartbeat():
                return self._beat(peer, message, now)
            case BindingError():
                if message.status == BindingErrorStatus.UNRECOGNIZED_MH_TYPE:
                    self.heartbeats.unknown_type(peer)
                return [Complain("binding-error", peer, {"status": message.status.name})]
            case _:
                return self.role.delivered(peer, message, now)

    def _beat(self, peer: NodeId, message: Heartbeat, now: float) -> list[Output]:
        """A peer that has begun anew is to be told again what it had not answered."""
        outputs, restarted = self.heartbeats.received(peer, message)
        if not restarted:
            return outputs
        again = self.role.updates.restarted(peer, now)
        return [*outputs, *again, Reachable(peer, False), Reachable(peer, True)]

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
