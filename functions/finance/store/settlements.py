"""What is due to creators, what they owe back, and the settlements made of both."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from functions.finance.models import Debt
from shared.sql.connection import Connection


@dataclass(frozen=True, slots=True)
class Due:
    """Earnings of one creator past their hold, summed net of what was reversed; `gross` and `refund` apart."""

    earning_ids: list[int]
    first_day: date | None
    last_day: date | None
    gross: int
    refund: int
    channel_fee: int
    platform_amount: int
    creator_amount: int


def creators_due_of(
    db: Connection, now: datetime, since: datetime, until: datetime, only: Sequence[int] | None
) -> list[int]:
    """Creators with earnings past their hold among those paid in `[since, until)`."""
    rows = db.execute(
        """
        SELECT DISTINCT creator_id FROM finance.creator_earnings
        WHERE status = 'pending' AND available_at <= %(now)s AND paid_at >= %(since)s AND paid_at < %(until)s
          AND (%(only)s::bigint[] IS NULL OR creator_id = ANY(%(only)s)) ORDER BY 1
        """,
        {"now": now, "since": since, "until": until, "only": list(only) if only is not None else None},
    ).fetchall()
    return [row[0] for row in rows]


def has_settled(db: Connection, since: datetime, until: datetime, only: Sequence[int] | None) -> bool:
    """Whether earnings paid in `[since, until)` were settled before."""
    row = db.execute(
        """
        SELECT EXISTS (SELECT FROM finance.creator_earnings
            WHERE settlement_id IS NOT NULL AND paid_at >= %(since)s AND paid_at < %(until)s
              AND (%(only)s::bigint[] IS NULL OR creator_id = ANY(%(only)s)))
        """,
        {"since": since, "until": until, "only": list(only) if only is not None else None},
    ).fetchone()
    return bool(row and row[0])


def lock_due(
    db: Connection, creator_id: int, *, now: datetime, since: datetime | None, until: datetime | None, most: int
) -> Due:
    """Sum and hold the oldest `most` of what is due to a creator, of all times or of what was paid in `[since, until)`."""
    row = db.execute(
        """
        SELECT coalesce(array_agg(e.earning_id), '{}'), min(e.day), max(e.day), coalesce(sum(e.gross), 0)::bigint,
               coalesce(sum(e.reversed_gross), 0)::bigint, coalesce(sum(e.channel_fee - e.reversed_fee), 0)::bigint,
               coalesce(sum(e.platform_amount - e.reversed_platform), 0)::bigint,
               coalesce(sum(e.creator_amount - e.reversed_creator), 0)::bigint
        FROM (
            SELECT *, (paid_at AT TIME ZONE 'Asia/Shanghai')::date AS day FROM finance.creator_earnings
            WHERE creator_id = %(creator_id)s AND status = 'pending' AND available_at <= %(now)s
              AND (%(since)s::timestamptz IS NULL OR paid_at >= %(since)s)
              AND (%(until)s::timestamptz IS NULL OR paid_at < %(until)s)
            ORDER BY available_at, earning_id LIMIT %(most)s FOR UPDATE
        ) AS e
        """,
        {"creator_id": creator_id, "now": now, "since": since, "until": until, "most": most},
    ).fetchall()[0]
    return Due(*row)


def lock_debts(db: Connection, creator_id: int) -> list[Debt]:
    """Reversals of settled earnings that no settlement has collected, oldest first."""
    rows = db.execute(
        """
        SELECT refund_id, amount, channel_fee, platform_amount, creator_amount,
               (refunded_at AT TIME ZONE 'Asia/Shanghai')::date
        FROM finance.earning_reversals WHERE creator_id = %s AND after_settlement AND settlement_id IS NULL
        ORDER BY refund_id FOR UPDATE
        """,
        (creator_id,),
    ).fetchall()
    return [Debt(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Batch:
    """What one run adds to the settlement of a creator and period."""

    creator_id: int
    period_start: date
    period_end: date
    gross: int
    refund: int
    channel_fee: int
    platform_amount: int
    creator_amount: int
    earning_ids: list[int]
    refund_ids: list[int]
    run: str | None


def add_batch(db: Connection, batch: Batch, now: datetime) -> tuple[int, int]:
    """Add to the settlement, making it if there is none, and mark what it settles; its id and how many batches it has."""
    row = db.execute(
        """
        WITH settled AS (
            INSERT INTO finance.settlements AS s (creator_id, period_start, period_end, gross, refund, channel_fee,
                platform_amount, creator_amount, run, status, settled_at, created_at, updated_at)
            VALUES (%(creator_id)s, %(period_start)s, %(period_end)s, %(gross)s, %(refund)s, %(channel_fee)s,
                %(platform_amount)s, %(creator_amount)s, %(run)s, 'confirmed', %(now)s, %(now)s, %(now)s)
            ON CONFLICT (creator_id, period_start, period_end) DO UPDATE SET gross = s.gross + excluded.gross,
                refund = s.refund + excluded.refund, channel_fee = s.channel_fee + excluded.channel_fee,
                platform_amount = s.platform_amount + excluded.platform_amount,
                creator_amount = s.creator_amount + excluded.creator_amount, batches = s.batches + 1,
                run = coalesce(excluded.run, s.run),
                settled_at = excluded.settled_at, updated_at = excluded.updated_at
            RETURNING settlement_id, batches
        ), earned AS (
            UPDATE finance.creator_earnings e SET status = 'available', settlement_id = settled.settlement_id,
                updated_at = %(now)s
            FROM settled WHERE e.earning_id = ANY(%(earning_ids)s)
        ), collected AS (
            UPDATE finance.earning_reversals r SET settlement_id = settled.settlement_id
            FROM settled WHERE r.refund_id = ANY(%(refund_ids)s)
        )
        SELECT settlement_id, batches FROM settled
        """,
        {
            "creator_id": batch.creator_id,
            "period_start": batch.period_start,
            "period_end": batch.period_end,
            "gross": batch.gross,
            "refund": batch.refund,
            "channel_fee": batch.channel_fee,
            "platform_amount": batch.platform_amount,
            "creator_amount": batch.creator_amount,
            "earning_ids": batch.earning_ids,
            "refund_ids": batch.refund_ids,
            "run": batch.run,
            "now": now,
        },
    ).fetchall()[0]
    return row[0], row[1]


def of_period(db: Connection, period_start: date, period_end: date, only: Sequence[int] | None) -> tuple[int, int]:
    """How many creators have the settlement of exactly this period, and what it made available to them."""
    row = db.execute(
        """
        SELECT count(*), coalesce(sum(creator_amount), 0)::bigint FROM finance.settlements
        WHERE period_start = %(start)s AND period_end = %(end)s
          AND (%(only)s::bigint[] IS NULL OR creator_id = ANY(%(only)s))
        """,
        {"start": period_start, "end": period_end, "only": list(only) if only is not None else None},
    ).fetchall()[0]
    return row[0], row[1]
