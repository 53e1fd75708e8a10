"""Mobile IPv6 in virtual time: its own packets travel, not envelopes.

Home agents, mobile nodes and correspondents have the very cores that their daemons would have
(`bindings.mipv6.node`), with keys made from names. Their packets go where the installed rules
lead them, in tunnels and out of them, and meet cuts, losses and the network's impairments; so a
HoTI passes the home agent and a CoTI does not, and who leaves without a word is gone when the
lifetime of its Binding Update is over. What route optimisation wants of a data path is done to
the packets of sessions.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from ipaddress import IPv6Address
from random import Random
from typing import Protocol

from opendmm.bindings.mipv6.node import MobileIpv6Node, Wanted
from opendmm.bindings.mipv6.outputs import End, Optimise, Restore
from opendmm.bindings.mipv6.packet import Packet
from opendmm.bindings.mobility.outputs import Complain, Deliver
from opendmm.constellation.deployment import Deployment
from opendmm.constellation.file import BindingName
from opendmm.model.addressing import HomePrefix, Locator
from opendmm.model.identity import FunctionalEntity, MobileNodeId, NodeId
from opendmm.node.mipv6 import mip_config
from opendmm.reference_points.catalogue import Envelope, ReferencePointName
from opendmm.simulation import dataplane
from opendmm.simulation.conveyor import Arrived, Conveyor, Surroundings
from opendmm.simulation.mobile_node import SimulatedMobileNode
from opendmm.simulation.network import REMEMBERED
from opendmm.simulation.octets import Station, shared_keys
from opendmm.simulation.scheduler import Event

MOBILITY_HEADER = 135
COMMUNICATES_AGAIN = 0.2
"""Seconds between two reports that the same two communicate; what a daemon needs to notice."""


class World(Surroundings, Protocol):
    """What this module needs of the simulation around it."""

    deployment: Deployment
    mobile_nodes: dict[MobileNodeId, SimulatedMobileNode]
    random: Random

    def optimise(
        self, correspondent: NodeId, home: HomePrefix, care_of: Locator | None
    ) -> None: ...


class PacketNetwork:
    """The cores, and what they send each other. `complain` is told of what people should know."""

    def __init__(
        self, world: World, random: Random, complain: Callable[[NodeId, Complain], None]
    ) -> None:
        self._world = world
        self._random = random
        self._complain = complain
        self._conveyor = Conveyor(world, random)
        self._deployment = world.deployment
        self._keys = shared_keys(world.deployment)
        self._stations: dict[NodeId, Station] = {}
        self._cores: dict[NodeId, MobileIpv6Node] = {}
        self._timers: dict[NodeId, Event] = {}
        self._sent: deque[tuple[NodeId, Packet]] = deque(maxlen=REMEMBERED)
        self._heard: dict[tuple[NodeId, IPv6Address], float] = {}
        self._names = {
            IPv6Address(plan.locator.address): name for name, plan in world.deployment.nodes.items()
        }

    @property
    def _in_use(self) -> bool:
        return self._deployment.bindings[ReferencePointName.R_XU] is BindingName.MIPV6

    def join(self, name: NodeId, station: Station) -> None:
        """Add a home agent, a mobile node or a correspondent."""
        self._stations[name] = station

    def carries(self, envelope: Envelope) -> bool:
        """Whether an envelope goes in such a packet."""
        return self._in_use and envelope.reference_point is ReferencePointName.R_XU

    def started(self, name: NodeId) -> None:
        """A process runs (again): it begins with nothing but its configuration."""
        if self._in_use and self._takes_part(name):
            config = mip_config(self._deployment, name, self._keys.get(name, {}))
            self._cores[name] = core = MobileIpv6Node(config, self._octets)
            self._carry_out(name, core.start(self._stations[name].clock))

    def died(self, name: NodeId) -> None:
        """A process is gone."""
        self._cores.pop(name, None)
        self._disarm(name)

    def send(self, envelope: Envelope) -> None:
        """Have the sender's core carry an envelope."""
        name = envelope.sender.node
        core = self._cores.get(name)
        if core is not None:
            self._carry_out(name, core.send(envelope, self._stations[name].clock))

    def say_again(self, count: int) -> None:
        """Have some of the last packets travel once more, as who has heard them can make them."""
        heard = list(self._sent)
        for name, packet in self._world.random.sample(heard, min(count, len(heard))):
            self._put_on_its_way(name, packet)

    def communicates(self, mobile: SimulatedMobileNode, home: bytes, correspondent: NodeId) -> None:
        """A session has packets between the two."""
        if not self._deployment.mipv6.route_optimisation or mobile.client is None:
            return
        name, home_address = mobile.client.name, IPv6Address(home)
        core, now = self._cores.get(name), self._world.scheduler.now
        if core is None or self._heard.get((name, home_address), 0.0) > now:
            return
        self._heard[name, home_address] = now + COMMUNICATES_AGAIN
        address = IPv6Address(self._deployment.nodes[correspondent].locator.address)
        optimisation = core.optimisations.get(home_address)
        if optimisation is not None:
            clock = self._stations[name].clock
            self._carry_out(name, optimisation.communicates(address, clock))
        other = self._cores.get(correspondent)
        if other is not None and other.correspondent is not None:
            other.correspondent.used(address, home_address)

    def _takes_part(self, name: NodeId) -> bool:
        plan = self._deployment.nodes.get(name)
        at_home = plan is not None and FunctionalEntity.FE_MA_C in plan.entities
        return plan is None or at_home or name in self._deployment.correspondents

    def _octets(self, count: int) -> bytes:
        return self._random.randbytes(count)

    # What the cores want

    def _carry_out(self, name: NodeId, wanted: Iterable[Wanted]) -> None:
        for one in wanted:
            match one:
                case Packet():
                    self._transmit(name, one)
                case Deliver(envelope):
                    self._stations[name].receive(envelope)
                case Complain():
                    self._complain(name, one)
                case Optimise() | Restore():
                    self._steer(name, one)
        self._arm(name)

    def _steer(self, name: NodeId, wanted: Optimise | Restore) -> None:
        care_of = Locator(wanted.care_of.packed) if isinstance(wanted, Optimise) else None
        if wanted.end is End.CORRESPONDENT:
            home = HomePrefix(wanted.home_address.packed, 128)
            self._world.optimise(name, home, care_of)
            return
        mobile = self._world.mobile_nodes[MobileNodeId(name)]
        mobile.optimise(wanted.home_address.packed, wanted.correspondent.packed, care_of)

    # Packets

    def _transmit(self, name: NodeId, packet: Packet) -> None:
        self._sent.append((name, packet))
        wrong = self._world.network.impairments
        if wrong.loss and self._random.random() < wrong.loss:
            return
        copies = 2 if wrong.duplication and self._random.random() < wrong.duplication else 1
        for _ in range(copies):
            delay = self._random.uniform(0.0, wrong.jitter) if wrong.jitter else 0.0
            self._world.scheduler.after(delay, partial(self._put_on_its_way, name, packet))

    def _put_on_its_way(self, name: NodeId, packet: Packet) -> None:
        outer = dataplane.Packet(
            packet.source.packed, packet.destination.packed, protocol=MOBILITY_HEADER
        )
        mobile = self._world.mobile_nodes.get(MobileNodeId(name))
        if mobile is None:
            self._from_network(name, packet, outer)
            return
        receiver = self._names.get(packet.destination)
        if receiver is None:
            return
        arrived = self._arriving(receiver, packet)
        access = self._link(mobile, packet)
        if access is None:
            self._conveyor.uplink(mobile, outer, arrived)
        else:
            self._conveyor.over(mobile, access, outer, arrived)

    def _link(self, mobile: SimulatedMobileNode, packet: Packet) -> NodeId | None:
        """By which of its links a packet must leave; None: as its routes say."""
        if packet.interface:
            return NodeId(packet.interface)
        places = mobile.subscriber.care_of.items()
        return next((at for at, mine in places if mine.address == packet.source.packed), None)

    def _from_network(self, name: NodeId, packet: Packet, outer: dataplane.Packet) -> None:
        """To a mobile node by its home or care-of address, or to another node."""
        mobile = self._mobile_at(packet.destination)
        receiver = self._names.get(packet.destination)
        if mobile is not None and mobile.client is not None:
            arrived = self._arriving(mobile.client.name, packet)
            self._conveyor.downlink(name, mobile, outer, arrived)
        elif receiver is not None:
            self._conveyor.between(name, outer, self._arriving(receiver, packet))

    def _mobile_at(self, address: IPv6Address) -> SimulatedMobileNode | None:
        for mobile in self._world.mobile_nodes.values():
            mine = {prefix.network for prefix in mobile.subscriber.prefixes}
            mine |= {care_of.address for care_of in mobile.subscriber.care_of.values()}
            if address.packed in mine:
                return mobile
        return None

    def _arriving(self, receiver: NodeId, packet: Packet) -> Arrived:
        def arrived(_nodes: tuple[NodeId, ...]) -> None:
            processing = self._world.network.processing
            self._world.scheduler.after(processing, partial(self._arrived, receiver, packet))

        return arrived

    def _arrived(self, name: NodeId, packet: Packet) -> None:
        station = self._stations.get(name)
        if station is None:
            return

        def take() -> None:
            core = self._cores.get(name)
            if core is not None:
                self._carry_out(name, core.receive(packet, station.clock))

        station.when_running(take)

    # Timers

    def _arm(self, name: NodeId) -> None:
        self._disarm(name)
        core = self._cores.get(name)
        due = core.next_timer() if core is not None else math.inf
        if due < math.inf:
            at = max(self._world.scheduler.now, due - self._stations[name].skew)
            self._timers[name] = self._world.scheduler.at(at, partial(self._fire, name, due))

    def _disarm(self, name: NodeId) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def _fire(self, name: NodeId, due: float) -> None:
        station = self._stations[name]

        def fire() -> None:
            core = self._cores.get(name)
            if core is not None:
                self._carry_out(name, core.fire(max(station.clock, due)))

        station.when_running(fire)
