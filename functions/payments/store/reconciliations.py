"""Queries about runs of reconciliation: whose turn it is, the bill of a day on its way in, days that still lack a run."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from psycopg.rows import class_row

from functions.payments.gateways.base import BillRow
from functions.payments.models import Channel
from shared.sql.connection import Connection

ROWS_A_STEP: Final = 10_000
"""After so many rows it is said how far an import got."""


@dataclass(frozen=True, slots=True)
class Run:
    """One channel's day."""

    reconciliation_id: int
    channel: Channel
    date: date
    status: str
    token: str
    leased_until: datetime | None
    import_no: int


def claim(db: Connection, channel: Channel, day: date, *, token: str, until: datetime, at: datetime) -> int | None:
    """Take a channel's day, for nobody else before `until`; its id, or None when somebody has it."""
    row = db.execute(
        """
        INSERT INTO payments.reconciliation_runs AS r (channel, date, status, token, leased_until, created_at, updated_at)
        VALUES (%(channel)s, %(day)s, 'running', %(token)s, %(until)s, %(at)s, %(at)s)
        ON CONFLICT (channel, date) DO UPDATE
        SET status = 'running', token = excluded.token, leased_until = excluded.leased_until, updated_at = excluded.updated_at
        WHERE r.leased_until IS NULL OR r.leased_until <= %(at)s
        RETURNING reconciliation_id
        """,
        {"channel": channel, "day": day, "token": token, "until": until, "at": at},
    ).fetchone()
    return None if row is None else int(row[0])


def find(db: Connection, reconciliation_id: int) -> Run | None:
    """A run as it is."""
    with db.cursor(row_factory=class_row(Run)) as cursor:
        return cursor.execute(
            """
            SELECT reconciliation_id, channel, date, status, token, leased_until, import_no
            FROM payments.reconciliation_runs WHERE reconciliation_id = %s
            """,
            (reconciliation_id,),
        ).fetchone()


def hold(db: Connection, reconciliation_id: int) -> Run | None:
    """A run, held until the transaction ends: who imports into it or resolves what it found holds it first."""
    with db.cursor(row_factory=class_row(Run)) as cursor:
        return cursor.execute(
            """
            SELECT reconciliation_id, channel, date, status, token, leased_until, import_no
            FROM payments.reconciliation_runs WHERE reconciliation_id = %s FOR UPDATE
            """,
            (reconciliation_id,),
        ).fetchone()


def stage(db: Connection, run: Run, rows: Iterable[BillRow], tell: Callable[[int], None]) -> int:
    """Stream a bill into the import after `run.import_no`, one row in memory at a time; how many rows there were.

    Raises ValueError when the bill is not whole, and then nothing of it may be committed.
    """
    count, import_no = 0, run.import_no + 1
    with (
        db.cursor() as cursor,
        cursor.copy(
            """
            COPY payments.reconciliation_bill_rows
                (reconciliation_id, import_no, line_no, kind, gateway_no, payment_no, refund_no, amount, fee, at)
            FROM STDIN
            """
        ) as copy,
    ):
        for count, row in enumerate(rows, start=1):
            copy.write_row(
                (
                    run.reconciliation_id,
                    import_no,
                    count,
                    row.kind,
                    row.gateway_no,
                    row.payment_no,
                    row.refund_no,
                    row.amount.minor,
                    row.fee.minor,
                    row.at,
                )
            )
            if count % ROWS_A_STEP == 0:
                tell(count)
    return count


def complete(db: Connection, run: Run, matched: int, at: datetime) -> None:
    """The import after `run.import_no` is the one that counts; the run is over, with the counts of its items."""
    db.execute(
        """
        WITH found AS (
            SELECT count(*) FILTER (WHERE kind IN ('amount_diff', 'status_diff')) AS mismatched,
                   count(*) FILTER (WHERE kind = 'missing_local') AS missing_local,
                   count(*) FILTER (WHERE kind = 'missing_remote') AS missing_remote,
                   coalesce(sum(CASE movement WHEN 'pay' THEN 1 ELSE -1 END * (coalesce(remote_amount, 0)
                       - CASE kind WHEN 'status_diff' THEN 0 ELSE coalesce(local_amount, 0) END)), 0) AS amount_diff
            FROM payments.reconciliation_items WHERE reconciliation_id = %(id)s
        )
        UPDATE payments.reconciliation_runs r
        SET matched = %(matched)s, mismatched = found.mismatched, missing_local = found.missing_local,
            missing_remote = found.missing_remote, amount_diff = found.amount_diff, import_no = %(import_no)s,
            imported_at = %(at)s
        FROM found WHERE r.reconciliation_id = %(id)s
        """,
        {"id": run.reconciliation_id, "matched": matched, "import_no": run.import_no + 1, "at": at},
    )
    release(db, run.reconciliation_id, run.token, at)


def release(db: Connection, reconciliation_id: int, token: str, at: datetime) -> None:
    """Let go of a run that is still ours; one that was whole before is again what its items make it."""
    db.execute(
        """
        UPDATE payments.reconciliation_runs r
        SET leased_until = NULL, updated_at = %(at)s,
            status = CASE
                WHEN r.imported_at IS NULL THEN 'running'
                WHEN NOT EXISTS (SELECT FROM payments.reconciliation_items i
                                 WHERE i.reconciliation_id = r.reconciliation_id) THEN 'matched'
                WHEN EXISTS (SELECT FROM payments.reconciliation_items i
                             WHERE i.reconciliation_id = r.reconciliation_id AND i.status = 'open') THEN 'mismatched'
                ELSE 'resolved' END
        WHERE reconciliation_id = %(id)s AND token = %(token)s
        """,
        {"id": reconciliation_id, "token": token, "at": at},
    )


def days_due(db: Connection, channel: Channel, yesterday: date, longest: int) -> list[date]:
    """Days without a whole bill, oldest first: yesterday, and back to the channel's first payment, `longest` days at most.

    A bill that was imported before its day was over does not count.
    """
    rows = db.execute(
        """
        SELECT d::date FROM generate_series(%(yesterday)s::date - %(longest)s::int, %(yesterday)s::date, interval '1 day') d
        WHERE (d::date = %(yesterday)s::date OR d >= (
                  SELECT min(t.finished_at) AT TIME ZONE 'Asia/Shanghai' FROM payments.payment_transactions t
                  WHERE t.channel = %(channel)s AND t.status = 'succeeded' AND t.kind <> 'refund') - interval '1 day')
          AND NOT EXISTS (
                  SELECT FROM payments.reconciliation_runs r
                  WHERE r.channel = %(channel)s AND r.date = d::date
                    AND r.imported_at >= (d::date + 1)::timestamp AT TIME ZONE 'Asia/Shanghai')
        ORDER BY d
        """,
        {"yesterday": yesterday, "longest": longest, "channel": channel},
    ).fetchall()
    return [row[0] for row in rows]


def original(db: Connection, media_id: int, owner_id: int) -> str | None:
    """Where an own file lies that was found harmless."""
    row = db.execute(
        "SELECT s3_key FROM media.pub_originals WHERE media_id = %s AND owner_id = %s", (media_id, owner_id)
    ).fetchone()
    return None if row is None else str(row[0])
