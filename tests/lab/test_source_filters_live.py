"""Routers that filter sources, live: what has moved passes, as long as it is there."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from router_network import RouterNetwork, eventually, router_network
from standing import needs_namespaces
from uplink import Uplink

from mixed_routers import mixed
from opendmm.lab.routing_software import SOFTWARE
from opendmm.lab.source_filters import refused_sources
from opendmm.model.identity import NodeId

MISSING = [p for s in SOFTWARE.values() for p in s.programs if not Path(p).exists()]
pytestmark = [
    pytest.mark.lab,
    needs_namespaces,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]
NAME = f"f{os.getpid()}"
GRACE = 0.5
VISITORS = {"agg-b": ("anchor-b", "2001:db8:a::100", "10.10.0.100", "2001:db8:a:7::/64")}
VISITORS["agg-a"] = ("anchor-a", "2001:db8:b::100", "10.20.0.100", "2001:db8:b:7::/64")
"""By router (agg-a has FRR, agg-b BIRD): the anchor behind it, and what can come there."""


def filtering(grace: str, reflector: str = "bird") -> dict[str, Any]:
    file = mixed(NAME, reflector=reflector)
    for router in VISITORS:
        file["nodes"][router]["source_filter"] = True
    file["bgp"]["uplink_grace"] = grace
    file["mobile_nodes"]["mn2"] = {"home": "anchor-b", "prefixes": ["2001:db8:b::100/128"]}
    return file


@pytest.fixture(scope="module")
def strict() -> Iterator[RouterNetwork]:
    with router_network(filtering("0s")) as up:
        yield up


@pytest.fixture(scope="module", params=["bird", "frr"])
def patient(request: pytest.FixtureRequest) -> Iterator[RouterNetwork]:
    with router_network(filtering(f"{GRACE}s", request.param)) as up:
        yield up


@contextlib.contextmanager
def uplink(network: RouterNetwork, anchor: str, source: str) -> Iterator[Uplink]:
    correspondent = network.deployment.nodes[NodeId("cn")]
    destination = str(correspondent.locator) if ":" in source else correspondent.ipv4
    made = Uplink(network.namespaces, (anchor, "cn"), source, destination)
    try:
        yield made
    finally:
        made.close()


def refused(network: RouterNetwork, router: str) -> int:
    return sum(refused_sources(network.namespaces, NodeId(router)).values())


@pytest.mark.parametrize("router", VISITORS)
@pytest.mark.parametrize("which", [1, 2])
def test_a_source_passes_from_the_announcement_to_the_withdrawal(
    strict: RouterNetwork, router: str, which: int
) -> None:
    anchor, source = VISITORS[router][0], VISITORS[router][which]
    prefix = f"{source}/{128 if ':' in source else 32}"
    with uplink(strict, anchor, source) as packets:
        before = refused(strict, router)
        assert not packets.passes()
        assert refused(strict, router) == before + 1
        strict.announce(anchor, prefix, 1)
        assert strict.leads(router, prefix, anchor)
        assert packets.passes()
        assert refused(strict, router) == before + 1
        strict.withdraw(anchor, prefix, 1)
        assert strict.leads(router, prefix, "")
        assert not packets.passes()
        assert refused(strict, router) == before + 2


@pytest.mark.parametrize("router", VISITORS)
def test_every_address_of_a_network_prefix_passes_with_it(
    strict: RouterNetwork, router: str
) -> None:
    anchor, prefix = VISITORS[router][0], VISITORS[router][3]
    with uplink(strict, anchor, prefix.replace("::/64", "::77")) as packets:
        assert not packets.passes()
        strict.announce(anchor, prefix, 1)
        assert strict.leads(router, prefix, anchor)
        assert packets.passes()
        strict.withdraw(anchor, prefix, 1)


@pytest.mark.parametrize("router", VISITORS)
def test_what_is_the_anchors_own_always_passes(strict: RouterNetwork, router: str) -> None:
    anchor = VISITORS[router][0]
    plan = strict.deployment.nodes[NodeId(anchor)]
    addresses = [p.address.replace("::", "::5") for p in plan.pools if p.is_ipv6]
    for source in (*addresses, str(plan.locator), plan.ipv4):
        with uplink(strict, anchor, source) as packets:
            assert packets.passes(), source


@pytest.mark.parametrize("router", VISITORS)
def test_nothing_is_lost_when_a_route_comes_late_or_goes_early(
    patient: RouterNetwork, router: str
) -> None:
    """To and fro, again and again: the mobile node uses both links until it has left the one."""
    anchor, source = VISITORS[router][:2]
    home = {"anchor-a": "anchor-b", "anchor-b": "anchor-a"}[anchor]
    with uplink(patient, anchor, source) as packets:
        for number in (1, 3, 5):
            with packets.stream() as lost:
                patient.announce(anchor, f"{source}/128", number)
                assert patient.leads(router, f"{source}/128", anchor)
            assert not lost
            with packets.stream() as lost:
                patient.announce(home, f"{source}/128", number + 1)
                assert eventually(lambda: patient.next_hop(router, f"{source}/128") != anchor)
                patient.withdraw(anchor, f"{source}/128", number)
            assert not lost
            time.sleep(GRACE)
            patient.withdraw(home, f"{source}/128", number + 1)
            assert patient.leads(router, f"{source}/128", "")


@pytest.mark.parametrize("router", VISITORS)
def test_a_source_without_a_route_passes_for_a_short_time_only(
    patient: RouterNetwork, router: str
) -> None:
    anchor, source = VISITORS[router][0], f"{VISITORS[router][1]}1"
    with uplink(patient, anchor, source) as packets:
        assert packets.passes()
        time.sleep(GRACE)
        assert not packets.passes()


@pytest.mark.parametrize("router", VISITORS)
def test_a_source_that_cannot_come_there_does_not_pass_at_all(
    patient: RouterNetwork, router: str
) -> None:
    for source in ("2001:db8:c::1", "10.30.0.1"):
        with uplink(patient, VISITORS[router][0], source) as packets:
            assert not packets.passes()
