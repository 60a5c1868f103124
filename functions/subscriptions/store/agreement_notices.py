"""Queries about notices of agreements: kept as received before anyone believes them."""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from functions.subscriptions.agreements import AgreementChannel
from functions.subscriptions.store.rows import rows
from shared.sql.connection import Connection


@dataclass(frozen=True, slots=True)
class Notice:
    """A stored notice. `payload` is enveloped."""

    id: int
    channel: AgreementChannel
    body_hash: str
    payload: str
    processed_at: datetime | None


def keep(db: Connection, channel: AgreementChannel, body_hash: str, payload: str, at: datetime) -> int:
    """Store a notice; one received before is only counted, and looked at anew if it was not believed: perhaps our key was
    wrong.
    """
    return int(
        rows(
            db,
            """
            INSERT INTO subscriptions.agreement_notices AS kept (channel, body_hash, payload, received_at)
            VALUES (%(channel)s, %(body_hash)s, %(payload)s, %(at)s)
            ON CONFLICT (channel, body_hash) DO UPDATE SET times = kept.times + 1,
                processed_at = CASE WHEN kept.verified IS FALSE THEN NULL ELSE kept.processed_at END
            RETURNING id
            """,
            {"channel": channel, "body_hash": body_hash, "payload": payload, "at": at},
        )[0]["id"]
    )


def hold(db: Connection, notice_id: int) -> Notice | None:
    """One notice, held: of two who work it off the second finds it done."""
    with db.cursor(row_factory=class_row(Notice)) as cursor:
        return cursor.execute(
            """
            SELECT id, channel, body_hash, payload, processed_at FROM subscriptions.agreement_notices
            WHERE id = %s FOR UPDATE
            """,
            (notice_id,),
        ).fetchone()


def unfinished(db: Connection, before: datetime, limit: int) -> list[int]:
    """Notices received before a moment that nobody finished."""
    found = rows(
        db,
        """
        SELECT id FROM subscriptions.agreement_notices WHERE processed_at IS NULL AND received_at <= %(before)s
        ORDER BY received_at LIMIT %(limit)s
        """,
        {"before": before, "limit": limit},
    )
    return [int(row["id"]) for row in found]


def finish(db: Connection, notice_id: int, *, verified: bool, result: str, at: datetime) -> None:
    """Write what came of a notice."""
    db.execute(
        """
        UPDATE subscriptions.agreement_notices SET verified = %s, result = %s, processed_at = %s
        WHERE id = %s AND processed_at IS NULL
        """,
        (verified, result, at, notice_id),
    )
