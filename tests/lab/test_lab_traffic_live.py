"""Live traffic of the laboratory: what it counts is what happened to the packets."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from small_laboratory import A, B, SmallLaboratory, small, small_laboratory
from standing import needs_namespaces

from opendmm.constellation.file import ScenarioSection
from opendmm.lab.dropping import drop_arriving, stop_dropping
from opendmm.lab.flows import SETTLING
from opendmm.lab.live_traffic import LiveTraffic
from opendmm.lab.path import last_whole_path, paths
from opendmm.report.probes import longest_silence, stream

pytestmark = [pytest.mark.lab, needs_namespaces]

UDP = [
    {"kind": "udp", "correspondent": "cn", "mobile_node": "mn1", "family": family}
    for family in ("ipv6", "ipv4")
]
TCP = [{"kind": "tcp", "correspondent": "cn", "mobile_node": "mn1"}]


def lively(traffic: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
    return small(
        duration=f"{seconds}s",
        attachments=[{"at": "0s", "mobile_node": "mn1", "to": "anchor-a"}],
        traffic=traffic,
    )


def no_incident(_laboratory: SmallLaboratory) -> None: ...


@contextmanager
def traffic(
    file: dict[str, Any], incident: Callable[[SmallLaboratory], None] = no_incident
) -> Iterator[LiveTraffic]:
    """Traffic that has run its course; the incident happened while it did."""
    with small_laboratory(file) as laboratory:
        scenario = laboratory.deployment.scenario
        assert isinstance(scenario, ScenarioSection)
        laboratory.links.attach(A, route=True)
        laboratory.deliver(A)
        running = LiveTraffic(laboratory.deployment, scenario, laboratory.namespaces)
        try:
            running.prepare()
            start = time.time() + 0.1
            running.begin(start)
            thread = threading.Timer(start + SETTLING + 0.5 - time.time(), incident, [laboratory])
            thread.start()
            running.finish()
            thread.join()
            yield running
        finally:
            running.close()


def lost(running: LiveTraffic) -> list[int]:
    return [stream(flow.log, 0, 1e12, 0).lost for flow in running.probe_flows()]


def make_before_break(laboratory: SmallLaboratory) -> None:
    laboratory.links.attach(B, route=False)
    laboratory.deliver(B)
    time.sleep(0.05)
    laboratory.redirect(B)
    laboratory.links.route_over(B)
    time.sleep(0.05)
    laboratory.links.detach(A)


def test_a_probe_every_millisecond_and_none_lost_at_rest() -> None:
    with traffic(lively(UDP, 3)) as running:
        assert lost(running) == [0, 0, 0, 0]
        for flow in running.probe_flows():
            assert len(flow.log.sent) == pytest.approx((3 - SETTLING) * 1000, abs=2)


def test_no_probe_is_lost_when_the_new_link_is_up_before_the_old_one_goes() -> None:
    with traffic(lively(UDP, 2), make_before_break) as running:
        assert lost(running) == [0, 0, 0, 0]


def test_packets_lost_are_counted_and_the_silence_measured() -> None:
    def silence(laboratory: SmallLaboratory) -> None:
        router = laboratory.namespaces.name("router")
        drop_arriving(router, "cn", "test")
        time.sleep(0.2)
        stop_dropping(router, "cn", "test")

    with traffic(lively(UDP, 2), silence) as running:
        for flow, missing in zip(running.probe_flows(), lost(running), strict=True):
            if flow.direction == "down":
                assert 190 <= missing <= 260
                assert 0.19 <= longest_silence(flow.log, 0, 1e12) <= 0.28
            else:
                assert missing == 0


def test_paths_are_read_off_the_packets_before_and_after_a_move() -> None:
    with traffic(lively(UDP[:1], 2), make_before_break) as running:
        number = running.path_flow("mn1")
        assert number is not None
        found = paths(running.sightings, number)
        middle = running.probe_flows()[0].log.sent[500]
        assert last_whole_path(found, 0, middle, "mn1") == ("cn", "router", "anchor-a", "mn1")
        assert last_whole_path(found, middle, 1e12, "mn1") == ("cn", "router", "anchor-b", "mn1")


def test_a_tcp_session_survives_a_move_with_its_content() -> None:
    with traffic(lively(TCP, 2), make_before_break) as running:
        (session,) = running.sessions()
        assert session.survived, session.detail
        assert session.bytes == pytest.approx(2 * 1.5 * 10e6 / 8, rel=0.1)


def test_a_tcp_session_that_is_cut_off_has_not_survived() -> None:
    def cut_off(laboratory: SmallLaboratory) -> None:
        laboratory.links.detach(A)

    with traffic(lively(TCP, 1.5), cut_off) as running:
        (session,) = running.sessions()
        assert not session.survived
        assert session.detail
