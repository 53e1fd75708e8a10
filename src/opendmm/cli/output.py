"""How every command prints: for a person as wide as there is room, or as JSON with `-o json`.

What is printed is data: an address with `::b:` in it is no emoji, and `[mn1]` no style.
"""

import os
from enum import StrEnum

import click
from rich.console import Console, RenderableType
from rich.measure import Measurement

PAGE = 100
"""Columns where nobody says how many there are (a pipe, a file)."""


class Output(StrEnum):
    """What `-o` takes."""

    TEXT = "text"
    JSON = "json"


output_option = click.option(
    "-o",
    "--output",
    type=click.Choice(Output, case_sensitive=False),
    default=Output.TEXT,
    show_default=True,
    help="For a person, or as JSON.",
)


def console(*, stderr: bool = False) -> Console:
    """A console that prints text as it is; width by the terminal, or by $COLUMNS."""
    made = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = PAGE
    return made


def print_whole(renderable: RenderableType) -> None:
    """Print without folding where there is no terminal to fit, so that a line is one record."""
    out = console()
    if not out.is_terminal:
        natural = Measurement.get(out, out.options.update(max_width=10_000), renderable)
        out.width = max(out.width, natural.maximum)
    out.print(renderable)
