"""The figures of statements: read from the postings, hashed on the way, and compared with what was given."""

import hashlib
import json
from collections.abc import Iterator
from datetime import date
from typing import Final

from functions.finance.schemas import LineOut
from functions.finance.service import statements
from functions.finance.service.statements import Figures
from functions.finance.store import statement_files as store
from shared import clock
from shared.sql.connection import Connection, transaction

_AT_ONCE: Final = 200


class StatementDiffersError(Exception):
    """The ledger says something else about a month than the statement that was given: nobody gets a second one."""


class Reader:
    """Passes the lines of a statement on and hashes every figure of it on the way."""

    def __init__(self, creator_id: int, first: date, figures: Figures) -> None:
        self._figures = figures
        self._hash = hashlib.sha256(f"{creator_id} {first} {figures.opening}\n".encode())
        self.closing, self.count = figures.opening, 0

    def __iter__(self) -> Iterator[LineOut]:
        for line in self._figures.lines:
            told = (clock.rfc3339(line.at), line.kind, line.ref, str(line.amount), str(line.balance))
            self._hash.update(json.dumps(told).encode() + b"\n")
            self.closing, self.count = line.balance, self.count + 1
            yield line

    def read(self) -> tuple[int, int, int, str]:
        """Opening, closing, number of lines and hash, once everything was passed on."""
        return self._figures.opening, self.closing, self.count, self._hash.hexdigest()


def reader_of(db: Connection, creator_id: int, first: date) -> Reader:
    """The lines of the month that begins on a day; in a transaction."""
    return Reader(creator_id, first, statements.figures(db, creator_id, first))


def recompute(db: Connection, creator_id: int, first: date) -> tuple[int, int, int, str]:
    """Opening, closing, number of lines and hash of a month, from the postings alone."""
    reader = reader_of(db, creator_id, first)
    for _ in reader:
        pass
    return reader.read()


def differing(db: Connection) -> Iterator[store.Given]:
    """Every statement ever given that the postings do not come to any more: there must be none."""
    page = store.after(db, 0, _AT_ONCE)
    while page:
        for given in page:
            told = (given.opening_balance, given.closing_balance, given.line_count, given.figures_sha256)
            with db.transaction():
                found = recompute(db, given.creator_id, given.month)
            if found != told:
                yield given
        page = store.after(db, page[-1].statement_id, _AT_ONCE)


def prove() -> int:
    """Compute every statement again; how many hold. Raises StatementDiffersError, which wakes a person, for others."""
    with transaction() as db:
        if wrong := [given.statement_id for given in differing(db)]:
            raise StatementDiffersError(wrong)
        return store.count(db)
