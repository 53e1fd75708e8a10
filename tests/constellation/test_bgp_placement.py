"""Routers that are not ours in a constellation: who speaks with whom, and who may say what."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from opendmm.constellation.bgp import (
    Announcements,
    forwarders,
    neighbours,
    rings,
    session_associations,
    speakers,
    times_to_follow,
)
from opendmm.constellation.deployment import Deployment
from opendmm.constellation.findings import Finding, Severity
from opendmm.constellation.reading import ConstellationError, load_deployment
from opendmm.constellation.reasoning import reason
from opendmm.constellation.source_filters import filtered_links, filtering_routers
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import FunctionalEntity, NodeId

ANCHOR = ["FE_MA_C", "FE_MU_C", "FE_MCTX", "FE_E", "FE_I", "FE_IEC"]
POOLS = {name: f"2001:db8:{name}::/48" for name in "abc"}


@pytest.fixture
def file() -> dict[str, Any]:
    """cn - edge - rr, anchors a and b behind it, and c where no mobile node of others comes."""
    return {
        "constellation": "routers",
        "nodes": {
            "cn": {},
            "edge": {"router": "frr"},
            "rr": {"router": "bird"},
            **{f"anchor-{n}": {"entities": ANCHOR, "pools": [pool]} for n, pool in POOLS.items()},
        },
        "bgp": {"reflectors": ["rr"]},
        "links": [
            {"between": ["cn", "edge"]},
            {"between": ["edge", "rr"]},
            *({"between": ["rr", f"anchor-{name}"]} for name in POOLS),
        ],
        "mobile_nodes": {
            "mn1": {
                "home": "anchor-a",
                "prefixes": ["2001:db8:a::100/128"],
                "access": ["anchor-a", "anchor-b"],
            }
        },
    }


def loaded(file: dict[str, Any], folder: Path) -> Deployment:
    path = folder / "file.yaml"
    path.write_text(yaml.safe_dump(file, sort_keys=False))
    return load_deployment(path)


def findings(deployment: Deployment, words: str) -> list[Finding]:
    return [finding for finding in reason(deployment) if words in finding.message]


def pools(*names: str) -> tuple[HomePrefix, ...]:
    return tuple(HomePrefix.parse(POOLS[name]) for name in names)


def test_routers_and_anchors_speak_bgp(file: dict[str, Any], tmp_path: Path) -> None:
    found = speakers(loaded(file, tmp_path))
    assert {name: str(software) for name, software in found.items()} == {
        "edge": "frr",
        "rr": "bird",
        "anchor-a": "bird",
        "anchor-b": "bird",
        "anchor-c": "bird",
    }


def test_a_router_that_is_not_ours_is_no_plain_host(file: dict[str, Any], tmp_path: Path) -> None:
    assert loaded(file, tmp_path).nodes[NodeId("edge")].entities == (FunctionalEntity.FE_R,)


def test_where_no_node_has_a_router_nobody_speaks_bgp(file: dict[str, Any], tmp_path: Path) -> None:
    del file["bgp"]
    for name in ("edge", "rr"):
        file["nodes"][name] = {"entities": ["FE_R"]}
    assert speakers(loaded(file, tmp_path)) == {}


def test_with_a_reflector_all_others_have_one_session(file: dict[str, Any], tmp_path: Path) -> None:
    deployment = loaded(file, tmp_path)
    (only,) = neighbours(deployment, NodeId("edge"))
    assert (only.node, only.client) == ("rr", False)
    reflected = neighbours(deployment, NodeId("rr"))
    assert [n.node for n in reflected] == ["edge", "anchor-a", "anchor-b", "anchor-c"]
    assert all(n.client for n in reflected)


def test_reflectors_are_no_clients_of_each_other(file: dict[str, Any], tmp_path: Path) -> None:
    file["bgp"]["reflectors"] = ["rr", "edge"]
    seen = {n.node: n.client for n in neighbours(loaded(file, tmp_path), NodeId("rr"))}
    assert seen == {"edge": False, "anchor-a": True, "anchor-b": True, "anchor-c": True}


def test_without_reflectors_everyone_has_a_session_with_everyone(
    file: dict[str, Any], tmp_path: Path
) -> None:
    del file["bgp"]
    deployment = loaded(file, tmp_path)
    for speaker in speakers(deployment):
        assert len(neighbours(deployment, speaker)) == 4


def test_an_anchor_may_announce_its_pools_and_out_of_those_whose_mobile_nodes_come_to_it(
    file: dict[str, Any], tmp_path: Path
) -> None:
    found = neighbours(loaded(file, tmp_path), NodeId("rr"))
    may = {n.node: n.may_announce for n in found}
    assert may == {
        "edge": Announcements(),
        "anchor-a": Announcements(pools("a"), pools("a")),
        "anchor-b": Announcements(pools("b"), pools("a", "b")),
        "anchor-c": Announcements(pools("c"), pools("c")),
    }


def test_a_reflector_may_announce_what_all_anchors_may(
    file: dict[str, Any], tmp_path: Path
) -> None:
    (reflector,) = neighbours(loaded(file, tmp_path), NodeId("edge"))
    everything = pools("a", "b", "c")
    assert reflector.may_announce == Announcements(everything, everything)


def test_a_node_without_bgp_on_the_way_is_found(file: dict[str, Any], tmp_path: Path) -> None:
    assert not findings(loaded(file, tmp_path), "has no routes by BGP")
    file["nodes"]["edge"] = {"entities": ["FE_R"]}
    (found,) = findings(loaded(file, tmp_path), "has no routes by BGP")
    assert found.where == ("nodes", "edge")


def test_gobgp_on_the_way_is_found_for_it_sets_no_routes(
    file: dict[str, Any], tmp_path: Path
) -> None:
    file["nodes"]["rr"]["router"] = "gobgp"
    deployment = loaded(file, tmp_path)
    assert NodeId("rr") not in forwarders(deployment)
    (found,) = findings(deployment, "has no routes by BGP")
    assert found.where == ("nodes", "rr")


def test_a_single_reflector_is_remarked_on(file: dict[str, Any], tmp_path: Path) -> None:
    assert findings(loaded(file, tmp_path), "all routes hang on `rr`")
    file["bgp"]["reflectors"] = ["rr", "edge"]
    assert not findings(loaded(file, tmp_path), "all routes hang on")


@pytest.mark.parametrize(
    ("node", "change", "message"),
    [
        ("edge", {"router": "frr", "entities": ["FE_R", "FE_I"]}, "and has FE_I"),
        ("edge", {"router": "gobgp"}, "it can only reflect"),
        ("edge", {"router": "quagga"}, "none of these"),
        ("rr", {"entities": ["FE_R"]}, "no router .* `rr`"),
    ],
)
def test_mistakes_about_routers_are_named(
    file: dict[str, Any], tmp_path: Path, node: str, change: dict[str, Any], message: str
) -> None:
    file["nodes"][node] = change
    with pytest.raises(ConstellationError, match=message):
        loaded(file, tmp_path)


def test_sessions_of_nobody_and_a_reflector_named_twice_are_mistakes(
    file: dict[str, Any], tmp_path: Path
) -> None:
    file["bgp"]["reflectors"] = ["rr", "rr"]
    with pytest.raises(ConstellationError, match="`rr` is named twice"):
        loaded(file, tmp_path)
    file["bgp"] = {"as_number": 65001}
    for name in ("edge", "rr"):
        file["nodes"][name] = {"entities": ["FE_R"]}
    with pytest.raises(ConstellationError, match="no node speaks BGP"):
        loaded(file, tmp_path)


def test_a_neighbour_is_as_far_away_as_links_lead_to_it(
    file: dict[str, Any], tmp_path: Path
) -> None:
    del file["bgp"]
    far = neighbours(loaded(file, tmp_path), NodeId("edge"))
    assert {one.node: one.hops for one in far} == {
        **dict.fromkeys(("anchor-a", "anchor-b", "anchor-c"), 2),
        "rr": 1,
    }


def test_a_neighbour_is_as_far_away_as_the_detour_when_a_link_is_down(
    file: dict[str, Any], tmp_path: Path
) -> None:
    file["links"].append({"between": ["edge", "anchor-a"]})
    far = neighbours(loaded(file, tmp_path), NodeId("rr"))
    assert {one.node: one.hops for one in far} == {
        "edge": 2,
        "anchor-a": 2,
        "anchor-b": 1,
        "anchor-c": 1,
    }


def test_of_ways_of_equal_cost_the_longest_counts(file: dict[str, Any], tmp_path: Path) -> None:
    file["nodes"]["between"] = {"router": "frr"}
    file["links"][1]["cost"] = 2
    file["links"] += [{"between": ["edge", "between"]}, {"between": ["between", "rr"]}]
    far = neighbours(loaded(file, tmp_path), NodeId("anchor-a"))
    assert {one.node: one.hops for one in far} == {"rr": 1}
    far = neighbours(loaded(file, tmp_path), NodeId("rr"))
    assert next(one.hops for one in far if one.node == "edge") == 2


def test_every_pair_with_a_session_shares_a_key(file: dict[str, Any], tmp_path: Path) -> None:
    assert session_associations(loaded(file, tmp_path)) == {
        ("edge", "rr"),
        ("anchor-a", "rr"),
        ("anchor-b", "rr"),
        ("anchor-c", "rr"),
    }


@pytest.mark.parametrize("setting", ["md5", "ttl_security"])
def test_sessions_without_protection_are_warned_of(
    file: dict[str, Any], tmp_path: Path, setting: str
) -> None:
    file["bgp"][setting] = False
    (found,) = findings(loaded(file, tmp_path), "BGP sessions")
    assert found.where == ("bgp", setting)


@pytest.mark.parametrize(
    ("router", "software", "words", "severity"),
    [
        ("rr", "bird", "while its route leads back to the anchor, and for 2s", Severity.NOTE),
        ("rr", "gobgp", "would never learn of moves", Severity.ERROR),
        ("edge", "frr", "nothing to filter", Severity.WARNING),
    ],
)
def test_source_filters_of_routers_are_judged(
    file: dict[str, Any],
    tmp_path: Path,
    router: str,
    software: str,
    words: str,
    severity: Severity,
) -> None:
    file["nodes"][router] = {"router": software, "source_filter": True}
    (found,) = findings(loaded(file, tmp_path), words)
    assert (found.severity, found.where) == (severity, ("nodes", router, "source_filter"))


def test_a_router_filters_by_what_can_come_over_each_link(
    file: dict[str, Any], tmp_path: Path
) -> None:
    file["nodes"]["rr"]["source_filter"] = True
    deployment = loaded(file, tmp_path)
    assert filtering_routers(deployment) == ("rr",)
    links = {link.anchor: link for link in filtered_links(deployment, NodeId("rr"))}
    assert {anchor: link.visiting for anchor, link in links.items()} == {
        "anchor-a": (),
        "anchor-b": pools("a"),
        "anchor-c": (),
    }
    assert set(pools("b")) < set(links[NodeId("anchor-b")].own)


def test_a_filter_on_a_link_that_the_router_does_not_use_is_warned_of(
    file: dict[str, Any], tmp_path: Path
) -> None:
    file["nodes"]["rr"]["source_filter"] = True
    file["links"][3]["cost"] = 5
    file["links"].append({"between": ["edge", "anchor-b"]})
    (found,) = findings(loaded(file, tmp_path), "by another way")
    assert "`rr` sends to `anchor-b`" in found.message


def test_flows_need_another_binding(file: dict[str, Any], tmp_path: Path) -> None:
    file["reference_points"] = {"R_IC": "bgp", "R_II": "bgp"}
    file["policies"] = [{"flows": [{"protocol": "udp", "destination_port": 53}]}]
    with pytest.raises(ConstellationError) as caught:
        loaded(file, tmp_path)
    assert "policies reach nobody" in str(caught.value)


def test_every_router_has_the_routes_of_those_away(file: dict[str, Any], tmp_path: Path) -> None:
    """Whatever a mobile node's correspondents are: no router can ask for what it needs."""
    file["reference_points"] = {"R_IC": "bgp", "R_II": "bgp"}
    deployment = loaded(file, tmp_path)
    assert rings(deployment, NodeId("anchor-a")) == {NodeId("rr"): 1, NodeId("edge"): 2}
    assert len(times_to_follow(deployment, NodeId("anchor-a"))) == 2
    heard = {n.node for n in neighbours(deployment, NodeId("anchor-a"))}
    assert heard == {"rr", "edge"}


def test_fe_iec_is_where_packets_come_to(file: dict[str, Any], tmp_path: Path) -> None:
    file["reference_points"] = {"R_IC": "bgp", "R_II": "bgp"}
    file["nodes"]["anchor-b"]["entities"] = ["FE_MA_C", "FE_MU_C", "FE_MCTX", "FE_E"]
    found = reason(loaded(file, tmp_path))
    assert any(
        f.severity is Severity.ERROR and "`anchor-b` has no FE_IEC" in f.message for f in found
    )


def test_r_ic_and_r_ii_go_together_and_alone(file: dict[str, Any], tmp_path: Path) -> None:
    for points, words in (
        ({"R_IC": "bgp"}, "R_II is not carried by bgp"),
        ({"R_IC": "bgp", "R_II": "bgp", "R_XX": "bgp"}, "BGP has no message for R_XX"),
    ):
        file["reference_points"] = points
        found = reason(loaded(file, tmp_path))
        assert any(words in f.message for f in found if f.severity is Severity.ERROR)
