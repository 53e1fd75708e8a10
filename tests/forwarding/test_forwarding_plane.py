"""Plan and driver together."""

from opendmm.entities.host import RuleRequest
from opendmm.forwarding.memory import MemoryForwarding
from opendmm.forwarding.plane import ForwardingPlane
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import FunctionalEntity, NodeId
from opendmm.model.order import MoveOrder
from opendmm.model.rules import Announce, Rule, RuleKey, Table

KEY = RuleKey(Table.ANNOUNCEMENT, HomePrefix.parse("2001:db8:a::100/128"))
RULE = Rule(KEY, Announce(2), MoveOrder(2, 1, NodeId("anchor-b")))
ASKED = RuleRequest(FunctionalEntity.FE_IEC, KEY, RULE)


def test_what_was_refused_is_tried_again_when_it_is_asked_for_again() -> None:
    driver = MemoryForwarding(failure=lambda _change: "no memory")
    plane = ForwardingPlane(driver)
    ((_, refused),) = plane.carry_out([ASKED])
    ((_, again),) = plane.carry_out([ASKED])
    assert (refused.error, again.error) == ("no memory", "no memory")
    driver.failure = lambda _change: ""
    ((_, done),) = plane.carry_out([ASKED])
    assert done.error == ""
    assert driver.rules == {KEY: RULE.action}
    plane.carry_out([ASKED])
    assert len(driver.history) == 1
