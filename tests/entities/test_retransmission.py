"""Requests until answered: order, windows, and what a timer does."""

from anchors import ANCHORS, FE
from hypothesis import given
from hypothesis import strategies as st

from opendmm.entities.effects import CancelTimer, Send, SetTimer
from opendmm.entities.retransmission import CEILING, Outstanding
from opendmm.model.identity import EntityAddress
from opendmm.reference_points.r_ec import DeliverySubscribe

PEER = EntityAddress(ANCHORS[0], FE.FE_E)
OTHER = EntityAddress(ANCHORS[1], FE.FE_E)


def message(number: int) -> DeliverySubscribe:
    return DeliverySubscribe(synchronisation=number)


def sent(effects: list[object]) -> list[int]:
    return [
        effect.message.synchronisation
        for effect in effects
        if isinstance(effect, Send) and isinstance(effect.message, DeliverySubscribe)
    ]


def test_a_request_is_repeated_at_doubling_intervals_up_to_the_ceiling() -> None:
    requests: Outstanding[int] = Outstanding("t", 0.5)
    requests.request(1, PEER, message(1), 0.0)
    now, waits = 0.0, []
    for _ in range(10):
        again = requests.repeat("t|1", now)
        assert sent(list(again)) == [1]
        waits += [effect.at - now for effect in again if isinstance(effect, SetTimer)]
        now += waits[-1]
    assert waits[:4] == [1.0, 2.0, 4.0, 8.0]
    assert waits[-1] == CEILING


def test_beyond_the_window_requests_wait_for_their_turn_in_order() -> None:
    requests: Outstanding[int] = Outstanding("t", 0.5, window=2)
    first = [sent(list(requests.request(n, PEER, message(n), 0.0))) for n in range(1, 5)]
    assert first == [[1], [2], [], []]
    assert sent(list(requests.request(9, OTHER, message(9), 0.0))) == [9]
    assert sent(list(requests.settle(1))) == [3]
    assert sent(list(requests.settle(3))) == [4]
    assert requests.settle(4) == [CancelTimer("t|4")]


def test_a_request_heavier_than_the_window_still_goes_alone() -> None:
    requests: Outstanding[int] = Outstanding("t", 0.5, window=2)
    assert sent(list(requests.request(1, PEER, message(1), 0.0, weight=500))) == [1]
    assert sent(list(requests.request(2, PEER, message(2), 0.0))) == []
    assert sent(list(requests.settle(1))) == [2]


def test_a_peer_that_is_back_gets_again_what_was_under_way_and_no_more() -> None:
    requests: Outstanding[int] = Outstanding("t", 0.5, window=2)
    for number in range(1, 5):
        requests.request(number, PEER, message(number), 0.0)
    assert sent(list(requests.resend_to(ANCHORS[0], 1.0))) == [1, 2]
    assert requests.resend_to(ANCHORS[1], 1.0) == []


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 8), st.integers(1, 3))))
def test_whatever_is_asked_and_answered_everything_is_sent_once_there_is_room(
    steps: list[tuple[bool, int, int]],
) -> None:
    requests: Outstanding[int] = Outstanding("t", 0.5, window=4)
    under_way: set[int] = set()
    for asks, key, weight in steps:
        before = set(requests.pending())
        if asks:
            effects = requests.request(key, PEER, message(key), 0.0, weight=weight)
        else:
            effects = requests.settle(key)
        under_way = (under_way - {key}) | set(sent(list(effects)))
        under_way &= set(requests.pending())
        assert set(requests.pending()) == (before | {key} if asks else before - {key})
    while requests.pending():
        settled = next(iter(under_way))
        under_way = (under_way - {settled}) | set(sent(list(requests.settle(settled))))
    assert len(requests) == 0
