"""The page and the schema about the constellation file say what is read."""

from pathlib import Path

import jsonschema
import msgspec
import pytest
import yaml

from opendmm.constellation import file, guide
from opendmm.constellation.reading import load_deployment
from opendmm.constellation.reference import DOCUMENT, SCHEMA, document, schema_text
from opendmm.constellation.validation import schema
from opendmm.model.identity import FunctionalEntity

AGAIN = "the file's types have changed: run python -m opendmm.constellation.reference"
EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))

SECTIONS = [
    section
    for section in vars(file).values()
    if isinstance(section, type) and issubclass(section, file.Strict) and section is not file.Strict
]
FIELDS = [(section, field) for section in SECTIONS for field in msgspec.structs.fields(section)]


def test_the_page_is_in_step_with_the_types() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document(), AGAIN


def test_the_schema_is_in_step_with_the_types() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == schema_text(), AGAIN


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize(
    ("section", "field"), FIELDS, ids=[f"{s.__name__}.{f.name}" for s, f in FIELDS]
)
def test_every_field_is_described_with_its_default(
    section: type[file.Strict], field: msgspec.structs.FieldInfo
) -> None:
    rows = [line for line in document().splitlines() if line.startswith(f"| `{field.name}` |")]
    described = schema()["$defs"][section.__name__]["properties"][field.name]["description"]
    mine = [row for row in rows if row.endswith(f"| {described} |")]
    assert mine, f"{section.__name__}.{field.name} lacks Meta(description=...)"
    assert ("**required**" in mine[0]) == field.required


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_the_schema_accepts_every_example(example: Path) -> None:
    content = yaml.safe_load(example.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema()).validate(content)
    assert f"(../examples/{example.name})" in document()


def test_the_smallest_file_of_the_page_is_one(tmp_path: Path) -> None:
    smallest = tmp_path / "smallest.yaml"
    smallest.write_text(guide.SMALLEST, encoding="utf-8")
    assert load_deployment(smallest).scenario is not None


def test_every_entity_has_its_place_told() -> None:
    assert list(guide.ENTITIES) == list(FunctionalEntity)
