"""A reload tells what protocols over the Mobility Header do not take over while they run."""

import logging
import time
from pathlib import Path

import pytest
import yaml

from opendmm.authority import material
from opendmm.constellation.reading import load_deployment
from opendmm.constellation.roles import mobility_associations, registered_roles
from opendmm.node.launch import Binding, read_part
from opendmm.node.settings import NodeSettings

EXAMPLE = Path(__file__).parents[2] / "examples" / "pmipv6.yaml"


@pytest.fixture
def settings(tmp_path: Path) -> NodeSettings:
    constellation, keys = tmp_path / "file.yaml", tmp_path / "material"
    constellation.write_text(EXAMPLE.read_text())
    deployment = load_deployment(constellation)
    made = material.generate(
        deployment.name,
        registered_roles(deployment),
        now=time.time(),
        associations=mobility_associations(deployment),
    )
    material.write(made, keys)
    return NodeSettings(constellation=str(constellation), node="lma-a", material=str(keys))


def test_what_has_not_changed_needs_no_restart(
    settings: NodeSettings, caplog: pytest.LogCaptureFixture
) -> None:
    binding = Binding(settings, read_part(settings))
    with caplog.at_level(logging.WARNING):
        assert binding.reread() is not None
    assert caplog.records == []


def test_another_subscriber_and_another_lifetime_are_named(
    settings: NodeSettings, caplog: pytest.LogCaptureFixture
) -> None:
    binding = Binding(settings, read_part(settings))
    path = Path(settings.constellation)
    content = yaml.safe_load(path.read_text())
    content["mobile_nodes"]["mn2"] = {"home": "lma-a", "prefixes": ["2001:db8:a:2::/64"]}
    content["timers"] = {"lifetime": "120s"}
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    with caplog.at_level(logging.WARNING):
        assert binding.reread() is not None
    (said,) = caplog.records
    assert said.message == "reload-needs-restart"
    assert said.__dict__["fields"] == {"why": "pmipv6 goes on with its profiles, lifetime"}
