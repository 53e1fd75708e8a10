"""Pull mode's upcall and a mobile node's default routes, on the real kernel."""

import asyncio
import ipaddress
import socket

import pytest
from namespaces import inside, namespaces, sh, veth

from opendmm.model.addressing import HomePrefix
from opendmm.model.rules import Access, Change, RuleKey, Table
from opendmm.node.first_packets import FirstPackets
from opendmm.node.mobile_node_forwarding import MobileNodeForwarding

pytestmark = pytest.mark.lab

POOLS = tuple(map(HomePrefix.parse, ("2001:db8:a::/48", "2001:db8:a:1::/64", "10.10.0.0/16")))


def test_the_first_packet_to_each_destination_of_a_pool_is_told_once() -> None:
    async def watch(router: str, host: str) -> list[str]:
        seen: list[str] = []
        with inside(router):
            packets = FirstPackets(POOLS, lambda to: seen.append(str(ipaddress.ip_address(to))))
        with inside(host):
            six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            four = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for _ in range(20):
            six.sendto(b"x", ("2001:db8:a:1::100", 9))
            six.sendto(b"x", ("2001:db8:b::100", 9))
            four.sendto(b"x", ("10.10.0.100", 9))
        await asyncio.sleep(0.2)
        with inside(router):
            packets.close(remove=True)
        return seen

    with namespaces(2) as (router, host):
        veth(router, "host", host, "router")
        sh(f"ip -n {router} link set host up")
        sh(f"ip -n {host} link set router up")
        sh(f"ip -n {router} addr add fd00::1/64 dev host")
        sh(f"ip -n {router} addr add 10.0.0.1/24 dev host")
        sh(f"ip -n {host} addr add fd00::2/64 dev router")
        sh(f"ip -n {host} addr add 10.0.0.2/24 dev router")
        sh(f"ip -n {host} -6 route add default via fd00::1")
        sh(f"ip -n {host} route add default via 10.0.0.1")
        sh(f"ip netns exec {host} ping -6 -c 1 -W 2 fd00::1")
        seen = asyncio.run(watch(router, host))
        left = sh(f"ip netns exec {router} nft list tables")

    assert sorted(seen) == ["10.10.0.100", "2001:db8:a:1::100"]
    assert left == ""


def test_default_routes_move_from_one_anchor_to_the_next_in_place() -> None:
    keys = [RuleKey(Table.UPLINK, HomePrefix(bytes(size), 0)) for size in (16, 4)]
    with namespaces(1) as (mobile,):
        for anchor in ("anchor-a", "anchor-b"):
            veth(mobile, anchor, mobile, f"{anchor}-x")
            sh(f"ip -n {mobile} link set {anchor} up")
        with inside(mobile):
            forwarding = MobileNodeForwarding()
            assert forwarding.apply([Change(k, Access("anchor-a", b"")) for k in keys]) == ["", ""]
            assert forwarding.apply([Change(k, Access("anchor-b", b"")) for k in keys]) == ["", ""]
            held = {rule.key: rule.action for rule in forwarding.installed()}
            told = sh(f"ip -n {mobile} -6 route show default") + sh(
                f"ip -n {mobile} route show default"
            )
            errors = forwarding.apply([Change(keys[0], Access("anchor-c", b""))])
            forwarding.close(remove=True)
        left = sh(f"ip -n {mobile} -6 route show default") + sh(
            f"ip -n {mobile} route show default"
        )

    assert held == {key: Access("anchor-b", b"") for key in keys}
    assert "anchor-a" not in told
    assert told.count("anchor-b") == 2
    assert errors == ["interface anchor-c: no interface with this name"]
    assert left == ""
