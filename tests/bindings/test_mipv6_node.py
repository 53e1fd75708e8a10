"""What a node of Mobile IPv6 makes of packets before any of its parts does."""

from ipaddress import IPv6Address

import msgspec
import pytest
from mipv6_scene import (
    AGENTS,
    COA_1,
    COA_2,
    HA_A,
    HA_B,
    HOA,
    MN,
    NOW,
    Agent,
    Mobile,
    answer_in,
    attach,
    exchange,
    message_in,
)

from opendmm.bindings.mipv6.packet import Packet
from opendmm.model.identity import NodeId
from opendmm.wire.mobility.binding import BindingError, BindingUpdate
from opendmm.wire.mobility.checksum import checksum
from opendmm.wire.mobility.codec import encode
from opendmm.wire.mobility.numbers import BindingErrorStatus, BindingStatus, BindingUpdateFlags

HERE = AGENTS[HA_A]


def unknown_type(source: IPv6Address = COA_1, home_address: IPv6Address | None = None) -> Packet:
    sender = home_address or source
    data = bytearray((59, 0, 99, 0, 0, 0, 0, 0))
    data[4:6] = checksum(data, sender, HERE).to_bytes(2, "big")
    return Packet(source=source, destination=HERE, home_address=home_address, data=bytes(data))


@pytest.mark.parametrize("home_address", [None, HOA])
def test_an_unknown_mh_type_gets_a_binding_error(home_address: IPv6Address | None) -> None:
    """RFC 6275 §9.2, §9.3.3: to the source, with what the Home Address option said."""
    (packet,) = Agent().hears(unknown_type(COA_1, home_address))
    error = message_in(packet)
    assert isinstance(error, BindingError)
    assert (packet.source, packet.destination, packet.routed_to) == (HERE, COA_1, None)
    assert error.status is BindingErrorStatus.UNRECOGNIZED_MH_TYPE
    assert error.home_address == (home_address or IPv6Address("::"))


def test_binding_errors_are_few() -> None:
    """RFC 6275 §9.3.3: rate limiting as for ICMPv6."""
    agent = Agent()
    assert sum(len(agent.hears(unknown_type())) for _ in range(100)) <= 10


def test_an_update_without_the_h_flag_is_for_correspondents() -> None:
    """RFC 6275 §9.5.1."""
    update = BindingUpdate(sequence=1, flags=BindingUpdateFlags.A, lifetime=75)
    data = encode(update, HOA, HERE)
    packet = Packet(source=COA_1, destination=HERE, home_address=HOA, data=data)
    agent = Agent()
    assert agent.hears(packet) == []
    assert agent.told == []


def test_a_mobile_node_hears_its_home_agents_though_they_are_network_nodes() -> None:
    mobile, agent = Mobile(), Agent()
    exchange(mobile, [agent], mobile.goes(attach(COA_1)))
    assert mobile.last.status == 0


def test_a_registered_peer_is_reachable_and_of_others_it_is_not_known() -> None:
    mobile, agent = Mobile(), Agent()
    assert (mobile.core.reachable(HA_A), agent.core.reachable(NodeId(MN))) == (None, None)
    exchange(mobile, [agent], mobile.goes(attach(COA_1)))
    assert (mobile.core.reachable(HA_A), agent.core.reachable(NodeId(MN))) == (True, True)
    assert mobile.core.reachable(HA_B) is None


def test_a_replay_in_another_packet_is_of_no_use() -> None:
    """The care-of address that counts is the one that is authenticated."""
    mobile, agent = Mobile(), Agent()
    (update,) = mobile.goes(attach(COA_1))
    (answer,) = agent.hears(msgspec.structs.replace(update, source=COA_2))
    assert answer_in(answer).status.accepted
    assert agent.care_of == COA_1


def test_an_update_for_another_home_agent_is_no_good_here() -> None:
    """Each pair has a key of its own."""
    mobile, agent = Mobile(), Agent()
    (update,) = mobile.goes(attach(COA_1, NOW, HA_B))
    copied = encode(message_in(update), HOA, HERE)
    (answer,) = agent.hears(msgspec.structs.replace(update, destination=HERE, data=copied))
    assert answer_in(answer).status is BindingStatus.MIPV6_AUTH_FAIL
