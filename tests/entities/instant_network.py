"""A tiny network for entity tests: hosts joined by instant, reliable delivery.

Everything sent is delivered before `run` returns; timers fire when `advance` says so. What
travelled is in `log`, so a test can read a procedure as a list of messages.
"""

from collections import deque

from opendmm.entities.effects import Input
from opendmm.entities.host import EntityHost
from opendmm.forwarding.memory import MemoryForwarding
from opendmm.forwarding.plane import ForwardingPlane
from opendmm.model.identity import FunctionalEntity, NodeId
from opendmm.model.rules import Action, RuleKey
from opendmm.reference_points.catalogue import Envelope

START = 1_900_000_000.0


class InstantNetwork:
    """Hosts by node; `blocked` nodes neither send nor receive."""

    def __init__(self, hosts: list[EntityHost]) -> None:
        self.now = START
        self.hosts = {host.node: host for host in hosts}
        self.planes = {host.node: ForwardingPlane(MemoryForwarding()) for host in hosts}
        self.blocked: set[NodeId] = set()
        self.log: list[Envelope] = []
        self.notices: list[str] = []
        self._wire: deque[Envelope] = deque()
        for host in hosts:
            host.start({}, self.now)
        self.run()
        for host in hosts:
            for other in hosts:
                if other is not host:
                    host.peer(other.node, True, self.now)
        self.run()
        self.log.clear()

    def local(self, node: str, entity: FunctionalEntity, event: Input) -> None:
        """A local event, and all that follows from it."""
        self.hosts[NodeId(node)].local(entity, event, self.now)
        self.run()

    def advance(self, seconds: float) -> None:
        """Let time pass, firing timers in order."""
        end = self.now + seconds
        while True:
            due = [at for host in self.hosts.values() if (at := host.next_timer()) is not None]
            if not due or min(due) > end:
                break
            self.now = max(self.now, min(due))
            for host in self.hosts.values():
                host.fire(self.now)
            self.run()
        self.now = end

    def run(self) -> None:
        """Deliver until nothing is under way."""
        busy = True
        while busy:
            busy = False
            for host in self.hosts.values():
                busy |= self._drain(host)
            while self._wire:
                envelope = self._wire.popleft()
                receiver = self.hosts.get(envelope.receiver.node)
                if receiver is not None and not self._cut(envelope):
                    receiver.receive(envelope, self.now)
                    busy = True

    def _cut(self, envelope: Envelope) -> bool:
        return bool({envelope.sender.node, envelope.receiver.node} & self.blocked)

    def _drain(self, host: EntityHost) -> bool:
        output = host.drain()
        if not output:
            return False
        self._wire.extend(output.envelopes)
        self.log += output.local_envelopes
        self.log += output.envelopes
        self.notices += [entry.notice.event for entry in output.notices]
        if output.rules:
            host.outcomes(self.planes[host.node].carry_out(output.rules), self.now)
        return True

    def rules(self, node: str) -> dict[RuleKey, Action]:
        """What is installed on a node."""
        return {r.key: r.action for r in self.planes[NodeId(node)].driver.installed()}

    def names(self) -> list[str]:
        """The messages that travelled, as "R_XX ContextRequest anchor-b>anchor-a"."""
        return [
            f"{e.reference_point} {type(e.message).__name__} {e.sender.node}>{e.receiver.node}"
            for e in self.log
        ]
