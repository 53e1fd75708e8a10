"""A mobile node whose anchor has given it up, while it was out of reach, begins anew."""

import pytest
from anchors import ANCHORS, HOA, MN, REGISTRY, cooperative
from instant_network import InstantNetwork

from opendmm.authority.authority import Authority
from opendmm.entities.effects import LinkAttached
from opendmm.model.identity import EntityAddress, FunctionalEntity, NodeId
from opendmm.model.rules import Access, RuleKey, Table
from opendmm.reference_points import r_xu
from opendmm.reference_points.catalogue import Envelope, ReferencePointName
from opendmm.reference_points.message import Message, Status

FE = FunctionalEntity
A, B, _ = ANCHORS
DOWN = RuleKey(Table.DOWNLINK, HOA)
CLIENT = EntityAddress(NodeId(MN), FE.FE_MU_C)


@pytest.fixture
def network() -> InstantNetwork:
    """The mobile node is attached at the second anchor, not its home."""
    network = cooperative(client=True)
    go(network, B)
    return network


def go(network: InstantNetwork, anchor: NodeId) -> None:
    network.advance(0.001)
    network.local(MN, FE.FE_MU_C, LinkAttached(MN, "wlan0", b"\2\0\0\0\0\1", anchor))


def say(network: InstantNetwork, message: Message, anchor: NodeId = B) -> None:
    """As the mobile node would; or a home agent in its name, when its binding ends."""
    receiver = EntityAddress(anchor, FE.FE_MCTX)
    envelope = Envelope(ReferencePointName.R_XU, CLIENT, receiver, message)
    network.hosts[anchor].receive(envelope, network.now)
    network.run()


def answer(network: InstantNetwork, at: int, status: int, anchor: NodeId = B) -> None:
    message = r_xu.AttachAcknowledgement(
        mobile_node=MN, attached_at=at, status=status, anchor=anchor
    )
    sender = EntityAddress(anchor, FE.FE_MCTX)
    envelope = Envelope(ReferencePointName.R_XU, sender, CLIENT, message)
    network.hosts[NodeId(MN)].receive(envelope, network.now)
    network.run()


def said(network: InstantNetwork) -> list[r_xu.AttachNotification]:
    """What the mobile node has said of its links."""
    messages = (e.message for e in network.log if e.sender == CLIENT)
    return [m for m in messages if isinstance(m, r_xu.AttachNotification)]


def given_up(network: InstantNetwork) -> None:
    network.advance(1.0)
    over = r_xu.DetachNotification(mobile_node=MN, detached_at=int(network.now * 1e6))
    say(network, over)
    network.advance(1000.0)
    assert DOWN not in network.rules(B)


def test_it_begins_another_attachment_which_it_signs_and_is_served(
    network: InstantNetwork,
) -> None:
    (first,) = said(network)
    given_up(network)
    say(network, first)  # in reach again, it renews what it had
    _, second = said(network)
    assert second.attached_at > first.attached_at
    Authority(B, bytes(32), REGISTRY).verify_proof(
        second.proof, mobile_node=MN, anchor=B, attached_at=second.attached_at
    )
    assert isinstance(network.rules(B)[DOWN], Access)
    network.log.clear()
    network.advance(60.0)
    assert not said(network)


def test_who_is_refused_so_time_and_again_asks_ever_more_rarely(network: InstantNetwork) -> None:
    network.blocked.add(B)
    began = network.now
    told = 1
    while network.now < began + 600.0:
        for message in said(network)[told - 1 :]:
            told += 1
            answer(network, message.attached_at, Status.STALE)
        network.advance(0.05)
    assert len({m.attached_at for m in said(network)}) == len(said(network)) <= 30


def test_of_a_link_it_has_left_it_does_not_care(network: InstantNetwork) -> None:
    (first,) = said(network)
    go(network, A)
    network.log.clear()
    answer(network, first.attached_at, Status.STALE)
    network.advance(5.0)
    assert not said(network)


def test_nor_does_it_believe_another_anchor(network: InstantNetwork) -> None:
    (first,) = said(network)
    network.log.clear()
    answer(network, first.attached_at, Status.STALE, A)
    network.advance(5.0)
    assert not said(network)


def test_what_it_said_before_changes_nothing_when_it_comes_once_more(
    network: InstantNetwork,
) -> None:
    for anchor in (A, B, A, B):
        go(network, anchor)
        network.advance(2.0)
    before = {node: network.rules(node) for node in (A, B)}
    late = [e for e in network.log if e.sender == CLIENT]
    assert len(late) >= 5
    network.log.clear()
    for envelope in late:
        network.hosts[envelope.receiver.node].receive(envelope, network.now)
        network.run()
    network.advance(60.0)
    assert {node: network.rules(node) for node in (A, B)} == before
    assert not said(network)
