from opendmm.forwarding.contract import ForwardingDriver, Installed
from opendmm.forwarding.memory import MemoryForwarding
from opendmm.model.addressing import Egress, HomePrefix, Locator
from opendmm.model.identity import NodeId
from opendmm.model.rules import Access, Action, Change, Redirect, RuleKey, Table

HOST = HomePrefix.parse("2001:db8:a::100")
NETWORK = HomePrefix.parse("2001:db8:a::/64")
TO_B = Redirect(Egress(NodeId("b"), Locator.parse("fd00:d:2::1")))
DELIVER = Access("mn1", b"\x02\x00\x00\x00\x00\x01")


def key(prefix: HomePrefix) -> RuleKey:
    return RuleKey(Table.DOWNLINK, prefix)


def test_it_offers_what_every_forwarding_driver_offers() -> None:
    driver: ForwardingDriver = MemoryForwarding()
    driver.start()
    assert driver.apply([Change(key(HOST), TO_B)]) == [""]
    assert driver.installed() == [Installed(key(HOST), TO_B)]
    assert driver.counters() == []


def test_a_later_change_takes_the_slot_over_in_place() -> None:
    driver = MemoryForwarding()
    driver.apply([Change(key(HOST), DELIVER), Change(key(HOST), TO_B)])
    assert driver.rules == {key(HOST): TO_B}


def test_a_failing_change_leaves_its_slot_and_the_others_alone() -> None:
    driver = MemoryForwarding({key(HOST): DELIVER})
    driver.failure = lambda change: "no such link" if change.key.prefix == HOST else ""
    errors = driver.apply([Change(key(HOST), TO_B), Change(key(NETWORK), TO_B)])
    assert errors == ["no such link", ""]
    assert driver.rules == {key(HOST): DELIVER, key(NETWORK): TO_B}
    assert driver.history == [Change(key(NETWORK), TO_B)]


def test_a_second_driver_finds_what_the_first_one_left() -> None:
    kernel: dict[RuleKey, Action] = {}
    MemoryForwarding(kernel).apply([Change(key(HOST), TO_B)])
    second = MemoryForwarding(kernel)
    assert second.installed() == [Installed(key(HOST), TO_B)]
    second.close(remove=False)
    assert kernel
    second.close(remove=True)
    assert not kernel


def test_the_longest_prefix_decides() -> None:
    driver = MemoryForwarding({key(HOST): DELIVER, key(NETWORK): TO_B})
    assert driver.lookup(Table.DOWNLINK, HOST.network) == DELIVER
    other = HomePrefix.parse("2001:db8:a::101").network
    assert driver.lookup(Table.DOWNLINK, other) == TO_B
    assert driver.lookup(Table.EGRESS, other) is None
    assert driver.lookup(Table.DOWNLINK, HomePrefix.parse("2001:db8:b::1").network) is None


def test_an_emptied_slot_is_empty_however_often_it_is_emptied() -> None:
    driver = MemoryForwarding({key(HOST): DELIVER})
    assert driver.apply([Change(key(HOST), None), Change(key(HOST), None)]) == ["", ""]
    assert driver.installed() == []
