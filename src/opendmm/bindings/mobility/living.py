"""What is common to all transports of a protocol over the Mobility Header: a pure core, alive.

Its timer, what it tells the entities, counters by peer, and complaints said once within a while.
How its packets travel is the transport's own.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from opendmm.bindings.mobility import problems
from opendmm.bindings.mobility.outputs import STRANGER, Complain, Deliver, Reachable
from opendmm.bindings.mobility.problems import ParameterProblem
from opendmm.model.identity import NodeId
from opendmm.reference_points.catalogue import Envelope

LOGGER = logging.getLogger("opendmm.mobility")
REFUSALS = frozenset(
    {
        "acknowledgement-without-grant",
        "context-unreadable",
        "message-malformed",
        "message-refused",
        "registration-refused",
    }
)
"""Complaints that are counted against a peer."""
SAID_AGAIN_AFTER = 10.0
"""Seconds before the same complaint about the same peer is logged again."""

Wants = TypeVar("Wants")


class Listener(Protocol):
    """What the binding tells its node."""

    def receive(self, envelopes: Sequence[Envelope]) -> None: ...

    def peer(self, node: NodeId, reachable: bool) -> None: ...


class Pure(Protocol[Wants]):
    """A core, but for how it receives."""

    def start(self, now: float) -> list[Wants]: ...

    def send(self, envelope: Envelope, now: float) -> list[Wants]: ...

    def fire(self, now: float) -> list[Wants]: ...

    def next_timer(self) -> float: ...


class LivingCore(Generic[Wants]):
    """Lives in one event loop, from `begin` to `end`. `name` is the binding's, for people."""

    def __init__(
        self, name: str, core: Pure[Wants], listener: Listener, now: Callable[[], float]
    ) -> None:
        self.name = name
        self.now = now
        self.sent: dict[NodeId, int] = {}
        self.received: dict[NodeId, int] = {}
        self.refused: dict[NodeId, int] = {}
        self._pure = core
        self._listener = listener
        self._timer: asyncio.TimerHandle | None = None
        self._said: dict[tuple[NodeId, str], float] = {}

    def begin(self) -> None:
        self.carry_out(self._pure.start(self.now()))

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def send(self, envelope: Envelope) -> None:
        """Take an envelope for another node; never waits, never raises for a dead peer."""
        self.carry_out(self._pure.send(envelope, self.now()))

    def carry_out(self, wanted: Iterable[Wants]) -> None:
        """Do what the core wants, in its order; what it tells the entities goes in one go."""
        envelopes: list[Envelope] = []
        for one in wanted:
            match one:
                case Deliver(envelope):
                    count(self.received, envelope.sender.node)
                    envelopes.append(envelope)
                case Complain(event, peer, fields):
                    self.complain(event, peer, fields)
                case Reachable(peer, reachable):
                    self._listener.peer(peer, reachable)
                case _:
                    self.perform(one)
        if envelopes:
            self._listener.receive(envelopes)
        self._arm()

    def perform(self, one: Wants) -> None:
        """What is the transport's own to do."""
        raise NotImplementedError

    def complain(self, event: str, peer: NodeId, fields: dict[str, Any]) -> None:
        """Count what is refused, and say it unless it has just been said."""
        if event in REFUSALS:
            count(self.refused, peer)
        now = self.now()
        last = self._said.get((peer, event), -math.inf)
        if now - last >= SAID_AGAIN_AFTER:
            self._said[peer, event] = now
            LOGGER.warning(event, extra={"fields": {"peer": peer, **fields}})

    def report_problem(self, problem: ParameterProblem) -> None:
        """To whoever sent what must not be processed; without it no harm is done."""
        try:
            problems.send(problem)
        except OSError as error:
            self.complain("problem-unsendable", STRANGER, {"why": f"{problem.to}: {error}"})

    def row(self, peer: NodeId, address: str, reachable: bool | None) -> dict[str, object]:
        """A peer, for `dmm show peers`."""
        return {
            "peer": peer,
            "binding": self.name,
            "address": address,
            "reachable": reachable,
            "sent": self.sent.get(peer, 0),
            "received": self.received.get(peer, 0),
            "refused": self.refused.get(peer, 0),
        }

    def _fire(self) -> None:
        self._timer = None
        self.carry_out(self._pure.fire(self.now()))

    def _arm(self) -> None:
        self.end()
        due = self._pure.next_timer()
        if due < math.inf:
            delay = max(0.0, due - self.now())
            self._timer = asyncio.get_running_loop().call_later(delay, self._fire)


def count(counts: dict[NodeId, int], peer: NodeId) -> None:
    """One more."""
    counts[peer] = counts.get(peer, 0) + 1
