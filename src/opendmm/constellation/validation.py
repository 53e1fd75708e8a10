"""The form of a constellation file: every field known, present and of its kind.

The JSON Schema made from the file's types (`opendmm.constellation.file`) finds all mistakes
at once; here they become sentences with a place and a hint.
"""

import difflib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import jsonschema
import msgspec

from opendmm.constellation.file import SHAPES, ConstellationFile
from opendmm.constellation.problems import Problem
from opendmm.constellation.source import Source, Where

LONGEST = 40
"""Characters of a value that a message repeats."""

Mistake = tuple[Where, str, str]
"""Where, what is wrong, what would be right."""

_KINDS = {
    "object": "a section of fields",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "boolean": "true or false",
}
_SEVERAL = {"dict": "a section", "list": "a list"}


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema of a constellation file."""
    made = msgspec.json.schema(ConstellationFile)
    made["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    made["title"] = "OpenDMM constellation"
    return made


def problems_of_form(source: Source) -> list[Problem]:
    """Every mistake of form in the file."""
    errors = _validator().iter_errors(source.data)
    mistakes = {mistake for error in errors for mistake in _mistakes(error)}
    return [Problem(*source.place(where), message, hint) for where, message, hint in mistakes]


@cache
def _validator() -> Any:
    """A validator as strict as the types: 1.0 is no whole number, patterns match all of a text."""
    standard = jsonschema.Draft202012Validator
    extended: Any = jsonschema.validators
    strict = extended.extend(
        standard,
        validators={"pattern": _matches},
        type_checker=standard.TYPE_CHECKER.redefine("integer", _is_integer),
    )
    return strict(schema())


def _matches(
    _validator: Any, pattern: str, given: object, _schema: Any
) -> Iterator[jsonschema.ValidationError]:
    if isinstance(given, str) and not re.fullmatch(pattern, given):
        yield jsonschema.ValidationError(f"{given!r} does not match {pattern}")


def _is_integer(_checker: Any, given: object) -> bool:
    return isinstance(given, int) and not isinstance(given, bool)


def _mistakes(error: jsonschema.ValidationError) -> Iterator[Mistake]:
    explain = _EXPLANATIONS.get(str(error.validator), _unexplained)
    yield from explain(error, tuple(error.absolute_path))


def _unknown_fields(error: jsonschema.ValidationError, where: Where) -> Iterator[Mistake]:
    known = list(_part(error).get("properties", {}))
    for field in _instance(error):
        if field not in known:
            yield (*where, field), f"unknown field `{field}`", _closest(field, known)


def _missing(error: jsonschema.ValidationError, where: Where) -> Iterator[Mistake]:
    part = _part(error)
    for field in part["required"]:
        if field not in _instance(error):
            yield where, f"{_name(where)} lacks `{field}`", _description(part["properties"][field])


def _none_of_these(error: jsonschema.ValidationError, where: Where) -> Iterator[Mistake]:
    given = error.instance
    hint = _closest(str(given), [str(option) for option in _part(error)["enum"]])
    yield where, f"{_name(where)}: {_shown(given)} is none of these", hint


def _malformed(error: jsonschema.ValidationError, where: Where) -> Iterator[Mistake]:
    # A name is malformed where it stands, not where the section that it names is in.
    place = (
        (*where, str(error.instance)) if "propertyNames" in error.absolute_schema_path else where
    )
    yield place, f"{_name(where)}: {_shown(error.instance)} is malformed", _shape(error)


def _of_another_kind(error: jsonschema.ValidationError, where: Where) -> Iterator[Mistake]:
    wanted = str(_part(error)["type"])
    given: Any = error.instance
    what = _SEVERAL.get(type(given).__name__) or _shown(given)
    yield where, f"{_name(where)} must be {_KINDS.get(wanted, wanted)}, not {what}", _shape(error)


def _optional(error: jsonschema.ValidationError, _where: Where) -> Iterator[Mistake]:
    """A value of several kinds (one may be null): what is wrong with it as the kind it is."""
    branches = _part(error)["anyOf"]
    inner = [i for i in error.context or () if branches[i.schema_path[0]] != {"type": "null"}]
    of_its_kind = [mistake for mistake in inner if mistake.validator != "type"]
    # Of no kind at all: the last kind's hint says how to write it.
    for mistake in of_its_kind or inner[-1:]:
        yield from _mistakes(mistake)


def _too_small_or_great(error: jsonschema.ValidationError, where: Where) -> Iterator[Mistake]:
    part = _part(error)
    least, most = part.get("minimum"), part.get("maximum")
    hint = f"{least} or more" if most is None else f"{least} to {most}"
    yield where, f"{_name(where)} cannot be {_shown(error.instance)}", hint


def _too_few_or_many(error: jsonschema.ValidationError, where: Where) -> Iterator[Mistake]:
    part = _part(error)
    least, most = part.get("minItems", part.get("minProperties")), part.get("maxItems")
    wanted = f"{least}" if least == most else f"{least} or more"
    count = len(_instance(error)) or "none"
    message = f"{_name(where)} needs {wanted}, and there are {count}"
    yield where, message, _description(part)


def _unexplained(error: jsonschema.ValidationError, where: Where) -> Iterator[Mistake]:
    yield where, f"{_name(where)}: {error.message}", ""


_EXPLANATIONS: dict[str, Callable[[jsonschema.ValidationError, Where], Iterator[Mistake]]] = {
    "additionalProperties": _unknown_fields,
    "required": _missing,
    "enum": _none_of_these,
    "pattern": _malformed,
    "type": _of_another_kind,
    "anyOf": _optional,
    "minimum": _too_small_or_great,
    "maximum": _too_small_or_great,
    "minItems": _too_few_or_many,
    "maxItems": _too_few_or_many,
    "minProperties": _too_few_or_many,
    "items": _too_few_or_many,
}
"""By the schema's keyword that the value breaks (`items` is broken by one too many only)."""


def _part(error: jsonschema.ValidationError) -> dict[str, Any]:
    """The part of the schema that the value breaks."""
    return dict(error.schema) if isinstance(error.schema, Mapping) else {}


def _instance(error: jsonschema.ValidationError) -> Any:
    return error.instance


def _name(where: Where) -> str:
    return ".".join(str(part) for part in where) or "the file"


def _shown(given: object) -> str:
    """A value as it may stand in the file."""
    text = json.dumps(given, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _closest(given: str, options: list[str]) -> str:
    close = difflib.get_close_matches(given, options, n=1, cutoff=0.6)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"there are {', '.join(sorted(options))}"


def _description(part: dict[str, Any]) -> str:
    return str(part.get("description", "")).rstrip(".")


def _shape(error: jsonschema.ValidationError) -> str:
    return SHAPES.get(str(_part(error).get("pattern")), "")
