"""Golden octets, written out by hand from the kernel's headers (little-endian machines)."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendmm.forwarding.netlink import attributes
from opendmm.forwarding.netlink.address_label import (
    AddressLabel,
    delete_address_label,
    parse_address_label,
    put_address_label,
)
from opendmm.forwarding.netlink.lightweight_tunnel import (
    Encapsulation,
    end_dt6,
    end_dx4,
    final_segment,
    h_encaps_red,
    metadata_destination,
    tunnel_metadata,
)
from opendmm.forwarding.netlink.link import add_link, vxlan_data
from opendmm.forwarding.netlink.neighbour import (
    Neighbour,
    delete_neighbour,
    parse_neighbour,
    put_neighbour,
)
from opendmm.forwarding.netlink.next_hop import NextHop, add_next_hop, parse_next_hop
from opendmm.forwarding.netlink.nftables_elements import (
    Interval,
    add_prefix,
    parse_intervals,
    transaction,
)
from opendmm.forwarding.netlink.policy_rule import PolicyRule, add_policy_rule, parse_policy_rule
from opendmm.forwarding.netlink.route import (
    AF_INET,
    AF_INET6,
    Route,
    RouteForm,
    RouteType,
    delete_route,
    parse_route,
    put_route,
)

pytestmark = pytest.mark.skipif(sys.byteorder != "little", reason="golden octets are little-endian")

HEADER = attributes.HEADER.size
SID = bytes.fromhex("fd00000d000200000000000000000006")
HOME6 = bytes.fromhex("20010db8000a00000000000000000100")
HOME4 = bytes([10, 10, 0, 100])
MAC = bytes.fromhex("020000000a01")


def octets(text: str) -> bytes:
    return bytes.fromhex("".join(text.split()))


def test_a_route_by_a_next_hop_object_in_ipv6() -> None:
    assert put_route(HOME6, 128, RouteForm(254, 173, 173, next_hop=5)) == octets(
        """48000000 1800 0105 00000000 00000000
           0a 80 00 00 00 ad 00 01 00000000
           1400 0100 20010db8000a00000000000000000100
           0800 0f00 fe000000
           0800 0600 ad000000
           0800 1e00 05000000"""
    )


def test_the_deletion_of_a_route_in_ipv4() -> None:
    assert delete_route(HOME4, 32, RouteForm(7301, 173, 173)) == octets(
        """34000000 1900 0100 00000000 00000000
           02 20 00 00 00 ad 00 01 00000000
           0800 0100 0a0a0064
           0800 0f00 851c0000
           0800 0600 ad000000"""
    )


def test_reduced_encapsulation_with_one_segment() -> None:
    assert h_encaps_red(SID).body == octets(
        """2000 0100
           03000000
           00 02 04 00 00 00 0000
           fd00000d000200000000000000000006"""
    )


def test_the_behaviours_of_tunnel_ends() -> None:
    assert end_dt6(7301).body == octets("0800 0100 07000000 0800 0300 851c0000")
    assert end_dx4().body == octets("0800 0100 06000000 0800 0400 00000000")


def test_tunnel_metadata() -> None:
    source = bytes(15) + b"\1"
    assert tunnel_metadata(7301, source, SID).body == octets(
        """0c00 0100 0000000000001c85
           1400 0200 fd00000d000200000000000000000006
           1400 0300 00000000000000000000000000000001
           0500 0400 40 000000"""
    )


def test_a_next_hop_object_that_encapsulates() -> None:
    hop = NextHop(5, AF_INET6, 173, 3, encapsulation=h_encaps_red(SID))
    assert add_next_hop(hop) == octets(
        """54000000 6800 0106 00000000 00000000
           0a 00 ad 00 00000000
           0800 0100 05000000
           0800 0500 03000000
           0600 0700 0500 0000
           2400 0880
             2000 0100 03000000 00 02 04 00 00 00 0000
             fd00000d000200000000000000000006"""
    )


def test_a_permanent_neighbour() -> None:
    assert put_neighbour(Neighbour(3, HOME4, MAC, 173)) == octets(
        """38000000 1c00 0105 00000000 00000000
           02 00 0000 03000000 8000 00 00
           0800 0100 0a0a0064
           0a00 0200 020000000a01 0000
           0500 0c00 ad 000000"""
    )
    assert len(delete_neighbour(Neighbour(3, HOME4))) == 36


def test_a_policy_rule_by_source_and_mark() -> None:
    rule = PolicyRule(
        family=AF_INET,
        priority=17303,
        table=9,
        protocol=173,
        mark=0x7302,
        source=HOME4,
        source_length=32,
    )
    assert add_policy_rule(rule) == octets(
        """44000000 2000 0106 00000000 00000000
           02 00 20 00 00 00 00 01 00000000
           0800 0600 97430000
           0800 0f00 09000000
           0500 1500 ad 000000
           0800 0a00 02730000
           0800 0200 0a0a0064"""
    )


def test_a_vxlan_device_without_ethernet() -> None:
    message = add_link("dmm-vx", "vxlan", 1944, vxlan_data(4790))
    assert message[HEADER + 16 :] == octets(
        """0b00 0300 646d6d2d767800 00
           0800 0400 98070000
           4000 1280
             0a00 0100 76786c616e00 0000
             3000 0280
             0500 0700 00 000000
             0600 0f00 12b6 0000
             0500 1300 01 000000
             0500 1400 01 000000
             0500 1900 01 000000
             0400 1b00"""
    )


def test_a_prefix_in_an_interval_set_is_its_first_address_and_the_one_after_its_last() -> None:
    network = HOME6[:8] + bytes(8)
    message = add_prefix("opendmm", "permitted6", network, 64)
    assert message[HEADER:] == octets(
        """01 00 0000
           0c00 0100 6f70656e646d6d00
           0f00 0200 7065726d697474656436 00 00
           4400 0380
             1c00 0180 1800 0180 1400 0100 20010db8000a00000000000000000000
             2400 0180 1800 0180 1400 0100 20010db8000a00010000000000000000
             0800 0300 00000001"""
    )


def test_a_transaction_stands_between_its_marks() -> None:
    begin, change, end = transaction(b"change")
    assert begin[4:6] == b"\x10\x00"
    assert change == b"change"
    assert end[4:6] == b"\x11\x00"


forms = st.builds(
    RouteForm,
    table=st.integers(1, 2**32 - 1),
    protocol=st.integers(0, 255),
    metric=st.integers(0, 2**32 - 1),
    kind=st.sampled_from([RouteType.UNICAST, RouteType.UNREACHABLE]),
    next_hop=st.integers(0, 2**32 - 1),
    output=st.integers(0, 2**31 - 1),
    gateway=st.sampled_from([b"", SID]),
    encapsulation=st.sampled_from([None, h_encaps_red(SID), tunnel_metadata(1, SID, HOME6)]),
    source=st.sampled_from([b"", HOME6]),
    source_length=st.integers(0, 128),
)


@given(forms, st.integers(0, 128))
def test_a_route_is_read_back_as_it_was_written(form: RouteForm, length: int) -> None:
    body = put_route(HOME6, length, form)[HEADER:]
    assert parse_route(body) == Route(AF_INET6, HOME6, length, form)


@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**31 - 1),
    st.sampled_from([b"", SID]),
    st.sampled_from([None, h_encaps_red(SID), tunnel_metadata(1, SID, HOME6)]),
)
def test_a_next_hop_is_read_back_as_it_was_written(
    number: int, output: int, gateway: bytes, encapsulation: Encapsulation | None
) -> None:
    hop = NextHop(number, AF_INET6, 173, output, gateway, encapsulation)
    assert parse_next_hop(add_next_hop(hop)[HEADER:]) == hop


def test_neighbours_and_rules_are_read_back_as_they_were_written() -> None:
    neighbour = Neighbour(3, HOME6, MAC, 173)
    assert parse_neighbour(put_neighbour(neighbour)[HEADER:]) == neighbour
    rule = PolicyRule(
        family=AF_INET6, priority=1, table=7301, protocol=173, input_name="dmm-vx", tunnel_id=7302
    )
    assert parse_policy_rule(add_policy_rule(rule)[HEADER:]) == rule


def test_the_far_end_of_a_tunnel_is_read_back() -> None:
    assert final_segment(h_encaps_red(SID)) == SID
    assert metadata_destination(tunnel_metadata(1, HOME6, SID)) == SID


@given(st.sets(st.integers(0, 255), max_size=40), st.integers(25, 32))
def test_prefixes_of_a_set_are_read_back_whatever_their_order(
    numbers: set[int], length: int
) -> None:
    step = 32 - length
    networks = sorted({(0x0A000000 + (n << step)).to_bytes(4, "big") for n in numbers})
    bodies = [add_prefix("opendmm", "permitted4", n, length)[HEADER:] for n in reversed(networks)]
    assert parse_intervals(bodies) == [Interval(n, length, 0, 0) for n in networks]


def test_the_last_prefix_of_all_has_no_end() -> None:
    body = add_prefix("opendmm", "permitted4", b"\xff\xff\xff\x00", 24)[HEADER:]
    assert parse_intervals([body]) == [Interval(b"\xff\xff\xff\x00", 24, 0, 0)]


@given(st.binary(max_size=200))
def test_damaged_attributes_are_read_as_far_as_they_go(data: bytes) -> None:
    members = attributes.members(data)
    assert sum(4 + len(value) for _, value in members) <= len(data) + 3 * len(members)


def test_the_label_of_an_address() -> None:
    entry = AddressLabel(HOME6, 0x7306)
    put = put_address_label(entry)
    assert put == octets(
        """38000000 4800 0105 00000000 00000000
        0a 00 80 00 00000000 00000000
        1400 0100 20010db8000a00000000000000000100
        0800 0200 06730000"""
    )
    assert parse_address_label(put[HEADER:]) == entry
    assert delete_address_label(entry)[4:8] == octets("4900 0100")
