"""The tunnel between home agent and care-of address, both ends on real kernels (RFC 6275 §10.4,
§11.3)."""

import re
import struct
import time
from collections.abc import Iterator
from ipaddress import IPv6Address
from pathlib import Path

import pytest
from care_of_network import (
    AGENT,
    CARE_OF,
    CORRESPONDENT,
    DOWNLINK,
    EGRESS,
    ELSEWHERE,
    HOME,
    UDP,
    UPLINK,
    Network,
    Probes,
    datagram,
    heard,
    listening,
    locator,
    network,
    to_agent,
    to_guest,
    tunnelled,
    why_not,
    with_options,
)
from wiretap import dissected, recorded

from opendmm.forwarding.kernel.conventions import VXLAN_PORT
from opendmm.forwarding.kernel.means.vxlan import UPLINK_NETWORK
from opendmm.model.addressing import HomePrefix
from opendmm.model.rules import Access, Change, Redirect, RuleKey, Table, Tunnel
from opendmm.node.mobile_node_forwarding import tunnel_end

PROBLEM = why_not()
pytestmark = [pytest.mark.lab, pytest.mark.skipif(bool(PROBLEM), reason=PROBLEM)]

MEANS = ("srv6", "ip-in-ipv6", "vxlan", "host-route", "translation")
END_OF_TUNNELS = IPv6Address(tunnel_end.END)
STRANGER = IPv6Address("2001:db8:bad::1")
SETTLED = 0.15
DRAINED = 2.5


def _without_counts(state: str) -> str:
    return re.sub(r"packets \d+ bytes \d+", "", state)


@pytest.fixture
def net() -> Iterator[Network]:
    with network() as made:
        yield made


@pytest.mark.parametrize("means", MEANS)
def test_a_mobile_node_moves_between_access_routers_and_loses_no_packet(
    net: Network, means: str
) -> None:
    agent, mobile = net.agent(means), net.mobile()
    net.guest(agent, mobile, "ar1")
    with Probes(net) as probes:
        for where in ("ar2", "ar1", "ar2", "ar1", "ha", "ar2"):
            net.guest(agent, mobile, where)
            time.sleep(SETTLED)
    assert probes.sent > 800
    assert probes.lost == (0, 0)
    assert net.installed(agent, "ha") == {
        DOWNLINK: to_guest("ar2"),
        EGRESS: to_guest("ar2"),
    }
    assert net.installed(mobile, "mn") == {UPLINK: to_agent("ar2")}


def test_a_mobile_node_leaves_its_home_link_and_comes_back_and_loses_no_packet(
    net: Network,
) -> None:
    agent, mobile = net.agent(), net.mobile()
    net.at_home(agent, mobile)
    with Probes(net) as probes:
        for where in ("ar1", "", "ar2", "", "ar1"):
            if where:
                net.guest(agent, mobile, where)
            else:
                net.at_home(agent, mobile)
            time.sleep(SETTLED)
    assert probes.sent > 700
    assert probes.lost == (0, 0)


def test_one_home_address_has_a_tunnel_of_its_own_and_nothing_else_goes_there(
    net: Network, tmp_path: Path
) -> None:
    """Several home agents, each for an address of its own (draft §4.1)."""
    agent, mobile = net.agent(), net.mobile()
    empty = net.state("mn")
    mine = RuleKey(Table.UPLINK, DOWNLINK.prefix)
    net.change(mobile, "mn", {UPLINK: Access("ar2", b""), mine: to_agent("ar1")})
    net.change(agent, "ha", {DOWNLINK: to_guest("ar1"), EGRESS: to_guest("ar1")})
    with Probes(net) as probes:
        for where in ("ar2", "ar1", "ar2"):
            net.change(agent, "ha", {DOWNLINK: to_guest(where), EGRESS: to_guest(where)})
            net.change(mobile, "mn", {mine: to_agent(where)})
            time.sleep(SETTLED)
    assert probes.lost == (0, 0)
    assert net.installed(mobile, "mn") == {UPLINK: Access("ar2", b""), mine: to_agent("ar2")}
    with recorded(net.names["ar2"], "mn", tmp_path / "way"):
        net.run("mn", f"ping -c 1 -W 2 -I {CARE_OF['ar2']} {CORRESPONDENT}")
    [destination] = dissected(tmp_path / "way", "icmpv6.type == 128", "ipv6.dst")
    assert destination == [str(CORRESPONDENT)]
    assert mobile.apply([Change(UPLINK, None), Change(mine, None)]) == ["", ""]
    assert _without_counts(net.state("mn")) == _without_counts(empty)


def test_a_tunnel_is_put_again_after_its_link_was_taken_down(net: Network) -> None:
    agent, mobile = net.agent(), net.mobile()
    net.guest(agent, mobile, "ar1")
    net.run("mn", "ip link set ar1 down")
    net.guest(agent, mobile, "ar2")
    net.run("mn", "ip link set ar1 up")
    net.run("mn", f"ip addr add {CARE_OF['ar1']}/64 dev ar1 nodad")
    for where in ("ar1", "ar2"):
        net.guest(agent, mobile, where)
        with Probes(net) as probes:
            time.sleep(SETTLED)
        assert probes.lost == (0, 0)


def test_both_directions_are_plain_ipv6_in_ipv6_between_home_agent_and_care_of_address(
    net: Network, tmp_path: Path
) -> None:
    agent, mobile = net.agent(), net.mobile()
    for where in ("ar1", "ar2"):
        net.guest(agent, mobile, where)
        time.sleep(SETTLED)
        with recorded(net.names["ha"], where, tmp_path / where), Probes(net) as probes:
            time.sleep(SETTLED)
        assert probes.lost == (0, 0)
        care_of = str(CARE_OF[where])
        packets = dissected(tmp_path / where, "udp", "ipv6.src", "ipv6.dst", "ipv6.nxt")
        assert {tuple(packet) for packet in packets} == {
            (f"{AGENT},{CORRESPONDENT}", f"{care_of},{HOME}", "41,17"),
            (f"{care_of},{HOME}", f"{AGENT},{CORRESPONDENT}", "41,17"),
        }
        assert dissected(tmp_path / where, "ipv6.routing || icmpv6.type < 128") == []


def test_only_what_a_registered_care_of_address_sends_for_its_home_address_is_taken_in(
    net: Network,
) -> None:
    agent, mobile = net.agent(), net.mobile()
    net.guest(agent, mobile, "ar1")
    other_home = HOME + 1
    first, second = CARE_OF["ar1"], CARE_OF["ar2"]
    with listening(net, "cn", CORRESPONDENT) as listener:
        port = listener.getsockname()[1]

        def arrives(outer: IPv6Address, inner: IPv6Address) -> bool:
            word = f"{outer} {inner}".encode()[:60]
            packet = tunnelled(outer, AGENT, datagram(inner, CORRESPONDENT, port, word))
            net.inject("ar1", "ha", packet)
            return heard(listener) == [word]

        assert arrives(first, HOME)
        before = net.dropped("ha")
        assert not arrives(second, HOME)
        assert not arrives(STRANGER, HOME)
        assert not arrives(first, other_home)
        assert not arrives(first, CORRESPONDENT)
        assert net.dropped("ha") == before + 4


def test_the_former_care_of_address_is_heard_for_a_moment_and_no_longer(net: Network) -> None:
    agent, mobile = net.agent(), net.mobile()
    with listening(net, "cn", CORRESPONDENT) as listener:
        port = listener.getsockname()[1]

        def arrives(where: str) -> bool:
            inner = datagram(HOME, CORRESPONDENT, port, where.encode())
            net.inject("ar1", "ha", tunnelled(CARE_OF[where], AGENT, inner))
            return heard(listener) == [where.encode()]

        for where in ("ar1", "ar2", "ar1"):
            net.guest(agent, mobile, where)
            time.sleep(0.6)
        net.guest(agent, mobile, "ar2")
        time.sleep(1.0)  # more than two seconds since ar1 was left for the first time
        assert arrives("ar1")
        time.sleep(DRAINED)
        assert not arrives("ar1")
        assert arrives("ar2")


def test_a_mobile_node_takes_in_what_its_home_agent_sends_to_any_care_of_address(
    net: Network,
) -> None:
    mobile = net.mobile()
    net.change(mobile, "mn", {UPLINK: to_agent("ar1")})
    with listening(net, "mn", HOME) as listener:
        port = listener.getsockname()[1]

        def arrives(outer: IPv6Address, to: IPv6Address) -> bool:
            word = f"{outer} {to}".encode()[:60]
            inner = datagram(CORRESPONDENT, HOME, port, word)
            net.inject("ar2", "mn", tunnelled(outer, to, inner))
            return heard(listener) == [word]

        assert arrives(AGENT, CARE_OF["ar1"])
        assert arrives(AGENT, CARE_OF["ar2"])
        before = net.dropped("mn")
        assert not arrives(STRANGER, CARE_OF["ar1"])
        assert not arrives(STRANGER, CARE_OF["ar2"])
        assert not arrives(STRANGER, END_OF_TUNNELS)
        assert not arrives(AGENT, END_OF_TUNNELS)
        assert net.dropped("mn") == before + 4


def test_nobody_reaches_the_end_of_tunnels_behind_the_home_agents_address(net: Network) -> None:
    agent, mobile = net.agent("host-route"), net.mobile()
    net.guest(agent, mobile, "ar1")
    with listening(net, "cn", CORRESPONDENT) as listener:
        inner = datagram(STRANGER, CORRESPONDENT, listener.getsockname()[1], b"forged")
        for end in range(256):
            net.inject("ar1", "ha", tunnelled(STRANGER, AGENT - 1 + end, inner))
        assert heard(listener) == []


@pytest.mark.parametrize("means", MEANS)
def test_a_guest_reaches_no_tunnel_end_from_inside_its_tunnel(net: Network, means: str) -> None:
    """A third packet would come out there, whose source nobody has looked at."""
    agent, mobile = net.agent(means), net.mobile()
    net.guest(agent, mobile, "ar1")
    with listening(net, "cn", CORRESPONDENT) as listener:
        forged = datagram(STRANGER, CORRESPONDENT, listener.getsockname()[1], b"forged")
        before = net.dropped("ha")
        for end in range(2, 256):
            inner = tunnelled(HOME, AGENT - 1 + end, forged)
            net.inject("ar1", "ha", tunnelled(CARE_OF["ar1"], AGENT, inner))
        assert heard(listener) == []
        assert net.dropped("ha") > before


def test_a_second_life_of_either_end_adopts_the_tunnel_and_nothing_is_lost(net: Network) -> None:
    agent, mobile = net.agent(), net.mobile()
    net.guest(agent, mobile, "ar1")
    with Probes(net) as probes:
        net.close(agent, "ha", remove=False)
        net.close(mobile, "mn", remove=False)
        time.sleep(SETTLED)
        agent, mobile = net.agent(), net.mobile()
        assert net.installed(agent, "ha") == {
            DOWNLINK: to_guest("ar1"),
            EGRESS: to_guest("ar1"),
        }
        assert net.installed(mobile, "mn") == {UPLINK: to_agent("ar1")}
        time.sleep(SETTLED)
        net.guest(agent, mobile, "ar2")
        time.sleep(SETTLED)
    assert probes.lost == (0, 0)
    assert str(CARE_OF["ar1"]) not in net.run("ha", "ip nexthop")
    assert "from 2001:db8:1::10" not in net.run("mn", "ip -6 rule")
    time.sleep(DRAINED)
    assert str(CARE_OF["ar1"]) not in net.run("ha", "nft list ruleset")


def test_removal_at_either_end_leaves_nothing(net: Network) -> None:
    before = {node: net.state(node) for node in ("ha", "mn")}
    agent, mobile = net.agent(), net.mobile()
    for where in ("ar1", "ar2"):
        net.guest(agent, mobile, where)
    assert {node: net.state(node) for node in before} != before
    net.close(agent, "ha", remove=True)
    net.close(mobile, "mn", remove=True)
    assert {node: net.state(node) for node in before} == before


def test_what_a_life_that_ended_in_the_middle_has_left_goes_with_removal(net: Network) -> None:
    before = net.state("mn")
    mobile = net.mobile()
    net.change(mobile, "mn", {UPLINK: to_agent("ar1")})
    net.run("mn", "ip -6 route del default proto 173 table main")
    net.close(mobile, "mn", remove=False)
    net.close(net.mobile(), "mn", remove=True)
    assert net.state("mn") == before


def test_a_slot_emptied_leaves_nothing_of_its_tunnel(net: Network) -> None:
    agent, mobile = net.agent(), net.mobile()
    empty = {node: net.state(node) for node in ("ha", "mn")}
    net.guest(agent, mobile, "ar1")
    with_tunnel = net.state("ha")
    assert agent.apply([Change(DOWNLINK, to_guest("ar1")), Change(EGRESS, to_guest("ar1"))]) == [
        "",
        "",
    ]
    assert net.state("ha") == with_tunnel
    assert agent.apply([Change(DOWNLINK, None), Change(EGRESS, None)]) == ["", ""]
    assert mobile.apply([Change(UPLINK, None)]) == [""]
    time.sleep(DRAINED)
    assert {node: net.state(node) for node in empty} == empty


def test_a_guest_on_its_home_agents_own_access_link_reaches_it_but_no_segment(
    net: Network,
) -> None:
    agent = net.agent(filtered=(HomePrefix.parse("2001:db8:a::/48"),))
    mobile = net.mobile()
    net.guest(agent, mobile, "ha")
    with Probes(net) as probes:
        time.sleep(SETTLED)
    assert probes.lost == (0, 0)
    with listening(net, "cn", CORRESPONDENT) as listener:
        inner = datagram(HOME, CORRESPONDENT, listener.getsockname()[1], b"forged")
        for end in range(2, 256):
            net.inject("mn", "ha", tunnelled(CARE_OF["ha"], AGENT - 1 + end, inner))
        assert heard(listener) == []


@pytest.mark.parametrize("where", ["ar1", "ha"])
def test_a_guest_reaches_its_home_agent_itself_from_its_home_address(
    net: Network, where: str
) -> None:
    agent, mobile = net.agent(), net.mobile()
    net.guest(agent, mobile, where)
    assert " 0% packet loss" in net.run("mn", f"ping -c 3 -i 0.1 -W 2 -I {HOME} {AGENT}")


@pytest.mark.parametrize("options", [b"", bytes((UDP, 0, 1, 4, 0, 0, 0, 0))], ids=["", "behind"])
def test_a_guest_reaches_no_vxlan_from_inside_its_tunnel(net: Network, options: bytes) -> None:
    agent, mobile = net.agent("vxlan"), net.mobile()
    net.guest(agent, mobile, "ar1")
    with listening(net, "cn", CORRESPONDENT) as listener:
        forged = datagram(STRANGER, CORRESPONDENT, listener.getsockname()[1], b"forged")
        vxlan = struct.pack(">BBBBI", 0x0C, 0, 0, 2, UPLINK_NETWORK << 8) + forged
        inner = with_options(datagram(HOME, AGENT, VXLAN_PORT, vxlan), options)
        net.inject("ar1", "ha", inner)
        assert heard(listener) == [b"forged"]
        net.inject("ar1", "ha", tunnelled(CARE_OF["ar1"], AGENT, inner))
        assert heard(listener) == []


def test_among_several_addresses_of_a_link_the_tunnel_comes_from_the_care_of_address(
    net: Network, tmp_path: Path
) -> None:
    for other in ("2001:db8:1::8", "2001:db8:1::77", "2001:db8:f0::9", "2001:db8:1:1::9"):
        net.run("mn", f"ip addr add {other}/64 dev ar1 nodad")
    agent, mobile = net.agent(), net.mobile()
    net.guest(agent, mobile, "ar1")
    with recorded(net.names["ha"], "ar1", tmp_path / "way"), Probes(net) as probes:
        time.sleep(SETTLED)
    assert probes.lost == (0, 0)
    sources = dissected(tmp_path / "way", f"ipv6.dst == {AGENT}", "ipv6.src")
    assert {tuple(source) for source in sources} == {(f"{CARE_OF['ar1']},{HOME}",)}


def test_sessions_are_held_to_what_fits_into_the_tunnel(net: Network) -> None:
    agent, mobile = net.agent(), net.mobile()
    net.guest(agent, mobile, "ar1")
    assert net.exchanged(1_000_000) == (1_000_000, 1_000_000)


@pytest.mark.parametrize(
    ("key", "action"),
    [
        (DOWNLINK, Tunnel(locator(CARE_OF["ar1"]), entry=locator(STRANGER))),
        (RuleKey(Table.DOWNLINK, HomePrefix.parse("2001:db8:a::/64")), to_guest("ar1")),
        (RuleKey(Table.DOWNLINK, HomePrefix.parse("10.0.0.7")), to_guest("ar1")),
        (RuleKey(Table.UPLINK, DOWNLINK.prefix), to_guest("ar1")),
    ],
    ids=["not from its own address", "of a prefix", "of IPv4", "on the uplink"],
)
def test_a_home_agent_refuses_a_tunnel(net: Network, key: RuleKey, action: Tunnel) -> None:
    agent = net.agent()
    empty = net.state("ha")
    [refusal] = agent.apply([Change(key, action)])
    assert str(key) in refusal or "does not belong" in refusal
    assert net.state("ha") == empty


def test_a_mobile_node_refuses_a_tunnel_from_an_address_it_has_not(net: Network) -> None:
    mobile = net.mobile()
    empty = net.state("mn")
    [refusal] = mobile.apply([Change(UPLINK, Tunnel(locator(AGENT), entry=locator(STRANGER)))])
    assert str(STRANGER) in refusal
    assert net.state("mn") == empty


def test_a_tunnel_gives_way_to_a_redirection_and_comes_back(net: Network) -> None:
    agent, mobile = net.agent(), net.mobile()
    net.guest(agent, mobile, "ar1")
    net.change(agent, "ha", {DOWNLINK: Redirect(ELSEWHERE), EGRESS: Redirect(ELSEWHERE)})
    assert "@guests6" in net.run("ha", "nft list chain inet opendmm arrivals")
    assert "elements" not in net.run("ha", "nft list set inet opendmm guests6")
    net.guest(agent, mobile, "ar1")
    with Probes(net) as probes:
        time.sleep(SETTLED)
    assert probes.lost == (0, 0)
