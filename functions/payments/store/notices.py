"""Queries about notices of gateways: kept as received before anyone believes them."""

from datetime import datetime

from psycopg.rows import class_row

from functions.payments.models import Channel, Notice
from shared.sql.connection import Connection


def keep(
    db: Connection, channel: Channel, notify_id: str, body_hash: str, payload: str, *, at: datetime, look_at: datetime
) -> Notice:
    """Store a notice, to be looked at by the sweeper from `look_at` on; one received before is only counted.

    One that was not believed is open again: it may have been our key that was wrong.
    """
    with db.cursor(row_factory=class_row(Notice)) as cursor:
        return cursor.execute(
            """
            INSERT INTO payments.payment_notices AS kept
                (channel, notify_id, body_hash, payload, next_try_at, received_at)
            VALUES (%s, %s, %s, %s, %s, %s)
            ON CONFLICT (channel, notify_id, body_hash) DO UPDATE SET times = kept.times + 1,
                processed_at = CASE WHEN kept.verified IS FALSE THEN NULL ELSE kept.processed_at END
            RETURNING id, channel, notify_id, body_hash, payload, processed_at, tries
            """,
            (channel, notify_id, body_hash, payload, look_at, at),
        ).fetchall()[0]


def find(db: Connection, notice_id: int) -> Notice | None:
    """One notice."""
    with db.cursor(row_factory=class_row(Notice)) as cursor:
        return cursor.execute(
            """
            SELECT id, channel, notify_id, body_hash, payload, processed_at, tries
            FROM payments.payment_notices WHERE id = %s
            """,
            (notice_id,),
        ).fetchone()


def due(db: Connection, at: datetime, limit: int) -> list[Notice]:
    """Notices nobody finished, the longest overdue first."""
    with db.cursor(row_factory=class_row(Notice)) as cursor:
        return cursor.execute(
            """
            SELECT id, channel, notify_id, body_hash, payload, processed_at, tries
            FROM payments.payment_notices WHERE processed_at IS NULL AND next_try_at <= %s ORDER BY next_try_at LIMIT %s
            """,
            (at, limit),
        ).fetchall()


def finish(db: Connection, notice_id: int, *, verified: bool, result: str, at: datetime) -> None:
    """Write what came of a notice, the first time it is known."""
    db.execute(
        """
        UPDATE payments.payment_notices SET verified = %s, result = %s, processed_at = %s
        WHERE id = %s AND processed_at IS NULL
        """,
        (verified, result, at, notice_id),
    )


def try_again(db: Connection, notice_id: int, next_try_at: datetime) -> None:
    """Count a failed try, and set when the next one is."""
    db.execute(
        "UPDATE payments.payment_notices SET tries = tries + 1, next_try_at = %s WHERE id = %s AND processed_at IS NULL",
        (next_try_at, notice_id),
    )
