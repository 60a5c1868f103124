"""Sales as booked, and what refunds took back of them."""

from datetime import datetime

from functions.finance.models import Earning, Reversal, Shares
from shared.money import Money
from shared.sql.connection import Connection


def lock_order(db: Connection, order_no: str) -> None:
    """One at a time for an order: its sale and its refunds are heard through different queues, in any order."""
    db.execute("SELECT pg_advisory_xact_lock(hashtextextended('finance.order:' || %s, 0))", (order_no,))


def add(
    db: Connection,
    *,
    creator_id: int,
    order_no: str,
    source: str,
    target_id: int,
    channel: str,
    shares: Shares,
    rate_kind: str,
    rate_bp: int,
    status: str,
    paid_at: datetime,
    available_at: datetime,
    now: datetime,
) -> bool:
    """Book a sale; False when its order is booked already."""
    row = db.execute(
        """
        INSERT INTO finance.creator_earnings (creator_id, order_no, source, target_id, channel, gross, channel_fee,
            platform_amount, creator_amount, platform_discount, rate_kind, rate_bp, status, paid_at, available_at,
            created_at, updated_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (order_no, creator_id, kind) DO NOTHING RETURNING 1
        """,
        (
            creator_id,
            order_no,
            source,
            target_id,
            channel,
            shares.gross.minor,
            shares.channel_fee.minor,
            shares.platform.minor,
            shares.creator.minor,
            shares.discount.minor,
            rate_kind,
            rate_bp,
            status,
            paid_at,
            available_at,
            now,
            now,
        ),
    ).fetchone()
    return row is not None


def lock_earning(db: Connection, order_no: str) -> Earning | None:
    """The booked sale of an order, held until the transaction ends."""
    row = db.execute(
        """
        SELECT earning_id, creator_id, order_no, channel, gross, channel_fee, platform_amount, creator_amount,
               platform_discount, reversed_gross, reversed_fee, reversed_platform, reversed_creator, reversed_discount,
               settlement_id
        FROM finance.creator_earnings WHERE order_no = %s AND kind = 'sale' FOR UPDATE
        """,
        (order_no,),
    ).fetchone()
    if row is None:
        return None
    amounts = [Money(amount) for amount in row[4:14]]
    return Earning(row[0], row[1], row[2], row[3], Shares(*amounts[:5]), Shares(*amounts[5:]), row[14])


def hear_refund(
    db: Connection, *, refund_id: int, order_no: str, creator_id: int, amount: int, refunded_at: datetime, now: datetime
) -> bool:
    """Write down that a refund succeeded; False when it is known."""
    row = db.execute(
        """
        INSERT INTO finance.earning_reversals (refund_id, order_no, creator_id, amount, refunded_at, created_at)
        VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (refund_id) DO NOTHING RETURNING 1
        """,
        (refund_id, order_no, creator_id, amount, refunded_at, now),
    ).fetchone()
    return row is not None


def unbooked_refunds(db: Connection, order_no: str) -> list[Reversal]:
    """The refunds of an order that were heard and not booked yet."""
    rows = db.execute(
        """
        SELECT refund_id, amount, refunded_at FROM finance.earning_reversals
        WHERE order_no = %s AND earning_id IS NULL ORDER BY refund_id
        """,
        (order_no,),
    ).fetchall()
    return [Reversal(refund_id, Money(amount), refunded_at) for refund_id, amount, refunded_at in rows]


def book_reversal(db: Connection, earning: Earning, refund_id: int, part: Shares, now: datetime) -> None:
    """Split a refund into its parts and take them off the earning; in full makes it `reversed`.

    From then on the reversal's `amount` is all that is reversed: what the buyer got and what the platform got back.
    """
    db.execute(
        """
        WITH booked AS (
            UPDATE finance.earning_reversals SET earning_id = %(earning_id)s, amount = %(gross)s,
                platform_discount = %(discount)s, channel_fee = %(fee)s, platform_amount = %(platform)s, creator_amount = %(creator)s, after_settlement = %(settled)s,
                booked_at = %(now)s
            WHERE refund_id = %(refund_id)s
        )
        UPDATE finance.creator_earnings SET reversed_gross = reversed_gross + %(gross)s,
            reversed_fee = reversed_fee + %(fee)s, reversed_platform = reversed_platform + %(platform)s,
            reversed_creator = reversed_creator + %(creator)s, reversed_discount = reversed_discount + %(discount)s,
            status = CASE WHEN reversed_gross + %(gross)s = gross THEN 'reversed' ELSE status END, updated_at = %(now)s
        WHERE earning_id = %(earning_id)s
        """,
        {
            "earning_id": earning.earning_id,
            "refund_id": refund_id,
            "gross": part.gross.minor,
            "discount": part.discount.minor,
            "fee": part.channel_fee.minor,
            "platform": part.platform.minor,
            "creator": part.creator.minor,
            "settled": earning.settlement_id is not None,
            "now": now,
        },
    )
