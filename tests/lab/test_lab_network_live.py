"""Namespaces, links and routes of the laboratory, in the kernel."""

import json
import re
import subprocess
import time
from pathlib import Path

import pytest
from small_laboratory import ADDRESSES, A, B, SmallLaboratory, small, small_laboratory
from standing import needs_namespaces

from opendmm.lab.errors import LabError
from opendmm.lab.faults import cut, mend
from opendmm.lab.guardian import appoint
from opendmm.lab.namespaces import NETNS, Namespaces, claim, execute
from opendmm.model.identity import NodeId

pytestmark = [pytest.mark.lab, needs_namespaces]


def pings(laboratory: SmallLaboratory, node: str, address: str, count: int = 1) -> list[float]:
    """Round-trip times in milliseconds of the pings that were answered."""
    namespace = laboratory.namespaces.name(node)
    done = subprocess.run(
        [
            *("ip", "netns", "exec", namespace),
            *("ping", "-n", "-c", str(count), "-i", "0.02", "-W", "1", address),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    return [float(found) for found in re.findall(r"time=([0-9.]+)", done.stdout)]


def test_every_node_reaches_every_other_by_both_its_addresses() -> None:
    with small_laboratory() as laboratory:
        for node in laboratory.deployment.nodes:
            for other in laboratory.deployment.nodes.values():
                assert pings(laboratory, node, str(other.locator))
                assert pings(laboratory, node, other.ipv4)


def test_both_ends_of_a_link_have_different_interface_indexes() -> None:
    with small_laboratory() as laboratory:
        for link in laboratory.deployment.links:
            indexes = set()
            for end in link.ends:
                told = execute(
                    laboratory.namespaces.name(end.node),
                    *("ip", "-json", "link", "show", "dev", end.interface),
                )
                indexes.add(json.loads(told)[0]["ifindex"])
            assert len(indexes) == 2


def test_routes_follow_the_costs_of_the_file() -> None:
    file = small()
    file["links"].append({"between": ["cn", "anchor-b"], "cost": 5})
    file["links"][2]["cost"] = 9
    with small_laboratory(file) as laboratory:
        locator = str(laboratory.deployment.nodes[B].locator)
        told = execute(laboratory.namespaces.name("cn"), "ip", "-6", "route", "get", locator)
        assert "dev anchor-b" in told


def test_a_packet_for_nobody_of_a_home_pool_ends_at_its_anchor() -> None:
    with small_laboratory() as laboratory:
        told = execute(
            laboratory.namespaces.name(A), "ip", "-6", "route", "show", "2001:db8:a::/48"
        )
        assert told.startswith("unreachable")


def test_delays_are_as_the_file_says_and_constant() -> None:
    file = small()
    file["links"][0]["delay"] = "10ms"
    file["links"][1]["delay"] = "3ms"
    with small_laboratory(file) as laboratory:
        locator = str(laboratory.deployment.nodes[A].locator)
        pings(laboratory, "cn", locator, 2)
        times = sorted(pings(laboratory, "cn", locator, 50))
        assert 25.5 < times[len(times) // 2] < 28.5


def test_a_share_of_packets_is_lost_in_each_direction() -> None:
    file = small()
    file["links"][0]["loss"] = "20%"
    with small_laboratory(file) as laboratory:
        locator = str(laboratory.deployment.nodes[NodeId("router")].locator)
        # Neighbour discovery loses packets, too, and asks but once a second.
        assert any(pings(laboratory, "cn", locator) for _ in range(10))
        answered = len(pings(laboratory, "cn", locator, 50))
        assert 18 <= answered <= 46  # 32 expected: the share is lost twice


def test_a_cut_link_carries_nothing_and_a_mended_one_everything_again() -> None:
    with small_laboratory() as laboratory:
        locator = str(laboratory.deployment.nodes[A].locator)
        assert pings(laboratory, "cn", locator)
        cut(laboratory.namespaces, ("router", "anchor-a"))
        assert not pings(laboratory, "cn", locator)
        mend(laboratory.namespaces, ("router", "anchor-a"))
        assert pings(laboratory, "cn", locator)


@pytest.mark.parametrize("delay", ["0ms", "1ms"])
def test_an_anchor_sees_the_carrier_of_an_access_link_come_and_go(delay: str) -> None:
    file = small()
    file["mobile_nodes"]["mn1"]["access_delay"] = delay
    with small_laboratory(file) as laboratory:

        def carrier() -> bool:
            told = execute(
                laboratory.namespaces.name(A), "ip", "-json", "link", "show", "dev", "mn1"
            )
            return "LOWER_UP" in json.loads(told)[0]["flags"]

        def becomes(state: bool) -> bool:
            deadline = time.monotonic() + 2
            while carrier() is not state and time.monotonic() < deadline:
                time.sleep(0.01)
            return carrier() is state

        for _ in range(2):
            laboratory.links.attach(A, route=True)
            assert becomes(True)
            laboratory.deliver(A)
            assert all(pings(laboratory, "cn", address) for address in ADDRESSES)
            laboratory.links.detach(A)
            assert becomes(False)


def test_two_laboratories_of_one_constellation_stand_side_by_side() -> None:
    with small_laboratory() as one, small_laboratory() as other:
        assert one.namespaces.lab != other.namespaces.lab
        assert pings(other, "cn", str(other.deployment.nodes[A].locator))


def test_a_namespace_of_somebody_else_is_not_touched() -> None:
    namespaces = claim("t-foreign")
    foreign = namespaces.name("cn")
    subprocess.run(["ip", "netns", "add", foreign], check=True)
    try:
        with pytest.raises(LabError, match="not ours"):
            namespaces.create(["cn"], Path("/nowhere.yaml"))
        namespaces.remove()
        assert (NETNS / foreign).exists()
    finally:
        subprocess.run(["ip", "netns", "delete", foreign], check=True)


def test_a_living_laboratory_cannot_be_removed_by_another_program() -> None:
    with small_laboratory() as laboratory, pytest.raises(LabError, match="is running"):
        Namespaces(laboratory.namespaces.lab).remove()


def test_what_a_dead_program_left_is_taken_away_by_its_guardian() -> None:
    namespaces = claim("t-orphan")
    guardian = appoint(namespaces)
    namespaces.create(["cn"], Path("/nowhere.yaml"))
    lingering = subprocess.Popen(["ip", "netns", "exec", namespaces.name("cn"), "sleep", "60"])
    time.sleep(0.1)
    namespaces.let_go()  # as the death of the program would
    guardian.communicate(timeout=10)
    assert not namespaces.exists
    assert not (NETNS / namespaces.name("cn")).exists()
    assert lingering.wait(5) != 0


def test_a_kept_laboratory_is_not_used_by_the_next_run() -> None:
    namespaces = claim("t-kept")
    namespaces.create(["cn"], Path("/nowhere.yaml"))
    namespaces.keep()
    try:
        following = claim("t-kept")
        assert following.lab == "t-kept-2"
        following.remove()
    finally:
        Namespaces("t-kept").remove()
    assert not Namespaces("t-kept").exists
