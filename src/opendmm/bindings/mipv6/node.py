"""Mobile IPv6 of one node: home agent, mobile node and correspondent behind their addresses.

Packets and time in, packets out, reference-point messages on the other side. What concerns a home
registration (Binding Updates with the H flag and their acknowledgements) is authenticated here by
shared key (RFC 4285); the messages of route optimisation authenticate themselves. Pure.
"""

import math
from collections.abc import Iterable
from ipaddress import IPv6Address
from secrets import token_bytes

from opendmm.bindings.mipv6.acknowledging import answering, refusal
from opendmm.bindings.mipv6.binding_errors import BindingErrors
from opendmm.bindings.mipv6.config import MipConfig
from opendmm.bindings.mipv6.correspondent import Correspondent
from opendmm.bindings.mipv6.home_agent import HomeAgent
from opendmm.bindings.mipv6.nonces import Random
from opendmm.bindings.mipv6.outputs import Optimise, Restore
from opendmm.bindings.mipv6.packet import Packet
from opendmm.bindings.mipv6.return_routability import RouteOptimisation
from opendmm.bindings.mipv6.sealing import Output, Unsealed, care_of_in, sealed
from opendmm.bindings.mipv6.several_home_agents import registering
from opendmm.bindings.mobility.association import (
    MessageRefused,
    check_timely,
)
from opendmm.bindings.mobility.fields import named
from opendmm.bindings.mobility.outputs import STRANGER, Complain, Deliver
from opendmm.bindings.mobility.problems import ParameterProblem
from opendmm.model.identity import FunctionalEntity, MobileNodeId, NodeId
from opendmm.reference_points.catalogue import Envelope
from opendmm.wire.errors import Reaction, WireError
from opendmm.wire.mobility.binding import (
    BindingAcknowledgement,
    BindingError,
    BindingRefreshRequest,
    BindingUpdate,
)
from opendmm.wire.mobility.codec import decode
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import BindingStatus, BindingUpdateFlags
from opendmm.wire.mobility.options.identification import MessageAuthenticationOption
from opendmm.wire.mobility.return_routability import (
    CareOfTest,
    CareOfTestInit,
    HomeTest,
    HomeTestInit,
)

Wanted = Packet | Deliver | Complain | Optimise | Restore | ParameterProblem
"""What a node wants."""
BETWEEN_REFUSALS = 1.0
"""Seconds between answers to unauthentic Binding Updates in the name of one mobile node: forging
is free, answering not."""


class MobileIpv6Node:
    """What a node does on receipt of a Mobility Header, of a message to carry, and of time.

    `random` gives octets that nobody can guess. The data path of route optimisation deals with
    `optimisations` (by home address) and `correspondent` directly, see `outputs`.
    """

    def __init__(self, config: MipConfig, random: Random = token_bytes) -> None:
        self.config = config
        self.home_agent = HomeAgent(config) if config.node in config.agents else None
        self.mobile_node = registering(config, config.mobile_node) if config.mobile_node else None
        self.correspondent = Correspondent(random) if config.correspondent else None
        self.optimisations = {
            home_address: RouteOptimisation(home_address, random)
            for home_address in config.home_addresses
            if config.route_optimisation
        }
        self.errors = self.correspondent.errors if self.correspondent else BindingErrors()
        self._owners = {
            address: name
            for name, profile in config.profiles.items()
            for address in profile.home_addresses
        }
        self._agents = {address: name for name, address in config.agents.items()}
        self._others = frozenset(config.nodes.values())
        self._refused: dict[MobileNodeId, float] = {}
        self._registered: dict[IPv6Address, float | None] = {}
        self._attached: set[IPv6Address] = set()

    def start(self, now: float) -> list[Wanted]:
        """Nothing is known of before: see `home_agent` for how that comes back."""
        del now
        return []

    def send(self, envelope: Envelope, now: float) -> list[Wanted]:
        """Carry a message of R_XU to a mobile node, or from this one to a home agent."""
        outputs: list[Output]
        if self.mobile_node is not None and envelope.sender.entity is FunctionalEntity.FE_MU_C:
            outputs = self.mobile_node.send(envelope, now)
        elif self.home_agent is not None:
            outputs = self.home_agent.send(envelope, now)
        else:
            fields = {"message": type(envelope.message).__name__}
            outputs = [Complain("message-not-carried", envelope.receiver.node, fields)]
        return self._wanted(outputs, now)

    def receive(self, packet: Packet, now: float) -> list[Wanted]:
        """A Mobility Header from the network; what cannot be believed is complained of."""
        if self.mobile_node is None and packet.source in self._others:
            return []  # from one network node to another: not Mobile IPv6
        if packet.routed_to is not None and packet.routed_to not in self.config.home_addresses:
            why = f"{packet.routed_to} is no home address of ours"  # RFC 6275 §11.3.3
            return [Complain("message-refused", STRANGER, {"why": why})]
        try:
            message = decode(packet.data, packet.sender, packet.receiver)
        except WireError as problem:
            return self._malformed(packet, problem, now)
        if isinstance(message, BindingUpdate):
            return self._wanted(self._updated(packet, message, now), now)
        return self._wanted(self._dispatch(packet, message, now), now)

    def reachable(self, peer: NodeId) -> bool | None:
        """Whether a peer is there; None when that is not known."""
        if self.mobile_node is not None:
            return True if self.mobile_node.registered_with(peer) else None
        if self.home_agent is not None:
            return True if self.home_agent.serves(MobileNodeId(peer)) else None
        return None

    def fire(self, now: float) -> list[Wanted]:
        """What is due by now."""
        outputs: list[Output] = []
        wanted: list[Wanted] = []
        if self.home_agent is not None:
            outputs += self.home_agent.fire(now)
        if self.mobile_node is not None:
            outputs += self.mobile_node.fire(now)
        if self.correspondent is not None:
            wanted += self.correspondent.fire(now)
        for optimisation in self.optimisations.values():
            wanted += optimisation.fire(now)
        return [*self._wanted(outputs, now), *wanted]

    def next_timer(self) -> float:
        """When `fire` is due; infinite when nothing is."""
        parts = (self.home_agent, self.mobile_node, self.correspondent)
        timers = [part.next_timer() for part in (*parts, *self.optimisations.values()) if part]
        return min(timers, default=math.inf)

    # Binding Updates

    def _updated(self, packet: Packet, update: BindingUpdate, now: float) -> list[Output | Wanted]:
        if update.flags & BindingUpdateFlags.P:
            return []  # a proxy's (RFC 5213 §8.1)
        if update.flags & BindingUpdateFlags.H:
            return [*self._home_registration(packet, update, now)]
        if self.correspondent is None:
            why = "no correspondent of route optimisation"
            return [Complain("message-refused", STRANGER, {"why": why})]
        return [*self.correspondent.receive(packet, update, now)]

    def _home_registration(self, packet: Packet, update: BindingUpdate, now: float) -> list[Output]:
        """§10.3.1: authentic first of all, by the key of whom it names (RFC 4285 §5.1)."""
        mobile_node = named(update) or self._owners.get(packet.sender)
        association = self.config.associations.get(NodeId(mobile_node or ""))
        if mobile_node is None or association is None or mobile_node not in self.config.profiles:
            why = f"no security association with whoever is at {packet.sender}"
            return [Complain("message-refused", STRANGER, {"why": why})]
        try:
            association.check(update, packet.data, care_of_in(packet, update), packet.sender)
            check_timely(update, now)
        except (MessageRefused, WireError) as problem:
            return self._unbelieved(packet, update, mobile_node, problem, now)
        if self.home_agent is None:
            unsupported = BindingStatus.HOME_REGISTRATION_NOT_SUPPORTED
            return self._refuse(packet, update, mobile_node, unsupported, now)
        return self.home_agent.updated(packet, update, mobile_node, now)

    def _unbelieved(
        self,
        packet: Packet,
        update: BindingUpdate,
        mobile_node: MobileNodeId,
        problem: Exception,
        now: float,
    ) -> list[Output]:
        """The mobile node is told why (RFC 4285 §5.1.1, §6); nothing else changes."""
        said = Complain("message-refused", NodeId(mobile_node), {"why": str(problem)})
        status = problem.status if isinstance(problem, MessageRefused) else None
        if status is None:
            return [said]
        if now - self._refused.get(mobile_node, -math.inf) < BETWEEN_REFUSALS:
            return [said]
        self._refused[mobile_node] = now
        return [said, *self._refuse(packet, update, mobile_node, status, now)]

    def _refuse(
        self,
        packet: Packet,
        update: BindingUpdate,
        mobile_node: MobileNodeId,
        status: BindingStatus,
        now: float,
    ) -> list[Output]:
        if self.home_agent is not None:
            return self.home_agent.refuse(packet, update, mobile_node, status, now)
        return [answering(packet, update, mobile_node, refusal(update, status, None, now), "")]

    # Other messages

    def _dispatch(
        self, packet: Packet, message: MobilityMessage, now: float
    ) -> list[Output | Wanted]:
        agent = self._agents.get(packet.source)
        match message:
            case BindingAcknowledgement() if message.first(MessageAuthenticationOption):
                return [*self._acknowledged(agent, packet, message, now)]
            case BindingRefreshRequest() if self.mobile_node is not None and agent is not None:
                return [*self.mobile_node.refresh_requested(agent, now)]
            case BindingError() if self.mobile_node is not None and agent is not None:
                return [*self.mobile_node.error(agent, message, now)]
            case HomeTestInit() | CareOfTestInit() if self.correspondent is not None:
                return [*self.correspondent.receive(packet, message, now)]
            case HomeTest() | CareOfTest() | BindingAcknowledgement() | BindingRefreshRequest():
                return self._of_correspondent(packet, message, now)
            case BindingError():
                return self._of_correspondent(packet, message, now)
            case _:
                why = f"a {type(message).__name__} is not for this node"
                return [Complain("message-refused", STRANGER, {"why": why})]

    def _acknowledged(
        self,
        agent: NodeId | None,
        packet: Packet,
        message: BindingAcknowledgement,
        now: float,
    ) -> list[Output]:
        association = self.config.associations.get(agent) if agent is not None else None
        if self.mobile_node is None or agent is None or association is None:
            why = f"{packet.source} is no home agent of ours"
            return [Complain("message-refused", STRANGER, {"why": why})]
        registered = self.mobile_node.registered(agent, packet.receiver)
        if registered is None:
            return [Complain("message-refused", agent, {"why": "nothing asked for it"})]
        try:
            association.check(message, packet.data, registered, packet.receiver)
        except (MessageRefused, WireError) as problem:
            return [Complain("message-refused", agent, {"why": str(problem)})]
        return self.mobile_node.acknowledged(agent, packet, message, now)

    def _of_correspondent(
        self, packet: Packet, message: MobilityMessage, now: float
    ) -> list[Output | Wanted]:
        """By the home address it is for; a CoT or a BE is for the care-of address."""
        return [
            wanted
            for optimisation in self.optimisations.values()
            for wanted in optimisation.receive(packet, message, now)
        ]

    # Errors

    def _malformed(self, packet: Packet, problem: WireError, now: float) -> list[Wanted]:
        """§9.2: a Binding Error for an unknown MH Type, a Parameter Problem for a wrong field."""
        said = Complain("message-malformed", STRANGER, {"why": str(problem)})
        match problem.reaction:
            case Reaction.BINDING_ERROR:
                return [said, *self.errors.unrecognised(packet, now)]
            case Reaction.PARAMETER_PROBLEM:
                return [said, *self.errors.wrong_field(packet, problem.offset, now)]
            case Reaction.DISCARD:
                return [said]

    # What is wanted

    def _wanted(self, outputs: Iterable[Output | Wanted], now: float) -> list[Wanted]:
        wanted: list[Wanted] = []
        for output in outputs:
            if not isinstance(output, Unsealed):
                wanted.append(output)
                continue
            association = self.config.associations.get(output.peer)
            if association is None:
                wanted.append(Complain("no-association", output.peer, {}))
                continue
            try:
                wanted.append(sealed(output, association))
            except WireError as problem:
                fields = {"why": str(problem)}
                wanted.append(Complain("message-unsendable", output.peer, fields))
        return [*wanted, *self._routes(now)]

    def _routes(self, now: float) -> list[Wanted]:
        """Route optimisation hears where the mobile node is, and until when it is registered."""
        mobile_node = self.mobile_node
        wanted: list[Wanted] = []
        if mobile_node is None:
            return wanted
        for home_address, optimisation in self.optimisations.items():
            attachment = mobile_node.attachment_of(home_address)
            if attachment is not None:
                wanted += optimisation.moved(attachment.care_of, now)
                self._attached.add(home_address)
            elif home_address in self._attached:
                wanted += optimisation.lost(now)
                self._attached.discard(home_address)
            until = mobile_node.registered_until(home_address)
            if until is not None and until != self._registered.get(home_address):
                wanted += optimisation.registered(until, now)
            self._registered[home_address] = until
        return wanted
