"""Slots of flows beside the slot of all packets to their prefix."""

from opendmm.entities.host import RuleRequest
from opendmm.forwarding.plan import RulePlan
from opendmm.model.addressing import Egress, HomePrefix, Locator
from opendmm.model.flow import PROTOCOLS, FlowRule
from opendmm.model.identity import FunctionalEntity, NodeId
from opendmm.model.order import MoveOrder
from opendmm.model.rules import Access, Action, Change, Redirect, Rule, RuleKey, Table

HOME = HomePrefix.parse("2001:db8:a::100")
ALL = RuleKey(Table.DOWNLINK, HOME)
UDP = RuleKey(Table.DOWNLINK, HOME, FlowRule(PROTOCOLS["udp"]))
TO_B = Redirect(Egress(NodeId("b"), Locator.parse("fd00:d:2::1")))
HERE = Access("mn1", b"\x02\x00\x00\x00\x00\x01")
ANCHOR, INGRESS = FunctionalEntity.FE_MA_C, FunctionalEntity.FE_I


def asks(owner: FunctionalEntity, key: RuleKey, action: Action, move: int) -> RuleRequest:
    return RuleRequest(owner, key, Rule(key, action, MoveOrder(move, 0, NodeId("b"))))


def test_a_flow_is_redirected_while_the_mobile_node_was_here_before() -> None:
    plan = RulePlan()
    plan.request(asks(ANCHOR, ALL, HERE, 1))
    assert plan.request(asks(INGRESS, UDP, TO_B, 2)) == [Change(UDP, TO_B)]


def test_a_mobile_node_that_is_back_is_not_redirected_by_an_older_flow() -> None:
    plan = RulePlan()
    plan.request(asks(INGRESS, UDP, TO_B, 2))
    changes = plan.request(asks(ANCHOR, ALL, HERE, 3))
    assert changes == [Change(ALL, HERE), Change(UDP, None)]
    assert plan.effective(UDP) is None
    assert UDP not in plan.rules()


def test_at_the_same_move_delivery_here_stands_above_a_redirected_flow() -> None:
    plan = RulePlan()
    plan.request(asks(ANCHOR, ALL, HERE, 2))
    assert plan.request(asks(INGRESS, UDP, TO_B, 2)) == []


def test_a_flow_takes_over_before_delivery_here_ends() -> None:
    plan = RulePlan()
    plan.request(asks(INGRESS, UDP, TO_B, 2))
    plan.request(asks(ANCHOR, ALL, HERE, 3))
    changes = plan.request(RuleRequest(ANCHOR, ALL, None))
    assert changes == [Change(UDP, TO_B), Change(ALL, None)]


def test_a_flow_that_is_withdrawn_leaves_nothing_in_the_plan() -> None:
    plan = RulePlan()
    plan.request(asks(INGRESS, UDP, TO_B, 2))
    assert plan.request(RuleRequest(INGRESS, UDP, None)) == [Change(UDP, None)]
    assert plan.request(asks(ANCHOR, ALL, HERE, 3)) == [Change(ALL, HERE)]
    assert plan.rules().keys() == {ALL}
