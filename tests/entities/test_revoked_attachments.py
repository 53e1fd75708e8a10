"""An anchor serves by a gateway no longer before the gateway has seen the link go (RFC 5846)."""

import msgspec
import pytest
from instant_network import InstantNetwork

from opendmm.entities.effects import Install, LinkAttached, Remove, Started
from opendmm.entities.fe_mu_c import Link, NetworkClient
from opendmm.model.addressing import Egress, HomePrefix, Locator
from opendmm.model.identity import EntityAddress, FunctionalEntity, MobileNodeId, NodeId
from opendmm.model.rules import Access, RuleKey, Table
from opendmm.reference_points import r_xu
from opendmm.reference_points.catalogue import Envelope, ReferencePointName
from opendmm.reference_points.message import Status
from opendmm.simulation.constellations import small
from opendmm.simulation.hosts import AssembledHosts

FE = FunctionalEntity
MN = MobileNodeId("mn1@example.org")
HNP = HomePrefix.parse("2001:db8:a:1::/64")
ANCHOR_A, MAG_A, MAG_A2, MAG_B = (NodeId(n) for n in ("anchor-a", "mag-a", "mag-a2", "mag-b"))
DEPLOYMENT = small("gateways")
DRAIN = DEPLOYMENT.timers.drain
FROM_TUNNEL = RuleKey(Table.EGRESS, HNP)


@pytest.fixture
def network() -> InstantNetwork:
    hosts = AssembledHosts(DEPLOYMENT)
    return InstantNetwork([hosts.host(n) for n, p in DEPLOYMENT.nodes.items() if p.entities])


def attach(network: InstantNetwork, gateway: NodeId) -> int:
    network.advance(0.01)
    network.local(gateway, FE.FE_MU_C, LinkAttached(MN, "mn1", b"\2\0\0\0\0\1"))
    return int(network.now * 1_000_000)


def revoke(
    network: InstantNetwork,
    attached_at: int,
    reason: r_xu.RevocationReason = r_xu.RevocationReason.ENDED,
) -> None:
    message = r_xu.AttachmentRevoked(mobile_node=MN, attached_at=attached_at, reason=reason)
    ends = EntityAddress(ANCHOR_A, FE.FE_MCTX), EntityAddress(MAG_A, FE.FE_MU_C)
    network.hosts[MAG_A].receive(Envelope(ReferencePointName.R_XU, *ends, message), network.now)
    network.run()


@pytest.mark.parametrize("to", [MAG_A2, MAG_B], ids=["same anchor", "other anchor"])
def test_the_gateway_left_behind_carries_what_is_under_way_and_then_nothing(
    network: InstantNetwork, to: NodeId
) -> None:
    attach(network, MAG_A)
    attach(network, to)
    assert network.rules(MAG_A)[FROM_TUNNEL] == Access("mn1", b"\2\0\0\0\0\1")
    network.advance(DRAIN + 0.1)
    assert not network.rules(MAG_A)
    assert network.rules(to)


def test_who_is_back_before_the_drain_time_is_over_is_served_on(network: InstantNetwork) -> None:
    attach(network, MAG_A)
    attach(network, MAG_A2)
    network.advance(DRAIN / 2)
    network.local(MAG_A, FE.FE_MU_C, LinkAttached(MN, "mn1-other", b"\2\0\0\0\0\1"))
    network.advance(DRAIN)
    assert network.rules(MAG_A)[FROM_TUNNEL] == Access("mn1-other", b"\2\0\0\0\0\1")


def test_what_has_ended_is_carried_no_longer_at_once(network: InstantNetwork) -> None:
    at = attach(network, MAG_A)
    revoke(network, at)
    assert not network.rules(MAG_A)


def test_the_revocation_of_an_earlier_attachment_changes_nothing(network: InstantNetwork) -> None:
    at = attach(network, MAG_A)
    before = network.rules(MAG_A)
    revoke(network, at - 1)
    assert network.rules(MAG_A) == before


def test_a_restarted_gateway_does_not_serve_what_was_revoked() -> None:
    client = NetworkClient(MAG_A, frozenset(), anchor=Egress(ANCHOR_A, Locator(bytes(16))))
    link = Link(
        mobile_node=MN,
        interface="mn1",
        link_layer_id=b"",
        anchor=ANCHOR_A,
        attached_at=1,
        served=(HNP,),
        revoked=True,
    )
    effects = client.handle(Started({MN: msgspec.msgpack.encode(link)}), 2.0)
    assert Remove(FROM_TUNNEL) in effects
    assert not [effect for effect in effects if isinstance(effect, Install)]


def test_a_gateway_whose_anchor_thinks_better_of_it_serves_no_longer(
    network: InstantNetwork,
) -> None:
    """RFC 5213 §6.9.1.2, item 11."""
    at = attach(network, MAG_A)
    refusal = r_xu.AttachAcknowledgement(
        mobile_node=MN, attached_at=at, status=Status.NOT_AUTHORISED, anchor=ANCHOR_A
    )
    ends = EntityAddress(ANCHOR_A, FE.FE_MCTX), EntityAddress(MAG_A, FE.FE_MU_C)
    network.hosts[MAG_A].receive(Envelope(ReferencePointName.R_XU, *ends, refusal), network.now)
    network.run()
    assert not network.rules(MAG_A)
