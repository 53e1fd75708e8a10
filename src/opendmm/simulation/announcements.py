"""BGP as the data plane feels it: what each speaker has heard of moves, and whom it follows.

A model, no BGP: sessions between the speakers of the file carry announcements and withdrawals
of moved prefixes in order, over the routed path, and each end takes the time its software was
seen to take. A speaker follows the greatest number it has heard of; a reflector passes that one
on to its clients unless it is marked otherwise. A cut link holds a session up, and what waits in
it comes later; when that lasts longer than the hold time the session ends, with everything heard
over it. What an anchor announces is in its kernel, so it outlives the anchor's daemon. Pools are
taken to be known everywhere (static routing).
"""

from collections.abc import Callable, Mapping
from itertools import pairwise
from random import Random

import msgspec

from opendmm.constellation.bgp import Neighbour, forwarders, neighbours, speakers
from opendmm.constellation.deployment import Deployment
from opendmm.constellation.file import RouterSoftware
from opendmm.constellation.topology import NoRouteError, Topology
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import NodeId
from opendmm.model.rules import EVERYWHERE, Action, Announce, RuleKey, Table, ToAnchor
from opendmm.routers.speaker import CONNECT_RETRY, HOLD
from opendmm.simulation.network import Link, Network
from opendmm.simulation.scheduler import Scheduler

TAKES = {
    RouterSoftware.BIRD: (0.0005, 0.025),
    RouterSoftware.FRR: (0.05, 0.062),
    RouterSoftware.GOBGP: (0.0005, 0.01),
}
"""Seconds, least and most, from an UPDATE on its way to the route in the speaker's kernel, and to
what a reflector says of it; the most is less than FE_IEC counts on (`FOLLOWS`)."""
SETTLES = 0.5
"""Seconds after a disturbance in which all that was held up has been heard by everyone."""

NOTE = "BGP is modelled: each speaker follows after the time that its software was seen to take"
"""What a report has to say of it."""


class Route(msgspec.Struct, frozen=True, order=True):
    """An announcement as a speaker hears it; `spreads` unless it is for nobody to pass on."""

    number: int
    origin: NodeId
    spreads: bool


class _Session:
    """A session of two speakers: up, held up by a cut since `stalled_at`, or ended."""

    def __init__(self, ends: Link, links: tuple[Link, ...], delay: float) -> None:
        self.ends = ends
        self.links = links
        self.delay = delay
        self.up = True
        self.stalled_at: float | None = None
        self.waiting: list[Callable[[], None]] = []
        self.life = 0
        """Counts its beginnings; what was sent in an earlier one is lost."""
        self.changes = 0
        """Counts what happened to its links; what was planned before is void."""

    @property
    def disturbed(self) -> bool:
        return not self.up or self.stalled_at is not None


class _Speaker:
    """What one speaker has heard, by neighbour, and what it has said to each."""

    def __init__(self, node: NodeId, sessions: tuple[Neighbour, ...]) -> None:
        self.neighbours = {neighbour.node: neighbour for neighbour in sessions}
        self.heard: dict[NodeId, dict[HomePrefix, Route]] = {n: {} for n in self.neighbours}
        self.said: dict[NodeId, dict[HomePrefix, Route]] = {n: {} for n in self.neighbours}
        self.own: dict[HomePrefix, Announce] = {}
        self.node = node

    def best(self, prefix: HomePrefix) -> tuple[NodeId, Route] | None:
        """The greatest number heard, and from whom: from the origin itself, if so."""
        found = [
            (route.number, neighbour == route.origin, neighbour, route)
            for neighbour, routes in self.heard.items()
            if (route := routes.get(prefix)) is not None
        ]
        if not found:
            return None
        _, _, neighbour, route = max(found)
        return neighbour, route

    def says(self, to: Neighbour, prefix: HomePrefix, *, reflects: bool) -> Route | None:
        """What a neighbour is to hear of a prefix: what is announced here, as far as its ring;
        from a reflector what it follows itself."""
        own = self.own.get(prefix)
        if own is not None:
            spreads = own.ring == EVERYWHERE
            return Route(own.number, self.node, spreads) if own.ring >= to.ring else None
        best = self.best(prefix) if reflects else None
        if best is None:
            return None
        teller, route = best
        between_clients = to.client or self.neighbours[teller].client
        told_already = to.node in (teller, route.origin)
        return route if route.spreads and between_clients and not told_already else None

    def prefixes(self) -> set[HomePrefix]:
        """Everything that it has anything to say of, or has said."""
        return set(self.own).union(*self.heard.values(), *self.said.values())


class Announcements:
    """The speakers of a deployment and their sessions; nothing where there are none.

    `routes` is what each speaker's kernel has been told: DOWNLINK rules to the anchors that
    announce. `changed` is called with each node and prefix of which that changes.
    """

    def __init__(
        self,
        deployment: Deployment,
        topology: Topology,
        scheduler: Scheduler,
        network: Network,
        random: Random,
        changed: Callable[[NodeId, HomePrefix], None],
    ) -> None:
        self._software = speakers(deployment)
        self._forwarders = forwarders(deployment)
        self._reflectors = frozenset(deployment.bgp.reflectors)
        self._locators = {name: plan.locator for name, plan in deployment.nodes.items()}
        self._scheduler = scheduler
        self._network = network
        self._random = random
        self._changed = changed
        self._speakers = {
            node: _Speaker(node, neighbours(deployment, node)) for node in self._software
        }
        self.routes: dict[NodeId, dict[RuleKey, Action]] = {node: {} for node in self._speakers}
        self._sessions = {
            session.ends: session
            for node, speaker in self._speakers.items()
            for other in speaker.neighbours
            if node < other and (session := _session(topology, node, other)) is not None
        }
        self._silent: set[NodeId] = set()
        self._last_arrival: dict[tuple[NodeId, NodeId], float] = {}
        self._calm_at = scheduler.now
        network.on_links = self._links_changed

    @property
    def disturbed(self) -> bool:
        """Whether routers may follow later than anchors count on, for sessions are cut, or were
        until just now. Then their order is not to be had."""
        held_up = any(session.disturbed for session in self._sessions.values())
        return held_up or self._scheduler.now < self._calm_at

    def moved_prefixes(self) -> Mapping[NodeId, list[HomePrefix]]:
        """The prefixes that speakers have routes to besides the pools."""
        return {node: sorted(key.prefix for key in routes) for node, routes in self.routes.items()}

    # What anchors announce

    def announced(self, node: NodeId, kernel: Mapping[RuleKey, Action]) -> None:
        """A node's rules have changed: so may have what is announced there."""
        speaker = self._speakers.get(node)
        if speaker is None:
            return
        before = speaker.own
        speaker.own = {
            key.prefix: action
            for key, action in kernel.items()
            if key.table is Table.ANNOUNCEMENT and isinstance(action, Announce)
        }
        for prefix in sorted(before.keys() | speaker.own.keys()):
            if before.get(prefix) != speaker.own.get(prefix):
                self._reconsider(speaker, prefix)

    def _reconsider(self, speaker: _Speaker, prefix: HomePrefix) -> None:
        """Follow what is best now, and say so."""
        self._follow(speaker, prefix)
        for neighbour in speaker.neighbours.values():
            self._say(speaker, neighbour, prefix)

    def _follow(self, speaker: _Speaker, prefix: HomePrefix) -> None:
        if speaker.node not in self._forwarders:
            return
        best = None if prefix in speaker.own else speaker.best(prefix)
        routes, key = self.routes[speaker.node], RuleKey(Table.DOWNLINK, prefix)
        action = None if best is None else ToAnchor(self._locators[best[1].origin])
        if routes.get(key) == action:
            return
        if action is None:
            del routes[key]
        else:
            routes[key] = action
        self._changed(speaker.node, prefix)

    # Sessions

    def _say(self, speaker: _Speaker, to: Neighbour, prefix: HomePrefix) -> None:
        session = self._sessions.get(Link((speaker.node, to.node)))
        if session is None or not session.up:
            return
        route = speaker.says(to, prefix, reflects=speaker.node in self._reflectors)
        said = speaker.said[to.node]
        if said.get(prefix) == route:
            return
        _put(said, prefix, route)
        self._carry(session, speaker.node, to.node, prefix, route)

    def _carry(
        self,
        session: _Session,
        sender: NodeId,
        receiver: NodeId,
        prefix: HomePrefix,
        route: Route | None,
    ) -> None:
        """Later messages of a session never overtake earlier ones."""
        takes = self._random.uniform(*TAKES[self._software[receiver]])
        arrival = self._scheduler.now + session.delay + takes
        arrival = max(arrival, self._last_arrival.get((sender, receiver), 0.0))
        self._last_arrival[sender, receiver] = arrival
        life = session.life

        def hear() -> None:
            if session.life == life:
                self._hear(receiver, sender, prefix, route)

        def arrive() -> None:
            if session.stalled_at is None:
                hear()
            else:
                session.waiting.append(hear)

        self._scheduler.at(arrival, arrive)

    def _hear(
        self, receiver: NodeId, sender: NodeId, prefix: HomePrefix, route: Route | None
    ) -> None:
        speaker = self._speakers[receiver]
        allowed = speaker.neighbours[sender].may_announce.moved
        if any(pool.covers(prefix) for pool in allowed):
            _put(speaker.heard[sender], prefix, route)
            self._reconsider(speaker, prefix)

    # Links and nodes

    def kill(self, node: NodeId) -> None:
        """A node's speaker is gone, until it is `back`."""
        self._end_all(node)
        self._silent.add(node)

    def pause(self, node: NodeId) -> None:
        """A node's speaker neither hears nor says anything, until it is `back`."""
        self._silent.add(node)
        self._links_changed()

    def back(self, node: NodeId) -> None:
        """A node's speaker runs again."""
        self._silent.discard(node)
        self._links_changed()

    def reset(self, node: NodeId) -> None:
        """A node's sessions are ended, and begin anew."""
        self._end_all(node)
        self._links_changed()

    def _end_all(self, node: NodeId) -> None:
        for session in self._sessions.values():
            if node in session.ends and session.up:
                self._end(session)

    def _links_changed(self) -> None:
        for session in self._sessions.values():
            links_cut = not self._network.cuts.isdisjoint(session.links)
            cut = links_cut or not self._silent.isdisjoint(session.ends)
            if cut and session.up:
                self._stall(session)
            elif not cut and session.disturbed:
                self._return(session)

    def _stall(self, session: _Session) -> None:
        if session.stalled_at is None:
            session.stalled_at = self._scheduler.now
        self._plan(session, session.stalled_at + HOLD, self._end)

    def _return(self, session: _Session) -> None:
        """Repeated segments come through: at their next turn, which comes the later the longer
        none did. A session that has ended is begun anew."""
        now = self._scheduler.now
        if session.stalled_at is None:
            self._plan(session, now + self._random.uniform(0.0, CONNECT_RETRY), self._begin)
            return
        outage = now - session.stalled_at
        turn = self._random.uniform(0.0, max(0.0, min(outage, HOLD - outage)))
        self._plan(session, now + turn, self._resume)

    def _plan(self, session: _Session, at: float, step: Callable[[_Session], None]) -> None:
        session.changes += 1
        planned = session.changes

        def act() -> None:
            if session.changes == planned:
                step(session)

        self._scheduler.at(at, act)

    def _resume(self, session: _Session) -> None:
        session.stalled_at = None
        self._calm_at = self._scheduler.now + SETTLES
        waiting, session.waiting = session.waiting, []
        for hear in waiting:
            hear()

    def _end(self, session: _Session) -> None:
        session.up = False
        session.stalled_at = None
        session.life += 1
        session.waiting.clear()
        for node, other in _both_ways(session):
            speaker = self._speakers[node]
            speaker.said[other].clear()
            lost = sorted(speaker.heard[other])
            speaker.heard[other].clear()
            for prefix in lost:
                self._reconsider(speaker, prefix)

    def _begin(self, session: _Session) -> None:
        session.up = True
        self._calm_at = self._scheduler.now + SETTLES
        for node, other in _both_ways(session):
            speaker = self._speakers[node]
            for prefix in sorted(speaker.prefixes()):
                self._say(speaker, speaker.neighbours[other], prefix)


def _session(topology: Topology, node: NodeId, other: NodeId) -> _Session | None:
    """None where no links join the two."""
    try:
        path = topology.path(node, other)
    except NoRouteError:
        return None
    links = tuple(Link(hop) for hop in pairwise(path))
    return _Session(Link((node, other)), links, topology.delay(*path))


def _both_ways(session: _Session) -> tuple[tuple[NodeId, NodeId], tuple[NodeId, NodeId]]:
    one, other = sorted(session.ends)
    return (one, other), (other, one)


def _put(table: dict[HomePrefix, Route], prefix: HomePrefix, route: Route | None) -> None:
    if route is None:
        table.pop(prefix, None)
    else:
        table[prefix] = route
