"""Rules of several entities for one slot: which holds it, and what a withdrawal leaves."""

from opendmm.entities.host import RuleRequest
from opendmm.forwarding.plan import RulePlan
from opendmm.model.addressing import Egress, HomePrefix, Locator
from opendmm.model.identity import FunctionalEntity, NodeId
from opendmm.model.order import MoveOrder
from opendmm.model.rules import Access, Action, Change, Redirect, Rule, RuleKey, Table

SLOT = RuleKey(Table.EGRESS, HomePrefix.parse("2001:db8:a::100"))
TO_C = Redirect(Egress(NodeId("c"), Locator.parse("fd00:d:3::1")))
HERE = Access("mn1", b"\x02\x00\x00\x00\x00\x01")
ANCHOR, EGRESS = FunctionalEntity.FE_MA_C, FunctionalEntity.FE_E


def asks(owner: FunctionalEntity, action: Action, move: int) -> RuleRequest:
    return RuleRequest(owner, SLOT, Rule(SLOT, action, MoveOrder(move, 0, NodeId("b"))))


def withdraws(owner: FunctionalEntity) -> RuleRequest:
    return RuleRequest(owner, SLOT, None)


def test_the_rule_of_the_latest_move_holds_the_slot() -> None:
    plan = RulePlan()
    plan.request(asks(EGRESS, TO_C, 3))
    assert plan.request(asks(ANCHOR, HERE, 4)) == [Change(SLOT, HERE)]


def test_a_rule_of_an_earlier_move_does_not_come_back_when_a_later_one_is_withdrawn() -> None:
    plan = RulePlan()
    plan.request(asks(EGRESS, TO_C, 3))
    plan.request(asks(ANCHOR, HERE, 4))
    assert plan.request(withdraws(ANCHOR)) == [Change(SLOT, None)]
    assert plan.rules() == {}


def test_what_stood_back_is_in_force_again_once_it_is_asked_for_by_a_later_move() -> None:
    plan = RulePlan()
    plan.request(asks(EGRESS, TO_C, 3))
    plan.request(asks(ANCHOR, HERE, 4))
    plan.request(withdraws(ANCHOR))
    assert plan.request(asks(EGRESS, TO_C, 5)) == [Change(SLOT, TO_C)]


def test_of_two_rules_of_one_move_the_other_stays_when_one_is_withdrawn() -> None:
    plan = RulePlan()
    plan.request(asks(EGRESS, TO_C, 4))
    plan.request(asks(ANCHOR, HERE, 4))
    assert plan.request(withdraws(ANCHOR)) == [Change(SLOT, TO_C)]


def test_a_slot_that_was_empty_remembers_nothing() -> None:
    plan = RulePlan()
    plan.request(asks(ANCHOR, HERE, 4))
    plan.request(withdraws(ANCHOR))
    assert plan.request(asks(EGRESS, TO_C, 3)) == [Change(SLOT, TO_C)]
