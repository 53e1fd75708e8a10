"""Places for the names of lines: on a line of their own net, where they cover nothing else."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

import msgspec

from opendmm.drawing.geometry import STEP, Rectangle, text_width
from opendmm.drawing.layout import Layout
from opendmm.drawing.routing import RoutedNet

SIZE, HEIGHT = 11, 16
LINE_COVERED, NEAR = 50.0, 3.0


class Label(msgspec.Struct, frozen=True):
    """A text in its place; `routed` is the net it names."""

    text: str
    place: Rectangle
    routed: RoutedNet


def place_labels(layout: Layout, nets: Iterable[RoutedNet]) -> tuple[Label, ...]:
    """A label for every net that has one and is drawn; none overlaps a box or another label."""
    nets = tuple(nets)
    boxes = [placed.box for placed in layout.nodes.values()]
    labels: list[Label] = []
    for routed in sorted(nets, key=lambda r: len(tuple(_segments(r)))):
        if not routed.net.label or not routed.runs:
            continue
        others = [s for other in nets if other is not routed for s in _segments(other)]
        taken = [*boxes, *(label.place for label in labels)]
        candidates = [
            (_price(place, others, share), place)
            for place, share in _candidates(routed)
            if not any(place.overlaps(box, 2) for box in taken)
        ]
        if candidates:
            _, best = min(candidates, key=lambda candidate: candidate[0])
            labels.append(Label(routed.net.label, best, routed))
    return tuple(labels)


def _segments(routed: RoutedNet) -> Iterator[Rectangle]:
    """Every straight line as a thin rectangle."""
    for run in routed.runs:
        for (ax, ay), (bx, by) in pairwise(run):
            x, y = min(ax, bx) * STEP, min(ay, by) * STEP
            yield Rectangle(x - 1, y - 1, abs(ax - bx) * STEP + 2, abs(ay - by) * STEP + 2)


def _candidates(routed: RoutedNet) -> Iterator[tuple[Rectangle, float]]:
    """Along every line of the net, and how far from the line's middle (0 to 0.5)."""
    width = text_width(routed.net.label, SIZE) + 8
    for segment in _segments(routed):
        long = max(segment.width, segment.height)
        for part in range(0, int(long) + 1, STEP // 2):
            if segment.width > segment.height:
                x, y = segment.x + part, segment.centre[1]
            else:
                x, y = segment.centre[0], segment.y + part
            place = Rectangle(x - width / 2, y - HEIGHT / 2, width, HEIGHT)
            yield place, abs(part / long - 0.5) + (0.0 if segment.width > width + 16 else 1.0)


def _price(place: Rectangle, others: Iterable[Rectangle], share: float) -> float:
    covered = sum(place.overlaps(other) for other in others)
    near = sum(place.overlaps(other, 5) for other in others)
    return covered * LINE_COVERED + near * NEAR + share
