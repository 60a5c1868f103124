"""A document of one table, in the one form that all three writers take, and where they write it to."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, Protocol

from shared.clock import SHANGHAI
from shared.money import Money

Cell = str | int | Money | date | datetime | None
Row = Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, and how wide the column is beside the others."""

    title: str
    width: int
    align: Literal["left", "right"] = "left"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A title, what is said above the table, and the table; `rows` are taken once, and then `totals` are asked for."""

    title: str
    fields: Sequence[tuple[str, str]]
    columns: Sequence[Column]
    rows: Iterable[Row]
    totals: Callable[[], Row] | None
    made_at: datetime
    note: str = ""


class Sink(Protocol):
    """Where the bytes go, say a `shared.uploads.Upload`."""

    def write(self, data: bytes) -> int:
        """Take bytes."""

    def flush(self) -> None:
        """Whatever that means to it."""


class Hashed:
    """A sink that passes everything on and knows the SHA-256 and the size of it."""

    def __init__(self, sink: Sink) -> None:
        self._sink, self._hash = sink, hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        """Pass on."""
        self._hash.update(data)
        self.size += len(data)
        return self._sink.write(data)

    def flush(self) -> None:
        """Pass on."""
        self._sink.flush()

    @property
    def sha256(self) -> str:
        """Of what was written so far, in hex."""
        return self._hash.hexdigest()


def shown(cell: Cell) -> str:
    """A cell as people read it: amounts in yuan, times in Shanghai, one line, nothing that is not printed."""
    if cell is None:
        return ""
    if isinstance(cell, Money):
        return cell.to_yuan()
    if isinstance(cell, datetime):
        return f"{cell.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"
    if isinstance(cell, date):
        return cell.isoformat()
    return "".join(c if c.isprintable() else " " for c in str(cell))
