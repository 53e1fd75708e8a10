"""What addresses mean to who receives them (RFC 9301 §5.1, §5.4, RFC 8060, RFC 9306)."""

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from lisp_samples import ADDRESSES, EID, EID4, ETR, ETR4, GROUP, ITR, RECORD

from opendmm.wire.lisp.addresses import can_be_sent_to, covers, plain_addresses, prefix_of
from opendmm.wire.lisp.lcaf.base import Address, Ip, address_bits, understood
from opendmm.wire.lisp.lcaf.eids import InstanceId, MulticastInfo
from opendmm.wire.lisp.lcaf.locators import AfiList, ReplicationList, Replicator, SecurityKey
from opendmm.wire.lisp.lcaf.others import UnknownLcaf
from opendmm.wire.lisp.numbers import LocatorFlags
from opendmm.wire.lisp.records import EidRecord, Locator, Question

UNKNOWN = UnknownLcaf(77, b"")


@pytest.mark.parametrize(
    ("address", "found"),
    [
        (None, ()),
        (ETR, (ETR,)),
        (ADDRESSES["AFI list"], (ETR4, ETR)),
        (InstanceId(1, AfiList((ETR, InstanceId(2, ETR4)))), (ETR, ETR4)),
        (ADDRESSES["keys"], (ETR,)),
        (ADDRESSES["replication list"], ()),
        (ADDRESSES["multicast"], ()),
        (ADDRESSES["vendor"], ()),
        (UNKNOWN, ()),
    ],
)
def test_the_addresses_of_a_locator_are_found_inside(
    address: Address, found: tuple[Ip, ...]
) -> None:
    assert plain_addresses(address) == found


@pytest.mark.parametrize(
    ("address", "is_understood"),
    [
        (None, True),
        (ETR, True),
        *((address, name != "unknown") for name, address in ADDRESSES.items()),
        (InstanceId(1, UNKNOWN), False),
        (SecurityKey(1, (), UNKNOWN), False),
        (MulticastInfo(1, 0, 0, UNKNOWN, GROUP), False),
        (MulticastInfo(1, 0, 0, EID, UNKNOWN), False),
        (AfiList((UNKNOWN, UNKNOWN)), False),
        (AfiList((UNKNOWN, ETR)), True),
        (AfiList(()), False),
        (ReplicationList((Replicator(0, UNKNOWN),)), False),
        (ReplicationList((Replicator(0, UNKNOWN), Replicator(0, ETR))), True),
    ],
)
def test_formats_that_are_unknown_all_through_are_to_be_ignored(
    address: Address, is_understood: bool
) -> None:
    """RFC 9306 §3."""
    assert understood(address) is is_understood


def test_a_record_tells_the_locators_that_are_not_to_be_ignored() -> None:
    known, other = Locator(address=ETR), Locator(address=UNKNOWN)
    record = EidRecord(eid=EID, mask_length=128, ttl=1, locators=(known, other))
    assert record.understood_locators == (known,)
    assert EidRecord(eid=EID, mask_length=1, ttl=1, locators=(other,)).understood_locators == ()


def test_of_several_locators_that_were_probed_the_first_counts() -> None:
    """RFC 9301 §5.4."""
    both = tuple(Locator(address=address, flags=LocatorFlags.PROBED) for address in (ITR, ETR))
    record = EidRecord(eid=EID, mask_length=128, ttl=1, locators=(Locator(address=ETR4), *both))
    assert record.probed == both[0]
    assert RECORD.probed is None


@pytest.mark.parametrize(
    ("eid", "length", "prefix"),
    [
        (EID, 48, "2001:db8:a::/48"),
        (EID4, 24, "10.10.0.0/24"),
        (InstanceId(9, EID4), 32, "10.10.0.100/32"),
        (None, 0, None),
        (ADDRESSES["multicast"], 0, None),
    ],
)
def test_bits_beyond_a_prefix_are_ignored(eid: Address, length: int, prefix: str | None) -> None:
    expected = ip_network(prefix) if prefix else None
    assert prefix_of(eid, length) == expected
    assert EidRecord(eid=eid, mask_length=length, ttl=1).prefix == expected
    assert Question(eid=eid, mask_length=length).prefix == expected


S_G = MulticastInfo(9, 128, 128, EID, GROUP)


@pytest.mark.parametrize(
    ("outer", "outer_length", "inner", "inner_length", "is_covered"),
    [
        (EID, 48, EID, 128, True),
        (EID, 48, EID, 48, True),
        (EID, 48, EID, 47, False),
        (EID, 0, ITR, 0, True),
        (EID, 64, ITR, 64, False),
        (EID4, 0, EID, 128, False),
        (EID, 0, EID4, 32, False),
        (EID4, 24, IPv4Address("10.10.0.1"), 32, True),
        (EID4, 24, IPv4Address("10.10.1.1"), 32, False),
        (InstanceId(9, EID), 48, InstanceId(9, EID), 128, True),
        (InstanceId(9, EID), 48, InstanceId(8, EID), 128, False),
        (InstanceId(9, EID), 0, EID, 128, False),
        (EID, 0, InstanceId(9, EID), 128, False),
        (ADDRESSES["multicast"], 0, S_G, 0, True),
        (S_G, 0, ADDRESSES["multicast"], 0, False),
        (ADDRESSES["multicast"], 0, MulticastInfo(8, 128, 128, EID, GROUP), 0, False),
        (ADDRESSES["multicast"], 0, MulticastInfo(9, 128, 128, EID, ITR), 0, False),
        (UNKNOWN, 0, UNKNOWN, 0, True),
        (UNKNOWN, 0, UNKNOWN, 1, False),
        (None, 0, EID, 128, False),
    ],
)
def test_a_prefix_covers_what_is_under_it_in_the_same_instance(
    outer: Address, outer_length: int, inner: Address, inner_length: int, is_covered: bool
) -> None:
    assert covers(outer, outer_length, inner, inner_length) is is_covered


@pytest.mark.parametrize(
    ("address", "can"),
    [
        ("10.9.0.2", True),
        ("232.1.1.1", True),
        ("255.255.255.255", False),
        ("224.0.0.1", False),
        ("fd00:d::2", True),
        ("ff3e::1", True),
        ("ff02::1", False),
    ],
)
def test_packets_go_to_no_broadcast_and_no_link_local_group(address: str, can: bool) -> None:
    """RFC 9301 §5.4."""
    ip = IPv6Address(address) if ":" in address else IPv4Address(address)
    assert can_be_sent_to(ip) is can


def test_how_long_a_prefix_can_be_is_told_where_the_family_says() -> None:
    assert address_bits(SecurityKey(1, (), InstanceId(1, ETR4))) == 32
    assert address_bits(InstanceId(1, ETR)) == 128
    for unsaid in (None, UNKNOWN, ADDRESSES["multicast"], ADDRESSES["AFI list"]):
        assert address_bits(unsaid) is None
