"""The kernel driver on a real kernel, in throwaway namespaces."""

import socket
import threading
import time
from collections.abc import Iterator

import msgspec
import pytest
from forwarding_network import (
    CN4,
    CN6,
    EGRESSES,
    HNP6,
    HOA4,
    HOA6,
    IN_HNP6,
    LOCATORS,
    Network,
    Probes,
    access,
    change,
    downlink,
    egress,
    why_not,
)

from opendmm.forwarding.kernel import ForwardingUnavailableError, KernelForwarding
from opendmm.model.addressing import Egress, HomePrefix, Locator
from opendmm.model.identity import NodeId
from opendmm.model.rules import (
    Access,
    Action,
    Change,
    Permit,
    Redirect,
    RuleKey,
    Table,
    ToAnchor,
)

PROBLEM = why_not()
pytestmark = [pytest.mark.lab, pytest.mark.skipif(bool(PROBLEM), reason=PROBLEM)]

TUNNELS = ("srv6", "vxlan", "ebpf", "lisp")
"""ip-in-ipv6 is srv6 by another name."""
MEANS = (*TUNNELS, "host-route", "translation")
PREFIXES = (HOA6, HOA4, HNP6)
# Address translation redirects IPv6 home addresses only; lisp is ebpf with another header.
FEWER = {"translation": (HOA6,), "lisp": (HOA6, HOA4)}
WAYS = [(m, p) for m in MEANS for p in FEWER.get(m, PREFIXES)]
TO = {node: Redirect(e) for node, e in EGRESSES.items()}


@pytest.fixture
def network() -> Iterator[Network]:
    network = Network()
    yield network
    network.close()


def address_in(prefix: HomePrefix) -> str:
    return prefix.address if prefix.is_host else IN_HNP6


def probes_down(network: Network, prefix: HomePrefix) -> Probes:
    source = CN6 if prefix.is_ipv6 else CN4
    return Probes(network, "cn", "mn", source=source, destination=address_in(prefix))


def probes_up(network: Network, prefix: HomePrefix) -> Probes:
    destination = CN6 if prefix.is_ipv6 else CN4
    return Probes(network, "mn", "cn", source=address_in(prefix), destination=destination)


def as_dict(driver: KernelForwarding) -> dict[RuleKey, Action]:
    rules = driver.installed()
    found = {rule.key: rule.action for rule in rules}
    assert len(found) == len(rules)
    return found


@pytest.mark.parametrize(("means", "prefix"), WAYS, ids=str)
def test_moving_an_ingress_between_two_egresses_loses_no_packet(
    network: Network, means: str, prefix: HomePrefix
) -> None:
    drivers = network.drivers_of(means)
    for anchor in "ab":
        change(drivers[anchor], egress(prefix), access(anchor))
    change(drivers["r"], downlink(prefix), TO["a"])
    with probes_down(network, prefix) as probes:
        for anchor in "babab":
            change(drivers["r"], downlink(prefix), TO[anchor])
            time.sleep(0.1)
    assert probes.sent > 400
    assert probes.lost == 0
    assert len(probes.interfaces()) == 2


@pytest.mark.parametrize("means", MEANS)
def test_what_is_read_back_is_what_was_applied_also_by_a_second_life(
    network: Network, means: str
) -> None:
    config = network.config("a", means)
    first = network.driver(config)
    applied: dict[RuleKey, Action] = {
        downlink(HOA6): access("a"),
        egress(HOA6): access("a"),
        egress(HOA4): access("a"),
        egress(HNP6): ToAnchor(LOCATORS["b"]),
        downlink(HomePrefix.parse("10.10.7.0/28")): access("a"),
        egress(HomePrefix.parse("10.10.7.0/28")): ToAnchor(LOCATORS["b"]),
        RuleKey(Table.SOURCE_FILTER, HNP6): Permit(),
        RuleKey(Table.SOURCE_FILTER, HOA6): Permit(),
        RuleKey(Table.SOURCE_FILTER, HOA4): Permit(),
    }
    other = HomePrefix.parse("2001:db8:a::200")
    applied |= {downlink(other): TO["b"], egress(other): TO["r"]}
    if means != "translation":
        applied |= {downlink(HOA4): TO["b"], downlink(HNP6): TO["r"]}
    if means in TUNNELS:
        applied |= {
            RuleKey(Table.UPLINK, HOA6): TO["b"],
            RuleKey(Table.UPLINK, HOA4): TO["b"],
            RuleKey(Table.UPLINK, HNP6): TO["r"],
        }
    errors = first.apply([Change(key, action) for key, action in applied.items()])
    assert set(errors) == {""}
    assert as_dict(first) == applied
    second = network.driver(config)
    assert as_dict(second) == applied
    errors = second.apply([Change(key, None) for key in applied])
    assert set(errors) == {""}
    assert as_dict(second) == {}
    left = network.traces("a")
    assert HOA6.address not in left
    assert HOA4.address not in left
    assert "elements" not in network.run("a", "nft", "list", "table", "inet", "opendmm")
    assert network.run("a", "ip", "nexthop") == ""


@pytest.mark.parametrize("means", MEANS)
def test_removal_leaves_nothing_behind(network: Network, means: str) -> None:
    before = network.traces("a")
    driver = network.driver(network.config("a", means))
    for prefix in PREFIXES:
        change(driver, downlink(prefix), access("a"))
        if (means, prefix) in WAYS:
            change(driver, egress(prefix), TO["b"])
        change(driver, RuleKey(Table.SOURCE_FILTER, prefix), Permit())
        if means in TUNNELS:
            change(driver, RuleKey(Table.UPLINK, prefix), TO["b"])
    with network.inside("a"):
        driver.close(remove=True)
    assert network.traces("a") == before


def test_a_restart_disturbs_no_traffic_and_leaves_the_rest_alone(network: Network) -> None:
    drivers = network.drivers_of("srv6")
    change(drivers["b"], egress(HOA6), access("b"))
    change(drivers["r"], downlink(HOA6), TO["b"])
    network.batch("r", "route add 2001:db8:ffff::/64 via fd00:c:1::2 proto static")
    with probes_down(network, HOA6) as probes:
        for node in "rb":
            drivers[node].close(remove=False)
            network.driver(network.config(node, "srv6"))
            time.sleep(0.1)
    assert probes.sent > 200
    assert probes.lost == 0
    assert "2001:db8:ffff::/64" in network.run("r", "ip", "-6", "route")


def test_a_second_life_with_other_means_takes_over(network: Network) -> None:
    first = network.driver(network.config("r", "srv6"))
    change(first, downlink(HOA6), TO["a"])
    first.close(remove=False)
    second = network.driver(network.config("r", "vxlan"))
    assert as_dict(second)[downlink(HOA6)] != TO["a"]
    change(second, downlink(HOA6), TO["a"])
    assert as_dict(second) == {downlink(HOA6): TO["a"]}


@pytest.mark.parametrize(("means", "prefix"), [w for w in WAYS if w[0] != "host-route"], ids=str)
def test_a_redirected_packet_that_nobody_serves_is_refused_and_does_not_loop(
    network: Network, means: str, prefix: HomePrefix
) -> None:
    drivers = network.drivers_of(means)
    change(drivers["r"], downlink(prefix), TO["b"])
    before = network.received("b", "r")
    with probes_down(network, prefix) as probes:
        time.sleep(0.2)
    assert probes.arrivals == []
    assert probes.sent <= network.received("b", "r") - before < 1.5 * probes.sent + 50


@pytest.mark.parametrize(("means", "prefix"), WAYS, ids=str)
def test_a_previous_anchor_passes_packets_on(
    network: Network, means: str, prefix: HomePrefix
) -> None:
    drivers = network.drivers_of(means)
    change(drivers["b"], egress(prefix), access("b"))
    change(drivers["a"], egress(prefix), access("a"))
    change(drivers["r"], downlink(prefix), TO["a"])
    with probes_down(network, prefix) as probes:
        change(drivers["a"], egress(prefix), TO["b"])
        time.sleep(0.1)
    assert probes.lost == 0
    assert len(probes.interfaces()) == 2


@pytest.mark.parametrize(("means", "prefix"), WAYS, ids=str)
def test_an_egress_apart_from_the_anchor_delivers_by_host_route(
    network: Network, means: str, prefix: HomePrefix
) -> None:
    drivers = network.drivers_of(means)
    change(drivers["b"], downlink(prefix), access("b"))
    change(drivers["a"], egress(prefix), ToAnchor(LOCATORS["b"]))
    change(drivers["r"], downlink(prefix), TO["a"])
    with probes_down(network, prefix) as probes:
        time.sleep(0.1)
    assert probes.lost == 0


@pytest.mark.parametrize("means", TUNNELS)
@pytest.mark.parametrize("prefix", PREFIXES, ids=str)
def test_uplink_packets_travel_by_the_tunnel_home_and_only_they(
    network: Network, means: str, prefix: HomePrefix
) -> None:
    drivers = network.drivers_of(means)
    network.mobile_uses("b")
    uplink = RuleKey(Table.UPLINK, prefix)
    with probes_up(network, prefix) as direct:
        from_a = network.received("r", "a")
        time.sleep(0.1)
    assert direct.lost == 0
    assert network.received("r", "a") - from_a < 10
    with probes_up(network, prefix) as tunnelled:
        change(drivers["b"], uplink, TO["a"])
        from_a, sent = network.received("r", "a"), tunnelled.sent
        time.sleep(0.2)
        assert network.received("r", "a") - from_a > 0.5 * (tunnelled.sent - sent)
        change(drivers["b"], uplink, TO["r"])
        time.sleep(0.05)
        change(drivers["b"], uplink, None)
    assert tunnelled.lost == 0


@pytest.mark.parametrize("prefix", [HOA6, HOA4], ids=str)
def test_an_uplink_tunnel_catches_neither_attached_nodes_nor_this_node(
    network: Network, prefix: HomePrefix
) -> None:
    driver = network.driver(network.config("b", "srv6"))
    attached = HomePrefix.parse("2001:db8:b::7" if prefix.is_ipv6 else "10.20.0.7")
    change(driver, downlink(attached), access("b"))
    change(driver, RuleKey(Table.UPLINK, prefix), TO["a"])
    family, correspondent = ("-6", CN6) if prefix.is_ipv6 else ("-4", CN4)

    def way(destination: str, *more: str) -> str:
        return network.run("b", "ip", family, "route", "get", destination, *more)

    from_mobile = ("from", prefix.address, "iif", "mn", "mark", "0x7302")
    assert "dev dmm-tunnels" in way(correspondent, *from_mobile)
    assert "dev mn" in way(attached.address, *from_mobile)
    assert "dev r" in way(correspondent)


@pytest.mark.parametrize("prefix", PREFIXES, ids=str)
def test_the_source_filter_stops_foreign_sources_until_permitted(
    network: Network, prefix: HomePrefix
) -> None:
    pools = (HomePrefix.parse("2001:db8:b::/48"), HomePrefix.parse("10.20.0.0/16"))
    config = msgspec.structs.replace(network.config("b", "srv6"), source_filter=True, pools=pools)
    driver = network.driver(config)
    network.mobile_uses("b")
    permit = RuleKey(Table.SOURCE_FILTER, prefix)
    with probes_up(network, prefix) as stopped:
        pass
    assert stopped.arrivals == []
    change(driver, permit, Permit())
    change(driver, permit, Permit())
    with probes_up(network, prefix) as passed:
        pass
    assert passed.lost == 0
    (counter,) = driver.counters()
    assert (counter.key, counter.packets) == (permit, passed.sent)
    change(driver, permit, None)
    change(driver, permit, None)
    with probes_up(network, prefix) as stopped_again:
        pass
    assert stopped_again.arrivals == []


def test_pool_sources_pass_the_source_filter(network: Network) -> None:
    config = msgspec.structs.replace(
        network.config("b", "srv6"),
        source_filter=True,
        pools=(HomePrefix.parse("2001:db8:a::/48"), HomePrefix.parse("10.10.0.0/16")),
    )
    network.driver(config)
    network.mobile_uses("b")
    for prefix in PREFIXES:
        with probes_up(network, prefix) as probes:
            pass
        assert probes.lost == 0


def test_an_access_link_cannot_speak_to_tunnel_ends(network: Network) -> None:
    network.driver(network.config("a", "srv6"))
    with (
        network.inside("mn"),
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as stranger,
    ):
        for end in ("fd00:d:2::6", "fd00:d:3::4"):
            stranger.sendto(b"inject", (end, 9))
    time.sleep(0.05)
    assert "counter packets 2" in network.run(
        "a", "nft", "list", "chain", "inet", "opendmm", "access"
    )


def test_a_packet_to_an_unknown_tunnel_end_does_not_loop(network: Network) -> None:
    network.driver(network.config("a", "srv6"))
    before = network.received("a", "r")
    with (
        network.inside("cn"),
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as correspondent,
    ):
        network.batch("r", "route add fd00:d:2::dead via fd00:c:1::2")
        correspondent.sendto(b"?", ("fd00:d:2::dead", 9))
    time.sleep(0.1)
    assert network.received("a", "r") - before < 10


def test_a_change_that_cannot_be_says_why_and_the_others_are_carried_out(
    network: Network,
) -> None:
    driver = network.driver(network.config("a", "srv6"))
    network.batch("a", "link add name gone type veth peer name gone2")
    errors = driver.apply(
        [
            Change(downlink(HOA6), Access("nowhere", b"\2\0\0\0\0\1")),
            Change(downlink(HOA4), Access("gone", b"\2\0\0\0\0\1")),
            Change(downlink(HNP6), TO["a"]),
            Change(egress(HNP6), Permit()),
            Change(egress(HOA6), ToAnchor(LOCATORS["a"])),
            Change(egress(HOA4), access("a")),
        ]
    )
    assert "there is no interface nowhere" in errors[0]
    assert "gone is down" in errors[1]
    assert "loop" in errors[2]
    assert "does not belong" in errors[3]
    assert "no next hop" in errors[4]
    assert errors[5] == ""
    assert as_dict(driver) == {egress(HOA4): access("a")}


def test_translation_refuses_what_it_cannot_redirect(network: Network) -> None:
    driver = network.driver(network.config("r", "translation"))
    errors = driver.apply([Change(downlink(p), TO["a"]) for p in PREFIXES])
    assert [bool(error) for error in errors] == [p != HOA6 for p in PREFIXES]
    assert "use a tunnel" in errors[1]
    assert as_dict(driver) == {downlink(HOA6): TO["a"]}


def test_a_translating_anchor_that_passed_packets_on_delivers_again(network: Network) -> None:
    drivers = network.drivers_of("translation")
    change(drivers["b"], egress(HOA6), access("b"))
    change(drivers["a"], egress(HOA6), access("a"))
    change(drivers["r"], downlink(HOA6), TO["a"])
    with probes_down(network, HOA6) as probes:
        for action in (TO["b"], access("a"), TO["b"], access("a")):
            change(drivers["a"], egress(HOA6), action)
            time.sleep(0.05)
    assert probes.lost == 0
    assert len(probes.interfaces()) == 2


def test_egresses_that_share_a_block_are_refused_before_anything_is_touched(
    network: Network,
) -> None:
    twin = Egress(NodeId("twin"), Locator.parse("fd00:d:2::2"))
    config = network.config("r", "srv6")
    config = msgspec.structs.replace(config, egresses=(*config.egresses, twin))
    with pytest.raises(ForwardingUnavailableError, match="one /64"):
        KernelForwarding(config)


def test_many_uplink_tunnels_at_once_are_all_installed(network: Network) -> None:
    driver = network.driver(network.config("b", "srv6"))
    base = int.from_bytes(HOA6.network, "big")
    homes = [HomePrefix((base + n).to_bytes(16, "big"), 128) for n in range(3000)]
    errors = driver.apply([Change(RuleKey(Table.UPLINK, home), TO["a"]) for home in homes])
    assert set(errors) == {""}
    assert len(driver.installed()) == len(homes)


def test_host_routes_carry_no_uplink(network: Network) -> None:
    driver = network.driver(network.config("b", "host-route"))
    (error,) = driver.apply([Change(RuleKey(Table.UPLINK, HOA6), TO["a"])])
    assert "cannot carry uplink" in error


def test_a_host_route_follows_the_routing_to_its_egress(network: Network) -> None:
    driver = network.driver(network.config("r", "host-route"))
    change(driver, downlink(HOA6), TO["b"])
    assert "dev b" in network.run("r", "ip", "-6", "route", "get", HOA6.address)
    network.batch("r", "route replace fd00:d:3::/64 via fd00:c:1::2")
    change(driver, downlink(HOA4), TO["b"])
    assert "dev a" in network.run("r", "ip", "-6", "route", "get", HOA6.address)
    network.batch("r", "route replace fd00:d:3::/64 via fd00:c:2::2")
    second = network.driver(network.config("r", "host-route"))
    assert "dev b" in network.run("r", "ip", "-6", "route", "get", HOA6.address)
    assert as_dict(second) == {downlink(HOA6): TO["b"], downlink(HOA4): TO["b"]}


def test_a_redirection_outlives_the_core_link_it_used(network: Network) -> None:
    driver = network.driver(network.config("r", "srv6"))
    change(driver, downlink(HOA6), TO["b"])
    change(driver, downlink(HOA4), TO["b"])
    network.batch("r", "link set dev b down")
    assert as_dict(driver) == {downlink(HOA6): TO["b"], downlink(HOA4): TO["b"]}


def test_a_batch_that_moves_a_slot_twice_ends_with_the_last(network: Network) -> None:
    driver = network.driver(network.config("r", "srv6"))
    moves = [Change(downlink(HOA6), TO[anchor]) for anchor in "abab"]
    assert driver.apply([*moves, Change(downlink(HOA4), TO["a"])]) == [""] * 5
    assert as_dict(driver) == {downlink(HOA6): TO["b"], downlink(HOA4): TO["a"]}
    next_hops = network.run("r", "ip", "nexthop").splitlines()
    assert len(next_hops) == 2


@pytest.mark.parametrize(("means", "prefix"), [w for w in WAYS if w[1] != HNP6], ids=str)
def test_full_size_tcp_passes_where_the_core_has_no_room_for_tunnels(
    means: str, prefix: HomePrefix
) -> None:
    network = Network(core_mtu=1500)
    try:
        drivers = network.drivers_of(means)
        change(drivers["b"], egress(prefix), access("b"))
        change(drivers["r"], downlink(prefix), TO["b"])
        network.mobile_uses("b")
        assert _transfer(network, prefix, 1 << 20) == 1 << 20
    finally:
        network.close()


def _transfer(network: Network, prefix: HomePrefix, size: int) -> int:
    """Octets that the mobile node gets of a download by TCP."""
    family = socket.AF_INET6 if prefix.is_ipv6 else socket.AF_INET
    with network.inside("cn"):
        server = socket.create_server((CN6 if prefix.is_ipv6 else CN4, 0), family=family)
    with network.inside("mn"):
        client = socket.socket(family, socket.SOCK_STREAM)

    def serve() -> None:
        peer, _ = server.accept()
        with peer:
            peer.sendall(bytes(size))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    client.bind((prefix.address, 0))
    client.settimeout(5)
    client.connect(server.getsockname()[:2])
    received = 0
    while data := client.recv(1 << 16):
        received += len(data)
    client.close()
    server.close()
    return received
