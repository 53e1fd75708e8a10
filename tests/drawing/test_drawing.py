"""The pictures of all examples: complete, well-formed, and nothing over anything else."""

from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml
from click.testing import CliRunner

from opendmm.cli.draw import draw as command
from opendmm.constellation.deployment import Deployment
from opendmm.constellation.reading import load_deployment
from opendmm.drawing.geometry import STEP, Rectangle, text_width
from opendmm.drawing.labels import place_labels
from opendmm.drawing.layout import NAME_SIZE, Layout, lay_out, rectangle_of
from opendmm.drawing.routing import RoutedNet, route
from opendmm.drawing.scene import scene_of
from opendmm.drawing.svg import draw

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))
EVERY_EXAMPLE = pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
SVG = "{http://www.w3.org/2000/svg}"


def _routed(deployment: Deployment) -> tuple[Layout, tuple[RoutedNet, ...]]:
    scene = scene_of(deployment)
    layout = lay_out(scene)
    return layout, route(layout, scene.nets)


def _lines(routed: RoutedNet) -> list[Rectangle]:
    """Each straight piece of a net's lines."""
    return [
        Rectangle(
            min(a[0], b[0]) * STEP,
            min(a[1], b[1]) * STEP,
            abs(a[0] - b[0]) * STEP,
            abs(a[1] - b[1]) * STEP,
        )
        for run in routed.runs
        for a, b in pairwise(run)
    ]


def _shrunk(place: Rectangle, by: float) -> Rectangle:
    return Rectangle(place.x + by, place.y + by, place.width - 2 * by, place.height - 2 * by)


@EVERY_EXAMPLE
def test_the_picture_names_every_node_entity_and_reference_point(example: Path) -> None:
    deployment = load_deployment(example)
    root = ET.fromstring(draw(deployment))
    assert root.tag == f"{SVG}svg"
    texts = [element.text or "" for element in root.iter(f"{SVG}text")]
    entities = [entity for plan in deployment.nodes.values() for entity in plan.entities]
    for entity in set(entities):
        assert texts.count(entity) >= entities.count(entity)
    for node in (*deployment.nodes, *(s.name for s in deployment.subscribers.values())):
        assert node in texts
    words = " ".join(texts).split()
    for point in ("R_XA", "R_XU", "R_XX", "R_IC", "R_EC", "R_XC") if deployment.subscribers else ():
        assert point in words
    assert ("R_II" in words) == (len(deployment.controllers) > 1)


@EVERY_EXAMPLE
def test_nothing_covers_anything_else(example: Path) -> None:
    layout, nets = _routed(load_deployment(example))
    labels = place_labels(layout, nets)
    boxes = [placed.box for placed in layout.nodes.values()]
    assert {label.routed.net for label in labels} == {r.net for r in nets if r.net.label}
    for a, b in combinations([*boxes, *(label.place for label in labels)], 2):
        assert not a.overlaps(b)
    for placed in layout.nodes.values():
        chips = [*placed.entities.values(), placed.name]
        assert not any(a.overlaps(b) for a, b in combinations(chips, 2))
        assert text_width(placed.node.name, NAME_SIZE) <= placed.name.width


@EVERY_EXAMPLE
def test_every_net_reaches_all_its_ends_round_all_other_boxes(example: Path) -> None:
    layout, nets = _routed(load_deployment(example))
    for routed in nets:
        assert len(routed.runs) == len(routed.net.ends) - 1, routed.net
        mine = {end.node for end in routed.net.ends}
        for end in routed.net.ends:
            place = rectangle_of(layout, end) if end.entity else layout.nodes[end.node].box
            assert any(line.overlaps(place, 1) for line in _lines(routed)), (routed.net, end)
        for name, placed in layout.nodes.items():
            solid = [placed.box] if name not in mine else list(placed.entities.values())
            for place in solid:
                inner = _shrunk(place, 1)
                assert not any(line.overlaps(inner, 0.5) for line in _lines(routed)), routed.net


@EVERY_EXAMPLE
def test_lines_of_two_nets_cross_and_never_run_together(example: Path) -> None:
    _, nets = _routed(load_deployment(example))
    for one, other in combinations(nets, 2):
        for a in _lines(one):
            for b in _lines(other):
                parallel = (a.width > 0) == (b.width > 0)
                assert not (parallel and a.overlaps(b, 0.5)), (one.net, other.net)


def test_the_same_constellation_is_drawn_alike_every_time() -> None:
    deployment = load_deployment(EXAMPLES[0])
    assert draw(deployment) == draw(deployment)


@pytest.mark.parametrize("name", ["cooperative", "condensed"])
def test_the_pictures_in_the_documentation_are_in_step(name: str) -> None:
    root = Path(__file__).parents[2]
    published = (root / "docs" / "img" / f"{name}.svg").read_text(encoding="utf-8")
    drawn = draw(load_deployment(root / "examples" / f"{name}.yaml"))
    assert published == drawn, f"run dmm draw examples/{name}.yaml -o docs/img/{name}.svg"


def test_a_constellation_of_one_node_can_be_drawn(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_text("constellation: one\nnodes:\n  alone: {}\n", encoding="utf-8")
    assert "alone" in draw(load_deployment(path))


def test_the_command_writes_the_picture_to_a_file(tmp_path: Path) -> None:
    output = tmp_path / "x.svg"
    result = CliRunner().invoke(command, [str(EXAMPLES[0]), "-o", str(output)])
    assert result.exit_code == 0
    assert ET.parse(output).getroot().tag == f"{SVG}svg"


def test_the_command_names_mistakes_instead_of_drawing(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text("constellation: wrong\n", encoding="utf-8")
    result = CliRunner().invoke(command, [str(path)])
    assert result.exit_code == 3
    assert "wrong.yaml:1:1: " in result.output


def test_many_mobile_nodes_that_are_alike_share_a_box(tmp_path: Path) -> None:
    content = yaml.safe_load((EXAMPLES[0].parent / "condensed.yaml").read_text())
    del content["scenario"]
    content["mobile_nodes"] = {
        f"mn{number}": {
            "home": "anchor-b" if number == 50 else "anchor-a",
            "prefixes": [f"2001:db8:{'b' if number == 50 else 'a'}::{number:x}/128"],
        }
        for number in range(1, 51)
    }
    file = tmp_path / "many.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    root = ET.fromstring(draw(load_deployment(file)))
    texts = [element.text or "" for element in root.iter(f"{SVG}text")]
    assert "mn1 … mn49" in texts
    assert "49 mobile nodes" in texts
    assert "mn50" in texts
