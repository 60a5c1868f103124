"""Sealing audit rows and proving them, on a million rows of this run."""

import time
from datetime import UTC, datetime
from typing import LiteralString

from psycopg import sql

from functions.admin.store.audit_chains import OPERATIONS
from shared.sql.connection import Connection, connect
from shared.sql.seal_proof import prove
from shared.sql.sealing import BLOCK_ROWS, seal
from tests.bench.measure import Gate

ROWS = 1_000_000
AT = datetime(2026, 3, 1, tzinfo=UTC)
_FILL = """
INSERT INTO admin.admin_operation_logs
    (admin_uid, operation, resource_type, resource_id, details, ip_address, user_agent, result, created_at)
SELECT 100000 + g %% 50, 'settings.change', 'setting', g,
    jsonb_build_object('before', jsonb_build_object('value', g, 'label', 'before it was changed'),
                       'after', jsonb_build_object('value', g + 1, 'label', 'after it was changed')),
    '203.0.113.' || g %% 250, 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'success',
    timestamptz '2024-01-01' + g * interval '1 minute'
FROM generate_series(1, %s) g
"""
_HASHED_ONCE = OPERATIONS.sql("SELECT count(sha256({row})) FROM {table} r")


def bench(dsn: str) -> list[Gate]:
    """Two gates, and in their details what 10,000 rows take to seal and a million to prove."""
    with connect(dsn) as db:
        # Months first, as a house has them that ran for two years.
        db.execute("SELECT admin.make_audit_partitions(timestamptz '2024-01-01', 24)")
        filled = _seconds(db, _FILL, ROWS)
        blocks: list[tuple[int, float]] = []
        while not blocks or blocks[-1][0] == BLOCK_ROWS:
            started = time.perf_counter()
            with db.transaction():
                sealed = seal(db, OPERATIONS, AT)
            blocks.append((sealed, time.perf_counter() - started))
        db.execute("VACUUM ANALYZE")
        db.execute("SET max_parallel_workers_per_gather = 0")
        hashed = min(_seconds(db, _HASHED_ONCE) for _ in range(3))
        started = time.perf_counter()
        proof = prove(db, OPERATIONS)
        proved = time.perf_counter() - started
    if not proof.holds or proof.rows != ROWS:
        raise RuntimeError(proof)
    sealing = sum(seconds for _, seconds in blocks)
    full = sorted(seconds for rows, seconds in blocks if rows == BLOCK_ROWS)
    return [
        Gate(
            "audit rows sealed",
            sealing / filled,
            "writing them in bulk",
            limit=4,
            detail=f"{BLOCK_ROWS:,} rows in {full[len(full) // 2]:.2f} s, {ROWS:,} in {sealing:.0f} s",
        ),
        Gate(
            "audit rows proved",
            proved / hashed,
            "hashing each canonical row once",
            limit=3,
            detail=f"{ROWS:,} rows in {proved:.1f} s",
        ),
    ]


def _seconds(db: Connection, statement: LiteralString | sql.Composed, *parameters: object) -> float:
    started = time.perf_counter()
    db.execute(statement, parameters)
    return time.perf_counter() - started
