"""Numbers that outlive a node's process."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendmm.store.counters import KeptCounters


@given(st.dictionaries(st.text(max_size=20), st.integers(0, 2**64 - 1), max_size=20))
def test_what_was_set_is_there_for_the_next_process(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, int]
) -> None:
    path = tmp_path_factory.mktemp("counters") / "file"
    first = KeptCounters(path)
    first.update(dict.fromkeys(values, 0))
    first.update(values)
    assert dict(KeptCounters(path)) == values
    for key in values:
        del first[key]
    assert len(KeptCounters(path)) == 0


def test_a_damaged_file_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "file.counters"
    path.write_bytes(b"no database at all" * 100)
    counters = KeptCounters(path)
    counters["a"] = 1
    assert dict(KeptCounters(path)) == {"a": 1}
    assert path.with_suffix(".damaged").exists()
