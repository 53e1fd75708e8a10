"""Router Advertisements: what is in them, and what a plain Linux host makes of them."""

import asyncio
import ipaddress
import json
import time
from pathlib import Path

import pytest
from namespaces import inside, namespaces, sh, veth

from opendmm.entities.effects import Advertise
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import MobileNodeId
from opendmm.node.attachment.advertisements import (
    Advertisements,
    link_local_address,
    packet,
    router_advertisement,
)

OLD, NEW = HomePrefix.parse("2001:db8:a:1::/64"), HomePrefix.parse("2001:db8:b:1000::/64")
HOA = HomePrefix.parse("2001:db8:a::100/128")
ROUTER = ipaddress.IPv6Address("fe80::1")

BY_HAND = bytes.fromhex(
    # RFC 4861 §4.2: type, code, checksum, hop limit, flags, router lifetime, two timers
    "86 00 0000 40 00 0708 00000000 00000000"
    # RFC 4861 §4.6.2: type, length, prefix length, A, valid, preferred, reserved, prefix
    "03 04 40 40 0000012c 0000012c 00000000 20010db8000b10000000000000000000"
    "03 04 40 40 0000012c 00000000 00000000 20010db8000a00010000000000000000"
)


def advertise(interface: str) -> Advertise:
    return Advertise(MobileNodeId("mn1@example.org"), interface, b"", (NEW, HOA), (OLD,))


def test_an_advertisement_is_as_the_rfc_draws_it() -> None:
    assert router_advertisement([(NEW, 300), (OLD, 0)], 300) == BY_HAND


def test_a_packet_to_all_nodes_has_a_checksum_that_adds_up_and_a_hop_limit_of_the_link() -> None:
    whole = packet(ROUTER, BY_HAND)
    assert whole[:8] == bytes.fromhex("60000000 0050 3a ff")
    assert ipaddress.IPv6Address(whole[24:40]) == ipaddress.IPv6Address("ff02::1")
    covered = whole[8:40] + len(BY_HAND).to_bytes(4, "big") + bytes([0, 0, 0, 58]) + whole[40:]
    words = [int.from_bytes(covered[i : i + 2], "big") for i in range(0, len(covered), 2)]
    total = sum(words)
    assert (total & 0xFFFF) + (total >> 16) == 0xFFFF


def test_the_source_is_the_lowest_link_local_address_of_the_interface() -> None:
    listing = (
        "20010db8000a00000000000000000001 02 40 00 80   access\n"
        "fe8000000000000000fffffe00000001 02 40 20 80   access\n"
        "fe800000000000000000000000000001 02 40 20 80   access\n"
        "fe800000000000000000000000000000 03 40 20 80    other\n"
    )
    assert link_local_address("access", listing) == ROUTER
    with pytest.raises(LookupError, match="gone has no link-local address"):
        link_local_address("gone", listing)


@pytest.mark.lab
def test_a_host_prefers_the_new_prefix_and_keeps_the_old_one_as_deprecated() -> None:
    async def send(times: float) -> None:
        advertisements = Advertisements(lifetime=300.0)
        advertisements.send(advertise("mn1"))
        await asyncio.sleep(times)
        advertisements.close()

    with namespaces(2) as (anchor, mobile):
        veth(anchor, "mn1", mobile, "radio")
        with inside(mobile):
            Path("/proc/sys/net/ipv6/conf/radio/accept_ra").write_text("1")
        sh(f"ip -n {anchor} link set mn1 up")
        sh(f"ip -n {mobile} link set radio up")
        sh(f"ip -n {anchor} addr add fe80::1/64 dev mn1 nodad")
        with inside(anchor):
            asyncio.run(send(0.1))
        time.sleep(0.1)
        shown = json.loads(sh(f"ip -j -n {mobile} -6 addr show dev radio scope global"))
        route = json.loads(sh(f"ip -j -n {mobile} -6 route get 2001:db8:ff::1"))

    state = {
        ipaddress.ip_network(f"{one['local']}/64", strict=False): one.get("deprecated", False)
        for one in shown[0]["addr_info"]
        if one
    }
    assert state == {ipaddress.ip_network(str(NEW)): False, ipaddress.ip_network(str(OLD)): True}
    assert ipaddress.ip_address(route[0]["prefsrc"]) in ipaddress.ip_network(str(NEW))


@pytest.mark.lab
def test_a_link_that_is_gone_is_no_reason_to_fail() -> None:
    async def send() -> None:
        advertisements = Advertisements(lifetime=300.0)
        advertisements.send(advertise("nowhere"))
        await asyncio.sleep(0.1)
        advertisements.close()

    with namespaces(1) as (anchor,), inside(anchor):
        asyncio.run(send())
