"""Mobile IPv6 in virtual time: guests, their tunnels, and home agents that change."""

import random
from pathlib import Path

import pytest

from opendmm.constellation.deployment import Deployment
from opendmm.constellation.reading import load_deployment
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.model.rules import RuleKey, Table, Tunnel
from opendmm.simulation.auditor import Auditor
from opendmm.simulation.hosts import AssembledHosts
from opendmm.simulation.scenario import ScenarioRun
from opendmm.simulation.world import World

EXAMPLE = Path(__file__).parents[2] / "examples" / "mipv6.yaml"
MN = MobileNodeId("mn1@example.org")
HOME = HomePrefix.parse("2001:db8:a::100/128")


@pytest.fixture
def deployment() -> Deployment:
    return load_deployment(EXAMPLE)


def test_the_example_is_as_expected(deployment: Deployment) -> None:
    report = ScenarioRun(deployment, AssembledHosts(deployment), seed=1).run()
    assert all(outcome.passed for outcome in report.expectations)
    assert len(report.moves) == 6


def test_the_home_agent_tunnels_to_the_care_of_address_and_the_mobile_node_back(
    deployment: Deployment,
) -> None:
    world = World(deployment, AssembledHosts(deployment), seed=1)
    world.start()
    world.run(1.0)
    mobile = world.mobile_nodes[MN]
    mobile.attach(NodeId("ar-3"))
    world.run(1.0)
    care_of = deployment.subscribers[MN].care_of[NodeId("ar-3")]
    agent = deployment.nodes[NodeId("ha-b")].locator
    rules = world.nodes[NodeId("ha-b")].kernel
    for table in (Table.DOWNLINK, Table.EGRESS):
        assert rules[RuleKey(table, HOME)] == Tunnel(exit=care_of, entry=agent)
    assert mobile.client is not None
    assert list(mobile.client.kernel.values()) == [Tunnel(exit=agent, entry=care_of)]


def test_a_mobile_node_that_never_was_at_home_is_reached(deployment: Deployment) -> None:
    hosts = AssembledHosts(deployment)
    world = World(deployment, hosts, seed=1)
    auditor = Auditor(world, hosts.witness)
    world.start()
    world.run(1.0)
    world.mobile_nodes[MN].attach(NodeId("ar-2"))
    world.run(1.0)
    auditor.judge_quiet()
    assert auditor.violations == []


@pytest.mark.parametrize("place", ["ar-1", "ar-3"])
def test_out_of_reach_for_longer_than_its_binding_lasts_it_is_served_again_afterwards(
    deployment: Deployment, place: str
) -> None:
    """The home agent takes it to be gone; it has not moved, and nothing tells it but a refusal."""
    hosts = AssembledHosts(deployment)
    world = World(deployment, hosts, seed=1)
    auditor = Auditor(world, hosts.witness)
    world.start()
    world.run(1.0)
    world.mobile_nodes[MN].attach(NodeId(place))
    world.run(1.0)
    world.network.cut(NodeId(place), NodeId("router"))
    world.run(2.5 * deployment.timers.lifetime)
    agent = deployment.anchor_at(NodeId(place))
    assert Tunnel not in map(type, world.nodes[agent].kernel.values())
    world.network.mend(NodeId(place), NodeId("router"))
    world.run(60.0)
    auditor.judge_quiet()
    assert auditor.violations == []


@pytest.mark.parametrize("seed", range(25))
def test_wherever_it_wanders_no_invariant_is_violated(deployment: Deployment, seed: int) -> None:
    _wander(deployment, seed)


def _wander(deployment: Deployment, seed: int) -> None:
    """Make before break and break before make, with messages lost, doubled and overtaken."""
    hosts = AssembledHosts(deployment)
    world = World(deployment, hosts, seed=seed)
    auditor = Auditor(world, hosts.witness)
    world.start()
    world.run(1.0)
    chance = random.Random(seed)
    mobile = world.mobile_nodes[MN]
    world.network.impairments = type(world.network.impairments)(0.1, 0.1, 0.02)
    for _ in range(8):
        place = chance.choice(list(mobile.subscriber.access))
        if place in mobile.links:
            continue
        together = chance.random() < 0.5
        for link in () if together else list(mobile.links):
            mobile.detach(link)
        mobile.attach(place)
        world.run(chance.uniform(0.01, 0.5))
        for link in [link for link in mobile.links if link != place]:
            mobile.detach(link)
    world.network.impairments = type(world.network.impairments)()
    world.run(30.0)
    auditor.judge_quiet()
    assert auditor.violations == []


def test_with_several_homes_each_address_stays_with_its_own_home_agent() -> None:
    deployment = load_deployment(EXAMPLE.with_name("mipv6-several-homes.yaml"))
    report = ScenarioRun(deployment, AssembledHosts(deployment), seed=1).run()
    assert all(outcome.passed for outcome in report.expectations)
    assert "R_XX" not in report.messages  # no context goes anywhere


@pytest.mark.parametrize("seed", range(10))
def test_with_several_homes_no_invariant_is_violated_either(seed: int) -> None:
    deployment = load_deployment(EXAMPLE.with_name("mipv6-several-homes.yaml"))
    _wander(deployment, seed)
