"""Mobile access gateways: the FE_MU_C apart from its anchor (RFC 5213 in the framework's words)."""

import msgspec
import pytest
from instant_network import InstantNetwork

from opendmm.entities.effects import LinkAttached, LinkDetached, SessionsEnded
from opendmm.model.addressing import Egress, HomePrefix
from opendmm.model.identity import EntityAddress, FunctionalEntity, MobileNodeId, NodeId
from opendmm.model.rules import Access, Permit, Redirect, RuleKey, Table
from opendmm.reference_points import r_xu
from opendmm.reference_points.catalogue import Envelope, ReferencePointName
from opendmm.simulation.constellations import small
from opendmm.simulation.hosts import AssembledHosts

FE = FunctionalEntity
MN = MobileNodeId("mn1@example.org")
HNP = HomePrefix.parse("2001:db8:a:1::/64")
ANCHOR_A, ANCHOR_B = NodeId("anchor-a"), NodeId("anchor-b")
MAG_A, MAG_A2, MAG_B = NodeId("mag-a"), NodeId("mag-a2"), NodeId("mag-b")
DEPLOYMENT = small("gateways")
FROM_TUNNEL, TO_TUNNEL = RuleKey(Table.EGRESS, HNP), RuleKey(Table.UPLINK, HNP)
FILTER, DOWN = RuleKey(Table.SOURCE_FILTER, HNP), RuleKey(Table.DOWNLINK, HNP)


@pytest.fixture
def network() -> InstantNetwork:
    hosts = AssembledHosts(DEPLOYMENT)
    return InstantNetwork([hosts.host(n) for n, p in DEPLOYMENT.nodes.items() if p.entities])


def end_of(node: NodeId) -> Egress:
    return Egress(node, DEPLOYMENT.nodes[node].locator)


def attach(network: InstantNetwork, gateway: NodeId) -> None:
    network.advance(0.01)
    network.local(gateway, FE.FE_MU_C, LinkAttached(MN, "mn1", b"\2\0\0\0\0\1"))


def detach(network: InstantNetwork, gateway: NodeId) -> None:
    network.advance(0.01)
    network.local(gateway, FE.FE_MU_C, LinkDetached(MN, "mn1"))


def test_the_anchor_delivers_by_the_tunnel_and_the_gateway_on_its_link(
    network: InstantNetwork,
) -> None:
    attach(network, MAG_A)
    assert network.rules(ANCHOR_A)[DOWN] == Redirect(end_of(MAG_A))
    at_gateway = network.rules(MAG_A)
    assert at_gateway[FROM_TUNNEL] == Access("mn1", b"\2\0\0\0\0\1")
    assert at_gateway[TO_TUNNEL] == Redirect(end_of(ANCHOR_A))
    assert at_gateway[FILTER] == Permit()


def test_a_gateway_delivers_before_its_anchor_has_answered_but_sends_nothing(
    network: InstantNetwork,
) -> None:
    network.blocked.add(ANCHOR_A)
    attach(network, MAG_A)
    assert set(network.rules(MAG_A)) == {FROM_TUNNEL}


def test_another_gateway_of_the_same_anchor_takes_over_without_a_move_of_the_anchor(
    network: InstantNetwork,
) -> None:
    attach(network, MAG_A)
    network.log.clear()
    attach(network, MAG_A2)
    detach(network, MAG_A)
    assert network.rules(ANCHOR_A)[DOWN] == Redirect(end_of(MAG_A2))
    assert not network.rules(MAG_A)
    assert not [e for e in network.log if e.reference_point is ReferencePointName.R_XX]


def test_the_detachment_of_a_gateway_left_before_changes_nothing(network: InstantNetwork) -> None:
    attach(network, MAG_A)
    attach(network, MAG_A2)
    before = network.rules(ANCHOR_A)
    detach(network, MAG_A)
    assert network.rules(ANCHOR_A) == before


def test_a_gateway_of_another_anchor_brings_the_context_there(network: InstantNetwork) -> None:
    attach(network, MAG_A)
    attach(network, MAG_B)
    assert network.rules(ANCHOR_A)[DOWN] == Redirect(end_of(ANCHOR_B))
    assert network.rules(ANCHOR_B)[FROM_TUNNEL] == Redirect(end_of(MAG_B))
    assert network.rules(MAG_B)[TO_TUNNEL] == Redirect(end_of(ANCHOR_B))


def test_released_prefixes_are_carried_no_longer(network: InstantNetwork) -> None:
    attach(network, MAG_B)
    network.local(MAG_B, FE.FE_MU_C, SessionsEnded(MN, ()))
    network.advance(5.0)
    assert not any(network.rules(node) for node in network.hosts)


def test_a_detachment_is_repeated_until_the_anchor_has_heard_it(network: InstantNetwork) -> None:
    attach(network, MAG_A)
    network.blocked.add(ANCHOR_A)
    detach(network, MAG_A)
    network.blocked.clear()
    network.log.clear()
    network.advance(5.0)
    told = [e.message for e in network.log if isinstance(e.message, r_xu.DetachNotification)]
    assert len(told) == 1


def test_an_acknowledgement_that_comes_after_the_link_has_gone_carries_nothing(
    network: InstantNetwork,
) -> None:
    attach(network, MAG_A)
    late = next(e for e in network.log if isinstance(e.message, r_xu.AttachAcknowledgement))
    network.blocked.add(ANCHOR_A)
    detach(network, MAG_A)
    network.hosts[MAG_A].receive(late, network.now)
    network.run()
    assert not network.rules(MAG_A)


def test_an_attachment_that_is_heard_of_after_its_end_counts_for_nothing(
    network: InstantNetwork,
) -> None:
    network.blocked.add(ANCHOR_A)
    attach(network, MAG_A)
    early = next(e for e in network.log if isinstance(e.message, r_xu.AttachNotification))
    detach(network, MAG_A)
    end = next(e for e in network.log if isinstance(e.message, r_xu.DetachNotification))
    network.blocked.clear()
    for envelope in (end, early):
        network.hosts[ANCHOR_A].receive(envelope, network.now)
        network.run()
    assert not network.rules(ANCHOR_A)


def test_an_acknowledgement_overtaken_by_a_later_one_changes_nothing(
    network: InstantNetwork,
) -> None:
    attach(network, MAG_A)
    envelope = next(e for e in network.log if isinstance(e.message, r_xu.AttachAcknowledgement))
    older = msgspec.structs.replace(envelope.message, order=None, prefixes=())
    before = network.rules(MAG_A)
    late = msgspec.structs.replace(envelope, message=older)
    network.hosts[MAG_A].receive(late, network.now)
    network.run()
    assert network.rules(MAG_A) == before


def test_a_gateway_cannot_register_with_an_anchor_that_is_not_its_own(
    network: InstantNetwork,
) -> None:
    attach(network, MAG_A)
    before = network.rules(ANCHOR_A)
    stranger = Envelope(
        ReferencePointName.R_XU,
        EntityAddress(MAG_B, FE.FE_MU_C),
        EntityAddress(ANCHOR_A, FE.FE_MCTX),
        r_xu.AttachNotification(mobile_node=MN, attached_at=int((network.now + 1) * 1e6)),
    )
    network.hosts[ANCHOR_A].receive(stranger, network.now)
    network.run()
    assert network.rules(ANCHOR_A) == before
    assert "gateway-refused" in network.notices


def test_a_gateway_whose_clock_is_behind_counts_once_the_other_has_let_go(
    network: InstantNetwork,
) -> None:
    attach(network, MAG_A)
    behind = r_xu.AttachNotification(
        mobile_node=MN, attached_at=int((network.now - 3) * 1e6), interface="mn1"
    )
    envelope = Envelope(
        ReferencePointName.R_XU,
        EntityAddress(MAG_A2, FE.FE_MU_C),
        EntityAddress(ANCHOR_A, FE.FE_MCTX),
        behind,
    )
    network.hosts[ANCHOR_A].receive(envelope, network.now)
    network.run()
    assert network.rules(ANCHOR_A)[DOWN] == Redirect(end_of(MAG_A))
    detach(network, MAG_A)
    network.hosts[ANCHOR_A].receive(envelope, network.now)
    network.run()
    assert network.rules(ANCHOR_A)[DOWN] == Redirect(end_of(MAG_A2))


def test_a_gateway_with_a_slow_clock_that_repeats_itself_is_answered(
    network: InstantNetwork,
) -> None:
    attach(network, MAG_A)
    detach(network, MAG_A)
    event = LinkAttached(MN, "mn1", b"\2\0\0\0\0\1")
    network.hosts[MAG_A2].local(FE.FE_MU_C, event, network.now - 5.0)
    network.run()
    said = next(
        e
        for e in network.log
        if e.sender.node == MAG_A2 and isinstance(e.message, r_xu.AttachNotification)
    )
    network.log.clear()
    network.hosts[ANCHOR_A].receive(said, network.now)
    network.run()
    assert network.names() == [f"R_XU AttachAcknowledgement {ANCHOR_A}>{MAG_A2}"]
