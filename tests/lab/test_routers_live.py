"""Routers that are not ours, live: what anchors announce arrives, what nobody may is refused."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from router_network import RouterNetwork, eventually, router_network
from standing import needs_namespaces

from mixed_routers import mixed, resolved
from opendmm.constellation.file import RouterSoftware
from opendmm.lab.errors import LabError
from opendmm.lab.namespaces import Namespaces
from opendmm.lab.routers import Routers
from opendmm.lab.routing_software import SOFTWARE
from opendmm.model.identity import NodeId

MISSING = [p for s in SOFTWARE.values() for p in s.programs if not Path(p).exists()]
pytestmark = [
    pytest.mark.lab,
    needs_namespaces,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]
MN, NETWORK, MN4 = "2001:db8:a::100/128", "2001:db8:a:7::/64", "10.10.0.100/32"
MARK = (
    "bgp_large_community.add((65000, 2, 1)); bgp_large_community.add((65000, 1, 4000000000)); "
    "bgp_local_pref = 4000000000;"
)
NAME = f"r{os.getpid()}"


@pytest.fixture(scope="module", params=["bird", "frr", "gobgp"])
def network(request: pytest.FixtureRequest) -> Iterator[RouterNetwork]:
    """With each software as reflector; edge, two hops away from anchors' routers, has FRR or
    BIRD in turn."""
    edge = "bird" if request.param == "frr" else "frr"
    with router_network(mixed(NAME, reflector=request.param, edge=edge)) as up:
        yield up


def test_pools_arrive_in_the_kernel_two_hops_away(network: RouterNetwork) -> None:
    for pool in ("2001:db8:a::/48", "2001:db8:b::/48", "10.10.0.0/16", "10.20.0.0/16"):
        assert network.leads("edge", pool, "rr")
    assert network.leads("agg-a", "2001:db8:a::/48", "anchor-a")
    assert network.leads("agg-b", "2001:db8:a::/48", "rr")


@pytest.mark.parametrize("prefix", [MN, NETWORK, MN4])
def test_what_has_moved_leads_to_where_it_is_and_goes_when_it_is_withdrawn(
    network: RouterNetwork, prefix: str
) -> None:
    network.announce("anchor-b", prefix, 1)
    assert network.leads("edge", prefix, "rr")
    assert network.leads("agg-b", prefix, "anchor-b")
    assert network.leads("agg-a", prefix, "rr")
    network.withdraw("anchor-b", prefix, 1)
    for node in ("edge", "agg-b", "agg-a"):
        assert network.leads(node, prefix, "")


def test_the_later_move_wins_whichever_is_announced_first(network: RouterNetwork) -> None:
    network.announce("anchor-b", MN, 8)
    network.announce("anchor-a", MN, 7)
    assert network.leads("agg-a", MN, "rr")
    network.renumber("anchor-a", MN, 7, 9)
    assert network.leads("agg-a", MN, "anchor-a")
    network.withdraw("anchor-b", MN, 8)
    network.withdraw("anchor-a", MN, 9)
    assert network.leads("agg-a", MN, "")


def test_routes_are_replaced_and_never_deleted_in_a_move(network: RouterNetwork) -> None:
    network.announce("anchor-b", MN, 1)
    assert network.leads("agg-a", MN, "rr")
    for node in ("agg-a", "edge", "agg-b"):
        with network.events(node, MN) as seen:
            network.announce("anchor-a", MN, 2)
            assert network.leads("agg-a", MN, "anchor-a")
            network.withdraw("anchor-b", MN, 1)
            assert network.leads("agg-b", MN, "rr")
        assert "deleted" not in seen
        network.announce("anchor-b", MN, 3)
        assert network.leads("agg-a", MN, "rr")
        network.renumber("anchor-b", MN, 3, 1)
        network.withdraw("anchor-a", MN, 2)
        assert network.leads("agg-a", MN, "rr")
    network.withdraw("anchor-b", MN, 1)
    assert network.leads("edge", MN, "")


def test_what_an_anchor_may_not_announce_is_refused(network: RouterNetwork) -> None:
    """A pool of its own making, another's pool, part of a pool without the mark, a default."""
    foreign = "2001:db8:c::100/128"
    unmarked, whole, default, mine = (
        "2001:db8:a::66/128",
        "2001:db8:a::/48",
        "::/0",
        "2001:db8:b::66/128",
    )
    network.rogue(
        "anchor-b",
        f"{foreign} {MARK}",
        unmarked,
        f"{whole} {MARK}",
        f"{default} {MARK}",
        f"{mine} {MARK}",
        f"0.0.0.0/0 {MARK}",
    )
    assert network.leads("edge", mine, "rr"), "what it may announce shows that the rest was, too"
    for node in ("edge", "agg-a"):
        for refused in (foreign, unmarked, default, "0.0.0.0/0"):
            assert network.next_hop(node, refused) == ""
    assert network.next_hop("agg-a", whole) == "anchor-a"


def test_a_router_may_announce_nothing(network: RouterNetwork) -> None:
    network.rogue("agg-b", f"{MN} {MARK}", f"2001:db8:a::/48 {MARK}")
    network.announce("anchor-a", "2001:db8:a::77/128", 1)
    assert network.leads("edge", "2001:db8:a::77/128", "rr")
    assert network.next_hop("edge", MN) == ""
    assert network.next_hop("agg-a", "2001:db8:a::/48") == "anchor-a"
    network.withdraw("anchor-a", "2001:db8:a::77/128", 1)


def test_the_routes_of_a_dead_anchor_go_and_come_back_with_it(network: RouterNetwork) -> None:
    network.announce("anchor-a", MN, 1)
    assert network.leads("edge", MN, "rr")
    network.routers.kill(NodeId("anchor-a"))
    assert network.leads("edge", MN, "")
    network.routers.start_one(NodeId("anchor-a"))
    assert eventually(lambda: not network.routers.lacking(NodeId("anchor-a")))
    assert network.leads("edge", MN, "rr"), "its routes were still in the kernel"
    network.withdraw("anchor-a", MN, 1)


def test_without_reflectors_everybody_hears_the_anchors() -> None:
    file = mixed(NAME, reflector="frr")
    del file["bgp"]
    with router_network(file) as network:
        network.announce("anchor-b", MN, 1)
        for node in ("edge", "rr", "agg-a", "agg-b"):
            way = network.network.topology.next_hop(NodeId(node), NodeId("anchor-b"))
            assert network.leads(node, MN, way)


def test_two_laboratories_at_once_do_not_meet() -> None:
    with router_network(mixed(NAME)) as one, router_network(mixed(NAME, reflector="frr")) as two:
        one.announce("anchor-b", MN, 1)
        assert one.leads("edge", MN, "rr")
        assert two.next_hop("edge", MN) == ""
        names = one.namespaces.lab, two.namespaces.lab
    assert not any(Namespaces(name).exists for name in names)


def test_nothing_is_left_when_the_program_is_killed() -> None:
    program = textwrap.dedent(f"""
        import sys, time
        sys.path.insert(0, {str(Path(__file__).parents[1])!r})
        from pathlib import Path
        from mixed_routers import mixed, resolved
        from opendmm.lab.guardian import appoint
        from opendmm.lab.laboratory import Laboratory
        laboratory = Laboratory(resolved(mixed({NAME!r}, reflector="frr")), Path("x"), print)
        appoint(laboratory.namespaces)
        laboratory.network.build(Path("x"))
        laboratory.routers.start()
        print("up", laboratory.namespaces.lab, flush=True)
        time.sleep(60)
    """)
    running = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    said, _, lab = running.stdout.readline().strip().partition(" ")
    assert said == "up"
    folder = Namespaces(lab).folder
    assert daemons_in(folder)
    running.send_signal(signal.SIGKILL)
    running.wait()
    running.stdout.close()
    assert eventually(lambda: not folder.exists())
    assert not daemons_in(folder)


def daemons_in(folder: Path) -> list[str]:
    """The processes whose command line names the folder."""
    found = subprocess.run(["pgrep", "-af", f"{folder}/routers"], capture_output=True, text=True)
    return found.stdout.splitlines()


def test_a_missing_program_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    bird = SOFTWARE[RouterSoftware.BIRD]
    monkeypatch.setattr(bird, "programs", ("/usr/sbin/no-bird", "/usr/sbin/birdc"))
    with pytest.raises(LabError, match="no-bird is missing: install the package bird2"):
        Routers(resolved(mixed(NAME)), Namespaces(NAME)).start()
