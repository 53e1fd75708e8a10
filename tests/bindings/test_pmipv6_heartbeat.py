"""Heartbeats (RFC 5847): who is alive, who has forgotten."""

import pytest
from pmipv6_scene import LMA, MAG_1, MAG_2, NOW, STRANGER, lma_config

from opendmm.bindings.mobility.outputs import Output, Reachable, Transmit
from opendmm.bindings.pmipv6.heartbeat import Heartbeats
from opendmm.model.identity import NodeId
from opendmm.wire.mobility.heartbeat import Heartbeat
from opendmm.wire.mobility.numbers import HeartbeatFlags
from opendmm.wire.mobility.options.proxy import RestartCounterOption

R, U = HeartbeatFlags.R, HeartbeatFlags.U
REQUEST = HeartbeatFlags(0)


class Beating:
    """The heartbeats of an anchor that has bindings of the gateways named."""

    def __init__(self, *bound: NodeId) -> None:
        self.bound = set(bound)
        self.core = Heartbeats(lma_config(), lambda peer: peer in self.bound)
        self.begun = self.core.start(NOW)

    def requests(self, outputs: list[Output]) -> list[tuple[NodeId, int]]:
        return [
            (o.to, o.message.sequence)
            for o in outputs
            if isinstance(o, Transmit)
            and isinstance(o.message, Heartbeat)
            and not o.message.flags & R
        ]

    def fire(self, at: float) -> list[Output]:
        return self.core.fire(NOW + at)

    def respond(self, sequence: int, counter: int | None = 1, flags: HeartbeatFlags = R) -> bool:
        options = (RestartCounterOption(counter),) if counter is not None else ()
        _, restarted = self.core.received(MAG_1, Heartbeat(flags, sequence, options=options))
        return restarted


def test_a_node_that_begins_says_so_to_all_its_peers() -> None:
    """§3.2: unsolicited responses with the Restart Counter."""
    beating = Beating()
    told = [(o.to, o.message) for o in beating.begun if isinstance(o, Transmit)]
    assert [peer for peer, _ in told] == [MAG_1, MAG_2, STRANGER]
    for _, message in told:
        assert isinstance(message, Heartbeat)
        assert message.flags == R | U
        assert message.every(RestartCounterOption) == (RestartCounterOption(int(NOW * 64) % 2**32),)


def test_every_start_has_another_restart_counter() -> None:
    first, second = Beating(), Beating()
    second.core.start(NOW + 0.25)
    assert first.core.restart_counter != second.core.restart_counter


def test_requests_are_sent_every_interval_while_there_is_a_binding() -> None:
    """§3, §5: HEARTBEAT_INTERVAL is 60 s; SHOULD NOT be sent without a binding."""
    beating = Beating(MAG_1)
    assert beating.requests(beating.begun) == [(MAG_1, 1)]
    assert beating.core.next_timer() == NOW + 60
    assert beating.requests(beating.fire(60)) == [(MAG_1, 2)]
    beating.bound = {MAG_2}
    assert beating.requests(beating.fire(120)) == [(MAG_2, 1)]


def test_a_request_is_answered_whether_or_not_there_is_a_binding() -> None:
    """§3."""
    beating = Beating()
    (answer,), restarted = beating.core.received(MAG_1, Heartbeat(REQUEST, 42))
    assert isinstance(answer, Transmit)
    assert isinstance(answer.message, Heartbeat)
    assert (answer.message.flags, answer.message.sequence) == (R, 42)
    assert answer.message.first(RestartCounterOption) is not None
    assert not restarted


def test_a_peer_is_unreachable_when_more_responses_are_missing_than_allowed() -> None:
    """§3.1, §5: MISSING_HEARTBEATS_ALLOWED is 3, and must be exceeded."""
    beating = Beating(MAG_1)
    beating.core.heard(MAG_1)
    said = [o for at in (60, 120, 180) for o in beating.fire(at) if isinstance(o, Reachable)]
    assert not said
    assert Reachable(MAG_1, False) in beating.fire(240)
    assert Reachable(MAG_1, False) not in beating.fire(300)
    assert beating.core.heard(MAG_1) == [Reachable(MAG_1, True)]


def test_a_response_resets_what_is_missing() -> None:
    beating = Beating(MAG_1)
    for at in range(60, 3000, 60):
        ((_, sequence),) = beating.requests(beating.fire(at))
        beating.core.heard(MAG_1)
        beating.respond(sequence)
    assert beating.core.peers[MAG_1].reachable


def test_peers_are_reachable_once_heard_of_and_not_before() -> None:
    beating = Beating(MAG_1)
    assert not [o for o in beating.begun if isinstance(o, Reachable)]
    assert beating.core.heard(MAG_1) == [Reachable(MAG_1, True)]
    assert beating.core.heard(MAG_1) == []


@pytest.mark.parametrize(("before", "after", "restarted"), [(5, 5, False), (5, 6, True)])
def test_another_restart_counter_tells_of_a_restart(
    before: int, after: int, restarted: bool
) -> None:
    """§3.2: different is enough; the first is only stored."""
    beating = Beating(MAG_1)
    assert not beating.respond(1, before)
    ((_, sequence),) = beating.requests(beating.fire(60))
    assert beating.respond(sequence, after) is restarted
    ((_, sequence),) = beating.requests(beating.fire(120))
    assert not beating.respond(sequence, after)


def test_an_unsolicited_response_tells_of_a_restart_at_once() -> None:
    """§3.2: its sequence number is ignored. A first one comes of a start, too."""
    beating = Beating(MAG_1)
    assert beating.respond(999, 5, R | U)
    assert not beating.respond(999, 5, R | U)
    assert beating.respond(0, 6, R | U)


def test_a_response_to_no_request_says_nothing() -> None:
    """§3.1: matched by the sequence number."""
    beating = Beating(MAG_1)
    beating.respond(1, 5)
    assert not beating.respond(77, 6)
    assert beating.core.peers[MAG_1].restart_counter == 5


def test_a_response_without_a_counter_is_a_response_all_the_same() -> None:
    beating = Beating(MAG_1)
    assert not beating.respond(1, None)
    assert beating.core.peers[MAG_1].awaited is None


def test_who_does_not_know_heartbeats_is_sent_no_others() -> None:
    """§3: after a Binding Error with status 2."""
    beating = Beating(MAG_1)
    beating.core.unknown_type(MAG_1)
    assert not beating.requests(beating.fire(60))


def test_an_error_for_something_else_does_not_end_heartbeats() -> None:
    beating = Beating()
    beating.core.unknown_type(MAG_1)
    beating.bound = {MAG_1}
    assert beating.requests(beating.fire(60))


def test_heartbeats_of_who_is_no_peer_are_answered_by_nobody_else() -> None:
    beating = Beating()
    assert beating.core.received(LMA, Heartbeat(R, 1)) == ([], False)
    assert beating.core.heard(LMA) == []
