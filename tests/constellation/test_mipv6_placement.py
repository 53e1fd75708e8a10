"""Mobile IPv6 in a constellation: who is a guest where, who shares a key, what does not fit."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from opendmm.constellation.deployment import Deployment
from opendmm.constellation.findings import Severity
from opendmm.constellation.reading import ConstellationError, load_deployment
from opendmm.constellation.reasoning import reason
from opendmm.constellation.roles import mobility_associations
from opendmm.model.addressing import Locator
from opendmm.model.identity import MobileNodeId, NodeId

EXAMPLE = Path(__file__).parents[2] / "examples" / "mipv6.yaml"
MN = MobileNodeId("mn1@example.org")


@pytest.fixture
def file() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text())
    return copy.deepcopy(content)


def loaded(file: dict[str, Any], folder: Path) -> Deployment:
    path = folder / "file.yaml"
    path.write_text(yaml.safe_dump(file))
    return load_deployment(path)


def errors(deployment: Deployment) -> list[str]:
    return [f.message for f in reason(deployment) if f.severity is Severity.ERROR]


def test_a_mobile_node_has_a_care_of_address_wherever_it_is_not_at_home() -> None:
    mobile = load_deployment(EXAMPLE).subscribers[MN]
    assert set(mobile.access) == {NodeId(n) for n in ("ha-a", "ha-b", "ar-1", "ar-2", "ar-3")}
    assert mobile.care_of == {
        NodeId("ha-b"): Locator.parse("fd00:d:4::ca:0:1"),
        NodeId("ar-1"): Locator.parse("fd00:d:5::ca:0:1"),
        NodeId("ar-2"): Locator.parse("fd00:d:6::ca:0:1"),
        NodeId("ar-3"): Locator.parse("fd00:d:7::ca:0:1"),
    }


def test_access_routers_are_no_gateways_and_lead_to_their_home_agent() -> None:
    deployment = load_deployment(EXAMPLE)
    assert deployment.gateways_of(NodeId("ha-a")) == {}
    assert deployment.anchor_at(NodeId("ar-3")) == "ha-b"


def test_a_mobile_node_shares_a_key_with_each_home_agent_and_they_with_each_other() -> None:
    assert mobility_associations(load_deployment(EXAMPLE)) == {
        (NodeId(MN), NodeId("ha-a")),
        (NodeId(MN), NodeId("ha-b")),
        (NodeId("ha-a"), NodeId("ha-b")),
    }


def test_the_example_fits() -> None:
    assert errors(load_deployment(EXAMPLE)) == []


def test_who_has_no_client_or_no_single_ipv6_address_cannot_register(
    file: dict[str, Any], tmp_path: Path
) -> None:
    file["nodes"]["ha-a"]["pools"].append("10.10.0.0/16")
    file["mobile_nodes"]["mn1"] |= {
        "client": False,
        "prefixes": ["2001:db8:a:1::/64", "10.10.0.1/32"],
    }
    del file["scenario"]
    found = errors(loaded(file, tmp_path))
    assert any("has no client" in text for text in found)
    assert any("not 2001:db8:a:1::/64" in text for text in found)
    assert any("not 10.10.0.1/32" in text for text in found)


def test_no_second_tunnel_on_the_uplink(file: dict[str, Any], tmp_path: Path) -> None:
    file["forwarding"]["uplink"] = "tunnel"
    assert any("in a tunnel already" in text for text in errors(loaded(file, tmp_path)))


def test_mobile_ipv6_carries_r_xu_alone(file: dict[str, Any], tmp_path: Path) -> None:
    file["reference_points"]["R_XX"] = "mipv6"
    assert any("no message for R_XX" in text for text in errors(loaded(file, tmp_path)))


def test_routes_are_optimised_only_where_mobile_nodes_register_themselves(
    file: dict[str, Any], tmp_path: Path
) -> None:
    file["mipv6"] = {"route_optimisation": True}
    deployment = loaded(file, tmp_path)
    assert errors(deployment) == []
    assert deployment.correspondents == ("cn",)
    file["reference_points"]["R_XU"] = "native"
    for router in ("ar-1", "ar-2", "ar-3"):
        file["nodes"][router]["entities"].append("FE_MU_C")
    del file["scenario"]
    assert any("register themselves" in text for text in errors(loaded(file, tmp_path)))


def test_an_access_router_has_no_client_of_the_network(
    file: dict[str, Any], tmp_path: Path
) -> None:
    file["nodes"]["ar-1"]["entities"].append("FE_MU_C")
    path = tmp_path / "file.yaml"
    path.write_text(yaml.safe_dump(file))
    with pytest.raises(ConstellationError, match="has an anchor and FE_MU_C"):
        load_deployment(path)
