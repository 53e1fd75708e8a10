"""Lines along the grid, round boxes: each net becomes a tree of horizontal and vertical lines.

Shortest ways (Dijkstra) with a price for bends and crossings. Lines of two nets may cross but
never share a way; a line enters a box only to reach what is in it, straight through its edge.
"""

import heapq
from collections.abc import Iterable, Iterator
from itertools import pairwise

import msgspec

from opendmm.drawing.geometry import STEP, Cell, Rectangle
from opendmm.drawing.layout import Layout, rectangle_of
from opendmm.drawing.scene import End, Kind, Net, Tier

BEND, CROSSING, INDOORS = 3, 4, 2
"""Prices, in steps: of a corner, of crossing another net, of a step inside a box."""
SIDE, OFF_CENTRE, NEVER = 1.5, 0.3, float("inf")
"""Of leaving by a side, of each step away from the middle of an edge, of what may not be."""
_ORDER = (Kind.LINK, Kind.ACCESS, Kind.REDIRECTION, Kind.CONTROL)
_DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1))

Direction = tuple[int, int]
Port = tuple[Cell, Direction]
"""Where a line may leave something, and which way."""
State = tuple[Cell, bool]
"""A cell and whether it was reached horizontally."""


class RoutedNet(msgspec.Struct, frozen=True):
    """A net's lines as runs of corner cells; where runs meet there is a joint."""

    net: Net
    runs: tuple[tuple[Cell, ...], ...]
    joints: tuple[Cell, ...]


def route(layout: Layout, nets: Iterable[Net]) -> tuple[RoutedNet, ...]:
    """All nets led through the layout; those of the data plane take their ways first."""
    router = _Router(layout)
    ordered = sorted(nets, key=lambda net: (_ORDER.index(net.kind), len(net.ends)))
    return tuple(router.connect(net) for net in ordered)


class _Goal(msgspec.Struct, frozen=True):
    """Where a line leads: cells, the boxes it may enter, and from where the cells are reached.

    `arrivals` has a price for every way in; None: any way will do.
    """

    cells: frozenset[Cell]
    houses: frozenset[str]
    arrivals: dict[Port, float] | None = None


class _Router:
    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._owner: dict[Cell, str] = {}
        self._edge: set[Cell] = set()
        self._solid: set[Cell] = set()
        self._horizontal: dict[Cell, int] = {}
        self._vertical: dict[Cell, int] = {}
        self._net = 0
        for name, placed in layout.nodes.items():
            self._owner |= dict.fromkeys(_cells(placed.box), name)
            self._edge |= set(_cells(placed.box)) - set(_cells(placed.box, inset=1))
            self._solid |= set(_cells(placed.name))
            for entity in placed.entities.values():
                self._solid |= set(_cells(entity))

    def connect(self, net: Net) -> RoutedNet:
        """One tree over all ends; each joins it by the cheapest way."""
        self._net += 1
        first, *others = self._in_turn(net)
        tree: set[Cell] = set()
        runs: list[list[Cell]] = []
        joints: list[Cell] = []
        for end in others:
            goal = self._goal_in(tree, end) if tree else self._goal_at(first, end)
            way = self._search(end, goal)
            if not way:
                continue
            if tree:
                joints.append(way[-1])
            self._take(way)
            tree.update(way)
            runs.append(way)
        return RoutedNet(net, tuple(tuple(_corners(run)) for run in runs), tuple(joints))

    def _in_turn(self, net: Net) -> list[End]:
        """From left to right, but the first two on different nodes."""
        ends = sorted(net.ends, key=lambda end: rectangle_of(self._layout, end).centre)
        second = next(end for end in ends if end.node != ends[0].node)
        return [ends[0], second, *(end for end in ends[1:] if end != second)]

    # Ports

    def _ports(self, end: End) -> list[Port]:
        """Above, below and at the sides of what the line ends at."""
        if end.entity:
            return list(_sides(self._place(end)))
        near = [port for port in _sides(self._place(end)) if port[1] != (1, 0)]
        far = [port for port in _sides(self._layout.nodes[end.node].box) if port[1] == (1, 0)]
        return near + far

    def _place(self, end: End) -> Rectangle:
        """An anchor keeps its links to the column of its name: entities speak upwards, too."""
        placed = self._layout.nodes[end.node]
        if end.entity or placed.node.tier in (Tier.ANCHORS, Tier.GATEWAYS):
            return rectangle_of(self._layout, end)
        return placed.box

    def _free(self, port: Port) -> bool:
        cell, (dx, _) = port
        taken = self._horizontal if dx else self._vertical
        other = self._vertical if dx else self._horizontal
        return taken.get(cell, self._net) == self._net and cell not in other

    # Search

    def _goal_at(self, first: End, start: End) -> _Goal:
        """Any port of the net's first end, with its price."""
        ports = [port for port in self._ports(first) if self._free(port)]
        arrivals = {
            (cell, (-dx, -dy)): self._price((cell, (dx, dy)), first) for cell, (dx, dy) in ports
        }
        cells = frozenset(cell for cell, _ in ports)
        return _Goal(cells, frozenset({start.node, first.node}), arrivals)

    def _goal_in(self, tree: set[Cell], start: End) -> _Goal:
        """Any place of the net's tree, outside of boxes if it is there."""
        outdoors = frozenset(cell for cell in tree if cell not in self._owner)
        return _Goal(outdoors or frozenset(tree), frozenset({start.node}))

    def _price(self, port: Port, end: End) -> float:
        """Ports near the middle of an edge look best; sides only when they save a bend."""
        (column, row), (dx, _) = port
        x, y = self._place(end).centre
        if dx:
            return SIDE * (2 if end.entity else 1) + OFF_CENTRE * abs(row - y / STEP)
        return OFF_CENTRE * abs(column - x / STEP)

    def _search(self, start: End, goal: _Goal) -> list[Cell]:
        """The cheapest way from an end to the goal; empty when there is none."""
        best: dict[State, float] = {}
        came: dict[State, State | None] = {}
        queue: list[tuple[float, Cell, bool]] = []
        exits = {port[0]: port[1] for port in self._ports(start) if self._free(port)}
        for cell, (dx, dy) in exits.items():
            state = (cell, bool(dx))
            best[state] = self._price((cell, (dx, dy)), start)
            came[state] = None
            heapq.heappush(queue, (best[state], *state))
        while queue:
            price, cell, flat = heapq.heappop(queue)
            if price > best[cell, flat]:
                continue
            begun = came[cell, flat] is not None
            if begun and cell in goal.cells:
                return _traced(came, (cell, flat))
            for direction in _DIRECTIONS if begun else (exits[cell],):
                cost = self._cost(cell, flat, direction, goal)
                state = (_beyond(cell, direction), bool(direction[0]))
                if price + cost < best.get(state, NEVER):
                    best[state] = price + cost
                    came[state] = (cell, flat)
                    heapq.heappush(queue, (price + cost, *state))
        return []

    def _cost(self, cell: Cell, flat: bool, direction: Direction, goal: _Goal) -> float:
        """The price of one step on; NEVER when it may not be made."""
        reached, turned = _beyond(cell, direction), bool(direction[0])
        arriving = reached in goal.cells
        price = 0.0
        if arriving and goal.arrivals is not None:
            price = goal.arrivals.get((reached, direction), NEVER)
        barred = (
            not self._inside(reached)
            or not self._may_pass(cell, reached, goal.houses)
            or (not arriving and reached in self._solid)
            or self._taken(cell, turned)
            or self._taken(reached, turned)
            # A corner or a joint on another net's line would look like a part of that.
            or (turned != flat and self._crossed(cell))
            or (arriving and self._crossed(reached))
        )
        if barred:
            return NEVER
        price += 1.0 + BEND * (turned != flat) + CROSSING * self._crossed(reached)
        return price + INDOORS * (reached in self._owner) + self._crowding(reached, turned)

    def _inside(self, cell: Cell) -> bool:
        return 1 <= cell[0] < self._layout.columns and 1 <= cell[1] < self._layout.rows

    def _may_pass(self, cell: Cell, reached: Cell, houses: frozenset[str]) -> bool:
        """Into the boxes of this net's ends alone, and never along an edge."""
        owner = self._owner.get(reached)
        if owner is not None and owner not in houses:
            return False
        return not (cell in self._edge and reached in self._edge and self._owner[cell] == owner)

    def _taken(self, cell: Cell, flat: bool) -> bool:
        lines = self._horizontal if flat else self._vertical
        return lines.get(cell, self._net) != self._net

    def _crossed(self, cell: Cell) -> bool:
        return any(
            lines.get(cell, self._net) != self._net for lines in (self._horizontal, self._vertical)
        )

    def _crowding(self, cell: Cell, flat: bool) -> float:
        """Running right beside another line, or a box, is worth a small detour."""
        dx, dy = (0, 1) if flat else (1, 0)
        lines = self._horizontal if flat else self._vertical

        def beside(distance: int) -> Iterator[Cell]:
            for far in (distance, -distance):
                yield cell[0] + far * dx, cell[1] + far * dy

        close = any(lines.get(c, self._net) != self._net for c in beside(1))
        near = any(lines.get(c, self._net) != self._net for c in beside(2))
        hugging = cell not in self._owner and any(c in self._edge for c in beside(1))
        return 1.0 * close + 0.4 * near + 0.5 * hugging

    def _take(self, way: list[Cell]) -> None:
        for a, b in pairwise(way):
            lines = self._horizontal if a[1] == b[1] else self._vertical
            lines[a] = lines[b] = self._net


def _sides(place: Rectangle) -> Iterator[Port]:
    """All grid lines that meet the edge, without its corners."""
    left, top = round(place.x / STEP), round(place.y / STEP)
    right, bottom = round(place.right / STEP), round(place.bottom / STEP)
    for column in range(left + 1, right):
        yield (column, top), (0, -1)
        yield (column, bottom), (0, 1)
    for row in range(top + 1, bottom):
        yield (left, row), (-1, 0)
        yield (right, row), (1, 0)


def _cells(rectangle: Rectangle, inset: int = 0) -> Iterator[Cell]:
    left, top = round(rectangle.x / STEP) + inset, round(rectangle.y / STEP) + inset
    right, bottom = round(rectangle.right / STEP) - inset, round(rectangle.bottom / STEP) - inset
    for column in range(left, right + 1):
        for row in range(top, bottom + 1):
            yield column, row


def _beyond(cell: Cell, direction: Direction) -> Cell:
    return cell[0] + direction[0], cell[1] + direction[1]


def _traced(came: dict[State, State | None], state: State) -> list[Cell]:
    way = [state[0]]
    before = came[state]
    while before is not None:
        way.append(before[0])
        before = came[before]
    return way[::-1]


def _corners(way: list[Cell]) -> Iterator[Cell]:
    """The ends of a way and the cells where it turns."""
    yield way[0]
    for (ax, ay), b, (cx, cy) in zip(way, way[1:], way[2:], strict=False):
        if ax != cx and ay != cy:
            yield b
    yield way[-1]
