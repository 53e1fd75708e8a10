"""Envelopes as Mobility Headers from hop to hop: what MAARs and CMD have in common.

MAARs speak to the CMD; what one has to say to another goes through it (RFC 8885 §3.2), but for
the answers of previous MAARs where the CMD is a locator (§3.3). Pure.
"""

import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from opendmm.bindings.mobility.outputs import Complain, Output, Transmit
from opendmm.bindings.rfc8885.carriage import (
    ANSWERS,
    HEADERS,
    POINTS,
    Options,
    asked_about,
    binding_status,
    ends,
    ends_registration,
    header_of,
    serving_node,
    subject_of,
    unregistering,
)
from opendmm.bindings.rfc8885.config import DistributedConfig
from opendmm.bindings.rfc8885.enclosure import UNNAMED, Opened, enclosed, opened
from opendmm.bindings.rfc8885.updates import SEQUENCES, Updates
from opendmm.constellation.file import DatabaseMode
from opendmm.entities.fe_iec.egress import PAGE
from opendmm.model.identity import NodeId
from opendmm.reference_points import r_ec, r_ic
from opendmm.reference_points.catalogue import Envelope, ReferencePointName
from opendmm.reference_points.message import Message
from opendmm.wire.mobility.binding import BindingAcknowledgement, BindingUpdate
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import (
    AccessTechnology,
    BindingAcknowledgementFlags,
    BindingStatus,
    HandoffIndicator,
    OptionType,
)
from opendmm.wire.mobility.options.base import MobilityOption
from opendmm.wire.mobility.options.distributed import ServingMaarOption
from opendmm.wire.mobility.options.proxy import AccessTechnologyTypeOption, HandoffIndicatorOption

LISTED = 16
"""Contexts by name in one message: 2048 octets are room for 100 octets each."""
REMEMBERED = 100_000
"""Requests whose sequence number is kept until they are answered."""
FLAGS = BindingAcknowledgementFlags.P | BindingAcknowledgementFlags.D
XX = ReferencePointName.R_XX
EXTENSION = OptionType.VENDOR_SPECIFIC


class Question(msgspec.Struct, frozen=True):
    """What the answer to a request has to say again: whose hop it came by, its numbers, its
    lifetime (in units of four seconds)."""

    peer: NodeId
    sequence: int
    serial: int
    lifetime: int


Asked = tuple[NodeId, NodeId, str, str]
"""Who asked whom what about what."""


class Received(msgspec.Struct, frozen=True):
    """A Mobility Header opened: what it holds, and the same as envelopes."""

    opened: Opened
    envelopes: tuple[Envelope, ...]


class Carrier:
    """Of one node."""

    def __init__(self, config: DistributedConfig, updates: Updates) -> None:
        self.config = config
        self.updates = updates
        self._questions: OrderedDict[Asked, Question] = OrderedDict()
        self._sequence = 0

    # Out

    def send(self, envelope: Envelope, now: float) -> list[Output]:
        """Take an envelope one hop further."""
        return [
            output
            for message in _one_by_one(envelope.message)
            for output in self._send(msgspec.structs.replace(envelope, message=message), now)
        ]

    def _send(self, envelope: Envelope, now: float) -> list[Output]:
        message = envelope.message
        if type(message) not in HEADERS:
            fields = {"message": type(message).__name__}
            return [Complain("message-not-carried", envelope.receiver.node, fields)]
        header = header_of(message)
        if header is BindingUpdate:
            return self._update(envelope, now)
        if header is BindingAcknowledgement:
            return self._acknowledge(envelope)
        to = self.config.next_hop(envelope.receiver.node)
        question = self._asked(envelope)
        options = self._options(envelope, to)
        sequence = self._number() if question is None else question.sequence
        return [Transmit(to, unregistering(sequence, message, options))]

    def _update(self, envelope: Envelope, now: float) -> list[Output]:
        message, receiver = envelope.message, envelope.receiver.node
        to = self.config.next_hop(receiver)
        kind = type(message).__name__
        # What is relayed keeps the number by which the serving MAAR knows it.
        relayed = self._questions.get(_request(envelope))
        serial = relayed.serial if relayed is not None else 0
        options = (
            *self._options(envelope, to, serial),
            *self.naming(serving_node(envelope)),
            *attachment(HandoffIndicator.NOT_CHANGED, _technology(message)),
        )
        key = f"{kind} {envelope.sender.node} {receiver} {subject_of(message)}"
        return self.updates.request(key, to, options, now, ends=ends_registration(message))

    def _acknowledge(self, envelope: Envelope) -> list[Output]:
        message, receiver = envelope.message, envelope.receiver.node
        to = self.config.next_hop(receiver)
        question = self._asked(envelope)
        if question is None:
            return []
        status = binding_status(message)
        echoed = () if self.config.is_database else self.naming_for(envelope)
        said = self._options(envelope, to, answering=bool(echoed))
        if to == receiver or self.config.mode is not DatabaseMode.LOCATOR:
            return [Transmit(to, acknowledgement(question, status, (*said, *echoed)))]
        # RFC 8885 §3.3: the serving MAAR hears it at once, the CMD that it has been said.
        directly = enclosed([message], self.config.nodes)
        mine = msgspec.structs.replace(question, sequence=question.serial)
        told = tuple(option for option in said if option.TYPE != EXTENSION)
        return [
            Transmit(receiver, acknowledgement(mine, status, directly)),
            Transmit(to, acknowledgement(question, status, (*told, *echoed))),
        ]

    def naming(self, node: NodeId | None) -> Options:
        """The Serving MAAR option of a PBU (RFC 8885 §4.6): the CMD says whom it is about."""
        if not self.config.is_database or node is None:
            return ()
        return (ServingMaarOption(self.config.nodes[node]),)

    def naming_for(self, envelope: Envelope) -> Options:
        """A previous MAAR repeats the option in its PBA (RFC 8885 §3.2)."""
        if envelope.reference_point is not XX:
            return ()
        return (ServingMaarOption(self.config.nodes[envelope.receiver.node]),)

    def _options(
        self, envelope: Envelope, to: NodeId, serial: int = 0, *, answering: bool = False
    ) -> Options:
        """The message; its ends, where neither the packet nor the Serving MAAR option says."""
        sender, receiver = envelope.sender.node, envelope.receiver.node
        by_option = (
            self.config.is_database
            and envelope.reference_point is XX
            and header_of(envelope.message) is BindingUpdate
        )
        return enclosed(
            [envelope.message],
            self.config.nodes,
            sender=UNNAMED if by_option or sender == self.config.node else sender,
            receiver=UNNAMED if answering or receiver == to else receiver,
            serial=serial,
        )

    def _number(self) -> int:
        self._sequence = (self._sequence + 1) % SEQUENCES
        return self._sequence

    def _asked(self, envelope: Envelope) -> Question | None:
        """The request that an answer belongs to."""
        asked = ANSWERS.get(type(envelope.message))
        if asked is None:
            return None
        ends = envelope.receiver.node, envelope.sender.node
        return self._questions.get((*ends, asked.__name__, subject_of(envelope.message)))

    # In

    def received(self, peer: NodeId, carried: MobilityMessage) -> Received | None:
        """The envelopes in a message of a peer; None when it has no extension of ours.

        Raises ValueError for what cannot be read, or is said in somebody else's name.
        """
        held = opened(carried, self.config.nodes)
        if held is None:
            return None
        database = self.config.database
        if held.sender not in ("", peer) and peer != database:
            raise ValueError(f"it speaks for {held.sender}")
        envelopes: list[Envelope] = []
        for message in held.messages:
            if not isinstance(carried, header_of(message)):
                kind = type(message).__name__
                raise ValueError(f"a {kind} does not travel as {type(carried).__name__}")
            envelope = self._addressed(peer, carried, held, message)
            self._remember(peer, carried, held, envelope)
            envelopes.append(envelope)
        return Received(held, tuple(envelopes))

    def _addressed(
        self, peer: NodeId, carried: MobilityMessage, held: Opened, message: Message
    ) -> Envelope:
        sender, receiver = held.sender or peer, held.receiver or self.config.node
        named = carried.first(ServingMaarOption)
        if named is not None and POINTS[type(message)] is XX:
            serving = self.config.names.get(named.address)
            if serving is None:
                raise ValueError(f"{named.address} is no MAAR of the deployment")
            if isinstance(carried, BindingUpdate) and peer == self.config.database:
                sender = serving
            elif isinstance(carried, BindingAcknowledgement) and self.config.is_database:
                receiver = serving
        if receiver not in self.config.nodes or sender not in self.config.nodes:
            raise ValueError(f"it goes from {sender} to {receiver}")
        return ends(message, sender, receiver)

    def _remember(
        self, peer: NodeId, carried: MobilityMessage, held: Opened, envelope: Envelope
    ) -> None:
        kind = type(envelope.message)
        if kind in ANSWERS:
            return
        sequence = getattr(carried, "sequence", 0)
        # The CMD relays under the serving MAAR's number; a previous MAAR is told which it is.
        serial = sequence if self.config.is_database else held.serial
        key = _request(envelope)
        lifetime = carried.lifetime if isinstance(carried, BindingUpdate) else 0
        self._questions[key] = Question(peer, sequence, serial, lifetime)
        self._questions.move_to_end(key)
        if len(self._questions) > REMEMBERED:
            self._questions.popitem(last=False)

    def renew(self, envelope: Envelope, lifetime: int) -> None:
        """Let the answer to a request say another lifetime than was asked for."""
        key = _request(envelope)
        held = self._questions.get(key)
        if held is not None:
            self._questions[key] = msgspec.structs.replace(held, lifetime=lifetime)


def _request(envelope: Envelope) -> Asked:
    message = envelope.message
    ends = envelope.sender.node, envelope.receiver.node
    return (*ends, type(message).__name__, asked_about(message))


def acknowledgement(
    question: Question, status: BindingStatus, options: Sequence[MobilityOption]
) -> BindingAcknowledgement:
    """A PBA with the D flag."""
    return BindingAcknowledgement(
        status=status,
        flags=FLAGS,
        sequence=question.sequence,
        lifetime=question.lifetime if status.accepted else 0,
        options=tuple(options),
    )


def attachment(handoff: HandoffIndicator, technology: int) -> Options:
    """What every PBU says of the attachment (RFC 5213 §6.9.1.1)."""
    return (
        HandoffIndicatorOption(handoff),
        AccessTechnologyTypeOption(AccessTechnology(technology)),
    )


def _technology(message: Any) -> int:
    context = getattr(message, "context", None)
    return context.access_technology if context is not None else AccessTechnology.IEEE_802_3


def _one_by_one(message: Message) -> list[Message]:
    """A PBU or PBA is about one mobile node: batches of policies are taken apart, and lists of
    contexts into as many as a Mobility Header has room for."""
    match message:
        case r_ic.PolicyUpdate(policies=policies) if len(policies) > 1:
            return [msgspec.structs.replace(message, policies=(one,)) for one in policies]
        case r_ic.PolicyAcknowledgement(results=results) if len(results) > 1:
            return [msgspec.structs.replace(message, results=(one,)) for one in results]
        case r_ec.DeliverySynchronised(held=held) if len(held) > LISTED or message.pages > 1:
            return [*_pages(message)]
        case _:
            return [message]


def _pages(message: r_ec.DeliverySynchronised) -> Iterator[r_ec.DeliverySynchronised]:
    """A page as several; each page of a message as equally many, so that all are numbered alike."""
    longest = len(message.held) if message.pages == 1 else PAGE
    parts = math.ceil(longest / LISTED)
    for part in range(parts):
        yield msgspec.structs.replace(
            message,
            held=message.held[part * LISTED : (part + 1) * LISTED],
            page=(message.page - 1) * parts + part + 1,
            pages=message.pages * parts,
        )
