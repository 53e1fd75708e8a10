"""Who may speak with a router, live: the right key, from no further away than the neighbour is;
and the number of a move, told in two places."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from router_network import RouterNetwork, eventually, router_network, steadily
from standing import needs_namespaces

from mixed_routers import mixed
from opendmm.authority.material import SESSION_KEYS, SHARED_KEY_LENGTH
from opendmm.lab import routers as lab_routers
from opendmm.lab.routing_software import SOFTWARE
from opendmm.model.identity import NodeId
from opendmm.routers.speaker import HOLD

MISSING = [p for s in SOFTWARE.values() for p in s.programs if not Path(p).exists()]
pytestmark = [
    pytest.mark.lab,
    needs_namespaces,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]
NAME = f"s{os.getpid()}"
REFLECTOR = NodeId("rr")
HONEST = "2001:db8:b::1/128"


@pytest.fixture(scope="module", params=["bird", "frr", "gobgp"])
def network(request: pytest.FixtureRequest) -> Iterator[RouterNetwork]:
    """With each software as reflector, which speaks with FRR and BIRD."""
    with router_network(mixed(NAME, reflector=request.param)) as up:
        yield up


def test_sessions_come_up_signed(network: RouterNetwork) -> None:
    assert network.routers.notes == ()
    assert not network.routers.lacking(REFLECTOR)
    keys = session_keys(network, REFLECTOR)
    assert len(set(keys.values())) == len(keys) == 5
    for configuration in (network.namespaces.folder / "routers" / REFLECTOR).glob("*.*"):
        if configuration.suffix in (".conf", ".yaml"):
            assert configuration.stat().st_mode & 0o077 == 0
            assert all(key in configuration.read_text() for key in keys.values())


def test_a_session_with_a_wrong_key_does_not_come_up(network: RouterNetwork) -> None:
    with wrong_key(network, REFLECTOR, NodeId("anchor-b")):
        network.restart(REFLECTOR)
        assert eventually(lambda: set(network.routers.lacking(REFLECTOR)) == {"anchor-b"})
        assert steadily(lambda: network.routers.lacking(REFLECTOR) == ["anchor-b"])
    network.restart(REFLECTOR)
    assert eventually(lambda: not network.routers.lacking(REFLECTOR))


def test_a_session_from_too_far_away_does_not_come_up(network: RouterNetwork) -> None:
    """As if there were one more router: what agg-b sends on has a hop less to live."""
    with network.one_more_hop("agg-b", "anchor-b"):
        network.restart(REFLECTOR)
        assert eventually(lambda: set(network.routers.lacking(REFLECTOR)) == {"anchor-b"})
        assert steadily(lambda: network.routers.lacking(REFLECTOR) == ["anchor-b"])
    assert eventually(lambda: not network.routers.lacking(REFLECTOR))


@pytest.mark.slow
def test_a_session_whose_packets_come_from_further_away_than_before_ends(
    network: RouterNetwork,
) -> None:
    with network.one_more_hop("agg-b", "anchor-b"):
        assert eventually(lambda: network.routers.lacking(REFLECTOR) == ["anchor-b"], 2 * HOLD)
    assert eventually(lambda: not network.routers.lacking(REFLECTOR))


def test_routes_whose_number_is_not_their_preference_are_refused(network: RouterNetwork) -> None:
    """By BIRD; FRR, which hears the anchor itself, sees only what is missing or told twice."""
    wrong, without, twice = (f"2001:db8:b::{host}/128" for host in (66, 67, 68))
    mark = "bgp_large_community.add((65000, 2, 1)); bgp_local_pref = 5;"
    number = "bgp_large_community.add((65000, 1, {}));"
    network.rogue(
        "anchor-b",
        f"{wrong} {mark} {number.format(4)}",
        f"{without} {mark}",
        f"{twice} {mark} {number.format(4)} {number.format(5)}",
        f"{HONEST} {mark} {number.format(5)}",
    )
    assert network.leads("edge", HONEST, "rr"), "shows that the rest was announced, too"
    assert network.leads("agg-a", HONEST, "rr")
    for refused in (wrong, without, twice):
        assert network.next_hop("edge", refused) == ""
    told = (wrong, without, twice)
    assert eventually(lambda: [o for o in told if network.next_hop("agg-a", o)] == [wrong])


def test_where_the_kernel_cannot_sign_sessions_have_the_ttl_check_alone_and_say_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused() -> None:
        raise OSError(92, "Protocol not available")

    monkeypatch.setattr(lab_routers, "try_tcp_signatures", refused)
    with router_network(mixed(NAME)) as network:
        assert "not signed" in network.routers.notes[0]
        text = (network.namespaces.folder / "routers/rr/bird.conf").read_text()
        assert "password" not in text
        assert "ttl security on" in text


def session_keys(network: RouterNetwork, node: NodeId) -> dict[str, str]:
    return msgspec.json.decode(_key_file(network, node).read_bytes(), type=dict[str, str])


@contextlib.contextmanager
def wrong_key(network: RouterNetwork, node: NodeId, neighbour: NodeId) -> Iterator[None]:
    """For the time of the block a node's file of keys has another one for a neighbour."""
    path = _key_file(network, node)
    before = path.read_bytes()
    keys = session_keys(network, node) | {neighbour: bytes(SHARED_KEY_LENGTH).hex()}
    path.write_bytes(msgspec.json.encode(keys))
    yield
    path.write_bytes(before)


def _key_file(network: RouterNetwork, node: NodeId) -> Path:
    return network.namespaces.folder / "material/nodes" / node / SESSION_KEYS
