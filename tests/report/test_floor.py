"""The floor of the gap, computed by hand for the small constellations."""

import pytest

from opendmm.constellation.file import MoveOrderName
from opendmm.constellation.topology import NoRouteError, Topology
from opendmm.model.identity import NodeId
from opendmm.report.floor import PlannedMove, gap_floor
from opendmm.simulation.constellations import small

CN, A, B, C = map(NodeId, ("cn", "anchor-a", "anchor-b", "anchor-c"))
ACCESS = 0.001


def floor_ms(
    constellation: str,
    previous: NodeId,
    new: NodeId,
    order: MoveOrderName = MoveOrderName.BREAK_BEFORE_MAKE,
    overlap: float = 0.0,
) -> float:
    deployment = small(constellation)
    subscriber = next(s for s in deployment.subscribers.values() if s.name == "mn1")
    move = PlannedMove(subscriber, previous, new, new, order, overlap)
    return 1000 * gap_floor(deployment, Topology(deployment), move, [CN])


def test_cooperative_away_from_home_costs_the_grant_and_the_way_by_the_ingress() -> None:
    """Links to the ingress: control 2, a 3, b 4, c 5 ms. Grant b-a-b 14; update b-control 6,
    policy control-ingress 2, data ingress-b 4: 12 (by the previous anchor: 7 + 7); access 1."""
    assert floor_ms("cooperative", A, B) == pytest.approx(14 + 12 + 1)


def test_cooperative_home_again_needs_no_grant_from_elsewhere() -> None:
    """Update a-control 5, policy 2, data ingress-a 3: 10 (previous anchor 7 + 7)."""
    assert floor_ms("cooperative", B, A) == pytest.approx(10 + 1)


def test_condensed_is_served_by_the_home_anchor_alone() -> None:
    """Links to the router: a 2, b 3 ms. Grant 10; the ingress is the home anchor: 5 + 5."""
    assert floor_ms("condensed", A, B) == pytest.approx(10 + 10 + 1)


def test_an_egress_apart_adds_the_round_trip_of_r_ec() -> None:
    """Links to the ingress: control 2, egresses 3, 4, 5 ms, each 1 ms from its anchor. Grant
    b-a-b 18; update b-control 7, R_EC control-egress 12, policy 2, data 5: 26. By the previous
    anchor: the policy is at the egress after 7 + 6, AnchorChanged and data after 9 + 8: 17,
    then 1 to the anchor: 18."""
    assert floor_ms("egress-apart", A, B) == pytest.approx(18 + 18 + 1)


def test_a_client_adds_the_access_delay_of_its_own_notification() -> None:
    assert floor_ms("client", A, B) == pytest.approx(1 + 27)


def test_an_overlap_is_taken_off_and_a_long_one_leaves_no_gap() -> None:
    order = MoveOrderName.MAKE_BEFORE_BREAK
    assert floor_ms("cooperative", A, B, order, overlap=0.02) == pytest.approx(7)
    assert floor_ms("cooperative", A, B, order, overlap=0.2) == 0.0


def test_a_predicted_move_has_its_grant_already() -> None:
    assert floor_ms("cooperative", A, B, MoveOrderName.PREDICTED) == pytest.approx(12 + 1)


def test_paths_follow_the_least_cost_and_unlinked_nodes_have_no_route() -> None:
    topology = Topology(small("cooperative"))
    assert topology.path(CN, B) == (CN, "ingress", B)
    assert topology.delay(CN, B, A) == pytest.approx(0.001 + 0.004 + 0.007)
    with pytest.raises(NoRouteError):
        topology.path(CN, NodeId("nowhere"))
