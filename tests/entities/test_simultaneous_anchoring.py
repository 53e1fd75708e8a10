"""A prefix of each anchor: what is allocated, and what the mobile node is told of it."""

import msgspec
import pytest
from anchors import ANCHORS, EGRESSES, MAC, MN, authority

from opendmm.entities.effects import Advertise, LinkAttached, Received, Send
from opendmm.entities.fe_ma_c import FeMaC
from opendmm.entities.fe_mu_c import NetworkClient
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import EntityAddress, FunctionalEntity, MobileNodeId, NodeId
from opendmm.reference_points import r_xa, r_xu
from opendmm.reference_points.message import Status

HERE = ANCHORS[1]
MCTX = EntityAddress(HERE, FunctionalEntity.FE_MCTX)
OLD, NEW = HomePrefix.parse("2001:db8:a:1::/64"), HomePrefix.parse("2001:db8:b:1000::/64")


def anchor(*pools: str) -> FeMaC:
    prefixes = tuple(HomePrefix.parse(pool) for pool in pools)
    return FeMaC(HERE, prefixes, authority(HERE), EGRESSES[HERE].locator)


def allocated(anchor_: FeMaC, mobile_node: str, *wanted: str) -> list[str]:
    request = r_xa.PrefixAllocate(
        mobile_node=MobileNodeId(mobile_node),
        wanted=tuple(HomePrefix.parse(prefix) for prefix in wanted),
    )
    effects = anchor_.handle(Received(MCTX, request), 0.0)
    (answer,) = (e.message for e in effects if isinstance(e, Send))
    assert isinstance(answer, r_xa.PrefixAllocated)
    return [str(prefix) for prefix in answer.prefixes]


def test_each_mobile_node_gets_a_network_prefix_that_its_host_can_make_addresses_of() -> None:
    pools = anchor("2001:db8:b::/48", "10.20.0.0/16")
    assert allocated(pools, "one") == ["2001:db8:b:1000::/64", "10.20.16.0/32"]
    assert allocated(pools, "two") == ["2001:db8:b:1001::/64", "10.20.16.1/32"]
    assert allocated(pools, "one") == ["2001:db8:b:1000::/64", "10.20.16.0/32"]


def test_what_is_allocated_overlaps_nothing_that_was_given_before() -> None:
    pools = anchor("2001:db8:b::/48")
    allocated(pools, "subscriber", "2001:db8:b:1000::7/128", "2001:db8:b:1002::/63")
    assert [allocated(pools, name) for name in ("one", "two")] == [
        ["2001:db8:b:1001::/64"],
        ["2001:db8:b:1004::/64"],
    ]


@pytest.mark.parametrize(
    ("pool", "given"),
    [
        ("2001:db8:b::/62", ["2001:db8:b:2::/64", "2001:db8:b:3::/64"]),
        ("2001:db8:b::/64", ["2001:db8:b::1000/128", "2001:db8:b::1001/128"]),
        ("10.20.0.0/30", ["10.20.0.2/32", "10.20.0.3/32"]),
    ],
)
def test_a_small_pool_gives_what_it_has(pool: str, given: list[str]) -> None:
    pools = anchor(pool)
    assert [allocated(pools, name) for name in ("one", "two")] == [[one] for one in given]


def test_an_exhausted_pool_gives_nothing() -> None:
    pools = anchor("10.20.0.0/31")
    assert [allocated(pools, name) for name in ("one", "two")] == [["10.20.0.1/32"], []]


def test_the_client_beside_the_anchor_has_the_prefixes_advertised_on_the_link() -> None:
    client = NetworkClient(HERE, frozenset())
    client.handle(LinkAttached(MN, "mn1", MAC), 1.0)
    acknowledgement = r_xu.AttachAcknowledgement(
        mobile_node=MN,
        attached_at=client.links[MN].attached_at,
        status=Status.ACCEPTED,
        anchor=HERE,
        prefixes=(NEW,),
        deprecated=(OLD,),
    )
    told = Advertise(MN, "mn1", MAC, (NEW,), (OLD,))
    assert told in client.handle(Received(MCTX, acknowledgement), 1.1)
    of_another_move = msgspec.structs.replace(acknowledgement, anchor=NodeId("anchor-c"))
    elsewhere = EntityAddress(NodeId("anchor-c"), FunctionalEntity.FE_MCTX)
    assert client.handle(Received(elsewhere, of_another_move), 1.2) == []
