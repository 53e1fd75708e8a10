"""Whatever is fed in as a constellation file, nothing comes out but a file or its mistakes."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from test_constellation_mistakes import RIGHT

from opendmm.constellation.reading import ConstellationError, load_deployment
from opendmm.constellation.reasoning import reason

_WORDS = st.sampled_from(
    [
        "cn",
        "anchor-a",
        "mn1",
        "FE_I",
        "FE_MA_C",
        "2001:db8::/32",
        "10.0.0.0/8",
        "5ms",
        "~",
        "<<",
        "=",
        "ff::1%x",
    ]
)
_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | _WORDS
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8) | _WORDS, inner, max_size=4)
    ),
    max_leaves=12,
)


def _load(path: Path, text: str) -> None:
    """A file that loads must be one that can be reasoned about."""
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    with suppress(ConstellationError):
        reason(load_deployment(path))


@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=200))
def test_arbitrary_text_is_a_mistake_at_worst(text: str, tmp_path_factory: Any) -> None:
    _load(tmp_path_factory.getbasetemp() / "text.yaml", text)


@settings(max_examples=150, deadline=None)
@given(value=_VALUES)
def test_arbitrary_structures_are_a_mistake_at_worst(value: Any, tmp_path_factory: Any) -> None:
    _load(tmp_path_factory.getbasetemp() / "structure.yaml", yaml.safe_dump(value))


def _ways(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found = [(*way, key) for key, _ in inner]
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in inner:
        if isinstance(part, dict | list):
            found += _ways(part, (*way, key))
    return found


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_right_file_with_anything_put_in_its_place_is_a_mistake_at_worst(
    data: st.DataObject, tmp_path_factory: Any
) -> None:
    content = yaml.safe_load(RIGHT)
    *way, last = data.draw(st.sampled_from(_ways(content)))
    part = content
    for key in way:
        part = part[key]
    part[last] = data.draw(_VALUES)
    _load(tmp_path_factory.getbasetemp() / "changed.yaml", yaml.safe_dump(content))
