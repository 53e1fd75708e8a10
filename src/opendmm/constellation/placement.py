"""Who sits where in a deployment, in the words that reasoning about it needs."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import combinations

from opendmm.constellation.deployment import Deployment, SubscriberPlan
from opendmm.constellation.topology import NoRouteError, Topology
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import FunctionalEntity, NodeId


class Placement:
    """A deployment seen by its functional entities and the paths between them."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.topology = Topology(deployment)

    def hosting(self, entity: FunctionalEntity) -> tuple[NodeId, ...]:
        """The nodes with such an entity, in the order of the file."""
        return tuple(n for n, plan in self.deployment.nodes.items() if entity in plan.entities)

    def has(self, node: NodeId, entity: FunctionalEntity) -> bool:
        return entity in self.deployment.nodes[node].entities

    @cached_property
    def anchors(self) -> tuple[NodeId, ...]:
        return self.hosting(FunctionalEntity.FE_MA_C)

    @property
    def subscribers(self) -> Iterable[SubscriberPlan]:
        return self.deployment.subscribers.values()

    @cached_property
    def homes(self) -> tuple[NodeId, ...]:
        """Home anchors of mobile nodes that can leave them."""
        away = {s.home for s in self.subscribers if self._reached(s) - {s.home}}
        return tuple(anchor for anchor in self.anchors if anchor in away)

    @cached_property
    def visited(self) -> tuple[NodeId, ...]:
        """Anchors that mobile nodes can be at away from home."""
        found = {anchor for s in self.subscribers for anchor in self._reached(s) - {s.home}}
        return tuple(anchor for anchor in self.anchors if anchor in found)

    def _reached(self, subscriber: SubscriberPlan) -> set[NodeId]:
        """The anchors a mobile node can have, itself or by a gateway."""
        return {self.deployment.anchor_at(node) for node in subscriber.access}

    @cached_property
    def correspondents(self) -> tuple[NodeId, ...]:
        """The scenario's, and every plain host."""
        named = self.deployment.scenario.traffic if self.deployment.scenario else ()
        speaking = {one.correspondent for one in named}
        nodes = self.deployment.nodes.items()
        return tuple(name for name, plan in nodes if name in speaking or not plan.entities)

    def prefixes_of(self, home: NodeId) -> tuple[HomePrefix, ...]:
        """The home prefixes of mobile nodes that are anchored there."""
        return tuple(p for s in self.subscribers if s.home == home for p in s.prefixes)

    def pairs(self) -> Iterator[tuple[NodeId, NodeId]]:
        """Every correspondent with every home anchor that links lead to."""
        for correspondent in self.correspondents:
            for home in self.homes:
                if correspondent != home and self.path(correspondent, home):
                    yield correspondent, home

    def path(self, source: NodeId, destination: NodeId) -> tuple[NodeId, ...]:
        """The routed way, both ends included; empty when there is none."""
        try:
            return self.topology.path(source, destination)
        except NoRouteError:
            return ()

    def redirecting(self, path: Iterable[NodeId], home: NodeId) -> tuple[NodeId, ...]:
        """The nodes on a path whose FE_I redirects all packets to all prefixes of `home`."""
        return tuple(
            node
            for node in path
            if node in self.deployment.ingresses
            and not self.untold(node, self.prefixes_of(home))
            and not self.selecting(node, home)
        )

    def selecting(self, ingress: NodeId, home: NodeId) -> tuple[SubscriberPlan, ...]:
        """The mobile nodes with that home of which an ingress redirects some flows only."""
        plan = self.deployment.ingresses[ingress]
        return tuple(s for s in self.subscribers if s.home == home and plan.flows_of(s))

    def untold(self, ingress: NodeId, prefixes: Iterable[HomePrefix]) -> tuple[HomePrefix, ...]:
        """Those of the prefixes that the ingress' policy groups leave out."""
        groups = self.deployment.ingresses[ingress].groups
        if not groups:
            return ()
        return tuple(p for p in prefixes if not any(group.covers(p) for group in groups))

    @cached_property
    def longest_delay(self) -> float:
        """One way between the two nodes with entities that are farthest apart, in seconds."""
        speaking = [name for name, plan in self.deployment.nodes.items() if plan.entities]
        delays = [
            self.topology.delay(a, b) for a, b in combinations(speaking, 2) if self.path(a, b)
        ]
        return max(delays, default=0.0)
