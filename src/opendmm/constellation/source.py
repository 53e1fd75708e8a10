"""A YAML file as plain data that remembers where everything stands."""

from pathlib import Path
from typing import Any

import msgspec
import yaml

from opendmm.constellation.problems import ConstellationError, Problem

Where = tuple[str | int, ...]
"""The way to a value: keys and indexes from the top."""

MERGE = "tag:yaml.org,2002:merge"
DEEPEST = 50
"""Nesting beyond this is no constellation."""
GREATEST = 2**53
"""Whole numbers beyond this are not the same in every language."""
LARGEST = 1_000_000
"""Values, with those that aliases repeat; more would only be a way to use up memory."""


class Source(msgspec.Struct, frozen=True):
    """The data of a file, and the line and column (from 1) of every value and key in it."""

    file: Path
    data: Any
    places: dict[Where, tuple[int, int]]

    def place(self, where: Where) -> tuple[int, int]:
        """Of a value; of the nearest one that is there, when it is not."""
        while where not in self.places and where:
            where = where[:-1]
        return self.places.get(where, (1, 1))


def read_source(file: Path) -> Source:
    """Read and parse. Raises ConstellationError."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise _broken(file, 1, 1, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _broken(file, 1, 1, "is not text in UTF-8") from error
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        raise _syntax(file, error) from error
    if root is None:
        raise _broken(file, 1, 1, "is empty", "start with `constellation: <name>`")
    reader = _Reader()
    try:
        data = reader.value(root, ())
    except _TooLarge as error:
        hint = "use fewer aliases"
        message = f"has more than {LARGEST} values"
        raise _broken(file, error.line, error.column, message, hint) from error
    if reader.problems:
        raise ConstellationError(file, reader.problems)
    return Source(file, data, reader.places)


def _broken(file: Path, line: int, column: int, message: str, hint: str = "") -> ConstellationError:
    return ConstellationError(file, [Problem(line, column, message, hint)])


def _syntax(file: Path, error: Exception) -> ConstellationError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    what = getattr(error, "problem", None) or str(error) or type(error).__name__
    return _broken(file, line, column, f"is not YAML here: {what}")


class _TooLarge(Exception):
    """The values, aliases followed, are more than LARGEST."""

    def __init__(self, line: int, column: int) -> None:
        self.line = line
        self.column = column


class _Reader:
    """Turns composed nodes into data, noting places and mistakes of form."""

    def __init__(self) -> None:
        self.places: dict[Where, tuple[int, int]] = {}
        self.problems: list[Problem] = []
        self._values = 0
        self._scalars = yaml.SafeLoader("")

    def value(self, node: yaml.Node, where: Where) -> Any:
        place = (node.start_mark.line + 1, node.start_mark.column + 1)
        self.places[where] = place
        self._values += 1
        if self._values > LARGEST:
            raise _TooLarge(*place)
        if len(where) > DEEPEST:
            self._problem(node, "is nested too deeply")
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, where)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*where, i)) for i, item in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, where: Where) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == MERGE:
                self._problem(key_node, "a key must be a plain word", "write out what it merges")
                continue
            key = self._text(key_node)
            if key in found:
                self._problem(key_node, f"{key!r} is given twice", "keep one of them")
                continue
            found[key] = self.value(value_node, (*where, key))
            mark = key_node.start_mark
            self.places[(*where, key)] = (mark.line + 1, mark.column + 1)
        return found

    def _scalar(self, node: yaml.Node) -> Any:
        try:
            value = self._scalars.construct_object(node, deep=True)
        except (yaml.YAMLError, ValueError, TypeError, AttributeError, LookupError) as error:
            self._problem(node, f"cannot be read: {error}")
            return None
        if isinstance(value, int) and abs(value) > GREATEST:
            self._problem(node, "is too great a number")
            return None
        if value is None or isinstance(value, int | float | bool):
            return value
        # Dates and the like are text to us.
        return self._text(node)

    def _text(self, node: yaml.Node) -> str:
        """A text that can be written out again: escapes can name half a character."""
        text = str(node.value)
        if any("\ud800" <= character <= "\udfff" for character in text):
            self._problem(node, "is no text: it has half of a surrogate pair")
            return ""
        return text

    def _problem(self, node: yaml.Node, message: str, hint: str = "") -> None:
        mark = node.start_mark
        self.problems.append(Problem(mark.line + 1, mark.column + 1, message, hint))
