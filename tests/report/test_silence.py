"""When a receiver heard nothing."""

from opendmm.report.probes import ProbeLog
from opendmm.report.silence import interval, silences


def log(*lost: int) -> ProbeLog:
    """A probe each 10 ms for a second, at once there, but for the lost ones."""
    sent = [n / 100 for n in range(101)]
    return ProbeLog(sent, [(n, at) for n, at in enumerate(sent) if n not in lost])


def test_a_flow_that_is_heard_has_no_silence() -> None:
    assert silences(log(), 0.0, 1.0) == []


def test_one_lost_probe_is_no_silence_and_four_are() -> None:
    assert silences(log(50), 0.0, 1.0) == []
    (found,) = silences(log(50, 51, 52, 53), 0.0, 1.0)
    assert (found.begin, found.end, found.ended) == (0.49, 0.54, True)


def test_a_silence_that_began_before_the_window_is_told_whole() -> None:
    (found,) = silences(log(*range(40, 60)), 0.5, 0.55)
    assert (found.begin, found.end) == (0.39, 0.6)


def test_silence_until_the_probes_ended_has_no_end() -> None:
    (found,) = silences(log(*range(40, 101)), 0.0, 1.0)
    assert not found.ended


def test_the_interval_is_the_usual_one() -> None:
    assert round(interval(log()), 6) == 0.01
    assert interval(ProbeLog()) == 0.0
