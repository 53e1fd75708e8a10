"""A simulated network element: the real entities, a disk, a kernel, and a life that can end.

The disk (facts) and the kernel (rules) survive a crash of the process; everything else is
built anew from them. One drain is carried out in the daemon's order (facts, rules,
envelopes, outcomes), and an armed crash can strike between any two of these, and between two
envelopes or two rules.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from opendmm.entities.effects import Advertise, Input, RuleOutcome
from opendmm.entities.host import EntityHost, Output, RuleRequest
from opendmm.forwarding.memory import MemoryForwarding
from opendmm.forwarding.plane import ForwardingPlane
from opendmm.model.identity import FunctionalEntity, NodeId
from opendmm.model.rules import Action, RuleKey
from opendmm.reference_points.catalogue import Envelope
from opendmm.report.trace import TraceKind, TraceRecord, message_record, notice_record, rule_record
from opendmm.simulation.scheduler import Event, Scheduler


class CrashedError(Exception):
    """The armed crash struck; the process is gone."""


class Surroundings(Protocol):
    """What a node needs of the simulation around it."""

    scheduler: Scheduler

    @property
    def carried(self) -> Callable[[Envelope], str]: ...

    def send(self, envelope: Envelope) -> None: ...

    def record(self, record: TraceRecord) -> None: ...

    @property
    def recording(self) -> bool: ...

    def rules_changed(self, node: NodeId, requests: Sequence[RuleRequest]) -> None: ...

    def advertised(self, node: NodeId, advertise: Advertise) -> None: ...

    def node_started(self, node: NodeId) -> None: ...

    def node_died(self, node: NodeId) -> None: ...


class SimulatedNode:
    """One node. `build` makes its entities afresh; `skew` (seconds) is its clock's error."""

    def __init__(
        self,
        name: NodeId,
        build: Callable[[], EntityHost],
        world: Surroundings,
        *,
        skew: float = 0.0,
    ) -> None:
        self.name = name
        self.facts: dict[FunctionalEntity, dict[str, bytes]] = {}
        self.kernel: dict[RuleKey, Action] = {}
        self.host: EntityHost | None = None
        self.paused = False
        self.skew = skew
        self._build = build
        self._world = world
        self._plane = ForwardingPlane(MemoryForwarding(self.kernel))
        self._wake: tuple[float, Event] | None = None
        self._crash_in: int | None = None
        self._after_crash: Callable[[], None] | None = None
        self._held_back: list[Callable[[], None]] = []

    @property
    def alive(self) -> bool:
        """Whether the process runs (a paused one does, as its peers see it)."""
        return self.host is not None

    @property
    def clock(self) -> float:
        """The node's own time."""
        return self._world.scheduler.now + self.skew

    # Life

    def start(self) -> None:
        """Start the process: entities from their facts, the kernel adopted."""
        self._plane = ForwardingPlane(MemoryForwarding(self.kernel))
        self.host = self._build()
        host = self.host
        self._record_life(TraceKind.RESTART, "started")
        self._guarded(lambda: host.start(self.facts, self.clock))
        if self.alive and self._plane.adopt():
            self._world.rules_changed(self.name, ())
        if self.alive:
            self._world.node_started(self.name)

    def crash(self) -> None:
        """Kill the process now; disk and kernel stay as they are."""
        if self.host is None:
            return
        self.host = None
        self.paused = False
        self._held_back.clear()
        self._crash_in = None
        if self._wake is not None:
            self._wake[1].cancel()
            self._wake = None
        self._record_life(TraceKind.FAULT, "killed")
        self._world.node_died(self.name)
        if self._after_crash is not None:
            after, self._after_crash = self._after_crash, None
            after()

    def arm(self, steps: int, after_crash: Callable[[], None]) -> None:
        """Let the process die `steps` crash points from now, then call `after_crash`."""
        self._crash_in = steps
        self._after_crash = after_crash

    def strike(self) -> None:
        """Let an armed crash strike now, where nothing happened that it could strike in."""
        if self._crash_in is not None:
            self.crash()

    def pause(self) -> None:
        """Freeze the process (SIGSTOP): what arrives waits."""
        self.paused = self.alive

    def resume(self) -> None:
        """Let a frozen process go on with everything that came in the meantime."""
        if not self.paused:
            return
        self.paused = False
        held, self._held_back = self._held_back, []
        for action in held:
            if self.host is not None:
                action()

    # Inputs

    def receive(self, envelope: Envelope) -> None:
        """A message from another node."""
        self._feed(lambda host: self._receive(host, envelope))

    def local(self, entity: FunctionalEntity, event: Input) -> None:
        """A local event; nothing happens where the entity is not hosted."""
        self._feed(
            lambda host: host.local(entity, event, self.clock) if entity in host.entities else None
        )

    def peer(self, node: NodeId, *, reachable: bool) -> None:
        """A session with a peer came up or went down."""
        self._feed(lambda host: host.peer(node, reachable, self.clock))

    def when_running(self, action: Callable[[], None]) -> None:
        """Do something for the process now, or when it goes on; never, if it is dead by then."""
        if self.paused:
            self._held_back.append(action)
        elif self.alive:
            action()

    def _receive(self, host: EntityHost, envelope: Envelope) -> None:
        self._record_message(TraceKind.MESSAGE_RECEIVED, envelope)
        host.receive(envelope, self.clock)

    def _feed(self, act: Callable[[EntityHost], None]) -> None:
        host = self.host
        if host is None:
            return
        if self.paused:
            self._held_back.append(lambda: self._guarded(lambda: act(host)))
            return
        self._guarded(lambda: act(host))

    # Carrying out

    def _guarded(self, act: Callable[[], None]) -> None:
        try:
            act()
            self._pump()
        except CrashedError:
            self.crash()

    def _pump(self) -> None:
        host = self.host
        while host is not None and (output := host.drain()):
            self._crash_point()
            self._keep(output)
            self._crash_point()
            outcomes = self._apply(output.rules) if output.rules else []
            for envelope in output.envelopes:
                self._record_message(TraceKind.MESSAGE_SENT, envelope)
                self._world.send(envelope)
                self._crash_point()
            host.outcomes(outcomes, self.clock)
            for advertise in output.advertisements:
                self._world.advertised(self.name, advertise)
        self._set_wake()

    def _keep(self, output: Output) -> None:
        """One drain's facts are one transaction of the store."""
        for fact in output.facts:
            mine = self.facts.setdefault(fact.owner, {})
            if fact.value is None:
                mine.pop(fact.key, None)
            else:
                mine[fact.key] = fact.value
        if self._world.recording:
            for envelope in output.local_envelopes:
                self._record_message(TraceKind.MESSAGE_LOCAL, envelope)
            for notice in output.notices:
                self._world.record(notice_record(self.name, notice))

    def _apply(self, requests: Sequence[RuleRequest]) -> list[tuple[FunctionalEntity, RuleOutcome]]:
        done = len(requests)
        if self._crash_in is not None and self._crash_in < done:
            done = self._crash_in
        outcomes = self._plane.carry_out(requests[:done])
        self._record_rules(requests[:done], outcomes)
        self._world.rules_changed(self.name, requests[:done])
        self._crash_point(done + 1)
        return outcomes

    def _crash_point(self, steps: int = 1) -> None:
        if self._crash_in is None:
            return
        self._crash_in -= steps
        if self._crash_in < 0:
            raise CrashedError

    # Timers

    def _set_wake(self) -> None:
        due = self.host.next_timer() if self.host is not None else None
        if self._wake is not None:
            if due == self._wake[0]:
                return
            self._wake[1].cancel()
            self._wake = None
        if due is not None:
            self._wake = due, self._world.scheduler.at(due - self.skew, self._fire)

    def _fire(self) -> None:
        self._wake = None

        def fire(host: EntityHost) -> None:
            due = host.next_timer()
            if due is not None:
                # The sum of true time and skew may fall short of the timer by rounding.
                host.fire(max(self.clock, due))

        self._feed(fire)

    # The trace

    def _record_message(self, kind: TraceKind, envelope: Envelope) -> None:
        if self._world.recording:
            now = self._world.scheduler.now
            carried = self._world.carried(envelope)
            self._world.record(message_record(kind, self.name, envelope, now, carried))

    def _record_rules(
        self,
        requests: Sequence[RuleRequest],
        outcomes: Sequence[tuple[FunctionalEntity, RuleOutcome]],
    ) -> None:
        if not self._world.recording:
            return
        answers = iter(outcomes)
        for request in requests:
            outcome = next(answers)[1] if request.rule is not None else None
            now = self._world.scheduler.now
            self._world.record(rule_record(self.name, request, outcome, now))

    def _record_life(self, kind: TraceKind, text: str) -> None:
        if self._world.recording:
            at = self._world.scheduler.now
            self._world.record(TraceRecord(at=at, node=self.name, kind=kind, text=text))
