"""Proxy Mobile IPv6 of one node: MAG, LMA and context transfer behind security associations.

Octets and time in, octets out, reference-point messages on the other side. Pure.
"""

from ipaddress import IPv6Address

import msgspec

from opendmm.bindings.mobility.association import (
    AuthenticationFailed,
    ReplayedMessage,
    ReplayWindow,
    SecurityAssociation,
)
from opendmm.bindings.mobility.outputs import Complain, Deliver, Output, Reachable, Transmit
from opendmm.bindings.pmipv6.config import PmipConfig
from opendmm.bindings.pmipv6.lma import LocalMobilityAnchor
from opendmm.bindings.pmipv6.mag import MobileAccessGateway
from opendmm.bindings.pmipv6.transfer import ContextTransfer
from opendmm.model.identity import FunctionalEntity, NodeId
from opendmm.reference_points.catalogue import Envelope, ReferencePointName
from opendmm.wire.errors import Reaction, WireError
from opendmm.wire.mobility.binding import BindingAcknowledgement, BindingError, BindingUpdate
from opendmm.wire.mobility.codec import decode
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import BindingErrorStatus

UNSPECIFIED = IPv6Address("::")


class Datagram(msgspec.Struct, frozen=True):
    """A Mobility Header to send to an address."""

    to: IPv6Address
    data: bytes


Wanted = Datagram | Deliver | Complain | Reachable


class ProxyMobilityNode:
    """What a node does on receipt of a Mobility Header, of a message to carry, and of time."""

    def __init__(self, config: PmipConfig) -> None:
        self.config = config
        self.mag = MobileAccessGateway(config)
        self.lma = LocalMobilityAnchor(config)
        self.transfer = ContextTransfer(config)
        self._peers = {a.address: a for a in config.associations.values()}
        self._replays: dict[NodeId, ReplayWindow] = {}

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
        if association is None:
            return [Complain("stranger-refused", NodeId(str(source)), {})]
        try:
            message = decode(data, source, self.config.address)
            association.verify(message, data, self.config.address)
            window = self._replays.setdefault(association.peer, ReplayWindow())
            window.admit(message, now)
        except WireError as problem:
            return self._malformed(association, problem, now)
        except (AuthenticationFailed, ReplayedMessage) as problem:
            return [Complain("message-refused", association.peer, {"why": str(problem)})]
        return self._wanted(self._dispatch(association.peer, message, now), now)

    def fire(self, now: float) -> list[Wanted]:
        """What is due by now."""
        return self._wanted([*self.mag.fire(now), *self.lma.fire(now)], now)

    def next_timer(self) -> float:
        """When `fire` is due; infinite when nothing is."""
        return min(self.mag.next_timer(), self.lma.next_timer())

    def _dispatch(self, peer: NodeId, message: MobilityMessage, now: float) -> list[Output]:
        match message:
            case BindingUpdate():
                return self.lma.updated(peer, message, now)
            case BindingAcknowledgement():
                return self.mag.acknowledged(peer, message, now)
            case BindingError():
                return [Complain("binding-error", peer, {"status": message.status.name})]
            case _:
                return self.transfer.received(peer, message)

    def _malformed(
        self, association: SecurityAssociation, problem: WireError, now: float
    ) -> list[Wanted]:
        """RFC 6275 §9.2: a Binding Error for an unknown MH Type."""
        said = Complain("message-malformed", association.peer, {"why": str(problem)})
        if problem.reaction is not Reaction.BINDING_ERROR:
            return [said]
        error = BindingError(
            status=BindingErrorStatus.UNRECOGNIZED_MH_TYPE, home_address=UNSPECIFIED
        )
        return [said, *self._wanted([Transmit(association.peer, error)], now)]

    def _wanted(self, outputs: list[Output], now: float) -> list[Wanted]:
        wanted: list[Wanted] = []
        for output in outputs:
            if not isinstance(output, Transmit):
                wanted.append(output)
                continue
            association = self.config.associations.get(output.to)
            if association is None:
                wanted.append(Complain("no-association", output.to, {}))
                continue
            sealed = association.seal(output.message, self.config.address, now)
            wanted.append(Datagram(association.address, sealed))
        return wanted
