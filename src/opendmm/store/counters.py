"""Numbers that must not go back when a node starts again, such as the last nonce of each site.

They are not facts of an entity, and a change of one is worth no sync: SQLite's write-ahead log
keeps them over the death of the process; the death of the machine may cost the last few. A damaged
file is put aside, and what was in it is forgotten.
"""

import contextlib
import sqlite3
from collections.abc import Iterator, MutableMapping
from pathlib import Path

_TABLE = "CREATE TABLE IF NOT EXISTS counters (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID"
OCTETS = 8


class KeptCounters(MutableMapping[str, int]):
    """In memory, and in the file at `path`. Values have 64 bits. Raises OSError."""

    def __init__(self, path: Path) -> None:
        try:
            self._connection = _opened(path)
        except sqlite3.DatabaseError:
            path.replace(path.with_suffix(".damaged"))
            self._connection = _opened(path)
        rows = self._connection.execute("SELECT key, value FROM counters")
        self._values = {key: int.from_bytes(value, "big") for key, value in rows}

    def __getitem__(self, key: str) -> int:
        return self._values[key]

    def __setitem__(self, key: str, value: int) -> None:
        self._values[key] = value
        # A disk that is full must not stop a Map-Server: it forgets, then, when it is started anew.
        with contextlib.suppress(sqlite3.DatabaseError):
            self._connection.execute(
                "INSERT OR REPLACE INTO counters VALUES (?, ?)",
                (key, value.to_bytes(OCTETS, "big")),
            )

    def __delitem__(self, key: str) -> None:
        del self._values[key]
        with contextlib.suppress(sqlite3.DatabaseError):
            self._connection.execute("DELETE FROM counters WHERE key = ?", (key,))

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def _opened(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        connection = sqlite3.connect(path, isolation_level=None)
    except sqlite3.OperationalError as problem:
        raise OSError(f"cannot open {path}: {problem}") from problem
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(_TABLE)
    return connection
