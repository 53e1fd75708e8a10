"""A delegation that covers what only the network has noticed: never by default."""

import pytest

from opendmm.authority.authority import Authority
from opendmm.authority.grant import Unauthorised
from opendmm.constellation.deployment import Deployment
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.model.order import MoveOrder
from opendmm.simulation.constellations import small
from opendmm.simulation.hosts import AssembledHosts

NOW = 1_900_000_000.0
HOME, NEW, DATABASE = map(NodeId, ("anchor-a", "anchor-b", "database"))
ATTACHED = 1_900_000_000_000_000
MN = MobileNodeId("mn1@example.org")
DEPLOYMENT: Deployment = small("proxy")
PREFIXES = DEPLOYMENT.subscribers[MN].prefixes


def authority(node: NodeId) -> Authority:
    return AssembledHosts(DEPLOYMENT).authority(node)


def granted(proof: bytes = b"", *, network: bool) -> bytes:
    """By the CMD, under the home anchor's delegation."""
    delegation = authority(HOME).delegate(
        mobile_node=MN,
        prefixes=PREFIXES,
        delegates=(DATABASE,),
        now=NOW,
        lifetime=300,
        network_attachments=network,
    )
    return authority(DATABASE).issue(
        mobile_node=MN,
        prefixes=PREFIXES,
        anchor=NEW,
        order=MoveOrder(2, ATTACHED, NEW),
        now=NOW,
        lifetime=300,
        delegation=delegation,
        proof=proof,
    )


def test_without_a_proof_a_delegate_grants_only_where_the_delegation_says_so() -> None:
    assert authority(NEW).verify(granted(network=True), NOW).issuer == DATABASE
    with pytest.raises(Unauthorised, match="not signed by mn1"):
        authority(NEW).verify(granted(network=False), NOW)


def test_a_proof_that_is_there_must_be_right_all_the_same() -> None:
    with pytest.raises(Unauthorised):
        authority(NEW).verify(granted(b"anything", network=True), NOW)


def test_a_delegation_says_when_it_ends_and_anything_else_does_not() -> None:
    delegation = authority(HOME).delegate(
        mobile_node=MN, prefixes=PREFIXES, delegates=(DATABASE,), now=NOW, lifetime=50
    )
    assert authority(DATABASE).delegated_until(delegation) == NOW + 50
    with pytest.raises(Unauthorised):
        authority(DATABASE).delegated_until(granted(network=True))
