"""What the places of the mobile nodes need, and what is left over."""

import msgspec

from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import NodeId
from opendmm.model.rules import Access, Action, Permit, Redirect, RuleKey, Table, ToAnchor
from opendmm.report.leftovers import Place, leftovers, missing
from opendmm.simulation.constellations import small

A, B = NodeId("anchor-a"), NodeId("anchor-b")
INGRESSES = (NodeId("ingress"), NodeId("ingress2"))
HNP = HomePrefix.parse("2001:db8:a:1::/64")
COOPERATIVE = small("cooperative")
MN1 = next(s for s in COOPERATIVE.subscribers.values() if s.name == "mn1")
Kernels = dict[NodeId, dict[RuleKey, Action]]


def delivering(anchor: NodeId) -> Kernels:
    access = Access("mn1", b"")
    return {anchor: {RuleKey(t, HNP): access for t in (Table.DOWNLINK, Table.EGRESS)}}


def away() -> Kernels:
    """Everything that a mobile node at anchor-b needs."""
    kernels = delivering(B)
    kernels[B][RuleKey(Table.SOURCE_FILTER, HNP)] = Permit()
    egress = COOPERATIVE.nodes[B].egress
    assert egress is not None
    for ingress in INGRESSES:
        kernels[ingress] = {RuleKey(Table.DOWNLINK, HNP): Redirect(egress)}
    return kernels


def left(kernels: Kernels, anchor: NodeId | None) -> tuple[str, ...]:
    items = {node: rules.items() for node, rules in kernels.items()}
    return leftovers(COOPERATIVE, [Place(MN1, anchor)], items)


def test_at_home_only_the_delivery_of_the_home_anchor_belongs() -> None:
    assert left(delivering(A), A) == ()
    assert len(left(away(), A)) == 5


def test_away_the_redirections_and_the_visited_anchor_s_rules_belong() -> None:
    assert left(away(), B) == ()
    assert missing(COOPERATIVE, [Place(MN1, B)], away()) == ()


def test_released_or_gone_nothing_belongs() -> None:
    assert len(left(delivering(A), None)) == 2


def test_a_forgotten_ingress_is_missing() -> None:
    kernels = away()
    del kernels[INGRESSES[1]]
    (text,) = missing(COOPERATIVE, [Place(MN1, B)], kernels)
    assert text.startswith("ingress2: downlink 2001:db8:a:1::/64 redirect anchor-b")


def test_a_redirection_to_the_wrong_egress_is_missing_the_right_one() -> None:
    kernels = away()
    egress = COOPERATIVE.nodes[A].egress
    assert egress is not None
    kernels[INGRESSES[0]][RuleKey(Table.DOWNLINK, HNP)] = Redirect(egress)
    assert len(missing(COOPERATIVE, [Place(MN1, B)], kernels)) == 1


def test_an_egress_apart_keeps_its_way_to_the_anchor() -> None:
    apart = small("egress-apart")
    egress = apart.nodes[B].egress
    assert egress is not None
    rules = {RuleKey(Table.EGRESS, HNP): ToAnchor(apart.nodes[B].locator)}
    assert leftovers(apart, [Place(MN1, B)], {egress.node: rules.items()}) == ()


def test_prefixes_allocated_on_the_way_of_a_simultaneous_mobile_node_are_not_judged() -> None:
    simultaneous = msgspec.structs.replace(MN1, simultaneous=True)
    other = HomePrefix.parse("2001:db8:b:9::1/128")
    rules = {RuleKey(Table.DOWNLINK, other): Access("mn1", b"")}
    places = [Place(simultaneous, A)]
    assert leftovers(COOPERATIVE, places, {B: rules.items()}) == ()
