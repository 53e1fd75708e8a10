"""Rectangles and the grid that everything stands on. Lengths are in SVG user units."""

import msgspec

STEP = 12
"""Distance of two grid lines; lines of different nets never come closer."""

Cell = tuple[int, int]
"""A crossing of grid lines: column, row."""


class Rectangle(msgspec.Struct, frozen=True):
    """Left, top, width, height."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def centre(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2

    def overlaps(self, other: "Rectangle", margin: float = 0.0) -> bool:
        """Whether the two share an area, or come closer than the margin."""
        return (
            self.x < other.right + margin
            and other.x < self.right + margin
            and self.y < other.bottom + margin
            and other.y < self.bottom + margin
        )


def on_grid(length: float) -> int:
    """The least multiple of STEP that holds the length, in steps."""
    return -int(-length // STEP)


def text_width(text: str, size: float) -> float:
    """About how wide a sans-serif text is; rather more than less."""
    return len(text) * size * 0.62
