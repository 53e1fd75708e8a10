"""The model of BGP: who hears of what, when, and what is followed."""

from random import Random

import pytest

from opendmm.constellation.deployment import Deployment
from opendmm.constellation.topology import Topology
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import NodeId
from opendmm.model.rules import EVERYWHERE, Announce, RuleKey, Table, ToAnchor
from opendmm.simulation.announcements import Announcements
from opendmm.simulation.constellations import small
from opendmm.simulation.network import Network
from opendmm.simulation.scheduler import Scheduler

A, B, C = map(NodeId, ("anchor-a", "anchor-b", "anchor-c"))
EDGE, CORE, AGG_A, AGG_B = map(NodeId, ("edge", "core", "agg-a", "agg-b"))
HNP = HomePrefix.parse("2001:db8:a:1::/64")
FOREIGN = HomePrefix.parse("2001:db9::/64")


class Speaking:
    """The speakers of a small constellation and nothing else; kernels are set by hand."""

    def __init__(self, constellation: str = "ibgp", seed: int = 1) -> None:
        self.deployment: Deployment = small(constellation)
        self.scheduler = Scheduler(0.0)
        topology = Topology(self.deployment)
        random = Random(seed)
        self.network = Network(
            self.scheduler, topology, random, processing=0.0001, peer_timeout=1.0
        )
        self.seen: list[tuple[float, NodeId]] = []
        self.model = Announcements(
            self.deployment, topology, self.scheduler, self.network, random, self._changed
        )

    def _changed(self, node: NodeId, _prefix: HomePrefix) -> None:
        self.seen.append((self.scheduler.now, node))

    def announce(
        self, anchor: NodeId, number: int, ring: int = EVERYWHERE, prefix: HomePrefix = HNP
    ) -> None:
        kernel = {RuleKey(Table.ANNOUNCEMENT, prefix): Announce(number, ring)}
        self.model.announced(anchor, kernel)

    def withdraw(self, anchor: NodeId) -> None:
        self.model.announced(anchor, {})

    def run(self, seconds: float = 1.0) -> None:
        self.scheduler.run(self.scheduler.now + seconds)

    def follows(self, node: NodeId, prefix: HomePrefix = HNP) -> NodeId | None:
        action = self.model.routes[node].get(RuleKey(Table.DOWNLINK, prefix))
        plans = self.deployment.nodes.items()
        if not isinstance(action, ToAnchor):
            return None
        return next(name for name, plan in plans if plan.locator == action.anchor)

    def followers(self, anchor: NodeId) -> set[NodeId]:
        return {node for node in self.model.routes if self.follows(node) == anchor}


def test_every_router_and_every_other_anchor_follows_what_is_for_everyone() -> None:
    network = Speaking()
    network.announce(B, 2)
    network.run()
    assert network.followers(B) == {EDGE, CORE, AGG_A, AGG_B, NodeId("agg-c"), A, C}


def test_rings_hear_one_after_the_other_and_reflectors_pass_on_the_last_alone() -> None:
    network = Speaking()
    heard = []
    for ring in (1, 2, 3, EVERYWHERE):
        network.announce(B, 2, ring)
        network.run()
        heard.append(len(network.followers(B)))
    assert heard == [1, 2, 5, 7]


@pytest.mark.parametrize("seed", range(5))
def test_the_greatest_number_is_followed_in_whatever_order_it_is_heard(seed: int) -> None:
    network = Speaking("ibgp-ring", seed)
    network.announce(C, 3)
    network.announce(B, 2)
    network.run()
    assert network.followers(C) == {A, *(NodeId(f"r{number}") for number in range(6))}


def test_a_withdrawal_uncovers_what_an_earlier_move_announced() -> None:
    network = Speaking()
    network.announce(B, 2)
    network.announce(C, 3)
    network.run()
    network.withdraw(C)
    network.run()
    assert network.follows(EDGE) == B
    network.withdraw(B)
    network.run()
    assert network.follows(EDGE) is None


def test_a_router_follows_after_the_time_its_software_takes() -> None:
    network = Speaking()
    network.announce(B, 2, 3)
    network.run()
    when = {node: at for at, node in reversed(network.seen)}
    assert 0.05 < when[EDGE] < 0.15
    assert when[AGG_B] < 0.03


def test_nobody_follows_what_an_anchor_may_not_announce() -> None:
    network = Speaking()
    network.announce(B, 2, prefix=FOREIGN)
    network.run()
    assert network.follows(EDGE, FOREIGN) is None


def test_what_is_said_over_a_cut_link_is_heard_when_it_is_mended() -> None:
    network = Speaking()
    network.network.cut(AGG_B, CORE)
    network.announce(B, 2)
    network.run(3.0)
    assert network.followers(B) == {AGG_B}
    assert network.model.disturbed
    network.network.mend(AGG_B, CORE)
    network.run(4.0)
    assert len(network.followers(B)) == 7
    assert not network.model.disturbed


def test_a_cut_longer_than_the_hold_time_takes_routes_away_until_it_is_mended() -> None:
    network = Speaking()
    network.announce(B, 2)
    network.run()
    network.network.cut(AGG_B, CORE)
    network.run(8.9)
    assert network.follows(EDGE) == B
    network.run(0.3)
    assert network.followers(B) == {AGG_B}
    network.network.mend(AGG_B, CORE)
    network.run(2.0)
    assert len(network.followers(B)) == 7


def test_what_waited_in_a_session_that_ended_is_never_heard() -> None:
    network = Speaking()
    network.network.cut(AGG_B, CORE)
    network.announce(B, 2)
    network.run(10.0)
    network.withdraw(B)
    network.network.mend(AGG_B, CORE)
    network.run(5.0)
    assert network.followers(B) == set()
    assert EDGE not in {node for _, node in network.seen}


def test_a_deployment_without_routers_has_nothing_to_say() -> None:
    network = Speaking("cooperative")
    assert network.model.routes == {}
    assert not network.model.disturbed


def test_a_reset_takes_a_routers_routes_away_until_its_sessions_are_back() -> None:
    network = Speaking()
    network.announce(B, 2)
    network.run()
    network.model.reset(AGG_B)
    assert network.follows(AGG_B) is None
    assert network.follows(EDGE) == B  # the anchor speaks with every router itself
    assert network.model.disturbed
    network.run(3.0)
    assert len(network.followers(B)) == 7


def test_a_killed_speaker_hears_and_says_nothing_until_it_is_back() -> None:
    network = Speaking()
    network.announce(B, 2)
    network.run()
    network.model.kill(EDGE)
    network.run(20.0)
    assert network.follows(EDGE) is None
    assert network.follows(AGG_A) == B
    network.model.back(EDGE)
    network.run(3.0)
    assert network.follows(EDGE) == B


def test_a_paused_speaker_keeps_what_it_follows_for_the_hold_time() -> None:
    network = Speaking()
    network.announce(B, 2)
    network.run()
    network.model.pause(EDGE)
    network.announce(C, 3)
    network.run(5.0)
    assert network.follows(EDGE) == B
    assert network.follows(AGG_A) == C
    network.model.back(EDGE)
    network.run(5.0)
    assert network.follows(EDGE) == C
