"""The JSON report documented field by field, and as JSON Schema, made from its types.

Write both anew with `python -m opendmm.report.reference`; a test keeps them in step.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from opendmm.report.report import Report

ROOT = Path(__file__).parents[3]
DOCUMENT = ROOT / "docs" / "report.md"
SCHEMA = ROOT / "docs" / "report.schema.json"
REFERENCE = "#/$defs/"

HEAD = """\
# The report

`dmm lab run FILE -o json` and `dmm sim run FILE -o json` print it, `--report FILE.json` writes it;
the fields are the same for both, and later versions only add some. Durations are in milliseconds
unless a name says otherwise, counts are of packets. `--report FILE.html` writes the same as a page.

The exit code is 0 when every expectation held, 1 when one failed, 2 when the file has none.
[report.schema.json](report.schema.json) is the same as JSON Schema.
"""


def schema() -> dict[str, Any]:
    """The JSON Schema of the report."""
    made = msgspec.json.schema(Report)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def schema_text() -> str:
    """The JSON Schema as it is published."""
    pretty = msgspec.json.format(msgspec.json.encode(schema(), order="deterministic"), indent=2)
    return pretty.decode() + "\n"


def document() -> str:
    """The page docs/report.md."""
    definitions = schema()["$defs"]
    order = ["Report", *(name for name in definitions if name != "Report")]
    sections = [
        _section(name, definitions[name]) for name in order if _is_object(definitions[name])
    ]
    return "\n".join([HEAD, *sections])


def _is_object(definition: dict[str, Any]) -> bool:
    return definition.get("type") == "object"


def _section(name: str, definition: dict[str, Any]) -> str:
    rows = "".join(_rows(definition))
    head = f"## {name}\n\n{definition['description']}\n\n| field | value | |\n|---|---|---|\n"
    return head + rows


def _rows(definition: dict[str, Any]) -> Iterator[str]:
    for field, of in definition["properties"].items():
        yield f"| `{field}` | {_value(of)} | {of['description']} |\n"


def _value(of: dict[str, Any]) -> str:
    """The kind of value, in words."""
    if "$ref" in of:
        name = of["$ref"].removeprefix(REFERENCE)
        options = schema()["$defs"][name].get("enum")
        if options is not None:
            return ", ".join(f"`{option}`" for option in options)
        return f"[{name}](#{name.lower()})"
    if "anyOf" in of:
        return " or ".join(_value(one) for one in of["anyOf"])
    if of["type"] == "array":
        return f"list of {_value(of['items'])}"
    if of["type"] == "object":
        return f"{_value(of['additionalProperties'])} by name"
    return _PLAIN.get(of["type"], str(of["type"]))


_PLAIN = {"string": "text", "integer": "whole number", "boolean": "true or false"}


def main() -> None:
    """Write the page and the schema anew."""
    for path, text in ((DOCUMENT, document()), (SCHEMA, schema_text())):
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(ROOT)} written\n")


if __name__ == "__main__":
    main()
