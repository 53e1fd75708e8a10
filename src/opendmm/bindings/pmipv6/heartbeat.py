"""Heartbeats (RFC 5847): which peers are alive, and which have forgotten. Pure.

Between MAG and LMA they are sent while there is a binding (§3). Anchors exchange them too, which
RFC 5847 does not foresee: R_XX and R_II want to know as much.

The Restart Counter (§3.2) is the time of the start, in quarters of a second. A peer only looks
whether it is another one than before, and that a clock that timestamps depend on (RFC 5213 §5.5)
says without a file that can be lost. It differs between any two starts at least that far apart.
"""

from collections.abc import Callable, Collection
from typing import Protocol

import msgspec

from opendmm.bindings.mobility.agenda import Agenda
from opendmm.bindings.mobility.outputs import Complain, Output, Reachable, Transmit
from opendmm.model.identity import NodeId
from opendmm.model.quantities import Seconds
from opendmm.wire.mobility.heartbeat import Heartbeat
from opendmm.wire.mobility.numbers import HeartbeatFlags
from opendmm.wire.mobility.options.proxy import RestartCounterOption

STARTS_PER_SECOND = 64
"""Restarts that can be told apart: no process is back sooner, and the counter lasts for years."""
COUNTERS = 1 << 32
RESPONSE = HeartbeatFlags.R
UNSOLICITED = HeartbeatFlags.R | HeartbeatFlags.U


class Configured(Protocol):
    """Whom heartbeats are exchanged with, and how often (RFC 5847 §5)."""

    @property
    def associations(self) -> Collection[NodeId]: ...

    @property
    def heartbeat_interval(self) -> Seconds: ...

    @property
    def missing_heartbeats_allowed(self) -> int: ...


class Peer(msgspec.Struct):
    """What is known of a peer. `missing` is MISSING_HEARTBEAT of §3.1.

    `reachable` is None until it has been heard of, or given up; `awaited` the sequence number
    of a request without its response; `silent`: it does not know heartbeats.
    """

    sequence: int = 0
    awaited: int | None = None
    missing: int = 0
    restart_counter: int | None = None
    reachable: bool | None = None
    silent: bool = False


class Heartbeats:
    """Those of one node. `needed` says whether there is a binding with a peer now."""

    def __init__(self, config: Configured, needed: Callable[[NodeId], bool]) -> None:
        self.config = config
        self._needed = needed
        self.peers = {peer: Peer() for peer in config.associations}
        self.restart_counter = 0
        self._agenda: Agenda[NodeId] = Agenda()

    def start(self, now: float) -> list[Output]:
        """This node has lost its sessions: the peers, which are known by configuration, are to
        hear of that at once (§3.2); and the anchors are asked whether they are there."""
        self.restart_counter = int(now * STARTS_PER_SECOND) % COUNTERS
        outputs: list[Output] = []
        for name, peer in self.peers.items():
            self._agenda.put(name, now + self.config.heartbeat_interval)
            outputs.append(Transmit(name, self._response(0, UNSOLICITED)))
            if self._needed(name):
                outputs.append(self._request(name, peer))
        return outputs

    def heard(self, name: NodeId) -> list[Output]:
        """Something authentic came from a peer, which is as good as a response."""
        peer = self.peers.get(name)
        if peer is None:
            return []
        peer.missing = 0
        if peer.reachable:
            return []
        peer.reachable = True
        return [Reachable(name, True)]

    def received(self, name: NodeId, message: Heartbeat) -> tuple[list[Output], bool]:
        """A Heartbeat; whether it says that the peer has restarted comes with the answer."""
        if not message.flags & HeartbeatFlags.R:
            return [Transmit(name, self._response(message.sequence, RESPONSE))], False
        peer = self.peers.get(name)
        if peer is None:
            return [], False
        if message.sequence == peer.awaited:
            peer.awaited = None
        elif not message.flags & HeartbeatFlags.U:
            return [], False
        counter = message.first(RestartCounterOption)
        if counter is None:
            return [], False
        before, peer.restart_counter = peer.restart_counter, counter.restart_counter
        unsolicited = before is None and bool(message.flags & HeartbeatFlags.U)
        restarted = before not in (None, peer.restart_counter) or unsolicited
        said = Complain("peer-restarted", name, {"restart_counter": peer.restart_counter})
        return [said] if restarted else [], restarted

    def unknown_type(self, name: NodeId) -> None:
        """A Binding Error, status 2: it does not know heartbeats if one was sent (§3)."""
        peer = self.peers.get(name)
        if peer is not None and peer.awaited is not None:
            peer.silent = True
            peer.awaited = None

    def next_timer(self) -> float:
        return self._agenda.next_timer()

    def fire(self, now: float) -> list[Output]:
        """Every HEARTBEAT_INTERVAL: count what is missing (§3.1), and ask again."""
        outputs: list[Output] = []
        for name in self._agenda.take(now):
            self._agenda.put(name, now + self.config.heartbeat_interval)
            peer = self.peers[name]
            if peer.silent or not self._needed(name):
                peer.awaited = None
                continue
            if peer.awaited is not None:
                peer.missing += 1
            if (
                peer.missing > self.config.missing_heartbeats_allowed
                and peer.reachable is not False
            ):
                peer.reachable = False
                outputs.append(Reachable(name, False))
            outputs.append(self._request(name, peer))
        return outputs

    def _request(self, name: NodeId, peer: Peer) -> Transmit:
        peer.sequence = (peer.sequence + 1) % COUNTERS
        peer.awaited = peer.sequence
        return Transmit(name, Heartbeat(HeartbeatFlags(0), peer.sequence))

    def _response(self, sequence: int, flags: HeartbeatFlags) -> Heartbeat:
        counter = RestartCounterOption(self.restart_counter)
        return Heartbeat(flags, sequence, options=(counter,))
