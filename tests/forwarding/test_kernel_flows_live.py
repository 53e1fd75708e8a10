"""Flows of one mobile node told apart on a real kernel, at an ingress and at an egress."""

import time
from collections.abc import Iterator

import pytest
from forwarding_network import (
    CN4,
    CN6,
    EGRESSES,
    HNP6,
    HOA4,
    HOA6,
    IN_HNP6,
    Network,
    Probes,
    access,
    change,
    downlink,
    egress,
    why_not,
)

from opendmm.forwarding.kernel import KernelForwarding
from opendmm.forwarding.kernel.recognition import set_of
from opendmm.forwarding.kernel.snapshot import take_snapshot
from opendmm.forwarding.netlink.socket import NETLINK_NETFILTER, NetlinkSocket
from opendmm.lab.leftovers import unused_in
from opendmm.model.addressing import HomePrefix
from opendmm.model.flow import PROTOCOLS, FlowRule, PortRange
from opendmm.model.rules import Action, Change, Permit, Redirect, RuleKey, Table

PROBLEM = why_not()
pytestmark = [pytest.mark.lab, pytest.mark.skipif(bool(PROBLEM), reason=PROBLEM)]

TUNNELS = ("srv6", "ip-in-ipv6", "vxlan")
PREFIXES = (HOA6, HOA4, HNP6)
TO = {node: Redirect(e) for node, e in EGRESSES.items()}
UDP = PROTOCOLS["udp"]


@pytest.fixture
def network() -> Iterator[Network]:
    network = Network()
    yield network
    network.close()


def probes_to(network: Network, prefix: HomePrefix) -> Probes:
    source = CN6 if prefix.is_ipv6 else CN4
    address = prefix.address if prefix.is_host else IN_HNP6
    return Probes(network, "cn", "mn", source=source, destination=address)


def udp_to(port: int) -> FlowRule:
    return FlowRule(UDP, destination_ports=PortRange(port, port))


def redirected(prefix: HomePrefix, flow: FlowRule) -> RuleKey:
    return RuleKey(Table.DOWNLINK, prefix, flow)


def recognised(prefix: HomePrefix, flow: FlowRule) -> RuleKey:
    return RuleKey(Table.RECOGNITION, prefix, flow)


def rules(driver: KernelForwarding) -> dict[RuleKey, Action]:
    return {rule.key: rule.action for rule in driver.installed()}


EVERY_KIND = {
    FlowRule(UDP, destination_ports=PortRange(5001, 5001)): True,
    FlowRule(PROTOCOLS["tcp"], source_ports=PortRange(8000, 8099)): True,
    FlowRule(source=HomePrefix.parse("2001:db8:c::/48")): False,
    FlowRule(UDP, HomePrefix.parse("2001:db8:c::2"), PortRange(1, 9), PortRange(7, 70)): False,
    FlowRule(PROTOCOLS["icmpv6"]): False,
}
"""Whether they are of IPv4 as well."""


@pytest.mark.parametrize("means", TUNNELS)
@pytest.mark.parametrize("prefix", PREFIXES, ids=str)
def test_a_named_flow_takes_the_tunnel_and_all_others_the_way_they_had(
    network: Network, means: str, prefix: HomePrefix
) -> None:
    named, other = probes_to(network, prefix), probes_to(network, prefix)
    drivers = network.drivers_of(means, flows=(udp_to(named.port),))
    change(drivers["a"], downlink(prefix), access("a"))
    change(drivers["b"], egress(prefix), access("b"))
    change(drivers["r"], redirected(prefix, udp_to(named.port)), TO["b"])
    with named, other:
        time.sleep(0.1)
    assert (named.lost, other.lost) == (0, 0)
    assert len(named.interfaces()) == len(other.interfaces()) == 1
    assert named.interfaces() != other.interfaces()


@pytest.mark.parametrize("means", TUNNELS)
def test_moving_a_flow_between_two_egresses_loses_no_packet(network: Network, means: str) -> None:
    drivers = network.drivers_of(means)
    for anchor in "ab":
        change(drivers[anchor], egress(HOA6), access(anchor))
    probes = probes_to(network, HOA6)
    slot = redirected(HOA6, udp_to(probes.port))
    change(drivers["r"], slot, TO["a"])
    with probes:
        for anchor in "babab":
            change(drivers["r"], slot, TO[anchor])
            time.sleep(0.05)
    assert probes.sent > 200
    assert probes.lost == 0
    assert len(probes.interfaces()) == 2


@pytest.mark.parametrize("means", TUNNELS)
@pytest.mark.parametrize("prefix", PREFIXES, ids=str)
def test_an_egress_delivers_recognised_flows_only_of_what_its_tunnels_bring(
    network: Network, means: str, prefix: HomePrefix
) -> None:
    named, other = probes_to(network, prefix), probes_to(network, prefix)
    flow = udp_to(named.port)
    drivers = network.drivers_of(means, flows=(flow, FlowRule(PROTOCOLS["tcp"])))
    change(drivers["b"], egress(prefix), access("b"))
    change(drivers["r"], downlink(prefix), TO["b"])
    change(drivers["b"], recognised(prefix, flow), Permit())
    with named, other:
        time.sleep(0.1)
    assert named.lost == 0
    assert other.arrivals == []
    counted = {counter.key: counter.packets for counter in drivers["b"].counters()}
    assert counted[recognised(prefix, flow)] == named.sent
    with probes_to(network, prefix) as everything:
        change(drivers["b"], recognised(prefix, flow), None)
        time.sleep(0.1)
    assert everything.arrivals


@pytest.mark.parametrize("means", TUNNELS)
def test_what_does_not_come_out_of_a_tunnel_is_no_matter_of_recognition(
    network: Network, means: str
) -> None:
    tcp = FlowRule(PROTOCOLS["tcp"])
    drivers = network.drivers_of(means, flows=(tcp,))
    change(drivers["a"], downlink(HOA6), access("a"))
    change(drivers["a"], recognised(HOA6, tcp), Permit())
    with probes_to(network, HOA6) as probes:
        time.sleep(0.1)
    assert probes.lost == 0


@pytest.mark.parametrize("means", TUNNELS)
def test_every_kind_of_flow_is_read_back_by_a_second_life_and_removed(
    network: Network, means: str
) -> None:
    config = network.config("a", means, flows=tuple(EVERY_KIND))
    first = network.driver(config)
    applied: dict[RuleKey, Action] = {}
    for flow, ipv4_too in EVERY_KIND.items():
        for prefix in PREFIXES if ipv4_too else (HOA6, HNP6):
            applied[redirected(prefix, flow)] = TO["b"]
            applied[recognised(prefix, flow)] = Permit()
    assert set(first.apply([Change(*one) for one in applied.items()])) == {""}
    second = network.driver(config)
    assert rules(second) == applied
    assert set(second.apply([Change(key, None) for key in applied])) == {""}
    assert rules(second) == {}
    assert "17304" not in network.run("a", "ip", "-6", "rule") + network.run("a", "ip", "rule")
    assert "elements" not in network.run("a", "nft", "list", "table", "inet", "opendmm")
    assert network.run("a", "ip", "nexthop") == ""


def test_a_thousand_mobile_nodes_of_one_flow_share_one_policy_rule(network: Network) -> None:
    driver = network.driver(network.config("r", "srv6", flows=(udp_to(5001),)))
    homes = [HomePrefix.parse(f"2001:db8:a::{number:x}") for number in range(1, 1001)]
    changes = [Change(redirected(home, udp_to(5001)), TO["b"]) for home in homes]
    assert set(driver.apply(changes)) == {""}
    assert network.run("r", "ip", "-6", "rule").count("17304:") == 1


def test_without_flows_there_is_no_policy_rule_of_theirs(network: Network) -> None:
    driver = network.driver(network.config("r", "srv6"))
    change(driver, downlink(HOA6), TO["b"])
    assert "17304:" not in network.run("r", "ip", "-6", "rule")
    assert "recognition" not in network.run("r", "nft", "list", "table", "inet", "opendmm")


def test_what_a_sudden_end_left_of_a_flow_is_mended_at_the_next_start(network: Network) -> None:
    config = network.config("r", "srv6", flows=(udp_to(5001),))
    driver = network.driver(config)
    change(driver, redirected(HOA6, udp_to(5001)), TO["b"])
    change(driver, recognised(HOA6, udp_to(5001)), Permit())
    [rule] = [line for line in network.run("r", "ip", "-6", "rule").splitlines() if "17304" in line]
    table = rule.partition("lookup ")[2].split()[0]
    network.run("r", "ip", "-6", "route", "del", str(HOA6), "table", table)
    network.run("r", "nft", "flush", "set", "inet", "opendmm", set_of(udp_to(5001), 16))
    with network.inside("r"):
        sockets = NetlinkSocket(), NetlinkSocket(NETLINK_NETFILTER)
        left = list(unused_in(take_snapshot(*sockets, config.flows)))
    assert any("policy rule" in what for what in left)
    assert any("limited" in what for what in left)
    network.driver(config)
    assert "17304:" not in network.run("r", "ip", "-6", "rule")
    assert "elements" not in network.run("r", "nft", "list", "table", "inet", "opendmm")


@pytest.mark.parametrize("means", ["host-route", "translation"])
def test_a_means_without_tunnels_refuses_flows_and_says_what_to_use(
    network: Network, means: str
) -> None:
    driver = network.driver(network.config("r", means, flows=(udp_to(5001),)))
    for key, action in (
        (redirected(HOA6, udp_to(5001)), TO["b"]),
        (recognised(HOA6, udp_to(5001)), Permit()),
    ):
        [error] = driver.apply([Change(key, action)])
        assert "use a tunnel" in error


def test_a_flow_that_the_configuration_does_not_name_is_refused_at_an_egress(
    network: Network,
) -> None:
    driver = network.driver(network.config("r", "srv6"))
    [error] = driver.apply([Change(recognised(HOA6, udp_to(5001)), Permit())])
    assert "no such flow" in error


def test_after_a_restart_with_fewer_flows_nothing_is_limited_to_those_that_went(
    network: Network,
) -> None:
    kept, gone = udp_to(5001), udp_to(5002)
    first = network.driver(network.config("b", "srv6", flows=(kept, gone)))
    change(first, recognised(HOA6, kept), Permit())
    change(first, recognised(HOA4, gone), Permit())
    for flows in ((kept,), ()):
        second = network.driver(network.config("b", "srv6", flows=flows))
        table = network.run("b", "nft", "list", "table", "inet", "opendmm")
        assert rules(second) == dict.fromkeys([recognised(HOA6, f) for f in flows], Permit())
        assert HOA4.address not in table
        assert set_of(gone, 4) not in table
    assert HOA6.address not in table
