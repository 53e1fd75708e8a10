"""The constellation file documented field by field, and as JSON Schema for editors.

Both are made from the file's types, so that they cannot say anything else than what is read.
Write them anew with `python -m opendmm.constellation.reference`.
"""

import inspect
import sys
from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec

from opendmm.constellation import file, guide
from opendmm.constellation.reading import load
from opendmm.constellation.validation import schema
from opendmm.model.identity import FunctionalEntity

ROOT = Path(__file__).parents[3]
DOCUMENT = ROOT / "docs" / "constellation.md"
SCHEMA = ROOT / "docs" / "constellation.schema.json"
TOP = "The file itself"

_KINDS: dict[object, tuple[str, str]] = {
    file.Duration: ("duration", "durations"),
    file.Rate: ("rate", "rates"),
    file.Percentage: ("percentage", "percentages"),
    file.Ports: ("port or range", "ports or ranges"),
    file.LinkLayerId: ("MAC address", "MAC addresses"),
    file.Prefix: ("prefix", "prefixes"),
    file.Address: ("address", "addresses"),
    file.InterfaceAddress: ("address with length", "addresses with length"),
    file.Name: ("name", "names"),
    file.Title: ("title", "titles"),
}
"""The annotated kinds of value that have names: one of them, several of them."""
_BY_NOTE = {get_args(kind)[1]: words for kind, words in _KINDS.items()}
_PLAIN: dict[object, str] = {bool: "true or false", int: "whole number", str: "text"}


def document() -> str:
    """The page docs/constellation.md."""
    entities = [(str(entity), text) for entity, text in guide.ENTITIES.items()]
    parts = [
        guide.HEAD,
        f"## The smallest useful file\n\n```yaml\n{guide.SMALLEST}```\n",
        guide.ALLOCATION,
        f"## Entities\n\n{_table(('entity', 'belongs to'), entities)}",
        guide.CONTROL,
        f"## Flows\n\n{guide.FLOWS}",
        f"## Examples\n\n{_table(('file', 'shows'), _examples())}",
        "## Fields\n\nWhat is not required may be left out.\n",
        *(_section(way, of) for way, of in _sections()),
        f"## Values\n\n{_table(('value', 'is written as'), _VALUES)}",
    ]
    return "\n".join(parts)


def schema_text() -> str:
    """The JSON Schema as it is published."""
    pretty = msgspec.json.format(msgspec.json.encode(schema(), order="deterministic"), indent=2)
    return pretty.decode() + "\n"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _examples() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "examples").glob("*.yaml")):
        yield f"[{path.name}](../examples/{path.name})", load(path).description


def _sections() -> list[tuple[str, type[file.Strict]]]:
    """Every section by the way to it, in the order of the file."""
    found: list[tuple[str, type[file.Strict]]] = []

    def visit(way: str, of: type[file.Strict]) -> None:
        found.append((way or TOP, of))
        for name, hint in _hints(of).items():
            part = f"{way}.{name}" if way else name
            for inner, suffix in _inner(hint):
                visit(part + suffix, inner)

    visit("", file.ConstellationFile)
    return found


def _hints(of: type[file.Strict]) -> dict[str, Any]:
    hints = get_type_hints(of, include_extras=True)
    return {field.name: hints[field.name] for field in msgspec.structs.fields(of)}


def _inner(hint: Any) -> Iterator[tuple[type[file.Strict], str]]:
    """The section that a field holds, and how one of several is written."""
    if isinstance(hint, type) and issubclass(hint, file.Strict):
        yield hint, ""
        return
    suffix = {tuple: "[]", dict: ".<name>"}.get(get_origin(hint), "")
    for argument in get_args(hint):
        for inner, further in _inner(argument):
            yield inner, suffix + further


def _section(way: str, of: type[file.Strict]) -> str:
    title = way if way == TOP else f"`{way}`"
    table = _table(("field", "value", "default", ""), _rows(of))
    return f"### {title}\n\n{inspect.cleandoc(of.__doc__ or '')}\n\n{table}"


def _rows(of: type[file.Strict]) -> Iterator[tuple[str, str, str, str]]:
    hints = _hints(of)
    for field in msgspec.structs.fields(of):
        hint = hints[field.name]
        yield f"`{field.name}`", _value(hint), _default(field), _meaning(hint)


def _meaning(hint: Any) -> str:
    notes = [note for note in get_args(hint) if isinstance(note, msgspec.Meta)]
    return next((note.description for note in reversed(notes) if note.description), "")


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "**required**"
    value = field.default
    if value is msgspec.NODEFAULT or value in (None, "", ()) or isinstance(value, file.Strict):
        return ""
    return f"`{msgspec.json.encode(value).decode().strip(chr(34))}`"


def _value(hint: Any, *, several: bool = False) -> str:
    """The kind of value, in words."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _annotated(arguments[0], arguments[1:], several=several)
    if origin in (Union, UnionType):
        return " or ".join(_value(one) for one in arguments if one is not type(None))
    if origin is tuple:
        count = "list of" if arguments[-1] is Ellipsis else "two"
        return f"{count} {_value(arguments[0], several=True)}"
    if origin is dict:
        return f"{_value(arguments[1], several=True)} by name"
    if hint is FunctionalEntity:
        return "[entities](#entities)"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return ", ".join(f"`{option.value}`" for option in hint)
    return _PLAIN.get(hint, "sections" if several else "section")


def _annotated(plain: Any, notes: tuple[msgspec.Meta, ...], *, several: bool) -> str:
    """A kind of ours, whatever else is noted of it, or a plain one within its limits."""
    if notes[0] in _BY_NOTE:
        return _BY_NOTE[notes[0]][several]
    kind = _value(plain, several=several)
    least, most = next(((n.ge, n.le) for n in notes if n.ge is not None), (None, None))
    if least is None:
        return kind
    if least == most:
        return f"`{least}`"
    return f"{kind}, {least} to {most}" if most is not None else f"{kind}, {least} or more"


_VALUES = [
    ("duration", file.SHAPES[file.DURATION]),
    ("rate", file.SHAPES[file.RATE]),
    ("percentage", file.SHAPES[file.PERCENTAGE]),
    ("port or range", file.SHAPES[file.PORTS]),
    ("name", file.SHAPES[file.NAME]),
    ("title", file.SHAPES[file.TITLE]),
    ("prefix", 'an IPv6 or IPv4 prefix without host bits, in quotes, like "2001:db8:a::/48"'),
    ("address", 'an IPv6 address, in quotes, like "2001:db8:1::1"'),
    ("address with length", 'in quotes, like "2001:db8:f::1/64"'),
]


def main() -> None:
    """Write the page and the schema anew."""
    for path, text in ((DOCUMENT, document()), (SCHEMA, schema_text())):
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(ROOT)} written\n")


if __name__ == "__main__":
    main()
