"""Proxy Mobile IPv6 in a constellation file: what it carries, and what mobile nodes are then."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from opendmm.constellation.file import ConstellationFile
from opendmm.constellation.placement import Placement
from opendmm.constellation.pmipv6 import CARRIED, CHECKS
from opendmm.constellation.reading import load_deployment
from opendmm.constellation.resolve import deployment
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.reference_points.catalogue import ReferencePointName

EXAMPLE = Path(__file__).parents[2] / "examples" / "pmipv6.yaml"
MN = MobileNodeId("mn1@example.org")


def changed(**changes: Any) -> ConstellationFile:
    content = yaml.safe_load(EXAMPLE.read_text())
    for section, fields in changes.items():
        content[section] |= fields
    return msgspec.convert(content, ConstellationFile)


@pytest.mark.parametrize("name", ReferencePointName)
def test_it_is_not_asked_for_what_it_has_no_message_for(name: ReferencePointName) -> None:
    placement = Placement(deployment(changed(reference_points={str(name): "pmipv6"})))
    findings = [finding for check in CHECKS for finding in check(placement)]
    assert [f.section for f in findings] == ([] if name in CARRIED else [name])


def test_mobile_nodes_are_plain_hosts_that_see_one_router() -> None:
    subscriber = load_deployment(EXAMPLE).subscribers[MN]
    assert subscriber.gateways == {NodeId("mag-1"), NodeId("mag-2"), NodeId("mag-3")}
    assert subscriber.makes_address_of(HomePrefix.parse("2001:db8:a:1::/64"))
    assert not subscriber.makes_address_of(HomePrefix.parse("10.10.0.100/32"))


def test_a_mobile_node_with_a_client_is_none() -> None:
    section = {"mn1": {"home": "lma-a", "prefixes": ["2001:db8:a:1::/64"], "client": True}}
    subscriber = deployment(changed(mobile_nodes=section)).subscribers[MN]
    assert not subscriber.gateways
    assert not subscriber.autoconfigured
