"""A node's entities carried out: one step for every input, in the order that keeps promises.

Facts become durable, then rules are applied in one batch, then messages may leave (so that none
says what is not yet true) and the outcomes of the rules go back to the entities, and so on until
nothing is left to do. All of it happens in
the event loop without waiting, so an input is dealt with completely before the next one.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv6Address
from typing import Any, Protocol

from opendmm.entities.effects import Advertise, Input, RuleOutcome
from opendmm.entities.host import EntityHost, Output, RuleRequest
from opendmm.forwarding.plane import ForwardingPlane
from opendmm.model.addressing import Egress, HomePrefix, Locator
from opendmm.model.identity import FunctionalEntity, NodeId
from opendmm.model.order import NEVER, MoveOrder
from opendmm.model.rules import Access, Change, Redirect, Rule, RuleKey, Table
from opendmm.node.clock import Clock
from opendmm.node.logs import LOGGER, warn
from opendmm.node.recorder import Recorder
from opendmm.reference_points.catalogue import Envelope
from opendmm.report.trace import TraceKind, describe_action
from opendmm.store.contract import Facts, FactStore, StoreError


class EnvelopeSender(Protocol):
    """What the runtime needs of a binding."""

    def send(self, envelope: Envelope) -> None:
        """Take an envelope for another node; never waits, never raises for a dead peer."""
        ...


class NodeRuntime:
    """Joins entities, store, forwarding plane and binding. Lives in one event loop.

    `build` makes the entities, in the state they have before they are started. `failed` is
    called once with the reason when facts can no longer be made durable: nothing may be
    promised to anybody any more, so the daemon must end.
    """

    def __init__(
        self,
        build: Callable[[], EntityHost],
        plane: ForwardingPlane,
        store: FactStore,
        recorder: Recorder,
        clock: Clock,
        failed: Callable[[StoreError], None],
    ) -> None:
        self._build = build
        self.host = build()
        self.plane = plane
        self.store = store
        self.recorder = recorder
        self.now = clock
        self.sender: EnvelopeSender | None = None
        """The binding; set before anything can send (see `start`)."""
        self.advertise: Callable[[Advertise], None] | None = None
        """What tells mobile nodes on access links their prefixes, where somebody can."""
        self.delivered: Callable[[Mapping[HomePrefix, MoveOrder | None]], None] | None = None
        """Who is told which prefixes' packets are delivered here, since which move, or no more."""
        self.packet: Callable[[HomePrefix], None] | None = None
        """Who is told of packets to somewhere that there is no redirection for."""
        self.reachable: set[NodeId] = set()
        """Peers with a session now."""
        self.restored = False
        """Whether there were facts of an earlier life."""
        self._failed = failed
        self._lengths: set[tuple[int, int]] = set()
        self._dead = False
        self._settling = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at: float | None = None

    # Life

    def start(self) -> None:
        """Start the entities with their facts and put what they want into the kernel.

        Facts that the entities cannot read are put aside and the node starts empty.
        """
        facts = self.store.load()
        self.restored = bool(facts)
        if self.store.notice:
            warn("state-put-aside", why=self.store.notice)
        now = self.now()
        self.recorder.life("started", now, facts=str(sum(map(len, facts.values()))))
        self._restore(facts, now)
        self._settle()

    def renew(self, build: Callable[[], EntityHost], plane: ForwardingPlane) -> None:
        """Go on with other entities or another plane (a reload), as after a restart but with
        the sessions to peers kept."""
        self.recorder.life("reloaded", self.now())
        self._build, self.plane = build, plane
        self.host = build()
        self._restore(self.store.load(), self.now())
        for node in tuple(self.reachable):
            self._feed(f"peer {node}", self.host.peer, node, True)
        self._settle()

    def adopt(self) -> list[Change]:
        """Agree with what the kernel already has: only differences are touched."""
        changes = self.plane.adopt()
        for change in changes:
            action = " ".join(describe_action(change.action)).rstrip()
            warn("rule-corrected", slot=str(change.key), action=action)
        return changes

    def stop(self) -> None:
        """No more timers; what has happened is written down."""
        self._dead = True
        if self._timer is not None:
            self._timer.cancel()
        self.recorder.close()
        self.store.close()

    def redirects(self, destination: bytes) -> bool:
        """Whether a rule on the normal forwarding path covers a packed address, or some flow."""
        return any(
            self.plane.plan.holds(RuleKey(Table.DOWNLINK, _truncated(destination, length)))
            for octets, length in self._lengths
            if octets == len(destination)
        )

    # Inputs

    def receive(self, envelopes: Sequence[Envelope]) -> None:
        """Messages from other nodes; those that arrived together share one commit."""
        now = self.now()
        self.recorder.messages(TraceKind.MESSAGE_RECEIVED, envelopes, now)
        for envelope in envelopes:
            self._feed(f"message {type(envelope.message).__name__}", self.host.receive, envelope)
        self._settle()

    def local(self, entity: FunctionalEntity, event: Input) -> None:
        """A local event, for an entity that may or may not be here."""
        if entity in self.host.entities:
            self._feed(f"event {type(event).__name__}", self.host.local, entity, event)
            self._settle()

    def peer(self, node: NodeId, reachable: bool) -> None:
        """A session with a peer came up or went down."""
        now = self.now()
        (self.reachable.add if reachable else self.reachable.discard)(node)
        self.recorder.peer(node, reachable=reachable, at=now)
        self._feed(f"peer {node}", self.host.peer, node, reachable)
        self._settle()

    def redirect(self, prefix: HomePrefix, to: IPv6Address | None) -> None:
        """To an egress that is no node of ours; None: not any more. No entity asks for it."""
        key = RuleKey(Table.DOWNLINK, prefix)
        rule = None
        if to is not None:
            egress = Egress(NodeId(str(to)), Locator(to.packed))
            rule = Rule(key, Redirect(egress), NEVER)
        for outcome in self._apply([RuleRequest(FunctionalEntity.FE_R, key, rule)]):
            if outcome[1].error:
                warn("rule-refused", slot=str(key), why=outcome[1].error)

    # Carrying out

    def _restore(self, facts: Facts, now: float) -> None:
        try:
            self.host.start(facts, now)
        except Exception as error:
            if not facts:
                raise
            LOGGER.exception("facts-unreadable")
            self.store.discard(f"the entities cannot read it: {error}")
            warn("state-put-aside", why=self.store.notice)
            self.host = self._build()
            self.host.start({}, now)

    def _feed(self, what: str, act: Callable[..., None], *arguments: Any) -> None:
        try:
            act(*arguments, self.now())
        # A defect of ours that a peer's message brings out must not let that peer stop the
        # node again and again: the input is given up, the node goes on.
        except Exception:  # noqa: BLE001
            LOGGER.exception("defect", extra={"fields": {"input": what}})

    def _settle(self) -> None:
        if self._settling or self._dead:
            return
        self._settling = True
        try:
            while output := self.host.drain():
                self._carry_out(output)
        except StoreError as error:
            self._dead = True
            self._failed(error)
            return
        finally:
            self._settling = False
        self._arm_timer()

    def _carry_out(self, output: Output) -> None:
        if output.facts:
            self.store.commit(output.facts)
        recorder, now = self.recorder, self.now()
        recorder.messages(TraceKind.MESSAGE_LOCAL, output.local_envelopes, now)
        outcomes = self._apply(output.rules) if output.rules else []
        recorder.messages(TraceKind.MESSAGE_SENT, output.envelopes, self.now())
        if self.sender is not None:
            for envelope in output.envelopes:
                self.sender.send(envelope)
        if outcomes:
            self._feed("rule outcomes", self.host.outcomes, outcomes)
        if self.advertise is not None:
            for advertise in output.advertisements:
                self.advertise(advertise)
        recorder.notices(output.notices)

    def _apply(self, requests: Sequence[RuleRequest]) -> list[tuple[FunctionalEntity, RuleOutcome]]:
        for request in requests:
            prefix = request.key.prefix
            self._lengths.add((len(prefix.network), prefix.length))
        outcomes = self.plane.carry_out(requests)
        self.recorder.rules(requests, outcomes, self.now())
        if self.delivered is not None:
            self.delivered({r.key.prefix: self._delivered_since(r.key.prefix) for r in requests})
        return outcomes

    def _delivered_since(self, prefix: HomePrefix) -> MoveOrder | None:
        """What an egress does counts; without one, whether the mobile node is attached here."""
        for table in (Table.EGRESS, Table.DOWNLINK):
            rule = self.plane.plan.effective(RuleKey(table, prefix))
            if rule is not None:
                return rule.order if isinstance(rule.action, Access) else None
        return None

    def _arm_timer(self) -> None:
        due = self.host.next_timer()
        if due == self._timer_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at, self._timer = due, None
        if due is not None:
            delay = max(0.0, due - self.now())
            self._timer = asyncio.get_running_loop().call_later(delay, self._fire)

    def _fire(self) -> None:
        self._timer = self._timer_at = None
        self._feed("timer", self.host.fire)
        self._settle()


def _truncated(address: bytes, length: int) -> HomePrefix:
    bits = len(address) * 8
    network = int.from_bytes(address, "big") >> (bits - length) << (bits - length)
    return HomePrefix(network.to_bytes(len(address), "big"), length)


def rows(host: EntityHost, table: str) -> list[dict[str, object]]:
    """What the entities of a node hold in one table, each row with its entity."""
    found: list[dict[str, object]] = []
    for kind, entity in host.entities.items():
        of_entity: Callable[[str], list[dict[str, object]]] | None = getattr(entity, "rows", None)
        if of_entity is not None:
            found += [{"entity": str(kind), **row} for row in of_entity(table)]
    return found
