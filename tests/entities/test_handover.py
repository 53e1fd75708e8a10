"""The handover procedure and its invariants (design §5), message by message."""

from collections.abc import Callable

import pytest
from anchors import (
    ANCHORS,
    CONTROLLER,
    EGRESSES,
    FE,
    HNP,
    HOA,
    INGRESS,
    MN,
    attach,
    condensed,
    cooperative,
    detach,
    move,
)
from instant_network import InstantNetwork

from opendmm.entities.effects import (
    HandoverExpected,
    LinkAttached,
    PacketWithoutPolicy,
    SessionsEnded,
)
from opendmm.model.identity import NodeId
from opendmm.model.rules import Access, Permit, Redirect, RuleKey, Table
from opendmm.reference_points.r_ic import PolicyMode

A, B, C = ANCHORS
DOWN = RuleKey(Table.DOWNLINK, HOA)
EGRESS = RuleKey(Table.EGRESS, HOA)


def everything(network: InstantNetwork) -> dict[str, object]:
    return {node: network.rules(node) for node in network.hosts}


def test_a_cooperative_move_follows_the_order_of_the_design() -> None:
    network = cooperative()
    attach(network, A)
    network.log.clear()
    attach(network, B)
    names = network.names()
    steps = [
        f"R_XX ContextRequest {B}>{A}",
        f"R_XA ContextQuery {A}>{A}",
        f"R_XX ContextResponse {A}>{B}",
        f"R_XA ContextImport {B}>{B}",
        f"R_XC LocationUpdate {B}>{CONTROLLER}",
        f"R_IC PolicyUpdate {CONTROLLER}>{INGRESS}",
        f"R_IC PolicyAcknowledgement {INGRESS}>{CONTROLLER}",
        f"R_XC IndirectionComplete {CONTROLLER}>{B}",
        f"R_XX MobilityComplete {B}>{A}",
    ]
    assert [name for name in names if name in steps] == steps


def test_the_ingress_redirects_and_the_new_anchor_delivers_both_prefixes() -> None:
    network = cooperative()
    attach(network, A)
    move(network, A, B)
    for prefix in (HOA, HNP):
        ingress = network.rules(INGRESS)[RuleKey(Table.DOWNLINK, prefix)]
        assert ingress == Redirect(EGRESSES[B])
        delivery = network.rules(B)[RuleKey(Table.EGRESS, prefix)]
        assert isinstance(delivery, Access)
        assert network.rules(B)[RuleKey(Table.SOURCE_FILTER, prefix)] == Permit()


def test_the_previous_anchor_forwards_until_the_move_is_complete_and_drained() -> None:
    network = cooperative()
    attach(network, A)
    attach(network, B)
    assert network.rules(A)[DOWN] == Redirect(EGRESSES[B])
    assert network.rules(A)[EGRESS] == Redirect(EGRESSES[B])
    network.advance(1.5)
    assert network.rules(A) == {}


def test_while_the_ingress_does_not_answer_the_previous_anchor_goes_on_forwarding() -> None:
    network = cooperative()
    attach(network, A)
    network.blocked.add(INGRESS)
    attach(network, B)
    network.advance(20)
    assert network.rules(A)[DOWN] == Redirect(EGRESSES[B])
    network.blocked.clear()
    network.advance(40)
    assert network.rules(INGRESS)[DOWN] == Redirect(EGRESSES[B])
    assert network.rules(A) == {}


@pytest.mark.parametrize("build", [cooperative, condensed])
def test_back_home_after_three_anchors_nothing_but_delivery_at_home_is_left(
    build: Callable[[], InstantNetwork],
) -> None:
    network = build()
    attach(network, A)
    at_home = everything(network)
    for before, after in ((A, B), (B, C), (C, A)):
        move(network, before, after)
    assert everything(network) == at_home


@pytest.mark.parametrize("build", [cooperative, condensed])
def test_after_release_nothing_is_left_anywhere(
    build: Callable[[], InstantNetwork],
) -> None:
    network = build()
    attach(network, A)
    move(network, A, B)
    network.local(B, FE.FE_MU_C, SessionsEnded(MN))
    network.advance(5)
    assert all(not rules for rules in everything(network).values())


def test_a_partial_release_takes_only_the_released_prefix_away() -> None:
    network = cooperative()
    attach(network, A)
    move(network, A, B)
    network.local(B, FE.FE_MU_C, SessionsEnded(MN, (HNP,)))
    network.advance(5)
    assert DOWN in network.rules(INGRESS)
    assert RuleKey(Table.DOWNLINK, HNP) not in network.rules(INGRESS)
    assert RuleKey(Table.EGRESS, HNP) not in network.rules(B)


@pytest.mark.parametrize("build", [cooperative, condensed])
def test_ping_pong_ends_where_the_mobile_node_is(
    build: Callable[[], InstantNetwork],
) -> None:
    network = build()
    attach(network, A)
    at_home = everything(network)
    attach(network, B)
    attach(network, A)
    detach(network, B)
    network.advance(10)
    assert everything(network) == at_home


def test_of_two_anchors_claiming_at_once_the_later_attachment_wins_everywhere() -> None:
    network = cooperative()
    attach(network, A)
    detach(network, A)
    network.blocked.add(A)
    attach(network, B)
    attach(network, C)
    network.blocked.clear()
    network.advance(40)
    assert network.rules(INGRESS)[DOWN] == Redirect(EGRESSES[C])
    assert isinstance(network.rules(C)[DOWN], Access)
    assert B not in [n for n in ANCHORS if DOWN in network.rules(n) and n != C]


def test_messages_of_earlier_moves_repeated_later_change_nothing() -> None:
    network = cooperative()
    attach(network, A)
    move(network, A, B)
    move(network, B, C)
    before = everything(network)
    late = [e for e in network.log if e.sender.node != e.receiver.node]
    for envelope in late:
        network.hosts[envelope.receiver.node].receive(envelope, network.now)
        network.run()
    network.advance(5)
    assert everything(network) == before


def test_predicted_the_new_anchor_delivers_without_asking_anybody() -> None:
    network = cooperative()
    attach(network, A)
    network.local(A, FE.FE_MU_C, HandoverExpected(MN, B))
    detach(network, A)
    network.log.clear()
    network.blocked.add(A)
    attach(network, B)
    assert isinstance(network.rules(B)[DOWN], Access)
    assert network.rules(INGRESS)[DOWN] == Redirect(EGRESSES[B])


def test_a_prediction_that_does_not_come_true_harms_nothing() -> None:
    network = cooperative()
    attach(network, A)
    network.local(A, FE.FE_MU_C, HandoverExpected(MN, B))
    move(network, A, C)
    assert network.rules(INGRESS)[DOWN] == Redirect(EGRESSES[C])
    assert network.rules(B) == {}


def test_an_unreachable_home_without_delegation_is_an_honest_failure() -> None:
    network = cooperative()
    attach(network, A)
    detach(network, A)
    network.blocked.add(A)
    attach(network, B)
    network.advance(3)
    assert "continuity-impossible" in network.notices
    assert DOWN not in network.rules(INGRESS)


def host_attach(network: InstantNetwork, anchor: NodeId) -> None:
    network.advance(0.001)
    network.local(MN, FE.FE_MU_C, LinkAttached(MN, str(anchor), b"", anchor))


def test_with_delegation_and_the_mobile_nodes_word_a_dead_home_is_survived() -> None:
    network = cooperative(client=True)
    host_attach(network, A)
    host_attach(network, B)
    network.advance(2)
    network.blocked.add(A)
    for node in (B, C, CONTROLLER):
        network.hosts[node].peer(A, False, network.now)
    network.run()
    host_attach(network, C)
    network.advance(2)
    assert network.rules(INGRESS)[DOWN] == Redirect(EGRESSES[C])
    network.blocked.clear()
    for node in (B, C, CONTROLLER):
        network.hosts[node].peer(A, True, network.now)
    network.run()
    host_attach(network, B)
    network.advance(5)
    assert network.rules(INGRESS)[DOWN] == Redirect(EGRESSES[B])


def test_in_pull_mode_an_ingress_asks_once_and_is_then_told_of_changes() -> None:
    network = cooperative(mode=PolicyMode.PULL)
    attach(network, A)
    move(network, A, B)
    assert network.rules(INGRESS) == {}
    network.local(INGRESS, FE.FE_I, PacketWithoutPolicy(HOA))
    assert network.rules(INGRESS)[DOWN] == Redirect(EGRESSES[B])
    move(network, B, C)
    assert network.rules(INGRESS)[DOWN] == Redirect(EGRESSES[C])


def test_without_refresh_everything_expires() -> None:
    network = cooperative(lifetime=10.0)
    attach(network, A)
    move(network, A, B)
    detach(network, B)
    network.advance(40)
    assert all(not rules for rules in everything(network).values())


def test_an_attached_mobile_node_outlives_its_lifetime_by_refresh() -> None:
    network = cooperative(lifetime=10.0)
    attach(network, A)
    move(network, A, B)
    network.advance(100)
    assert network.rules(INGRESS)[DOWN] == Redirect(EGRESSES[B])
    assert isinstance(network.rules(B)[DOWN], Access)
