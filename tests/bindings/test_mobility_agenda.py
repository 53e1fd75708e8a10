"""What is due when, among very many."""

import math

from hypothesis import given
from hypothesis import strategies as st

from opendmm.bindings.mobility.agenda import SLACK, Agenda

TIMES = st.sampled_from([1.0, 2.0, 3.0, math.inf])


@given(st.lists(st.tuples(st.sampled_from("abcd"), TIMES | st.none()), max_size=40))
def test_each_key_comes_up_at_the_last_time_it_was_put(
    puts: list[tuple[str, float | None]],
) -> None:
    agenda: Agenda[str] = Agenda()
    expected: dict[str, float] = {}
    for key, due in puts:
        if due is None:
            agenda.drop(key)
            expected.pop(key, None)
        else:
            agenda.put(key, due)
            expected[key] = due
    expected = {key: due for key, due in expected.items() if due < math.inf}
    assert agenda.next_timer() == min(expected.values(), default=math.inf)
    assert len(agenda) == len(expected)
    taken = [(now, key) for now in (1.0, 2.0, 3.0) for key in agenda.take(now)]
    assert sorted(taken) == sorted((due, key) for key, due in expected.items())
    assert agenda.next_timer() == math.inf


def test_what_was_put_off_again_and_again_takes_no_room() -> None:
    agenda: Agenda[str] = Agenda()
    for at in range(10_000):
        agenda.put("renewed", float(at))
    assert len(agenda._heap) <= 2 + SLACK + 1
