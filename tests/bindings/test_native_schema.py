"""The published schema says what the codec does."""

from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from message_strategies import envelopes

from opendmm.bindings.native.codec import HEADER, Goodbye, Hello, KeepAlive, decode, encode
from opendmm.bindings.native.schema import PUBLISHED, schema, text
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import NodeId
from opendmm.reference_points.catalogue import Envelope
from opendmm.reference_points.r_ic import PolicyRequest

VALIDATOR: Any = jsonschema.Draft202012Validator(schema())


def as_json(frame: Any) -> Any:
    """A frame's content with octets as base64, which is how the schema has them."""
    content = msgspec.msgpack.decode(encode(frame)[HEADER:])
    return msgspec.json.decode(msgspec.json.encode(content))


def test_the_published_schema_is_in_step_with_the_declarations() -> None:
    assert PUBLISHED.read_text(encoding="utf-8") == text(), (
        "messages have changed: run python -m opendmm.bindings.native.schema"
    )


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


@settings(max_examples=60)
@given(envelopes())
def test_every_envelope_that_is_sent_is_valid_by_the_schema(envelope: Envelope) -> None:
    VALIDATOR.validate(as_json(envelope))


def test_every_other_frame_is_valid_by_the_schema() -> None:
    hello = Hello(node=NodeId("a"), instance=1, reference_points=("R_XX",))
    for frame in (hello, KeepAlive(), Goodbye("done")):
        VALIDATOR.validate(as_json(frame))


@pytest.mark.parametrize(
    "content",
    [
        {"type": "KeepAlives"},
        {"type": "Hello", "node": "a"},
        {"type": "Envelope", "reference_point": "R_XX"},
    ],
)
def test_what_the_schema_refuses_the_codec_refuses(content: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(content)
    with pytest.raises(Exception, match="no frame"):
        decode(msgspec.msgpack.encode(content))


def test_the_frame_spelt_out_in_the_documentation_is_one() -> None:
    documentation = (PUBLISHED.parent / "native-binding.md").read_text(encoding="utf-8")
    begin = documentation.index("    000000a1 85")
    lines = documentation[begin : documentation.index("## Messages")].splitlines()
    # Words explain the octets, four spaces or more behind them.
    said = "".join(line.strip().split("    ")[0] for line in lines)
    octets = bytes.fromhex(said)
    frame = decode(octets[HEADER:])
    assert isinstance(frame, Envelope)
    assert frame.message == PolicyRequest(prefix=HomePrefix.parse("2001:db8:a:1::/64"))
    assert encode(frame) == octets
