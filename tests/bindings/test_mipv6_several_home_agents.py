"""Registrations with several home agents at once (draft §4.1)."""

from ipaddress import IPv6Address

from opendmm.bindings.mipv6.config import HomeProfile, MipConfig
from opendmm.bindings.mipv6.node import MobileIpv6Node
from opendmm.bindings.mipv6.packet import Packet
from opendmm.bindings.mobility.association import SharedKey
from opendmm.bindings.mobility.outputs import Complain
from opendmm.model.addressing import Locator
from opendmm.model.identity import EntityAddress, FunctionalEntity, MobileNodeId, NodeId
from opendmm.reference_points import r_xu
from opendmm.reference_points.catalogue import Envelope, ReferencePointName
from opendmm.wire.mobility.binding import BindingUpdate
from opendmm.wire.mobility.codec import decode

MN, NOW = MobileNodeId("mn1@example.org"), 1_900_000_000.0
A, B, C = NodeId("ha-a"), NodeId("ha-b"), NodeId("ha-c")
AGENTS = {name: IPv6Address(f"2001:db8:{n}::1") for n, name in enumerate((A, B, C), 1)}
HOMES = {A: (IPv6Address("2001:db8:a::100"),), B: (IPv6Address("2001:db8:b::100"),)}
CARE_OF = IPv6Address("2001:db8:9::9")


def mobile_node() -> MobileIpv6Node:
    addresses = tuple(address for mine in HOMES.values() for address in mine)
    profile = HomeProfile(home_addresses=addresses, agents=frozenset(HOMES), homes=HOMES)
    return MobileIpv6Node(
        MipConfig(
            node=NodeId(MN),
            mobile_node=MN,
            agents=AGENTS,
            associations={home: SharedKey(peer=home, spi=256, key=bytes(16)) for home in HOMES},
            profiles={MN: profile},
            home_links={MN: "ha-a"},
        )
    )


def attached(agent: NodeId, care_of: IPv6Address | None) -> Envelope:
    message = r_xu.AttachNotification(
        mobile_node=MN,
        attached_at=int(NOW * 1e6),
        care_of=None if care_of is None else Locator(care_of.packed),
    )
    ends = (
        EntityAddress(NodeId(MN), FunctionalEntity.FE_MU_C),
        EntityAddress(agent, FunctionalEntity.FE_MCTX),
    )
    return Envelope(ReferencePointName.R_XU, *ends, message)


def sent(node: MobileIpv6Node, agent: NodeId, care_of: IPv6Address | None) -> list[Packet]:
    wanted = node.send(attached(agent, care_of), NOW)
    return [one for one in wanted if isinstance(one, Packet)]


def test_each_home_address_is_registered_with_its_own_home_agent_and_no_other() -> None:
    node = mobile_node()
    for home, (address,) in HOMES.items():
        (packet,) = sent(node, home, CARE_OF)
        assert (packet.destination, packet.home_address) == (AGENTS[home], address)
        update = decode(packet.data, packet.sender, packet.receiver)
        assert isinstance(update, BindingUpdate)
        assert update.lifetime > 0


def test_at_home_with_the_one_it_stays_registered_with_the_other() -> None:
    node = mobile_node()
    sent(node, B, CARE_OF)
    (packet,) = sent(node, A, None)
    update = decode(packet.data, packet.sender, packet.receiver)
    assert isinstance(update, BindingUpdate)
    assert (packet.source, packet.interface, update.lifetime) == (HOMES[A][0], "ha-a", 0)
    roles = node.mobile_node
    assert roles is not None
    there = roles.attachment_of(HOMES[B][0])
    assert there is not None
    assert there.care_of == CARE_OF


def test_a_home_agent_that_has_no_address_of_its_is_not_registered_with() -> None:
    (complaint,) = mobile_node().send(attached(C, CARE_OF), NOW)
    assert isinstance(complaint, Complain)
    assert complaint.event == "no-home-agent"
