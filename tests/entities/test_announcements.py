"""Announcing in place of R_IC (draft A.4): what is announced where, to which ring, how long."""

import msgspec
import pytest
from anchors import (
    ANCHORS,
    EGRESSES,
    FE,
    HNP,
    HOA,
    MAC,
    MN,
    POOLS,
    attach,
    authority,
    detach,
    move,
)
from instant_network import InstantNetwork

from opendmm.entities.effects import Entity, SessionsEnded
from opendmm.entities.fe_e import FeE
from opendmm.entities.fe_iec import Announcing, ControllerConfig, FeIec
from opendmm.entities.fe_iec.announcement import number_of
from opendmm.entities.fe_ma_c import FeMaC
from opendmm.entities.fe_mctx import FeMctx, MctxConfig, Profile
from opendmm.entities.fe_mu_c import NetworkClient
from opendmm.entities.host import EntityHost
from opendmm.forwarding.memory import MemoryForwarding
from opendmm.model.identity import EntityAddress, NodeId
from opendmm.model.order import MoveOrder
from opendmm.model.rules import (
    EVERYWHERE,
    LAST_ANNOUNCED,
    Announce,
    Change,
    Redirect,
    RuleKey,
    Table,
)
from opendmm.reference_points import r_xc
from opendmm.reference_points.catalogue import Envelope, ReferencePointName
from opendmm.reference_points.message import Status

A, B, C = ANCHORS
RINGS = (0.03, 0.15)
SPREAD = 1.0
ALL = sum(RINGS)
SLOTS = {RuleKey(Table.ANNOUNCEMENT, prefix) for prefix in (HOA, HNP)}
DOWN = RuleKey(Table.DOWNLINK, HOA)


def host(node: NodeId) -> EntityHost:
    profile = Profile(
        mobile_node=MN, home_anchor=A, prefixes=(HOA, HNP), interface="mn1", link_layer_id=MAC
    )
    mctx = MctxConfig(
        node=node,
        egress=EGRESSES[node],
        controllers=(node,),
        profiles={MN: profile},
        announced=True,
    )
    controller = ControllerConfig(
        node=node,
        egress_controllers={node: node},
        anchors={anchor: egress.locator for anchor, egress in EGRESSES.items()},
        announcing=Announcing(RINGS, SPREAD),
    )
    entities: list[Entity] = [
        FeMctx(mctx, authority(node)),
        FeMaC(node, POOLS[node], authority(node), EGRESSES[node].locator),
        FeE(node, (node,), authority(node), announced=True),
        NetworkClient(node, frozenset()),
        FeIec(controller, authority(node)),
    ]
    return EntityHost(node, entities)


@pytest.fixture
def network() -> InstantNetwork:
    """The mobile node is at home."""
    made = InstantNetwork([host(node) for node in ANCHORS])
    attach(made, A)
    made.advance(5.0)
    return made


def announced(network: InstantNetwork, node: NodeId) -> Announce | None:
    """What a node announces, the same of both prefixes."""
    rules = network.rules(node)
    found = {rules.get(slot) for slot in SLOTS}
    assert len(found) == 1
    (one,) = found
    assert one is None or isinstance(one, Announce)
    return one


def kernel(network: InstantNetwork, node: NodeId) -> MemoryForwarding:
    driver = network.planes[node].driver
    assert isinstance(driver, MemoryForwarding)
    return driver


def test_at_home_the_pool_is_enough(network: InstantNetwork) -> None:
    assert announced(network, A) is None


def test_away_it_is_announced_ring_by_ring(network: InstantNetwork) -> None:
    attach(network, B)
    assert announced(network, B) == Announce(2, 1)
    network.advance(RINGS[0])
    assert announced(network, B) == Announce(2, 2)
    network.advance(RINGS[1])
    assert announced(network, B) == Announce(2, EVERYWHERE)


def test_the_former_anchor_forwards_until_all_have_had_the_time_to_follow(
    network: InstantNetwork,
) -> None:
    attach(network, B)
    forwarding = Redirect(EGRESSES[B])
    assert network.rules(A)[DOWN] == forwarding
    network.advance(ALL + SPREAD - 0.01)
    assert network.rules(A)[DOWN] == forwarding
    assert f"R_XX MobilityComplete {B}>{A}" not in network.names()
    network.advance(0.02)
    assert f"R_XX MobilityComplete {B}>{A}" in network.names()
    assert network.rules(A)[DOWN] == forwarding  # and for the drain time
    detach(network, A)
    network.advance(2.0)
    assert DOWN not in network.rules(A)


def test_a_former_anchor_withdraws_while_it_still_forwards(network: InstantNetwork) -> None:
    move(network, A, B)
    attach(network, C)
    detach(network, B)
    network.advance(ALL + SPREAD - 0.01)
    assert announced(network, B) == Announce(2, EVERYWHERE)
    network.advance(0.02)
    assert announced(network, B) is None
    assert network.rules(B)[DOWN] == Redirect(EGRESSES[C])
    network.advance(2.0)
    assert DOWN not in network.rules(B)
    assert announced(network, C) == Announce(3, EVERYWHERE)


def test_a_former_anchor_that_drains_begins_anew_with_the_next_move(
    network: InstantNetwork,
) -> None:
    attach(network, B)
    detach(network, A)
    network.advance(ALL + SPREAD + 0.02)
    attach(network, C)  # while A drains from the move to B
    network.advance(ALL + SPREAD - 0.01)
    assert network.rules(A)[DOWN] == Redirect(EGRESSES[C])


def test_what_is_released_away_is_withdrawn_at_every_anchor(network: InstantNetwork) -> None:
    move(network, A, B)
    attach(network, C)
    detach(network, B)
    network.advance(ALL + 0.1)  # B announces still
    network.local(C, FE.FE_MU_C, SessionsEnded(MN))
    network.advance(5.0)
    for node in ANCHORS:
        assert announced(network, node) is None
        assert DOWN not in network.rules(node)
    assert "location-refused" not in network.notices


def test_who_comes_home_is_announced_until_nobody_else_announces(network: InstantNetwork) -> None:
    move(network, A, B)
    network.blocked.add(B)
    attach(network, A)
    network.advance(60.0)
    assert announced(network, A) == Announce(3, EVERYWHERE)
    assert announced(network, B) == Announce(2, EVERYWHERE)  # it has heard of nothing
    network.blocked.clear()
    network.hosts[A].peer(B, True, network.now)
    network.run()
    network.advance(5.0)
    assert announced(network, A) is None
    assert announced(network, B) is None


def test_back_before_all_have_heard_is_the_later_move(network: InstantNetwork) -> None:
    attach(network, B)
    network.advance(RINGS[0])
    detach(network, A)
    attach(network, A)
    assert announced(network, A) == Announce(3, 1)
    assert announced(network, B) == Announce(2, 2)
    detach(network, B)
    network.advance(10.0)
    assert announced(network, A) is None
    assert announced(network, B) is None


def test_a_refresh_begins_no_rings_anew(network: InstantNetwork) -> None:
    move(network, A, B)
    kernel(network, B).history.clear()
    network.advance(250.0)
    history = kernel(network, B).history
    assert not [change for change in history if change.key.table is Table.ANNOUNCEMENT]
    assert announced(network, B) == Announce(2, EVERYWHERE)


def test_what_forwarding_refuses_is_tried_again(network: InstantNetwork) -> None:
    driver = kernel(network, B)

    def failing(change: Change) -> str:
        return "no memory" if change.key.table is Table.ANNOUNCEMENT else ""

    driver.failure = failing
    attach(network, B)
    network.advance(5.0)
    assert "announcement-failed" in network.notices
    assert f"R_XX MobilityComplete {B}>{A}" not in network.names()
    driver.failure = lambda _change: ""
    network.advance(5.0)
    assert announced(network, B) == Announce(2, EVERYWHERE)
    assert f"R_XX MobilityComplete {B}>{A}" in network.names()


def say(network: InstantNetwork, sender: NodeId, update: r_xc.LocationUpdate, to: NodeId) -> int:
    """What an FE_IEC answers to an anchor."""
    network.log.clear()
    ends = EntityAddress(sender, FE.FE_MCTX), EntityAddress(to, FE.FE_IEC)
    envelope = Envelope(ReferencePointName.R_XC, *ends, update)
    network.hosts[to].receive(envelope, network.now)
    network.run()
    answers = [e.message for e in network.log if e.receiver == ends[0]]
    status = next(m.status for m in answers if isinstance(m, r_xc.LocationAcknowledgement))
    return int(status)


def last_update(network: InstantNetwork) -> r_xc.LocationUpdate:
    messages = [e.message for e in network.log if isinstance(e.message, r_xc.LocationUpdate)]
    update = messages[-1]
    assert isinstance(update, r_xc.LocationUpdate)
    return update


def test_an_anchor_announces_only_what_it_has_a_grant_for(network: InstantNetwork) -> None:
    attach(network, B)
    update = last_update(network)
    context = update.context
    later = msgspec.structs.replace(context.order, sequence=9)
    for forged in (
        msgspec.structs.replace(context, order=later),
        msgspec.structs.replace(context, grant=b""),
        msgspec.structs.replace(context, current_anchor=C),
    ):
        message = msgspec.structs.replace(update, context=forged, egress=EGRESSES[C])
        assert say(network, C, message, C) == Status.NOT_AUTHORISED
    assert announced(network, C) is None


def test_nobody_has_another_anchors_announcement_withdrawn(network: InstantNetwork) -> None:
    move(network, A, B)
    old = last_update(network)
    network.advance(5.0)
    attach(network, C)
    away = msgspec.structs.replace(last_update(network))
    assert say(network, A, away, B) in (Status.ACCEPTED, Status.NOT_AUTHORISED)
    network.advance(5.0)
    stale = msgspec.structs.replace(old, alone=True)
    assert say(network, B, stale, C) == Status.STALE
    assert announced(network, C) == Announce(3, EVERYWHERE)


def test_fe_iec_knows_what_is_at_its_anchor_and_no_more(network: InstantNetwork) -> None:
    move(network, A, B)
    controller = network.hosts[C]
    ends = EntityAddress(C, FE.FE_MCTX), EntityAddress(C, FE.FE_IEC)
    lookup = r_xc.ContextLookup(mobile_node=MN)
    network.log.clear()
    controller.receive(Envelope(ReferencePointName.R_XC, *ends, lookup), network.now)
    network.run()
    network.advance(1.0)
    found = [e.message for e in network.log if isinstance(e.message, r_xc.ContextFound)]
    assert [m.contexts for m in found if isinstance(m, r_xc.ContextFound)] == [()]


def test_numbers_begin_anew_after_the_last_one() -> None:
    assert number_of(MoveOrder(LAST_ANNOUNCED, 1, A)) == LAST_ANNOUNCED
    assert number_of(MoveOrder(LAST_ANNOUNCED + 1, 1, A)) == 1
