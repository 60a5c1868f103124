"""The queries of coupons."""

from collections.abc import Mapping
from datetime import datetime
from typing import LiteralString

from psycopg.types.json import Jsonb

from functions.subscriptions.pricing_schemas import CouponOut
from functions.subscriptions.store.rows import Row, one
from shared.sql.connection import Connection
from shared.sql.listing import Listing

COUPON: LiteralString = """
    c.coupon_id, c.code, c.name, c.kind, c.value, c.min_amount, c.max_discount, c.target_type, c.target_ids, c.total_quantity,
    c.used, c.per_user_limit, c.starts_at, c.ends_at, c.created_at,
    CASE WHEN c.status = 'active' AND c.ends_at <= %(at)s THEN 'expired' ELSE c.status END AS status
"""
_STATUS: LiteralString = (
    "CASE WHEN c.status = 'active' AND c.ends_at <= %(at)s THEN 'expired' ELSE c.status END = %(status)s"
)
_KNOWN: LiteralString = "c.created_at <= %(at)s"

CREATED: Listing[CouponOut] = Listing(
    columns=COUPON,
    source="subscriptions.coupons c",
    key=("coupon_id", "c.coupon_id"),
    sorts={"created_at": "c.created_at"},
    default_sort="created_at",
    filters={"at": _KNOWN, "owner_id": "c.owner_id = %(owner_id)s", "status": _STATUS},
)
# A code is half a secret: it is shown to the customers of whoever made it, while they may still use it.
USABLE: Listing[CouponOut] = Listing(
    columns=COUPON,
    source="subscriptions.coupons c",
    key=("coupon_id", "c.coupon_id"),
    sorts={"created_at": "c.created_at"},
    default_sort="created_at",
    filters={
        "at": _KNOWN,
        "status": _STATUS,
        "user_id": """
            c.owner_id IN (
                SELECT s.creator_id FROM subscriptions.user_subscriptions s
                WHERE s.user_id = %(user_id)s AND s.version IS NOT NULL
                UNION SELECT d.creator_id FROM subscriptions.content_purchases d
                WHERE d.user_id = %(user_id)s AND d.status = 'active')
            AND c.status = 'active' AND c.starts_at <= %(at)s AND c.ends_at > %(at)s AND c.used < c.total_quantity
            AND c.per_user_limit > (SELECT count(*) FROM subscriptions.coupon_redemptions d
                WHERE d.coupon_id = c.coupon_id AND d.status <> 'released' AND d.user_id = %(user_id)s)
            """,
    },
)


def insert(db: Connection, owner_id: int, fields: Mapping[str, object], at: datetime) -> Row | None:
    """The new coupon; None when its code is taken."""
    return one(
        db,
        """
        INSERT INTO subscriptions.coupons AS c (code, owner_id, name, kind, value, min_amount, max_discount, target_type,
            target_ids, total_quantity, per_user_limit, starts_at, ends_at, status, created_at, updated_at)
        VALUES (%(code)s, %(owner_id)s, %(name)s, %(kind)s, %(value)s, %(min_amount)s, %(max_discount)s, %(target_type)s,
            %(target_ids)s::bigint[], %(total_quantity)s, %(per_user_limit)s, %(starts_at)s, %(ends_at)s, 'active', %(at)s,
            %(at)s)
        ON CONFLICT (upper(code)) DO NOTHING
        RETURNING c.coupon_id, c.code, c.name, c.kind, c.value, c.min_amount, c.max_discount, c.target_type, c.target_ids,
            c.total_quantity, c.used, c.per_user_limit, c.starts_at, c.ends_at, c.status
        """,
        {**fields, "owner_id": owner_id, "at": at},
    )


def lock(db: Connection, coupon_id: int) -> Row | None:
    """A coupon's owner and what its owner may change, held until the transaction ends."""
    return one(
        db,
        """
        SELECT owner_id, used, total_quantity, starts_at, ends_at, status FROM subscriptions.coupons
        WHERE coupon_id = %(coupon_id)s FOR UPDATE
        """,
        {"coupon_id": coupon_id},
    )


def update(db: Connection, coupon_id: int, fields: Mapping[str, object], at: datetime) -> Row | None:
    """Store what may be changed of a coupon."""
    return one(
        db,
        """
        UPDATE subscriptions.coupons c SET total_quantity = %(total_quantity)s, ends_at = %(ends_at)s, status = %(status)s,
            updated_at = %(at)s
        WHERE c.coupon_id = %(coupon_id)s
        RETURNING c.coupon_id, c.code, c.name, c.kind, c.value, c.min_amount, c.max_discount, c.target_type, c.target_ids,
            c.total_quantity, c.used, c.per_user_limit, c.starts_at, c.ends_at,
            CASE WHEN c.status = 'active' AND c.ends_at <= %(at)s THEN 'expired' ELSE c.status END AS status
        """,
        {**fields, "coupon_id": coupon_id, "at": at},
    )


def hold_order(db: Connection, order_no: str, user_id: int) -> Row | None:
    """A user's order as payments has it, held against whatever might begin to pay it; `begun` when that happened."""
    row = db.execute("SELECT commerce.hold_order(%s, %s)", (order_no, user_id)).fetchone()
    return None if row is None else row[0]


def reprice(db: Connection, order: Row, coupon_id: int, at: datetime) -> bool:
    """Give an order that is held the price lines and the discount it has here; whether it could be given them."""
    row = db.execute(
        "SELECT commerce.reprice_order(%s, %s, %s, %s, %s, %s)",
        (order["order_no"], order["user_id"], order["discount_amount"], Jsonb(order["price_lines"]), coupon_id, at),
    ).fetchone()
    return bool(row and row[0])


def period_of(db: Connection, order_no: str) -> Row | None:
    """The plan a subscription's order is for, while it is open; its plan is held, as whoever subscribes holds it."""
    return one(
        db,
        """
        SELECT d.plan_id FROM subscriptions.subscription_periods d JOIN subscriptions.subscription_plans p USING (plan_id)
        WHERE d.order_no = %(order_no)s AND d.status = 'open' FOR UPDATE OF p
        """,
        {"order_no": order_no},
    )


def change_period(db: Connection, order_no: str, amount: int, days: int, at: datetime) -> None:
    """What an open period will have cost, and how many days longer it will be."""
    db.execute(
        """
        WITH changed AS (
            UPDATE subscriptions.subscription_periods SET amount = %(amount)s, days = days + %(days)s, updated_at = %(at)s
            WHERE order_no = %(order_no)s AND status = 'open' RETURNING subscription_id
        )
        UPDATE subscriptions.user_subscriptions s SET amount = %(amount)s, updated_at = %(at)s
        FROM changed WHERE s.subscription_id = changed.subscription_id AND s.status = 'pending'
        """,
        {"order_no": order_no, "amount": amount, "days": days, "at": at},
    )
