"""Announcements in the kernel: routes that no packet meets, for a routing protocol to learn."""

from collections.abc import Iterator

import pytest
from forwarding_network import HNP6, HOA4, HOA6, Network, access, change, downlink, why_not

from opendmm.forwarding.kernel.conventions import ANNOUNCED_TABLE, LEAST_PREFERRED, PROTOCOL
from opendmm.forwarding.kernel.forms import announcement_form
from opendmm.forwarding.netlink.route import AF_INET, AF_INET6, dump_routes, parse_route, put_route
from opendmm.forwarding.netlink.socket import NetlinkSocket
from opendmm.model.addressing import HomePrefix
from opendmm.model.rules import EVERYWHERE, LAST_ANNOUNCED, Announce, RuleKey, Table

PROBLEM = why_not()
pytestmark = [pytest.mark.lab, pytest.mark.skipif(bool(PROBLEM), reason=PROBLEM)]
PREFIXES = (HOA6, HOA4, HNP6)


@pytest.fixture
def network() -> Iterator[Network]:
    network = Network()
    yield network
    network.close()


def slot(prefix: HomePrefix) -> RuleKey:
    return RuleKey(Table.ANNOUNCEMENT, prefix)


def metrics(network: Network, prefix: HomePrefix) -> list[int]:
    """Of all routes to it in the table of announced prefixes on a."""
    with network.inside("a"):
        kernel = NetlinkSocket()
    routes = [
        parse_route(body)
        for family in (AF_INET6, AF_INET)
        for body in kernel.dump(dump_routes(family, PROTOCOL, ANNOUNCED_TABLE))
    ]
    kernel.close()
    return sorted(
        route.form.metric
        for route in routes
        if HomePrefix(route.destination, route.length) == prefix
    )


@pytest.mark.parametrize("prefix", PREFIXES, ids=str)
def test_the_later_move_and_the_wider_ring_have_the_better_metric(
    network: Network, prefix: HomePrefix
) -> None:
    driver = network.drivers_of("srv6")["a"]
    seen = []
    for announce in (Announce(2, 1), Announce(2, 2), Announce(2), Announce(3, 1), Announce(3)):
        change(driver, slot(prefix), announce)
        (metric,) = metrics(network, prefix)
        seen.append(metric)
    assert seen == sorted(seen, reverse=True)
    assert seen[0] == LEAST_PREFERRED - (2 * 16 + 1)
    change(driver, slot(prefix), None)
    assert metrics(network, prefix) == []


def test_the_last_number_is_a_route_too(network: Network) -> None:
    driver = network.drivers_of("srv6")["a"]
    change(driver, slot(HOA6), Announce(LAST_ANNOUNCED, EVERYWHERE))
    (metric,) = metrics(network, HOA6)
    assert metric > 0


def test_a_second_life_takes_over_the_later_of_two_and_ends_the_other(network: Network) -> None:
    """The first life ended between the new route and the end of the old one."""
    config = network.config("a", "srv6")
    first = network.driver(config)
    change(first, slot(HOA6), Announce(4))
    with network.inside("a"):
        kernel = NetlinkSocket()
    form = announcement_form(Announce(3))
    assert not kernel.execute([put_route(HOA6.network, HOA6.length, form)])
    kernel.close()
    assert len(metrics(network, HOA6)) == 2
    second = network.driver(config)
    second.start()
    assert {rule.key: rule.action for rule in second.installed()}[slot(HOA6)] == Announce(4)
    assert len(metrics(network, HOA6)) == 1


def test_removal_takes_announcements_away_and_leaves_others_routes(network: Network) -> None:
    driver = network.drivers_of("srv6")["a"]
    change(driver, downlink(HOA6), access("a"))
    change(driver, slot(HOA6), Announce(2))
    with network.inside("a"):
        kernel = NetlinkSocket()
    foreign = announcement_form(Announce(9))
    strange = type(foreign)(foreign.table, 99, foreign.metric, foreign.kind)
    assert not kernel.execute([put_route(HNP6.network, HNP6.length, strange)])
    with network.inside("a"):
        driver.close(remove=True)
    assert metrics(network, HOA6) == []
    left = [parse_route(b) for b in kernel.dump(dump_routes(AF_INET6, 99, ANNOUNCED_TABLE))]
    kernel.close()
    assert len(left) == 1
