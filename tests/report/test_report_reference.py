"""The page and the schema about the JSON report say what is written."""

import json

import jsonschema

from opendmm.report.reference import DOCUMENT, SCHEMA, document, schema, schema_text
from opendmm.report.report import Report, Runtime, to_json

AGAIN = "the report's types have changed: run python -m opendmm.report.reference"


def test_the_page_is_in_step_with_the_types() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document(), AGAIN


def test_the_schema_is_in_step_with_the_types() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == schema_text(), AGAIN


def test_a_report_is_valid_by_the_schema() -> None:
    report = Report(constellation="empty", runtime=Runtime.SIM)
    jsonschema.Draft202012Validator(schema()).validate(json.loads(to_json(report)))


def test_every_field_of_every_part_is_described() -> None:
    for name, definition in schema()["$defs"].items():
        for field, of in definition.get("properties", {}).items():
            assert of.get("description"), f"{name}.{field} lacks Meta(description=...)"
