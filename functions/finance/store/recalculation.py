"""Booked sales beside what their orders and the share rates in force say now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from functions.finance.models import Shares
from shared.money import Money
from shared.sql.connection import Connection

Position = tuple[datetime, int]


@dataclass(frozen=True, slots=True)
class Line:
    """A booked sale: how it was divided, what was reversed and corrected of it, its order, and the rate of its day."""

    earning_id: int
    order_no: str
    channel: str
    paid_at: datetime
    shares: Shares
    reversed: Shares
    rate_bp: int
    charged: int | None
    price_lines: list[dict[str, Any]] | None
    refunded: int | None
    corrected: int


def lock(db: Connection, creator_id: int) -> None:
    """One recalculation of a creator at a time, until the transaction ends."""
    db.execute("SELECT pg_advisory_xact_lock(hashtextextended('finance.recalculation:' || %s, 0))", (str(creator_id),))


def creators(db: Connection, since: datetime, until: datetime, only: int | None) -> list[int]:
    """Creators with sales paid in `[since, until)`."""
    rows = db.execute(
        """
        SELECT DISTINCT creator_id FROM finance.creator_earnings
        WHERE kind = 'sale' AND creator_id <> 0 AND paid_at >= %(since)s AND paid_at < %(until)s
          AND (%(only)s::bigint IS NULL OR creator_id = %(only)s) ORDER BY 1
        """,
        {"since": since, "until": until, "only": only},
    ).fetchall()
    return [row[0] for row in rows]


def lines(db: Connection, creator_id: int, *, after: Position, until: datetime, now: datetime, most: int) -> list[Line]:
    """The next sales of a creator after a position, in the order in which they were paid.

    A rate of the creator's own that was in force on the day counts; where none was, the frozen one stands. Corrections
    count that were approved, or wait for it.
    """
    rows = db.execute(
        """
        SELECT e.earning_id, e.order_no, e.channel, e.paid_at, e.gross, e.channel_fee, e.platform_amount, e.creator_amount,
               e.platform_discount, e.reversed_gross, e.reversed_fee, e.reversed_platform, e.reversed_creator,
               e.reversed_discount, coalesce((
                   SELECT r.rate_bp FROM finance.creator_share_rates r
                   WHERE r.creator_id = e.creator_id AND r.kind IN ('any', e.rate_kind)
                     AND r.effective_from <= (e.paid_at AT TIME ZONE 'Asia/Shanghai')::date
                   ORDER BY r.kind = 'any', r.effective_from DESC LIMIT 1
               ), e.rate_bp), o.payable_amount, o.price_lines, o.refunded_amount, coalesce((
                   SELECT sum(c.creator_amount) FROM finance.earning_corrections c JOIN finance.adjustments j USING (adjustment_id)
                   WHERE c.earning_id = e.earning_id
                     AND (j.status = 'approved' OR j.status = 'proposed' AND j.expires_at > %(now)s)
               ), 0)::bigint
        FROM finance.creator_earnings e LEFT JOIN payments.pub_orders o ON o.order_no = e.order_no
        WHERE e.creator_id = %(creator_id)s AND e.kind = 'sale' AND e.paid_at < %(until)s
          AND (e.paid_at, e.earning_id) > (%(at)s, %(earning_id)s)
        ORDER BY e.paid_at, e.earning_id LIMIT %(most)s
        """,
        {
            "creator_id": creator_id,
            "at": after[0],
            "earning_id": after[1],
            "until": until,
            "now": now,
            "most": most,
        },
    ).fetchall()
    return [_line(row) for row in rows]


def _line(row: tuple[Any, ...]) -> Line:
    amounts = [Money(amount) for amount in row[4:14]]
    earning_id, order_no, channel, paid_at = row[:4]
    rate_bp, charged, price_lines, refunded, corrected = row[14:]
    whole, reversed_ = Shares(*amounts[:5]), Shares(*amounts[5:])
    return Line(earning_id, order_no, channel, paid_at, whole, reversed_, rate_bp, charged, price_lines, refunded, corrected)


def unheard_orders(db: Connection, since: datetime, until: datetime, only: int | None) -> int:
    """Orders paid in `[since, until)` that are not booked: their fact is on its way, or lies in a dead-letter queue."""
    row = db.execute(
        """
        SELECT count(*) FROM payments.pub_orders o
        WHERE o.paid_at >= %(since)s AND o.paid_at < %(until)s AND (%(only)s::bigint IS NULL OR o.seller_id = %(only)s)
          AND NOT EXISTS (SELECT FROM finance.creator_earnings e WHERE e.order_no = o.order_no AND e.kind = 'sale')
        """,
        {"since": since, "until": until, "only": only},
    ).fetchall()[0]
    return int(row[0])


def is_settled(db: Connection, since: datetime, until: datetime, only: int | None) -> bool:
    """Whether sales were paid in `[since, until)`, and every one of them is settled or given back."""
    row = db.execute(
        """
        SELECT count(*) FILTER (WHERE settlement_id IS NOT NULL) > 0 AND count(*) FILTER (WHERE status = 'pending') = 0
        FROM finance.creator_earnings
        WHERE kind = 'sale' AND creator_id <> 0 AND paid_at >= %(since)s AND paid_at < %(until)s
          AND (%(only)s::bigint IS NULL OR creator_id = %(only)s)
        """,
        {"since": since, "until": until, "only": only},
    ).fetchall()[0]
    return bool(row[0])


def add_corrections(db: Connection, adjustment_id: int, corrections: Sequence[tuple[int, int]]) -> None:
    """Write down which lines an adjustment corrects, and by how much of the creator's amount."""
    db.execute(
        """
        INSERT INTO finance.earning_corrections (adjustment_id, earning_id, creator_amount)
        SELECT %s, * FROM unnest(%s::bigint[], %s::bigint[])
        """,
        (adjustment_id, [one for one, _ in corrections], [amount for _, amount in corrections]),
    )
