"""A mobile node and its correspondent in virtual time, over a network of whole IPv6 packets.

The home agent is a rule of the network: what is for the home address reaches the mobile node where
it has registered. Every packet is laid out as octets and read again on its way.
"""

import heapq
import itertools
import math
import struct
from ipaddress import IPv6Address
from random import Random

from opendmm.bindings.mipv6.correspondent import Correspondent
from opendmm.bindings.mipv6.outputs import End, Optimise, Output, Restore
from opendmm.bindings.mipv6.packet import Packet
from opendmm.bindings.mipv6.return_routability import RouteOptimisation
from opendmm.bindings.mobility.outputs import Complain
from opendmm.wire.mobility.codec import decode
from opendmm.wire.mobility.home_address import (
    DESTINATION_OPTIONS,
    decode_home_address,
    encode_home_address,
)
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import MOBILITY_HEADER
from opendmm.wire.mobility.routing_header import (
    ROUTING,
    decode_routing_header,
    encode_routing_header,
)

NOW = 1_900_000_000.0
HOME = IPv6Address("2001:db8:a::100")
CN = IPv6Address("2001:db8:c::1")
HERE, THERE = IPv6Address("2001:db8:1::100"), IPv6Address("2001:db8:2::100")
STRANGER = IPv6Address("2001:db8:bad::1")
IPV6 = struct.Struct("!IHBB16s16s")


def octets(packet: Packet) -> bytes:
    """The whole IPv6 packet."""
    payload, next_header = packet.data, MOBILITY_HEADER
    if packet.home_address is not None:
        payload = encode_home_address(next_header, packet.home_address) + payload
        next_header = DESTINATION_OPTIONS
    if packet.routed_to is not None:
        payload = encode_routing_header(next_header, packet.routed_to) + payload
        next_header = ROUTING
    addresses = packet.source.packed, packet.destination.packed
    return IPV6.pack(6 << 28, len(payload), next_header, 64, *addresses) + payload


def packet_of(data: bytes) -> Packet:
    """The reverse, by the codecs of the headers."""
    _, length, next_header, _, source, destination = IPV6.unpack_from(data)
    payload = data[IPV6.size :]
    assert len(payload) == length
    routed_to = home_address = None
    if next_header == ROUTING:
        routed_to, next_header = decode_routing_header(payload)
        payload = payload[24:]
    if next_header == DESTINATION_OPTIONS:
        home_address, next_header, length = decode_home_address(payload)
        payload = payload[length:]
    assert next_header == MOBILITY_HEADER
    return Packet(
        source=IPv6Address(source),
        destination=IPv6Address(destination),
        data=payload,
        home_address=home_address,
        routed_to=routed_to,
    )


def message_of(packet: Packet) -> MobilityMessage:
    return decode(packet.data, packet.sender, packet.receiver)


class World:
    """`loss` is the share of packets that do not arrive; `delay` the longest way, in seconds.

    `sent` is every packet in octets, `paths` the care-of address each end's data path uses.
    """

    def __init__(self, seed: int = 1, loss: float = 0.0, delay: float = 0.0) -> None:
        self.random = Random(seed)
        self.loss = loss
        self.delay = delay
        self.now = NOW
        self.mobile_node = RouteOptimisation(HOME, self.random.randbytes)
        self.correspondent = Correspondent(self.random.randbytes)
        self.at: IPv6Address | None = None
        self.paths: dict[End, IPv6Address | None] = dict.fromkeys(End)
        self.sent: list[bytes] = []
        self.changes: list[Optimise | Restore] = []
        self.complaints: list[Complain] = []
        self.way: list[tuple[float, int, bytes]] = []
        self.serial = itertools.count()

    # What happens

    def move(self, at: IPv6Address) -> None:
        """And the home agent knows at once."""
        self.at = at
        self.do(self.mobile_node.moved(None if at == HOME else at, self.now))
        until = math.inf if at == HOME else self.now + 100_000
        self.do(self.mobile_node.registered(until, self.now))

    def talk(self) -> None:
        """Payload in both directions."""
        source = self.paths[End.MOBILE_NODE]
        if source is not None and source != self.cached:
            self.do(self.correspondent.unbound(source, CN, HOME, self.now))
        self.do(self.mobile_node.communicates(CN, self.now))
        self.correspondent.used(CN, HOME)

    def restart_correspondent(self) -> None:
        self.correspondent = Correspondent(self.random.randbytes)
        self.paths[End.CORRESPONDENT] = None

    def run(self, duration: float = 0.0) -> None:
        end = self.now + duration
        while True:
            ends = (self.mobile_node, self.correspondent)
            due = min(
                [each.next_timer() for each in ends] + [self.way[0][0] if self.way else math.inf]
            )
            if due > end:
                break
            self.now = max(self.now, due)
            if self.way and self.way[0][0] <= self.now:
                self.arrive(packet_of(heapq.heappop(self.way)[2]))
            else:
                self.do([output for each in ends for output in each.fire(self.now)])
        self.now = end

    def run_one(self) -> None:
        """Until the next packet has arrived."""
        self.arrive(packet_of(heapq.heappop(self.way)[2]))

    def converse(self, duration: float) -> None:
        """Run, with payload all the time."""
        for _ in range(int(duration // 50)):
            self.talk()
            self.run(50)

    # What comes of it

    def do(self, outputs: list[Output]) -> None:
        for output in outputs:
            if isinstance(output, Packet):
                self.send(output)
            elif isinstance(output, Complain):
                self.complaints.append(output)
            else:
                path = output.care_of if isinstance(output, Optimise) else None
                assert self.paths[output.end] != path, "a change that changes nothing"
                self.paths[output.end] = path
                self.changes.append(output)

    def send(self, packet: Packet) -> None:
        self.sent.append(octets(packet))
        copies = 1 + (self.random.random() < self.loss / 2)
        for _ in range(copies):
            if self.random.random() >= self.loss:
                late = self.now + self.random.uniform(0, self.delay)
                heapq.heappush(self.way, (late, next(self.serial), self.sent[-1]))

    def arrive(self, packet: Packet) -> None:
        message = message_of(packet)
        if packet.destination == CN:
            self.do(self.correspondent.receive(packet, message, self.now))
        elif packet.destination in (self.at, HOME) and self.at is not None:
            self.do(self.mobile_node.receive(packet, message, self.now))

    # What can be seen

    @property
    def cached(self) -> IPv6Address | None:
        """The care-of address in the correspondent's Binding Cache."""
        entry = self.correspondent.bindings.get((CN, HOME))
        return entry.care_of if entry is not None else None

    def take(self) -> list[Packet]:
        """What was sent since the last time."""
        taken, self.sent = [packet_of(data) for data in self.sent], []
        return taken


def names(packets: list[Packet]) -> list[str]:
    return [type(message_of(packet)).__name__ for packet in packets]


def registered_at(at: IPv6Address = HERE, seed: int = 1) -> World:
    """A mobile node away from home whose route is optimised."""
    world = World(seed)
    world.move(at)
    world.talk()
    world.run()
    assert world.cached == at
    world.take()
    return world
