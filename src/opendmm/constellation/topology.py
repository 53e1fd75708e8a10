"""Routed distances of a constellation: which way packets go and how long they take.

Normal routing is static: the least-cost path over the core links of the file (the sum of
their `cost`; between equals the one with the alphabetically first nodes, so that everyone
computes the same). A mobile node is reached over its anchor and the access link.
"""

from functools import cached_property
from itertools import pairwise

import networkx as nx

from opendmm.constellation.deployment import CoreLink, Deployment
from opendmm.model.identity import NodeId


class NoRouteError(Exception):
    """No core links join the two nodes."""


class Topology:
    """Paths and one-way delays (seconds) between the nodes of a deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self._graph: nx.Graph[NodeId] = nx.Graph()
        self._graph.add_nodes_from(sorted(deployment.nodes))
        self._links: dict[frozenset[NodeId], CoreLink] = {}
        for link in deployment.links:
            a, b = link.ends[0].node, link.ends[1].node
            self._graph.add_edge(a, b, weight=link.cost)
            self._links[frozenset((a, b))] = link

    @cached_property
    def _next_hops(self) -> dict[NodeId, dict[NodeId, NodeId]]:
        """For every node, its next hop towards every destination."""
        table: dict[NodeId, dict[NodeId, NodeId]] = {node: {} for node in self._graph}
        for destination in self._graph:
            distance = nx.single_source_dijkstra_path_length(self._graph, destination)
            for node in distance:
                if node != destination:
                    table[node][destination] = min(
                        neighbour
                        for neighbour in self._graph[node]
                        if distance[neighbour] + self._graph[node][neighbour]["weight"]
                        == distance[node]
                    )
        return table

    def next_hop(self, node: NodeId, destination: NodeId) -> NodeId:
        """The neighbour a packet at `node` goes to. Raises NoRouteError."""
        try:
            return self._next_hops[node][destination]
        except KeyError:
            raise NoRouteError(f"no links lead from {node} to {destination}") from None

    def path(self, source: NodeId, destination: NodeId) -> tuple[NodeId, ...]:
        """The nodes a packet passes, both ends included. Raises NoRouteError."""
        nodes = [source]
        while nodes[-1] != destination:
            nodes.append(self.next_hop(nodes[-1], destination))
        return tuple(nodes)

    def link(self, a: NodeId, b: NodeId) -> CoreLink:
        """The core link of two neighbours. Raises KeyError when they are none."""
        return self._links[frozenset((a, b))]

    def delay(self, *nodes: NodeId) -> float:
        """One way from the first node over those named to the last. Raises NoRouteError."""
        return sum(self._between(a, b) for a, b in pairwise(nodes))

    def most_hops(self, node: NodeId) -> dict[NodeId, int]:
        """To every node that can be reached: the links on the longest way that packets take,
        among those of equal cost, and while any one link is down."""
        most = _longest(self._graph, node)
        graph = self._graph.copy()
        for a, b in map(tuple, self._links):
            graph.remove_edge(a, b)
            for other, hops in _longest(graph, node).items():
                most[other] = max(most[other], hops)
            graph.add_edge(a, b, **self._graph[a][b])
        return most

    def _between(self, source: NodeId, destination: NodeId) -> float:
        way = self.path(source, destination)
        return sum(self.link(a, b).delay for a, b in pairwise(way))


def _longest(graph: "nx.Graph[NodeId]", node: NodeId) -> dict[NodeId, int]:
    """The most links on any way of least cost from a node."""
    before, distance = nx.dijkstra_predecessor_and_distance(graph, node)
    most = {node: 0}
    for other in sorted(distance, key=lambda one: distance[one]):
        if other != node:
            most[other] = 1 + max(most[previous] for previous in before[other])
    return most
