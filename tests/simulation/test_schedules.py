"""Random schedules: the same from the same seed, and every invariant holds on them."""

import pytest
from click.testing import CliRunner

from opendmm.entities.host import RuleRequest
from opendmm.model.addressing import Egress, HomePrefix
from opendmm.model.identity import FunctionalEntity, NodeId
from opendmm.model.order import MoveOrder
from opendmm.model.rules import Redirect, Rule, RuleKey, Table
from opendmm.simulation.auditor import Auditor, GrantLog
from opendmm.simulation.constellations import BUILDERS, small
from opendmm.simulation.fuzz import main
from opendmm.simulation.hosts import AssembledHosts
from opendmm.simulation.schedules import KINDS, Attach, draw
from opendmm.simulation.trial import try_schedule
from opendmm.simulation.world import World

A, B, C, INGRESS = map(NodeId, ("anchor-a", "anchor-b", "anchor-c", "ingress"))
HNP = HomePrefix.parse("2001:db8:a:1::/64")


@pytest.mark.parametrize("kind", KINDS)
def test_every_invariant_holds_on_schedules_of_every_kind(kind: str) -> None:
    for seed in range(6):
        schedule = draw(kind, seed)
        trial = try_schedule(schedule)
        assert not trial.violations, f"{schedule.story()}\n{trial.violations[0]}"


@pytest.mark.parametrize("kind", ["crash", "mixed", "duplication"])
def test_a_seed_replays_exactly(kind: str) -> None:
    first, second = (try_schedule(draw(kind, 5), recording=True) for _ in range(2))
    assert first.world.trace == second.world.trace


def test_the_fuzzer_counts_kinds_and_ends_with_0_when_nothing_is_violated() -> None:
    result = CliRunner().invoke(main, ["--schedules", "21", "--processes", "1"])
    assert result.exit_code == 0, result.output
    assert "21 schedules, 0 with violations" in result.output


@pytest.mark.parametrize("name", BUILDERS)
def test_every_small_constellation_has_three_anchors_and_two_mobile_nodes(name: str) -> None:
    deployment = small(name)
    assert {A, B, C} <= set(deployment.nodes)
    assert len(deployment.subscribers) == 2


class Spoiled:
    """A quiet cooperative constellation whose rules are then changed by hand."""

    def __init__(self) -> None:
        grants = GrantLog()
        deployment = small("cooperative")
        self.world = World(deployment, AssembledHosts(deployment, witness=grants), seed=1)
        self.auditor = Auditor(self.world, grants)
        self.world.start()
        self.mobile = next(m for m in self.world.mobile_nodes.values() if m.name == "mn1")
        self.world.run(0.5)
        self.mobile.attach(A)
        self.world.run(1.0)

    def egress(self, anchor: NodeId) -> Egress:
        egress = self.world.deployment.nodes[anchor].egress
        assert egress is not None
        return egress

    def put(self, node: NodeId, table: Table, anchor: NodeId) -> None:
        self.world.nodes[node].kernel[RuleKey(table, HNP)] = Redirect(self.egress(anchor))
        self.world.rules_changed(node, ())

    def found(self) -> set[str]:
        return {violation.invariant for violation in self.auditor.violations}


def test_the_auditor_sees_a_loop() -> None:
    spoiled = Spoiled()
    spoiled.put(B, Table.EGRESS, C)
    spoiled.put(C, Table.EGRESS, B)
    spoiled.put(INGRESS, Table.DOWNLINK, B)
    assert "no loop" in spoiled.found()


def test_the_auditor_sees_a_blackhole() -> None:
    spoiled = Spoiled()
    spoiled.put(INGRESS, Table.DOWNLINK, C)
    assert "no blackhole" in spoiled.found()


def test_the_auditor_sees_a_packet_lost_when_none_may_be() -> None:
    spoiled = Spoiled()
    spoiled.auditor.unbroken = True
    spoiled.mobile.detach(A)
    spoiled.mobile.attach(B)
    spoiled.auditor.look_everywhere()
    assert "unbroken" in spoiled.found()


def test_the_auditor_sees_a_redirection_without_a_grant_and_an_order_going_back() -> None:
    spoiled = Spoiled()
    key = RuleKey(Table.DOWNLINK, HNP)
    for sequence in (9, 8):
        rule = Rule(key, Redirect(spoiled.egress(B)), MoveOrder(sequence, 1, B))
        request = RuleRequest(FunctionalEntity.FE_I, key, rule)
        spoiled.world.rules_changed(INGRESS, [request])
    assert {"authority", "order"} <= spoiled.found()


def test_the_auditor_sees_what_is_left_over_and_what_is_missing() -> None:
    spoiled = Spoiled()
    spoiled.put(INGRESS, Table.DOWNLINK, B)
    spoiled.world.nodes[A].kernel.clear()
    spoiled.auditor.judge_quiet()
    assert {"nothing left over", "truth"} <= spoiled.found()


def test_a_schedule_tells_its_story() -> None:
    story = draw("skew", 3).story()
    assert story.startswith("skew on ")
    assert "clock is off by" in story
    assert any(isinstance(happening, Attach) for happening in draw("skew", 3).happenings)
