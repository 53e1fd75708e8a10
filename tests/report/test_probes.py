"""Probe counts and the gap of a move."""

from hypothesis import given
from hypothesis import strategies as st

from opendmm.report.probes import ProbeLog, combined, first_arrival, stream


def train(
    lost: set[int], *, count: int = 100, interval: float = 0.01, delay: float = 0.005
) -> ProbeLog:
    sent = [number * interval for number in range(count)]
    arrivals = [(n, at + delay) for n, at in enumerate(sent) if n not in lost]
    return ProbeLog(sent, arrivals)


def test_an_undisturbed_flow_has_no_loss_and_a_gap_of_one_interval() -> None:
    seen = stream(train(set()), 0.0, 1.0, 0.2)
    assert (seen.sent, seen.lost, seen.duplicated, seen.reordered) == (100, 0, 0, 0)
    assert abs(seen.gap_ms - 10.0) < 1e-6


def test_silence_before_the_detection_is_not_part_of_the_gap() -> None:
    """Probes 20..59 are lost; the attachment is detected at 0.5, the next is heard at 0.605."""
    seen = stream(train(set(range(20, 60))), 0.0, 1.0, 0.5)
    assert seen.lost == 40
    assert abs(seen.gap_ms - 105.0) < 1e-6


def test_a_repeated_probe_is_a_duplicate_and_a_late_one_is_reordered() -> None:
    log = train(set(), count=4)
    (a, b, c, d) = log.arrivals
    log.arrivals = [a, c, b, b, d]
    seen = stream(log, 0.0, 1.0, 0.0)
    assert (seen.lost, seen.duplicated, seen.reordered) == (0, 1, 1)


def test_only_probes_sent_in_the_window_count() -> None:
    assert stream(train({5, 50}), 0.3, 0.7, 0.3).lost == 1


def test_nothing_sent_gives_nothing_lost_and_no_gap() -> None:
    assert stream(ProbeLog(), 0.0, 1.0, 0.0).gap_ms == 0.0


def test_flows_combine_by_adding_counts_and_keeping_the_longest_gap() -> None:
    streams = [stream(train(lost), 0.0, 1.0, 0.0) for lost in ({1}, set(range(10, 30)))]
    both = combined(streams)
    assert (both.sent, both.lost) == (200, 21)
    assert both.gap_ms == max(one.gap_ms for one in streams)


def test_the_first_arrival_after_a_moment_is_found() -> None:
    heard = first_arrival(train({2}), 0.02)
    assert heard is not None
    assert abs(heard - 0.035) < 1e-9
    assert first_arrival(train(set(), count=1), 1.0) is None


@given(st.sets(st.integers(0, 99)))
def test_every_probe_is_either_lost_or_heard(lost: set[int]) -> None:
    assert stream(train(lost), 0.0, 1.0, 0.0).lost == len(lost)
