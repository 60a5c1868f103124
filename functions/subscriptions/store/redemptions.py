"""The queries of discounts that orders hold. What is counted changes only in the functions of migration 0021."""

from datetime import datetime
from typing import Literal

from functions.subscriptions.store.rows import Row, rows
from shared.sql.connection import Connection

Event = Literal["paid", "closed", "refunded"]


def settle(db: Connection, order_no: str, event: Event, at: datetime) -> None:
    """What became of an order's discounts; the same again changes nothing."""
    db.execute("SELECT subscriptions.settle_discounts(%s, %s, %s)", (order_no, event, at))


def overdue(db: Connection, at: datetime, limit: int) -> list[Row]:
    """Orders whose discounts are still only reserved though their time is over, with what became of them."""
    return rows(
        db,
        """
        SELECT d.order_no, o.status FROM (
            SELECT order_no, expires_at FROM subscriptions.coupon_redemptions WHERE status = 'reserved'
            UNION
            SELECT order_no, expires_at FROM subscriptions.promotion_redemptions WHERE status = 'reserved'
        ) d LEFT JOIN payments.pub_orders o USING (order_no)
        WHERE d.expires_at < %(at)s AND o.status IS DISTINCT FROM 'pending' ORDER BY d.expires_at LIMIT %(limit)s
        """,
        {"at": at, "limit": limit},
    )
