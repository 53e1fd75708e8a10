"""The entities of one node joined: in-process reference points, one timer, one output.

This is the sans-IO core of a node. The daemon and the simulator both feed it (`receive`,
`local`, `fire`, `outcomes`) and drain it (`drain`). Messages between entities of the same
node never leave it: the in-process binding. Order inside one drain: facts are made durable
first, then rules are applied, then envelopes go out, so that none says what is not yet true,
and the outcomes of the rules are fed back.
"""

import heapq
from collections import deque
from collections.abc import Iterable, Mapping

import msgspec

from opendmm.entities.effects import (
    Advertise,
    CancelTimer,
    Effect,
    Entity,
    Input,
    Install,
    Notice,
    PeerReachable,
    PeerUnreachable,
    Persist,
    Received,
    Remove,
    RuleOutcome,
    Send,
    SetTimer,
    Severity,
    Started,
    TimerFired,
)
from opendmm.model.identity import EntityAddress, FunctionalEntity, NodeId
from opendmm.model.rules import Rule, RuleKey
from opendmm.reference_points.catalogue import Envelope, between


class RuleRequest(msgspec.Struct, frozen=True):
    """An entity asks for a rule, or (rule None) gives the slot up."""

    owner: FunctionalEntity
    key: RuleKey
    rule: Rule | None


class Fact(msgspec.Struct, frozen=True):
    """A persisted fact of one entity; value None forgets it."""

    owner: FunctionalEntity
    key: str
    value: bytes | None


class HostNotice(msgspec.Struct, frozen=True):
    """A notice with the entity it came from and when (seconds since 1970)."""

    owner: FunctionalEntity
    at: float
    notice: Notice


class Output(msgspec.Struct):
    """Everything a host wants done since the last drain, each kind in order of issue."""

    facts: list[Fact] = msgspec.field(default_factory=list)
    rules: list[RuleRequest] = msgspec.field(default_factory=list)
    envelopes: list[Envelope] = msgspec.field(default_factory=list)
    local_envelopes: list[Envelope] = msgspec.field(default_factory=list)
    """Already delivered in-process; for the record (traces, message counts)."""
    notices: list[HostNotice] = msgspec.field(default_factory=list)
    advertisements: list[Advertise] = msgspec.field(default_factory=list)

    def __bool__(self) -> bool:
        return any(getattr(self, kind) for kind in self.__struct_fields__)


class EntityHost:
    """A node's entities. Not thread-safe; time is an argument everywhere."""

    def __init__(self, node: NodeId, entities: Iterable[Entity]) -> None:
        self.node = node
        self.entities: dict[FunctionalEntity, Entity] = {e.kind: e for e in entities}
        self._due: list[tuple[float, int, FunctionalEntity, str]] = []
        self._timers: dict[tuple[FunctionalEntity, str], int] = {}
        self._timer_serial = 0
        self._inbox: deque[tuple[FunctionalEntity, Input]] = deque()
        self._output = Output()

    def start(self, facts: Mapping[FunctionalEntity, dict[str, bytes]], now: float) -> None:
        """Start every entity with what it persisted in an earlier life."""
        for kind in self.entities:
            self._inbox.append((kind, Started(facts.get(kind, {}))))
        self._run(now)

    def local(self, entity: FunctionalEntity, event: Input, now: float) -> None:
        """A local event for one entity. Raises KeyError when it is not hosted here."""
        if entity not in self.entities:
            raise KeyError(f"{entity} is not on node {self.node}")
        self._inbox.append((entity, event))
        self._run(now)

    def receive(self, envelope: Envelope, now: float) -> None:
        """A message from another node. Refused with a notice when the contract forbids it."""
        receiver, sender = envelope.receiver, envelope.sender
        problem = self._forbidden(envelope)
        if problem:
            self._notice(
                receiver.entity,
                Notice(
                    "message-refused",
                    {"from": str(sender), "to": str(receiver), "why": problem},
                    Severity.WARNING,
                ),
                now,
            )
            return
        self._inbox.append((receiver.entity, Received(sender, envelope.message)))
        self._run(now)

    def peer(self, node: NodeId, reachable: bool, now: float) -> None:
        """Tell every entity that a session with a peer node came up or went down."""
        event: Input = PeerReachable(node) if reachable else PeerUnreachable(node)
        self._inbox.extend((kind, event) for kind in self.entities)
        self._run(now)

    def outcomes(self, results: Iterable[tuple[FunctionalEntity, RuleOutcome]], now: float) -> None:
        """Report what became of the rules of the last drain."""
        self._inbox.extend((owner, outcome) for owner, outcome in results)
        self._run(now)

    def next_timer(self) -> float | None:
        """When `fire` is next due, in seconds since 1970; None when no timer is set."""
        while self._due:
            at, serial, kind, key = self._due[0]
            if self._timers.get((kind, key)) == serial:
                return at
            heapq.heappop(self._due)
        return None

    def fire(self, now: float) -> None:
        """Fire every timer that is due."""
        while (at := self.next_timer()) is not None and at <= now:
            _, _, kind, key = heapq.heappop(self._due)
            del self._timers[kind, key]
            self._inbox.append((kind, TimerFired(key)))
            self._run(now)

    def drain(self) -> Output:
        """What is to be done: facts first, then rules, then envelopes."""
        output, self._output = self._output, Output()
        return output

    def _forbidden(self, envelope: Envelope) -> str:
        if envelope.receiver.node != self.node or envelope.receiver.entity not in self.entities:
            return "the receiving entity is not on this node"
        try:
            point = between(envelope.sender.entity, envelope.receiver.entity)
        except KeyError as problem:
            return str(problem.args[0])
        if point.name != envelope.reference_point:
            return f"these entities are joined by {point.name}, not {envelope.reference_point}"
        if not point.allows(envelope.sender.entity, envelope.message):
            return f"{type(envelope.message).__name__} is not sent this way over {point.name}"
        return ""

    def _run(self, now: float) -> None:
        while self._inbox:
            kind, event = self._inbox.popleft()
            for effect in self.entities[kind].handle(event, now):
                self._carry_out(kind, effect, now)

    def _carry_out(self, kind: FunctionalEntity, effect: Effect, now: float) -> None:
        match effect:
            case Send(to, message):
                self._send(kind, to, message)
            case SetTimer(key, at):
                self._timer_serial += 1
                self._timers[kind, key] = self._timer_serial
                heapq.heappush(self._due, (at, self._timer_serial, kind, key))
            case CancelTimer(key):
                self._timers.pop((kind, key), None)
            case Install(rule):
                self._output.rules.append(RuleRequest(kind, rule.key, rule))
            case Remove(key):
                self._output.rules.append(RuleRequest(kind, key, None))
            case Persist(key, value):
                self._output.facts.append(Fact(kind, key, value))
            case Notice():
                self._notice(kind, effect, now)
            case Advertise():
                self._output.advertisements.append(effect)

    def _send(self, kind: FunctionalEntity, to: EntityAddress, message: object) -> None:
        point = between(kind, to.entity)
        envelope = Envelope(point.name, EntityAddress(self.node, kind), to, message)
        if to.node == self.node and to.entity in self.entities:
            self._output.local_envelopes.append(envelope)
            self._inbox.append((to.entity, Received(envelope.sender, envelope.message)))
        else:
            self._output.envelopes.append(envelope)

    def _notice(self, kind: FunctionalEntity, notice: Notice, now: float) -> None:
        self._output.notices.append(HostNotice(kind, now, notice))
