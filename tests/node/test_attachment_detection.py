"""Whose arrival or departure an event is, without a kernel."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendmm.entities.effects import LinkAttached, LinkDetached
from opendmm.forwarding.netlink.address import IFA_ADDRESS, IFADDRMSG, TENTATIVE
from opendmm.forwarding.netlink.attributes import attribute
from opendmm.model.addressing import Locator
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.node.attachment.access import AccessDetection, Subscriber
from opendmm.node.attachment.kernel_events import (
    AddressState,
    LinkState,
    NeighbourState,
    parse_event,
)
from opendmm.node.attachment.own_links import OwnLink, OwnLinks
from opendmm.node.attachment.solicitations import solicitor

MN = MobileNodeId("mn1@example.org")
MAC = bytes.fromhex("020000000042")
ADDRESS = bytes.fromhex("fe80000000000000000000fffe000042")
SHARED = LinkState(7, "wlan0", True, b"")
HEARD = NeighbourState(7, ADDRESS, MAC, known=True, heard=True)
GONE = NeighbourState(7, ADDRESS, b"", known=False, heard=False)
ARRIVED = LinkAttached(MN, "wlan0", MAC)


@pytest.fixture
def detection() -> AccessDetection:
    found = AccessDetection([Subscriber("mn1", MN, MAC)])
    found.kernel_event(SHARED, 0.0)
    found.complete = True
    return found


def test_a_link_that_only_changes_its_flags_is_no_news(detection: AccessDetection) -> None:
    up = LinkState(8, "mn1", True, b"")
    assert detection.kernel_event(up, 1.0) == [LinkAttached(MN, "mn1", MAC)]
    assert detection.kernel_event(up, 2.0) == []


def test_a_stranger_is_no_attachment(detection: AccessDetection) -> None:
    assert detection.kernel_event(LinkState(9, "eth0", True, b""), 1.0) == []
    assert detection.solicitation(7, bytes(6), 1.0) == []


def test_an_entry_that_ages_is_no_arrival(detection: AccessDetection) -> None:
    assert detection.kernel_event(HEARD, 1.0) == [ARRIVED]
    assert detection.kernel_event(HEARD, 60.0) == []


def test_an_entry_from_before_our_time_is_no_arrival() -> None:
    detection = AccessDetection([Subscriber("mn1", MN, MAC)])
    detection.kernel_event(SHARED, 0.0)
    assert detection.kernel_event(HEARD, 1.0) == []
    detection.complete = True
    assert detection.kernel_event(HEARD, 2.0) == []


def test_who_appears_again_on_a_shared_link_has_left_in_between(
    detection: AccessDetection,
) -> None:
    detection.kernel_event(HEARD, 1.0)
    detection.kernel_event(GONE, 10.0)
    assert detection.kernel_event(HEARD, 20.0) == [LinkDetached(MN, "wlan0"), ARRIVED]


def test_solicitation_and_neighbour_entry_together_are_one_arrival(
    detection: AccessDetection,
) -> None:
    assert detection.solicitation(7, MAC, 1.0) == [ARRIVED]
    assert detection.kernel_event(HEARD, 1.00002) == []


def test_on_a_mobile_node_the_interface_names_the_anchor() -> None:
    links = OwnLinks(MN, {"anchor-a": OwnLink(NodeId("anchor-a"))})
    up = LinkState(3, "anchor-a", True, MAC)
    assert links.kernel_event(up, 1.0) == [LinkAttached(MN, "anchor-a", MAC, NodeId("anchor-a"))]
    assert links.kernel_event(LinkState(4, "eth0", True, MAC), 1.0) == []
    assert links.absent() == []


def test_as_a_guest_it_is_attached_once_it_has_an_address_there() -> None:
    links = OwnLinks(MN, {"ar-1": OwnLink(NodeId("ha-b"), away=True)})
    first, second = (Locator.parse(f"2001:db8:1::{host}").address for host in (1, 2))

    def attached(address: bytes) -> LinkAttached:
        return LinkAttached(MN, "ar-1", MAC, NodeId("ha-b"), Locator(address))

    assert links.kernel_event(LinkState(3, "ar-1", True, MAC), 0.0) == []
    assert links.kernel_event(AddressState(3, first, usable=False), 0.0) == []  # tentative
    assert links.kernel_event(AddressState(3, first, usable=True), 0.0) == [attached(first)]
    assert links.kernel_event(AddressState(3, second, usable=True), 0.0) == []
    assert links.kernel_event(AddressState(3, first, usable=False), 0.0) == [attached(second)]
    assert links.kernel_event(AddressState(4, first, usable=True), 0.0) == []  # of another link
    assert links.absent() == []
    assert links.kernel_event(LinkState(3, "ar-1", False, MAC), 0.0) == [LinkDetached(MN, "ar-1")]
    assert links.absent() == [LinkDetached(MN, "ar-1")]


def test_of_addresses_in_kernel_events_only_global_ones_count() -> None:
    address = Locator.parse("2001:db8:1::1").address
    added, removed = 20, 21

    def event(kind: int, scope: int, flags: int) -> object:
        body = IFADDRMSG.pack(10, 64, flags, scope, 7) + attribute(IFA_ADDRESS, address)
        return parse_event(kind, body)

    assert event(added, 0, 0) == AddressState(7, address, usable=True)
    assert event(added, 0, TENTATIVE) == AddressState(7, address, usable=False)
    assert event(removed, 0, 0) == AddressState(7, address, usable=False)
    assert event(added, 253, 0) is None  # link-local
    assert parse_event(added, b"\0") is None


def test_the_source_link_layer_address_of_a_solicitation_is_found() -> None:
    # RFC 4861 §4.1, §4.6.1: type 133, code 0, checksum, reserved; option 1 of 8 octets.
    assert solicitor(bytes.fromhex("8500abcd000000000101020000000042")) == MAC


@pytest.mark.parametrize(
    "octets",
    [
        "",
        "85000000",
        "85010000000000000101020000000042",  # code 1
        "86000000000000000101020000000042",  # an advertisement
        "85000000000000000100020000000042",  # option of length 0
        "85000000000000000102020000000042",  # option longer than the packet
        "8500000000000000",  # no option: does not say who
    ],
)
def test_a_solicitation_that_is_not_valid_or_silent_tells_nobody(octets: str) -> None:
    assert solicitor(bytes.fromhex(octets)) == b""


@given(st.binary(max_size=80))
def test_any_octets_are_survived(octets: bytes) -> None:
    solicitor(octets)
    for kind in (16, 17, 28, 29, 99):
        parse_event(kind, octets)


def test_a_permanent_neighbour_is_our_own_doing() -> None:
    body = struct.pack("=BxHiHBB", 10, 0, 7, 0x80, 0, 0)
    assert parse_event(28, body) == NeighbourState(7, b"", b"", known=False, heard=False)
