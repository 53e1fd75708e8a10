"""The form of a constellation file: every field known, present and of its kind.

The JSON Schema made from the file's types (`opendmm.constellation.file`) finds all mistakes
at once; here they become sentences with a place and a hint.
"""

import difflib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import jsonschema
import msgspec

from opendmm.constellation.file import SHAPES, ConstellationFile
from opendmm.constellation.problems import Problem
from opendmm.constellation.source import Source, Where


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema of a constellation file."""
    made = msgspec.json.schema(ConstellationFile)
    made["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    made["title"] = "OpenDMM constellation"
    return made


def problems_of_form(source: Source) -> list[Problem]:
    """Every mistake of form in the file."""
    validator = jsonschema.Draft202012Validator(schema())
    return [
        problem
        for error in validator.iter_errors(source.data)
        for problem in _problems(source, error)
    ]


def _problems(source: Source, error: jsonschema.ValidationError) -> Iterator[Problem]:
    where: Where = tuple(error.absolute_path)
    name = _name(where)
    part = _part(error)
    wanted: Any = error.validator_value
    given: Any = error.instance
    match error.validator:
        case "additionalProperties":
            yield from _unknown_fields(source, where, error)
        case "required":
            missing = [field for field in wanted if field not in given]
            for field in missing[:1]:
                hint = _description(part, field)
                yield _problem(source, where, f"{name} lacks `{field}`", hint)
        case "enum":
            options = [str(option) for option in wanted]
            hint = _closest(str(error.instance), options)
            yield _problem(source, where, f"{name}: {error.instance!r} is none of these", hint)
        case "pattern":
            yield _problem(source, where, f"{name}: {error.instance!r} is malformed", _shape(error))
        case "anyOf" if error.context:
            best = jsonschema.exceptions.best_match([error])
            inner = best if best is not error else error.context[0]
            yield from _problems(source, inner) if inner.validator != "anyOf" else ()
        case "type":
            yield _problem(source, where, f"{name} must be {_kind(wanted)}", _given(error.instance))
        case "propertyNames" | "minItems" | "minProperties" | "maxItems":
            yield _problem(source, where, f"{name}: {error.message}")
        case _:
            yield _problem(source, where, f"{name}: {error.message}")


def _unknown_fields(
    source: Source, where: Where, error: jsonschema.ValidationError
) -> Iterator[Problem]:
    known = list(_part(error).get("properties", {}))
    given: Any = error.instance
    for field in given:
        if field not in known:
            hint = _closest(str(field), known)
            yield _problem(source, (*where, field), f"unknown field `{field}`", hint)


def _part(error: jsonschema.ValidationError) -> dict[str, Any]:
    """The part of the schema that the value breaks."""
    return dict(error.schema) if isinstance(error.schema, Mapping) else {}


def _problem(source: Source, where: Where, message: str, hint: str = "") -> Problem:
    line, column = source.place(where)
    return Problem(line, column, message, hint)


def _name(where: Where) -> str:
    return ".".join(str(part) for part in where) or "the file"


def _closest(given: str, options: list[str]) -> str:
    close = difflib.get_close_matches(given, options, n=1, cutoff=0.6)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"there are {', '.join(sorted(options))}"


def _description(part: dict[str, Any], field: str) -> str:
    described = part.get("properties", {}).get(field, {})
    return str(described.get("description", ""))


def _shape(error: jsonschema.ValidationError) -> str:
    pattern = str(error.validator_value)
    return SHAPES.get(pattern, f"it must match {pattern}")


def _kind(wanted: object) -> str:
    words = {
        "object": "a section of fields",
        "array": "a list",
        "string": "text",
        "integer": "a whole number",
        "boolean": "true or false",
        "null": "nothing",
    }
    names = wanted if isinstance(wanted, list) else [wanted]
    return " or ".join(words.get(str(name), str(name)) for name in names)


def _given(instance: object) -> str:
    text = str(instance)
    return f"this is {text[:40]!r}" if not isinstance(instance, dict | list) else ""
