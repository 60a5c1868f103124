"""The queries of what happens to a subscription while it lasts: pauses, orders for it, changes of its plan."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from functions.subscriptions.store.rows import Row, one, rows
from shared.sql.connection import Connection


@dataclass(frozen=True, slots=True)
class Sale:
    """A period of a plan sold to an existing subscription: its order, and what the order gives. Amounts are fen."""

    order_no: str
    order_kind: str
    """`renewal` or `change_plan`."""
    kind: str
    """`order`, `change` or `renewal`."""
    subscription_id: int
    user_id: int
    creator_id: int
    plan_id: int
    tier: int
    amount: int
    months: int
    days: int
    title: str
    gross: int
    discount: int
    price_lines: list[dict[str, Any]]
    expires_at: datetime
    at: datetime


def sell(db: Connection, sale: Sale) -> None:
    """Open an order for a period, both or neither."""
    db.execute(
        """
        WITH given AS (
            INSERT INTO subscriptions.subscription_periods (subscription_id, order_no, kind, plan_id, tier, amount, months,
                days, status, expires_at, created_at, updated_at)
            VALUES (%(subscription_id)s, %(order_no)s, %(kind)s, %(plan_id)s, %(tier)s, %(amount)s, %(months)s, %(days)s,
                'open', %(expires_at)s, %(at)s, %(at)s)
        )
        SELECT commerce.open_order('subscriptions', %(order_kind)s, %(subscription_id)s, %(user_id)s, %(creator_id)s,
            %(title)s, %(gross)s, %(discount)s, 'CNY', %(price_lines)s, %(order_no)s, %(at)s, %(expires_at)s)
        """,
        asdict(sale) | {"price_lines": Jsonb(sale.price_lines)},
    )


def waiting(db: Connection, subscription_id: int, kind: str, at: datetime) -> Row | None:
    """The order of this kind that is still to be paid, or paid and not yet heard of; with the plan it is for."""
    return one(
        db,
        """
        SELECT d.plan_id, o.order_no, o.user_id, o.kind, o.target_id, o.title, o.amount, o.discount_amount, o.payable_amount,
            o.currency, o.price_lines, o.status, o.channel, o.refunded_amount, o.paid_at, o.expires_at, o.created_at
        FROM subscriptions.subscription_periods d JOIN payments.pub_orders o USING (order_no)
        WHERE d.subscription_id = %(subscription_id)s AND d.kind = %(kind)s AND d.status = 'open' AND o.kind <> 'subscription'
            AND (o.status = 'paid' OR (o.status = 'pending' AND o.expires_at > %(at)s))
        ORDER BY d.period_id DESC LIMIT 1
        """,
        {"subscription_id": subscription_id, "kind": kind, "at": at},
    )


def pauses(db: Connection, subscription_id: int) -> bool:
    """Whether a subscription is to pause when its period ends; who also cancelled it wants that more."""
    row = one(
        db,
        """
        SELECT pause_at_period_end AND NOT cancel_at_period_end AS pauses FROM subscriptions.user_subscriptions
        WHERE subscription_id = %(subscription_id)s
        """,
        {"subscription_id": subscription_id},
    )
    return row is not None and bool(row["pauses"])


def set_pause(db: Connection, subscription_id: int, *, pauses: bool, resume_at: datetime | None, at: datetime) -> None:
    """Store whether a subscription is to pause when its period ends, and until when."""
    db.execute(
        """
        UPDATE subscriptions.user_subscriptions SET pause_at_period_end = %(pauses)s, resume_at = %(resume_at)s,
            updated_at = %(at)s
        WHERE subscription_id = %(subscription_id)s
        """,
        {"subscription_id": subscription_id, "pauses": pauses, "resume_at": resume_at, "at": at},
    )


def set_next_plan(db: Connection, subscription_id: int, plan_id: int | None, at: datetime) -> None:
    """Store the plan of the next period; None: the present one."""
    db.execute(
        """
        UPDATE subscriptions.user_subscriptions SET next_plan_id = %(plan_id)s, updated_at = %(at)s
        WHERE subscription_id = %(subscription_id)s
        """,
        {"subscription_id": subscription_id, "plan_id": plan_id, "at": at},
    )


def stop_renewing(db: Connection, subscription_id: int, at: datetime) -> None:
    """Turn automatic renewal off."""
    db.execute(
        """
        UPDATE subscriptions.user_subscriptions SET auto_renew = false, updated_at = %(at)s
        WHERE subscription_id = %(subscription_id)s
        """,
        {"subscription_id": subscription_id, "at": at},
    )


def to_resume(db: Connection, at: datetime, after_id: int, limit: int) -> list[Row]:
    """Paused subscriptions whose pause was to end by now, by id."""
    return rows(
        db,
        """
        SELECT subscription_id, user_id FROM subscriptions.user_subscriptions
        WHERE status = 'paused' AND resume_at <= %(at)s AND subscription_id > %(after_id)s
        ORDER BY subscription_id LIMIT %(limit)s
        """,
        {"at": at, "after_id": after_id, "limit": limit},
    )


def is_full(db: Connection, plan_id: int) -> bool:
    """Whether no seat of a plan is left."""
    row = one(
        db,
        "SELECT seats_taken >= max_subscribers AS is_full FROM subscriptions.subscription_plans WHERE plan_id = %(plan_id)s",
        {"plan_id": plan_id},
    )
    return row is not None and bool(row["is_full"])
