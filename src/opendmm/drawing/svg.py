"""The picture written down as SVG, with a legend; colours and line styles are here."""

from xml.etree import ElementTree as ET

from opendmm.constellation.deployment import Deployment
from opendmm.drawing.geometry import STEP, Cell, Rectangle, text_width
from opendmm.drawing.labels import SIZE, Label, place_labels
from opendmm.drawing.layout import (
    DETAIL_SIZE,
    ENTITY_SIZE,
    MARGIN,
    NAME_SIZE,
    TITLE_SIZE,
    Layout,
    PlacedNode,
    lay_out,
    rectangle_of,
)
from opendmm.drawing.routing import RoutedNet, route
from opendmm.drawing.scene import End, Kind, Net, Scene, Tier, scene_of

FONT = "Inter, 'Helvetica Neue', Helvetica, Arial, 'DejaVu Sans', sans-serif"
INK, FAINT, PAPER = "#1e293b", "#64748b", "#ffffff"
STYLES: dict[Kind, dict[str, str]] = {
    Kind.LINK: {"stroke": "#475569", "stroke-width": "2.6"},
    Kind.ACCESS: {"stroke": "#15803d", "stroke-width": "2.2", "stroke-dasharray": "1 5"},
    Kind.REDIRECTION: {"stroke": "#ea580c", "stroke-width": "2.8", "stroke-dasharray": "9 4"},
    Kind.CONTROL: {"stroke": "#2563eb", "stroke-width": "1.4", "stroke-dasharray": "4 3"},
}
CONTROL_COLOURS = {
    "R_XX": "#7c3aed",
    "R_XC": "#1d4ed8",
    "R_IC": "#0e7490",
    "R_EC": "#0f766e",
    "R_II": "#be185d",
    "R_XU": "#4338ca",
    "R_XA": "#1d4ed8",
}
CONTROL_PLANE = frozenset({"FE_MCTX", "FE_IEC", "FE_MA_C", "FE_MU_C"})
CONTROL_FILL, CONTROL_EDGE = "#dbeafe", "#3b82f6"
DATA_FILL, DATA_EDGE = "#ffedd5", "#f97316"
BOX_FILLS = {
    Tier.CORRESPONDENTS: "#f8fafc",
    Tier.NETWORK: "#f8fafc",
    Tier.ANCHORS: "#f1f5f9",
    Tier.GATEWAYS: "#f1f5f9",
    Tier.MOBILE_NODES: "#f0fdf4",
}
LEGEND_HEIGHT = 7 * STEP


def draw(deployment: Deployment) -> str:
    """The deployment as an SVG document."""
    scene = scene_of(deployment)
    layout = lay_out(scene)
    nets = route(layout, scene.nets)
    return _Picture(scene, layout, nets).document()


def _colour(net: Net) -> str:
    if net.kind is Kind.CONTROL:
        return CONTROL_COLOURS[net.label.split()[0]]
    return STYLES[net.kind]["stroke"]


class _Picture:
    def __init__(self, scene: Scene, layout: Layout, nets: tuple[RoutedNet, ...]) -> None:
        self._scene = scene
        self._layout = layout
        self._nets = nets
        self._width = max(layout.columns * STEP, 62 * STEP)
        self._height = layout.rows * STEP + LEGEND_HEIGHT
        self._svg = ET.Element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "viewBox": f"0 0 {self._width} {self._height}",
                "width": str(self._width),
                "height": str(self._height),
                "font-family": FONT,
                "role": "img",
            },
        )

    def document(self) -> str:
        self._add("title").text = f"Constellation {self._scene.title}"
        self._arrowhead()
        self._rectangle(Rectangle(0, 0, self._width, self._height), fill=PAPER)
        self._heading()
        for placed in self._layout.nodes.values():
            self._box(placed)
        for routed in self._nets:
            self._lines(routed)
        for placed in self._layout.nodes.values():
            for entity, place in placed.entities.items():
                self._entity(entity, place)
        for routed in self._nets:
            self._heads(routed)
        for label in place_labels(self._layout, self._nets):
            self._label(label)
        self._legend()
        ET.indent(self._svg)
        return ET.tostring(self._svg, encoding="unicode") + "\n"

    # Primitives

    def _add(self, tag: str, **attributes: str) -> ET.Element:
        named = {name.replace("_", "-").strip("-"): value for name, value in attributes.items()}
        return ET.SubElement(self._svg, tag, named)

    def _rectangle(self, place: Rectangle, **attributes: str) -> None:
        sizes = {"x": place.x, "y": place.y, "width": place.width, "height": place.height}
        self._add("rect", **{name: f"{value:g}" for name, value in sizes.items()}, **attributes)

    def _text(self, x: float, y: float, text: str, size: float, **attributes: str) -> None:
        defaults = {"fill": INK, "font_size": f"{size:g}"}
        self._add("text", x=f"{x:g}", y=f"{y:g}", **(defaults | attributes)).text = text

    def _arrowhead(self) -> None:
        definitions = self._add("defs")
        shape = {"id": "head", "viewBox": "0 0 10 10", "refX": "9", "refY": "5"}
        size = {"markerWidth": "11", "markerHeight": "11", "markerUnits": "userSpaceOnUse"}
        marker = ET.SubElement(definitions, "marker", shape | size | {"orient": "auto"})
        colour = STYLES[Kind.REDIRECTION]["stroke"]
        ET.SubElement(marker, "path", {"d": "M0 0 L10 5 L0 10 z", "fill": colour})

    # Parts

    def _heading(self) -> None:
        x, y = MARGIN * STEP, MARGIN * STEP
        self._text(x, y, self._scene.title, TITLE_SIZE, font_weight="700")
        self._text(x, y + 20, self._scene.description, 12, fill=FAINT)

    def _box(self, placed: PlacedNode) -> None:
        node = placed.node
        fill = BOX_FILLS[node.tier]
        self._rectangle(placed.box, rx="8", fill=fill, stroke="#94a3b8", stroke_width="1.2")
        x, y = placed.box.x + 10, placed.box.y + 20
        self._text(x, y, node.name, NAME_SIZE, font_weight="600")
        for number, detail in enumerate(node.details):
            self._text(x, y + 16 + 14 * number, detail, DETAIL_SIZE, fill=FAINT)
        if node.inside:
            text = f"inside: {' '.join(node.inside)}"
            self._text(x, placed.box.bottom - 7, text, DETAIL_SIZE - 1, fill=FAINT)

    def _entity(self, entity: str, place: Rectangle) -> None:
        control = entity in CONTROL_PLANE
        fill, edge = (CONTROL_FILL, CONTROL_EDGE) if control else (DATA_FILL, DATA_EDGE)
        self._rectangle(place, rx="4", fill=fill, stroke=edge, stroke_width="1.2")
        x, y = place.centre
        self._text(x, y + 4, entity, ENTITY_SIZE, text_anchor="middle", font_weight="600")

    def _lines(self, routed: RoutedNet) -> None:
        style = STYLES[routed.net.kind] | {"stroke": _colour(routed.net)}
        attributes = {name.replace("-", "_"): value for name, value in style.items()}
        round_ends = {"stroke_linejoin": "round", "stroke_linecap": "round"}
        for run in routed.runs:
            path = " ".join(
                f"{'ML'[number > 0]}{column * STEP} {row * STEP}"
                for number, (column, row) in enumerate(run)
            )
            self._add("path", d=path, fill="none", **round_ends, **attributes)
        for column, row in routed.joints:
            radius = "3.4" if routed.net.kind is not Kind.CONTROL else "2.6"
            x, y = str(column * STEP), str(row * STEP)
            self._add("circle", cx=x, cy=y, r=radius, fill=_colour(routed.net))

    def _heads(self, routed: RoutedNet) -> None:
        """An arrowhead where a line ends at one of the net's heads."""
        for end in routed.net.heads:
            for before, last in self._arrivals(routed, end):
                points = (
                    f"M{before[0] * STEP} {before[1] * STEP} L{last[0] * STEP} {last[1] * STEP}"
                )
                self._add("path", d=points, fill="none", stroke="none", marker_end="url(#head)")

    def _arrivals(self, routed: RoutedNet, end: End) -> list[tuple[Cell, Cell]]:
        place = rectangle_of(self._layout, end)
        found = []
        for run in routed.runs:
            for before, last in ((run[1], run[0]), (run[-2], run[-1])):
                point = Rectangle(last[0] * STEP, last[1] * STEP, 0, 0)
                if place.overlaps(point, 1):
                    found.append((before, last))
        return found

    def _label(self, label: Label) -> None:
        net = label.routed.net
        bold = "600" if net.kind in (Kind.CONTROL, Kind.REDIRECTION) else "400"
        self._rectangle(label.place, rx="4", fill=PAPER, stroke="none")
        x, y = label.place.centre
        self._text(
            x, y + 4, label.text, SIZE, fill=_colour(net), text_anchor="middle", font_weight=bold
        )

    # Legend

    def _legend(self) -> None:
        top = self._height - LEGEND_HEIGHT + STEP
        x = float(MARGIN * STEP)
        kinds = {routed.net.kind for routed in self._nets if routed.runs}
        for kind, text in (
            (Kind.LINK, "link (one-way delay)"),
            (Kind.ACCESS, "access link"),
            (Kind.REDIRECTION, "redirected packets"),
            (Kind.CONTROL, "reference point"),
        ):
            if kind in kinds:
                x = self._sample(x, top, kind, text)
        x = float(MARGIN * STEP)
        for fill, edge, text in (
            (CONTROL_FILL, CONTROL_EDGE, "control-plane entity"),
            (DATA_FILL, DATA_EDGE, "data-plane entity"),
        ):
            place = Rectangle(x, top + 20, 26, 14)
            self._rectangle(place, rx="3", fill=fill, stroke=edge, stroke_width="1.2")
            self._text(x + 34, top + 31, text, 11, fill=FAINT)
            x += 34 + text_width(text, 11) + 20
        self._text(x, top + 31, self._note(), 11, fill=FAINT)

    def _sample(self, x: float, y: float, kind: Kind, text: str) -> float:
        style = {name.replace("-", "_"): value for name, value in STYLES[kind].items()}
        self._add("path", d=f"M{x:g} {y} L{x + 36:g} {y}", fill="none", **style)
        self._text(x + 44, y + 4, text, 11, fill=FAINT)
        return x + 44 + text_width(text, 11) + 24

    def _note(self) -> str:
        hidden = any(placed.node.inside for placed in self._layout.nodes.values())
        return "“inside”: reference points between entities of one node" if hidden else ""
