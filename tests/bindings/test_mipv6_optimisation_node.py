"""Home registration and route optimisation of whole nodes: the one waits for the other."""

from ipaddress import IPv6Address

from mipv6_scene import (
    AGENTS,
    COA_1,
    COA_2,
    HA_A,
    HA_B,
    HOA,
    NOW,
    Agent,
    Mobile,
    attach,
    message_in,
)

from opendmm.bindings.mipv6.config import MipConfig
from opendmm.bindings.mipv6.node import MobileIpv6Node, Wanted
from opendmm.bindings.mipv6.outputs import End, Optimise, Restore
from opendmm.bindings.mipv6.packet import Packet
from opendmm.model.identity import NodeId
from opendmm.reference_points.catalogue import Envelope
from opendmm.wire.mobility.binding import BindingUpdate
from opendmm.wire.mobility.return_routability import CareOfTestInit

CN = IPv6Address("2001:db8:c::1")


class Network:
    """A mobile node, both home agents and a correspondent; every packet arrives at once."""

    def __init__(self) -> None:
        self.mobile = Mobile(route_optimisation=True)
        self.agents = {AGENTS[name]: Agent(name) for name in AGENTS}
        config = MipConfig(node=NodeId("cn"), address=CN, correspondent=True)
        self.correspondent = MobileIpv6Node(config)
        self.paths: dict[End, IPv6Address | None] = {}
        self.passed: list[Packet] = []
        self.now = NOW

    def goes(self, envelope: Envelope) -> None:
        self.passed.clear()
        self.now += 1
        self.carry(self.mobile.core.send(envelope, self.now))

    def talks(self) -> None:
        optimisation = self.mobile.core.optimisations[HOA]
        self.carry([*optimisation.communicates(CN, self.now)])

    def carry(self, wanted: list[Wanted]) -> None:
        for one in wanted:
            match one:
                case Packet():
                    self.passed.append(one)
                    self.carry(self.arrive(one))
                case Optimise():
                    self.paths[one.end] = one.care_of
                case Restore():
                    del self.paths[one.end]

    def arrive(self, packet: Packet) -> list[Wanted]:
        if packet.destination == CN:
            return self.correspondent.receive(packet, self.now)
        agent = self.agents.get(packet.destination)
        if agent is not None:
            return [*agent.hears(packet, self.now)]
        return self.mobile.core.receive(packet, self.now)


def test_the_route_is_optimised_where_the_home_agent_has_accepted_the_mobile_node() -> None:
    network = Network()
    network.goes(attach(COA_1, NOW + 1))
    network.talks()
    assert network.paths == {End.CORRESPONDENT: COA_1, End.MOBILE_NODE: COA_1}


def test_the_home_agent_hears_of_a_move_before_the_correspondent_does() -> None:
    network = Network()
    network.goes(attach(COA_1, NOW + 1))
    network.talks()
    network.goes(attach(COA_2, NOW + 2, HA_B))
    updates = [p.destination for p in network.passed if isinstance(message_in(p), BindingUpdate)]
    assert (updates[0], updates[-1]) == (AGENTS[HA_B], CN)
    assert network.paths == {End.CORRESPONDENT: COA_2, End.MOBILE_NODE: COA_2}


def test_without_the_home_agents_answer_there_are_care_of_tests_alone() -> None:
    network = Network()
    network.goes(attach(COA_1, NOW + 1))
    network.talks()
    network.agents[AGENTS[HA_B]].status = None
    network.goes(attach(COA_2, NOW + 2, HA_B))
    (update, *_), to_correspondent = (
        [p for p in network.passed if p.destination == place] for place in (AGENTS[HA_B], CN)
    )
    assert isinstance(message_in(update), BindingUpdate)
    assert {type(message_in(p)) for p in to_correspondent} == {CareOfTestInit}
    assert network.paths == {End.CORRESPONDENT: COA_1}


def test_at_home_there_is_no_binding() -> None:
    network = Network()
    network.goes(attach(COA_1, NOW + 1))
    network.talks()
    network.goes(attach(None, NOW + 2, HA_A))
    assert network.paths == {}
    assert network.passed[-1].destination == HOA
