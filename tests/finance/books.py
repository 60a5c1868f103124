"""Posting to the ledger from tests, one by one, in batches, and by many at once."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import Any

import psycopg

from functions.finance.checks.holds import HOLDS
from functions.finance.checks.ledger import LEDGER
from functions.finance.verify import verify
from shared.sql.connection import Connection, connect

AT = "2026-03-01T00:00:00Z"
IN = "channel:alipay"
A, B = "creator:7:available", "creator:8:available"
POST = "SELECT entry_id, account, amount, balance_after, repeated FROM finance.post_entry(%s, %s, 'order', 'o1', %s, %s, %s, %s)"


@contextmanager
def committed(db: Connection) -> Iterator[None]:
    """A transaction, with the checks of its commit even where an outer one never commits."""
    with db.transaction():
        yield
        db.execute("SET CONSTRAINTS ALL IMMEDIATE")
        db.execute("SET CONSTRAINTS ALL DEFERRED")


def post(db: Any, reference: str, lines: dict[str, int], *, kind: str = "capture", currency: str = "CNY") -> Any:
    with committed(db):
        return db.execute(POST, (reference, kind, AT, currency, list(lines), list(lines.values()))).fetchall()


def balances(db: Any) -> dict[str, int]:
    return dict(db.execute("SELECT name, balance FROM finance.ledger_accounts WHERE kind = 'owner'").fetchall())


def off(db: Any) -> list[str]:
    return [check.name for check in verify(db) if check.off and check.name in LEDGER | HOLDS]


def batch(db: Any, entries: list[dict[str, Any]]) -> Any:
    given = [
        {"kind": "capture", "ref_type": "order", "ref_id": "o1", "currency": "CNY", "at": AT} | entry for entry in entries
    ]
    with committed(db):
        return db.execute(
            "SELECT reference, entry_id, repeated FROM finance.post_batch(%s)", (json.dumps(given),)
        ).fetchall()


def in_parallel(dsn: str, count: int, work: Callable[[Connection, int], Any]) -> list[Any]:
    barrier = Barrier(count)

    def one(index: int) -> Any:
        with connect(dsn) as db:
            barrier.wait()
            try:
                return work(db, index)
            except psycopg.Error as error:
                return error.sqlstate

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))
