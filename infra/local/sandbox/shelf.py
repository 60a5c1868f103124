"""Records of the simulators: in memory, each change written through to SQLite, so that a restart keeps them."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel

R = TypeVar("R", bound=BaseModel)


def open_database(folder: Path) -> sqlite3.Connection:
    """Open (or make) the file of all shelves. Losing the last moment to a power cut is fine for play money."""
    folder.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(folder / "records.sqlite3", isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = OFF")
    database.execute(
        "CREATE TABLE IF NOT EXISTS records (shelf TEXT, id TEXT, body TEXT NOT NULL, PRIMARY KEY (shelf, id)) WITHOUT ROWID"
    )
    return database


class Shelf(Generic[R]):
    """The records of one name, by id, oldest first."""

    def __init__(self, database: sqlite3.Connection, name: str, kind: type[R]) -> None:
        self._database = database
        self._name = name
        rows = database.execute("SELECT id, body FROM records WHERE shelf = ? ORDER BY id", (name,))
        self._records = {id_: kind.model_validate_json(body) for id_, body in rows}

    def __iter__(self) -> Iterator[R]:
        return iter(list(self._records.values()))

    def get(self, id_: str) -> R | None:
        """The record of that id, or None."""
        return self._records.get(id_)

    def keep(self, id_: str, record: R) -> None:
        """Store a record, new or changed."""
        self._records[id_] = record
        self._database.execute(
            "INSERT INTO records (shelf, id, body) VALUES (?, ?, ?)"
            " ON CONFLICT (shelf, id) DO UPDATE SET body = excluded.body",
            (self._name, id_, record.model_dump_json()),
        )

    def drop(self, id_: str) -> None:
        """Forget a record, if there is one."""
        self._records.pop(id_, None)
        self._database.execute("DELETE FROM records WHERE shelf = ? AND id = ?", (self._name, id_))

    def clear(self) -> None:
        """Forget every record."""
        self._records.clear()
        self._database.execute("DELETE FROM records WHERE shelf = ?", (self._name,))
