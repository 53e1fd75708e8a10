"""A file resolved: what is allocated, who controls whom, which egress an anchor has."""

from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from opendmm.constellation.deployment import Deployment
from opendmm.constellation.file import ConstellationFile, LinkSection, MobileNodeSection
from opendmm.constellation.file import NodeSection as Node
from opendmm.constellation.quantities import bits_per_second, seconds, share
from opendmm.constellation.reading import load, load_deployment
from opendmm.constellation.resolve import deployment
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import FunctionalEntity, MobileNodeId, NodeId
from opendmm.reference_points.r_ic import PolicyMode

FE = FunctionalEntity
EXAMPLES = Path(__file__).parents[2] / "examples"
ANCHOR = (FE.FE_MA_C, FE.FE_MCTX)


def resolved(links: list[str] | None = None, **nodes: Node) -> Deployment:
    """Nodes by name, in a chain unless links are given as "a b" or "a b cost"."""
    pairs = [link.split() for link in links or map(" ".join, pairwise(nodes))]
    return deployment(
        ConstellationFile(
            constellation="resolved",
            nodes=nodes,
            links=tuple(
                LinkSection(between=(a, b), cost=int(rest[0]) if rest else 1)
                for a, b, *rest in pairs
            ),
        )
    )


def example(name: str) -> Deployment:
    return load_deployment(EXAMPLES / f"{name}.yaml")


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_same_file_always_gives_the_same_deployment(path: Path) -> None:
    assert load_deployment(path) == deployment(load(path))


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_no_address_is_given_twice(path: Path) -> None:
    made = load_deployment(path)
    addresses = [str(plan.locator) for plan in made.nodes.values()]
    addresses += [plan.ipv4 for plan in made.nodes.values()]
    addresses += [end.ipv6 for link in made.links for end in link.ends]
    addresses += [end.ipv4 for link in made.links for end in link.ends]
    assert len(set(addresses)) == len(addresses)
    macs = [mac for s in made.subscribers.values() for mac in s.link_layer_ids.values()]
    assert len(set(macs)) == len(macs)


def test_nodes_and_links_are_numbered_in_the_order_of_the_file() -> None:
    made = resolved(one=Node(), two=Node(), three=Node())

    two = made.nodes[NodeId("two")]
    assert (str(two.locator), two.egress_block) == ("fd00:d:2::1", "fd00:d:2::/64")
    assert two.ipv4 == "10.255.0.2"
    second = made.links[1].ends
    assert [(end.node, end.interface) for end in second] == [("two", "three"), ("three", "two")]
    assert [end.ipv6 for end in second] == ["fd00:c:2::1/64", "fd00:c:2::2/64"]
    assert [end.ipv4 for end in second] == ["10.254.0.9/30", "10.254.0.10/30"]


def test_given_addresses_are_kept() -> None:
    given = ("2001:db8:f::1/64", "2001:db8:f::2/64")
    made = deployment(
        ConstellationFile(
            constellation="given",
            nodes={"a": Node(locator="2001:db8:1::7"), "b": Node()},
            links=(LinkSection(between=("a", "b"), addresses=given),),
        )
    )
    assert made.nodes[NodeId("a")].egress_block == "2001:db8:1::/64"
    assert tuple(end.ipv6 for end in made.links[0].ends) == given
    assert [end.ipv4 for end in made.links[0].ends] == ["10.254.0.5/30", "10.254.0.6/30"]


def test_link_layer_addresses_are_locally_administered_unicast() -> None:
    made = example("cooperative")
    for subscriber in made.subscribers.values():
        for mac in subscriber.link_layer_ids.values():
            assert len(mac) == 6
            assert mac[0] & 0b11 == 0b10


def test_a_given_link_layer_address_is_the_same_towards_every_anchor() -> None:
    file = load(EXAMPLES / "cooperative.yaml")
    section = msgspec.structs.replace(file.mobile_nodes["mn1"], link_layer_id="02:00:5E:10:00:01")
    made = deployment(msgspec.structs.replace(file, mobile_nodes={"mn1": section}))
    (subscriber,) = made.subscribers.values()
    assert subscriber.link_layer_ids == {
        "anchor-a": b"\x02\x00\x5e\x10\x00\x01",
        "anchor-b": b"\x02\x00\x5e\x10\x00\x01",
    }


def test_the_egress_of_an_anchor_is_its_own() -> None:
    made = resolved(near=Node(entities=(FE.FE_E,)), anchor=Node(entities=(*ANCHOR, FE.FE_E)))
    egress = made.nodes[NodeId("anchor")].egress
    assert egress is not None
    assert (egress.node, str(egress.locator)) == ("anchor", "fd00:d:2::1")


def test_an_anchor_without_egress_takes_the_nearest_by_cost() -> None:
    made = resolved(
        ["anchor one 5", "anchor hub 2", "hub two 2"],
        one=Node(entities=(FE.FE_E,)),
        hub=Node(),
        two=Node(entities=(FE.FE_E,)),
        anchor=Node(entities=ANCHOR),
    )
    egress = made.nodes[NodeId("anchor")].egress
    assert egress is not None
    assert egress.node == "two"


def test_a_node_that_is_no_anchor_has_no_egress() -> None:
    assert resolved(e=Node(entities=(FE.FE_E,))).nodes[NodeId("e")].egress is None


def test_the_controller_on_the_own_node_comes_first_and_the_standby_last() -> None:
    pools = ("2001:db8:a::/48",)
    made = resolved(
        standby=Node(entities=(FE.FE_IEC,), standby_for="other"),
        other=Node(entities=(FE.FE_IEC,)),
        serving=Node(entities=(FE.FE_IEC,), serves=pools),
        anchor=Node(entities=(*ANCHOR, FE.FE_E), pools=pools),
        condensed=Node(entities=(*ANCHOR, FE.FE_E, FE.FE_IEC), pools=("2001:db8:b::/48",)),
    )
    assert made.nodes[NodeId("anchor")].controllers == ("serving", "other", "condensed", "standby")
    assert made.nodes[NodeId("condensed")].controllers[0] == "condensed"


def test_a_controller_beside_an_anchor_serves_its_pools_and_a_lone_one_everything() -> None:
    condensed, cooperative = example("condensed"), example("cooperative")
    pools = (HomePrefix.parse("2001:db8:a::/48"), HomePrefix.parse("10.10.0.0/16"))
    assert condensed.controllers[NodeId("anchor-a")].serves == pools
    assert cooperative.controllers[NodeId("controller")].serves == ()


def test_a_controller_knows_who_stands_by_for_it() -> None:
    made = example("standby-controller")
    assert made.controllers[NodeId("primary")].standby == "standby"
    assert made.controllers[NodeId("standby")].standby_for == "primary"


def test_an_ingress_is_pushed_everything_unless_a_policy_says_otherwise() -> None:
    assert example("pull").ingresses[NodeId("ingress")].mode is PolicyMode.PULL
    several = example("several-ingresses").ingresses
    assert several[NodeId("east")].mode is PolicyMode.PUSH
    assert several[NodeId("east")].groups == ()
    assert len(several[NodeId("west")].groups) == 2


def test_a_mobile_node_has_access_to_all_anchors_unless_some_are_named() -> None:
    anchor = Node(entities=(*ANCHOR, FE.FE_E), pools=("2001:db8:a::/48",))
    mobile_nodes = {
        "mn1": MobileNodeSection(home="a", prefixes=("2001:db8:a::1/128",)),
        "mn2": MobileNodeSection(home="a", prefixes=("2001:db8:a::2/128",), access=("a",), id="x"),
    }
    made = deployment(
        ConstellationFile(
            constellation="access",
            nodes={"a": anchor, "b": Node(entities=(*ANCHOR, FE.FE_E))},
            mobile_nodes=mobile_nodes,
        )
    )
    assert made.subscribers[MobileNodeId("mn1@example.org")].access == ("a", "b")
    assert made.subscribers[MobileNodeId("x")].access == ("a",)


@pytest.mark.parametrize(
    ("duration", "value"),
    [("20us", 2e-5), ("1.5ms", 1.5e-3), ("3s", 3.0), ("2min", 120), ("1h", 3600)],
)
def test_durations_become_seconds(duration: str, value: float) -> None:
    assert seconds(duration) == pytest.approx(value)


def test_rates_become_bits_per_second_and_percentages_shares() -> None:
    assert bits_per_second("1.5Mbit") == pytest.approx(1.5e6)
    assert share("0.5%") == pytest.approx(0.005)


@pytest.mark.parametrize("text", ["", "5", "ms", "5 parsecs", "-1s", "1e3s"])
def test_what_is_no_duration_is_refused_with_the_units(text: str) -> None:
    with pytest.raises(ValueError, match="us, ms, s, min, h"):
        seconds(text)
