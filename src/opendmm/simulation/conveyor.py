"""Packets on their way through the simulated network, hop by hop."""

from collections.abc import Callable
from random import Random
from typing import Protocol

from opendmm.constellation.topology import Topology
from opendmm.model.identity import NodeId
from opendmm.simulation.dataplane import DataPlane, Fate, Packet
from opendmm.simulation.mobile_node import SimulatedMobileNode
from opendmm.simulation.network import Link, Network
from opendmm.simulation.scheduler import Scheduler

Arrived = Callable[[tuple[NodeId, ...]], None]


class Surroundings(Protocol):
    """What a conveyor needs of the simulation around it."""

    scheduler: Scheduler
    topology: Topology
    network: Network
    data_plane: DataPlane

    def first_packet(self, node: NodeId, destination: bytes) -> None: ...


class Conveyor:
    """Takes packets through the world, one event a hop, with link delays, cuts and losses."""

    def __init__(self, world: Surroundings, random: Random) -> None:
        self._world = world
        self._random = random

    def downlink(
        self, source: NodeId, mobile: SimulatedMobileNode, packet: Packet, arrived: Arrived
    ) -> None:
        """From a correspondent to a mobile node; `arrived` is told the nodes passed."""

        def deliver(nodes: tuple[NodeId, ...]) -> None:
            anchor, delay = nodes[-1], mobile.subscriber.access_delay
            if anchor in mobile.links:
                self._world.scheduler.after(
                    delay, lambda: arrived(nodes) if anchor in mobile.links else None
                )

        self._hop(source, packet, (source,), Fate.DELIVERED, deliver)

    def uplink(self, mobile: SimulatedMobileNode, packet: Packet, arrived: Arrived) -> None:
        """From a mobile node, over its default route, to a correspondent."""
        way = mobile.sent(packet)
        if way is not None:
            self.over(mobile, *way, arrived)

    def over(
        self, mobile: SimulatedMobileNode, access: NodeId, packet: Packet, arrived: Arrived
    ) -> None:
        """From a mobile node over one of its links."""

        def heard() -> None:
            if access in mobile.links:
                self._hop(access, packet, (access,), Fate.ARRIVED, arrived, from_access=True)

        if access in mobile.links:
            self._world.scheduler.after(mobile.subscriber.access_delay, heard)

    def between(self, source: NodeId, packet: Packet, arrived: Arrived) -> None:
        """From one network element to another."""
        self._hop(source, packet, (source,), Fate.ARRIVED, arrived)

    def _hop(
        self,
        node: NodeId,
        packet: Packet,
        nodes: tuple[NodeId, ...],
        wanted: Fate,
        arrived: Arrived,
        *,
        from_access: bool = False,
    ) -> None:
        if packet.tunnel is None:
            self._world.first_packet(node, packet.destination)
        step = self._world.data_plane.step(node, packet, from_access=from_access)
        if step.fate is wanted:
            arrived(nodes)
        if step.fate is not Fate.FORWARDED:
            return
        if step.next_node == node:
            self._hop(node, step.packet, nodes, wanted, arrived)
            return
        link = self._world.topology.link(node, step.next_node)
        if Link((node, step.next_node)) in self._world.network.cuts:
            return
        if link.loss and self._random.random() < link.loss:
            return
        self._world.scheduler.after(
            link.delay,
            lambda: self._hop(
                step.next_node, step.packet, (*nodes, step.next_node), wanted, arrived
            ),
        )
