"""The messages of every reference point as one JSON Schema, made from their declarations.

Published as docs/reference-points.schema.json so that another language can take part; a test
keeps it in step. Write it anew with `python -m opendmm.bindings.native.schema`.
"""

import inspect
import sys
from pathlib import Path
from typing import Any

import msgspec

from opendmm.bindings.native.codec import Goodbye, Hello, KeepAlive
from opendmm.model.identity import EntityAddress
from opendmm.reference_points.catalogue import CATALOGUE, ReferencePoint

PUBLISHED = Path(__file__).parents[4] / "docs" / "reference-points.schema.json"
REFERENCE = "#/$defs/{name}"


def schema() -> dict[str, Any]:
    """The whole document: frames, envelopes by reference point, messages, values."""
    messages = {
        (point, message): f"{point.name}.{message.__name__}"
        for point in CATALOGUE.values()
        for message in point.messages
    }
    definitions: dict[str, Any] = {}
    for (_, message), name in messages.items():
        definitions |= _definition(message, name)
    for frame in (Hello, KeepAlive, Goodbye, EntityAddress):
        definitions |= _definition(frame, frame.__name__)
    for point in CATALOGUE.values():
        definitions[f"Envelope.{point.name}"] = _envelope(point)
    frames = [*(f"Envelope.{name}" for name in CATALOGUE), "Hello", "KeepAlive", "Goodbye"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "OpenDMM native binding, version 1",
        "description": (
            "What a frame holds. Frames are MessagePack, not JSON: where this schema says "
            "string with contentEncoding base64, the frame has MessagePack bin. Unknown fields "
            "are to be ignored."
        ),
        "oneOf": [{"$ref": REFERENCE.format(name=name)} for name in frames],
        "$defs": dict(sorted(definitions.items())),
    }


def text() -> str:
    """The document as it is published."""
    pretty = msgspec.json.format(msgspec.json.encode(schema(), order="deterministic"), indent=2)
    return pretty.decode() + "\n"


def _definition(of: type[msgspec.Struct], name: str) -> dict[str, Any]:
    """The definition of a type under our own name for it, and of the types it is made of.

    Two reference points may have messages of one name, hence the names of our own.
    """
    _, components = msgspec.json.schema_components([of], ref_template=REFERENCE)
    own = components.pop(of.__name__)
    # Who says nothing of itself has its base's words, which say nothing of it.
    own["description"] = of.__dict__.get("__doc__") or ""
    own["title"] = name
    for definition in (own, *components.values()):
        definition["description"] = inspect.cleandoc(definition.get("description", ""))
        if not definition["description"]:
            del definition["description"]
    return {**components, name: own}


def _envelope(point: ReferencePoint) -> dict[str, Any]:
    return {
        "title": f"Envelope.{point.name}",
        "description": f"A message over {point.name}, {point.ends[0]} – {point.ends[1]}.",
        "type": "object",
        "properties": {
            "type": {"const": "Envelope"},
            "reference_point": {"const": str(point.name)},
            "sender": {"$ref": REFERENCE.format(name="EntityAddress")},
            "receiver": {"$ref": REFERENCE.format(name="EntityAddress")},
            "message": {
                "oneOf": [
                    {"$ref": REFERENCE.format(name=f"{point.name}.{message.__name__}")}
                    for message in point.messages
                ]
            },
        },
        "required": ["type", "reference_point", "sender", "receiver", "message"],
    }


def main() -> None:
    """Write the published document anew."""
    PUBLISHED.write_text(text(), encoding="utf-8")
    sys.stdout.write(f"{PUBLISHED} written\n")


if __name__ == "__main__":
    main()
