"""Boxes on the grid: correspondents above, the network in ranks, anchors, mobile nodes below.

A box has its name and details in a column at the left, where links end, and its entities to
the right of it, those that speak to other nodes in the upper row: so lines to entities and
links keep apart.
"""

from collections.abc import Iterable, Sequence

import msgspec
import networkx as nx

from opendmm.drawing.geometry import STEP, Rectangle, on_grid, text_width
from opendmm.drawing.scene import End, Kind, Scene, SceneNode, Tier

NAME_SIZE, DETAIL_SIZE, ENTITY_SIZE, TITLE_SIZE = 14, 10, 11, 20
CHIP_WIDTH, CHIP_HEIGHT, CHIP_GAP = 6, 2, 2  # in steps
MARGIN, HEADING = 4, 5  # in steps
SPEAKING = ("FE_MCTX", "FE_E", "FE_I", "FE_IEC")
"""Entities with reference points to other nodes: the upper row, in this order."""


class PlacedNode(msgspec.Struct, frozen=True):
    """A box, the column of its name inside it, and where its entities are."""

    node: SceneNode
    box: Rectangle
    name: Rectangle
    entities: dict[str, Rectangle]


class Layout(msgspec.Struct, frozen=True):
    nodes: dict[str, PlacedNode]
    columns: int
    rows: int


def lay_out(scene: Scene) -> Layout:
    """Places for all boxes; none overlaps another."""
    ranks = _ordered(scene, _ranks(scene))
    between = 5 + 2 * sum(net.kind is not Kind.LINK for net in scene.nets) // 2
    widths = {node.name: _size(node)[0] for node in scene.nodes}
    gap = 8
    width = max(sum(widths[n.name] for n in rank) + gap * (len(rank) - 1) for rank in ranks)
    placed: dict[str, PlacedNode] = {}
    row = MARGIN + HEADING
    for index, rank in enumerate(ranks):
        used = sum(widths[n.name] for n in rank) + gap * (len(rank) - 1)
        column = MARGIN + gap + (width - used) // 2
        for node in rank:
            placed[node.name] = _placed(node, column, row)
            column += widths[node.name] + gap
        row += max(_size(node)[1] for node in rank)
        row += _channel(ranks, index, between)
    return Layout(placed, width + 2 * (MARGIN + gap), row + MARGIN)


def _channel(ranks: Sequence[Sequence[SceneNode]], index: int, between: int) -> int:
    """Steps below a rank: room for the lines that pass there."""
    if index == len(ranks) - 1:
        return 2
    tiers = {ranks[index][0].tier, ranks[index + 1][0].tier}
    if Tier.CORRESPONDENTS in tiers:
        return 6
    if Tier.MOBILE_NODES in tiers:
        return 4 + 2 * len(ranks[index + 1])
    return between


# Ranks


def _ranks(scene: Scene) -> list[list[SceneNode]]:
    """Nodes of the network rank by their distance from the correspondents."""
    graph: nx.Graph[str] = nx.Graph()
    graph.add_nodes_from(node.name for node in scene.nodes)
    graph.add_edges_from(_pairs(scene, Kind.LINK))
    tiers = {tier: [n for n in scene.nodes if n.tier is tier] for tier in Tier}
    tops = [n.name for n in tiers[Tier.CORRESPONDENTS]] or [n.name for n in tiers[Tier.NETWORK][:1]]
    distance = nx.multi_source_dijkstra_path_length(graph, set(tops)) if tops else {}
    network: dict[float, list[SceneNode]] = {}
    for node in tiers[Tier.NETWORK]:
        network.setdefault(distance.get(node.name, 0), []).append(node)
    ranks = [tiers[Tier.CORRESPONDENTS], *(network[key] for key in sorted(network))]
    ranks += [tiers[Tier.ANCHORS], tiers[Tier.GATEWAYS], tiers[Tier.MOBILE_NODES]]
    return [rank for rank in ranks if rank]


def _pairs(scene: Scene, kind: Kind) -> Iterable[tuple[str, str]]:
    for net in scene.nets:
        if net.kind is kind:
            for end in net.ends[1:]:
                yield net.ends[0].node, end.node


def _ordered(scene: Scene, ranks: list[list[SceneNode]]) -> list[list[SceneNode]]:
    """Within each rank nodes stand near those they have lines to (barycentres, two sweeps)."""
    pairs = [*_pairs(scene, Kind.LINK), *_pairs(scene, Kind.ACCESS)]
    places = {n.name: (i + 0.5) / len(rank) for rank in ranks for i, n in enumerate(rank)}

    def pull(node: SceneNode) -> float:
        others = [b if a == node.name else a for a, b in pairs if node.name in (a, b)]
        return sum(places[o] for o in others) / len(others) if others else places[node.name]

    for _ in range(2):
        for rank in (*ranks, *reversed(ranks)):
            rank.sort(key=pull)
            places |= {n.name: (i + 0.5) / len(rank) for i, n in enumerate(rank)}
    return ranks


# Boxes


def _entity_rows(node: SceneNode) -> list[list[str]]:
    speaking = [e for e in SPEAKING if e in node.entities]
    others = [str(e) for e in node.entities if e not in SPEAKING]
    if len(speaking) + len(others) <= 2:
        return [[*speaking, *others]] if speaking or others else []
    return [row for row in (speaking, others) if row]


def _name_width(node: SceneNode) -> int:
    lines = [text_width(node.name, NAME_SIZE) + 6]
    lines += [text_width(detail, DETAIL_SIZE) for detail in node.details]
    return on_grid(max(lines) + STEP)


def _size(node: SceneNode) -> tuple[int, int]:
    """Width and height in steps."""
    rows = _entity_rows(node)
    width, height = _name_width(node), on_grid(30 + 14 * len(node.details))
    if rows:
        width += max(len(row) for row in rows) * (CHIP_WIDTH + CHIP_GAP) + 2
        height = max(height, len(rows) * (CHIP_HEIGHT + CHIP_GAP) + 2)
    if node.inside:
        height += 1
    return width, height


def _placed(node: SceneNode, column: int, row: int) -> PlacedNode:
    width, height = _size(node)
    name_width = _name_width(node)
    entities = {}
    for line, names in enumerate(_entity_rows(node)):
        for place, entity in enumerate(names):
            x = column + name_width + 2 + place * (CHIP_WIDTH + CHIP_GAP)
            y = row + 2 + line * (CHIP_HEIGHT + CHIP_GAP)
            entities[str(entity)] = _rectangle(x, y, CHIP_WIDTH, CHIP_HEIGHT)
    box = _rectangle(column, row, width, height)
    return PlacedNode(node, box, _rectangle(column, row, name_width, height), entities)


def _rectangle(column: int, row: int, width: int, height: int) -> Rectangle:
    return Rectangle(column * STEP, row * STEP, width * STEP, height * STEP)


def rectangle_of(layout: Layout, end: End) -> Rectangle:
    """Where a line's end is: the entity, or the node's name column."""
    placed = layout.nodes[end.node]
    return placed.entities[end.entity] if end.entity else placed.name
