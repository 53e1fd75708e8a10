"""Whether peers are there: an extension, for LISP has no such question between xTR and Map-Server.

A Map-Notify without records and with an identity, answered with its Map-Notify-Ack (RFC 9301
§5.7). The Site-ID is the time of the start, so that who has begun anew is noticed.
"""

import hashlib

import msgspec

from opendmm.bindings.mobility.agenda import Agenda
from opendmm.bindings.mobility.outputs import Complain, Reachable
from opendmm.model.identity import NodeId
from opendmm.model.quantities import Seconds
from opendmm.wire.lisp.framing import XtrIdentity

STARTS_PER_SECOND = 64


class Peer(msgspec.Struct):
    """`unanswered` questions in a row; `reachable` is None until it was heard of or given up."""

    unanswered: int = 0
    reachable: bool | None = None
    started: int | None = None


class Keepalive:
    """Of one node with its peers."""

    def __init__(self, node: NodeId, peers: list[NodeId], interval: Seconds, allowed: int) -> None:
        self.peers = {peer: Peer() for peer in peers}
        self._node = node
        self._interval = interval
        self._allowed = allowed
        self._started = 0
        self._agenda: Agenda[NodeId] = Agenda()

    def start(self, now: float) -> list[NodeId]:
        """Whom to ask now."""
        self._started = int(now * STARTS_PER_SECOND)
        for peer in self.peers:
            self._agenda.put(peer, now + self._interval)
        return list(self.peers)

    def identity(self) -> XtrIdentity:
        """Who this is, since when."""
        return XtrIdentity(hashlib.sha256(self._node.encode()).digest()[:16], self._started)

    def heard(self, peer: NodeId) -> list[Reachable]:
        """Something authentic came from a peer."""
        known = self.peers[peer]
        known.unanswered = 0
        if known.reachable:
            return []
        known.reachable = True
        return [Reachable(peer, True)]

    def identified(self, peer: NodeId, identity: XtrIdentity) -> list[Reachable | Complain]:
        """A peer says since when it runs; one that has begun anew is to be told all again."""
        known = self.peers[peer]
        before, known.started = known.started, identity.site
        if before in (None, identity.site):
            return []
        restarted = Complain("peer-restarted", peer, {"started": identity.site})
        return [restarted, Reachable(peer, False), Reachable(peer, True)]

    def due(self, now: float) -> tuple[list[NodeId], list[Reachable]]:
        """Whom to ask now, and who is given up."""
        ask = self._agenda.take(now)
        lost = []
        for name in ask:
            peer = self.peers[name]
            self._agenda.put(name, now + self._interval)
            peer.unanswered += 1
            if peer.unanswered > self._allowed and peer.reachable is not False:
                peer.reachable = False
                lost.append(Reachable(name, False))
        return ask, lost

    def next_timer(self) -> float:
        return self._agenda.next_timer()
