"""What was committed is there after any death; what is damaged never stops a node."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendmm.entities.host import Fact
from opendmm.model.identity import FunctionalEntity
from opendmm.store.contract import FactStore, StoreError
from opendmm.store.embedded import EmbeddedStore
from opendmm.store.memory import MemoryStore

MCTX, IEC = FunctionalEntity.FE_MCTX, FunctionalEntity.FE_IEC

facts = st.lists(
    st.builds(
        Fact,
        owner=st.sampled_from((MCTX, IEC)),
        key=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4),
        value=st.none() | st.binary(max_size=16),
    )
)


def write(store: FactStore, *written: Fact) -> None:
    store.commit(written)
    store.close()


def test_what_was_committed_is_there_after_reopening(tmp_path: Path) -> None:
    write(EmbeddedStore(tmp_path / "facts.db"), Fact(MCTX, "a", b"1"), Fact(IEC, "a", b"2"))

    reopened = EmbeddedStore(tmp_path / "facts.db")

    assert reopened.load() == {MCTX: {"a": b"1"}, IEC: {"a": b"2"}}
    assert reopened.notice == ""


@given(batches=st.lists(facts, max_size=4))
def test_the_embedded_store_holds_what_the_memory_store_holds(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[Fact]]
) -> None:
    path = tmp_path_factory.mktemp("store") / "facts.db"
    model, store = MemoryStore(), EmbeddedStore(path)
    for batch in batches:
        model.commit(batch)
        store.commit(batch)
    store.close()

    reopened = EmbeddedStore(path)
    held = {entity: kept for entity, kept in model.load().items() if kept}
    assert reopened.load() == held
    reopened.close()


def test_a_commit_survives_sigkill_of_the_process(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path;"
        "from opendmm.entities.host import Fact;"
        "from opendmm.model.identity import FunctionalEntity as F;"
        "from opendmm.store.embedded import EmbeddedStore;"
        "s = EmbeddedStore(Path(sys.argv[1]));"
        "s.commit([Fact(F.FE_MCTX, 'a', b'kept')]);"
        "s._connection.execute('BEGIN'); s._write(Fact(F.FE_MCTX, 'b', b'half'));"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "facts.db")], check=False)

    assert EmbeddedStore(tmp_path / "facts.db").load() == {MCTX: {"a": b"kept"}}


@pytest.mark.parametrize("garbage", [b"not a database at all" * 300, b"\0" * 4096])
def test_a_file_that_is_no_database_is_put_aside_and_named(tmp_path: Path, garbage: bytes) -> None:
    path = tmp_path / "facts.db"
    path.write_bytes(garbage)

    store = EmbeddedStore(path)

    assert store.load() == {}
    assert "facts.db.damaged-" in store.notice
    assert [p.read_bytes() for p in tmp_path.glob("facts.db.damaged-*")] == [garbage]
    write(store, Fact(MCTX, "a", b"1"))
    assert EmbeddedStore(path).load() == {MCTX: {"a": b"1"}}


def test_a_flipped_bit_in_a_value_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "facts.db"
    write(EmbeddedStore(path), Fact(MCTX, "a", b"a value that is easy to find"))
    path.write_bytes(path.read_bytes().replace(b"easy to find", b"easy to fine"))

    store = EmbeddedStore(path)

    assert store.load() == {}
    assert "checksum of FE_MCTX a" in store.notice


def test_a_truncated_file_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "facts.db"
    write(EmbeddedStore(path), *(Fact(MCTX, str(i), bytes(500)) for i in range(200)))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    store = EmbeddedStore(path)

    assert store.load() == {}
    assert "damaged" in store.notice


def test_a_second_daemon_on_the_same_file_is_refused(tmp_path: Path) -> None:
    first = EmbeddedStore(tmp_path / "facts.db")

    with pytest.raises(StoreError, match="in use by another daemon"):
        EmbeddedStore(tmp_path / "facts.db")

    first.commit([Fact(MCTX, "a", b"1")])


def test_a_file_of_a_later_version_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "facts.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(StoreError, match="later version"):
        EmbeddedStore(path)

    assert list(tmp_path.glob("*damaged*")) == []


def test_discarding_keeps_the_old_file_for_a_person(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path / "facts.db")
    store.commit([Fact(MCTX, "a", b"1")])

    store.discard("FE_MCTX cannot read it")

    assert store.load() == {}
    assert "FE_MCTX cannot read it" in store.notice
    assert len(list(tmp_path.glob("facts.db.damaged-*"))) == 1


def test_a_state_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(StoreError, match="state directory"):
        EmbeddedStore(tmp_path / "file" / "facts.db")
