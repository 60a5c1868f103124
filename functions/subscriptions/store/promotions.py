"""The queries of campaigns, and of the coupon behind a batch of codes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import LiteralString

from psycopg.types.json import Jsonb

from functions.subscriptions.pricing_schemas import PromotionOut, PromotionResultsOut
from functions.subscriptions.store.rows import Row, one
from shared.sql.connection import Connection
from shared.sql.listing import Listing

PROMOTION: LiteralString = """
    p.promotion_id, p.name, p.kind, p.value, p.targets, p.starts_at, p.ends_at, p.budget, p.used_budget, p.stock, p.sold,
    p.per_user_limit, p.stackable, p.created_at, subscriptions.promotion_status(p, %(at)s) AS status
"""
# Of paid orders; those of a batch come through its coupon.
_RESULTS: LiteralString = """,
    (SELECT jsonb_build_object('orders', count(*), 'discount_total', coalesce(sum(d.discount), 0),
                'revenue', coalesce(sum(o.payable_amount - o.refunded_amount), 0))
     FROM (
         SELECT r.order_no, r.discount FROM subscriptions.promotion_redemptions r
         WHERE r.promotion_id = p.promotion_id AND r.status = 'used'
         UNION ALL
         SELECT r.order_no, r.discount FROM subscriptions.coupon_redemptions r JOIN subscriptions.coupons c USING (coupon_id)
         WHERE c.promotion_id = p.promotion_id AND r.status = 'used'
     ) d LEFT JOIN payments.pub_orders o USING (order_no)) AS results
"""
_KNOWN: LiteralString = "p.created_at <= %(at)s"
_STATUS: LiteralString = "subscriptions.promotion_status(p, %(at)s) = %(status)s"

MANAGED: Listing[PromotionResultsOut] = Listing(
    columns=PROMOTION + _RESULTS,
    source="subscriptions.promotions p",
    key=("promotion_id", "p.promotion_id"),
    sorts={"created_at": "p.created_at"},
    default_sort="created_at",
    filters={"at": _KNOWN, "status": _STATUS},
)
RUNNING: Listing[PromotionOut] = Listing(
    columns=PROMOTION,
    source="subscriptions.promotions p",
    key=("promotion_id", "p.promotion_id"),
    sorts={"created_at": "p.created_at"},
    default_sort="created_at",
    filters={
        "at": "p.status = 'scheduled' AND p.ends_at > %(at)s AND subscriptions.promotion_status(p, %(at)s) = 'active'"
        " AND p.kind <> 'coupon_batch'",
        "target_type": """
            ((p.targets ->> 'all')::boolean OR p.targets -> (CASE %(target_type)s WHEN 'membership' THEN 'membership_plan_ids'
                WHEN 'plan' THEN 'plan_ids' ELSE 'content_ids' END) <> '[]')
            """,
        "target": "subscriptions.covers(p.targets, %(target_type)s, %(target)s)",
    },
)


def insert(db: Connection, fields: Mapping[str, object], at: datetime) -> Row | None:
    """The new campaign."""
    return one(
        db,
        """
        INSERT INTO subscriptions.promotions AS p (name, kind, value, targets, starts_at, ends_at, budget, stock, per_user_limit,
            stackable, status, created_at, updated_at)
        VALUES (%(name)s, %(kind)s, %(value)s, %(targets)s, %(starts_at)s, %(ends_at)s, %(budget)s, %(stock)s,
            %(per_user_limit)s, %(stackable)s, %(status)s, %(at)s, %(at)s)
        RETURNING p.promotion_id, p.name, p.kind, p.value, p.targets, p.starts_at, p.ends_at, p.budget, p.used_budget, p.stock,
            p.sold, p.per_user_limit, p.stackable, subscriptions.promotion_status(p, %(at)s) AS status
        """,
        {**fields, "targets": Jsonb(fields["targets"]), "at": at},
    )


def lock(db: Connection, promotion_id: int, at: datetime) -> Row | None:
    """A campaign as it was left and as it stands now, held until the transaction ends; with its batch's coupon."""
    return one(
        db,
        """
        SELECT p.promotion_id, p.name, p.kind, p.value, p.targets, p.starts_at, p.ends_at, p.budget, p.used_budget, p.stock,
            p.sold, p.per_user_limit, p.stackable, p.status AS left_at, subscriptions.promotion_status(p, %(at)s) AS status,
            (SELECT count(*) FROM subscriptions.promotion_redemptions r WHERE r.promotion_id = p.promotion_id) AS orders,
            c.coupon_id, c.used
        FROM subscriptions.promotions p LEFT JOIN subscriptions.coupons c USING (promotion_id)
        WHERE p.promotion_id = %(promotion_id)s FOR UPDATE OF p
        """,
        {"promotion_id": promotion_id, "at": at},
    )


def update(db: Connection, promotion_id: int, fields: Mapping[str, object], at: datetime) -> Row | None:
    """Store all changeable fields of a campaign."""
    return one(
        db,
        """
        UPDATE subscriptions.promotions p SET name = %(name)s, kind = %(kind)s, value = %(value)s, targets = %(targets)s,
            starts_at = %(starts_at)s, ends_at = %(ends_at)s, budget = %(budget)s, stock = %(stock)s,
            per_user_limit = %(per_user_limit)s, stackable = %(stackable)s, status = %(status)s, updated_at = %(at)s
        WHERE p.promotion_id = %(promotion_id)s
        RETURNING p.promotion_id, p.name, p.kind, p.value, p.targets, p.starts_at, p.ends_at, p.budget, p.used_budget, p.stock,
            p.sold, p.per_user_limit, p.stackable, subscriptions.promotion_status(p, %(at)s) AS status
        """,
        {**fields, "targets": Jsonb(fields["targets"]), "promotion_id": promotion_id, "at": at},
    )


def delete(db: Connection, promotion_id: int) -> None:
    """Remove a campaign that never was, and the coupon of its batch."""
    db.execute("DELETE FROM subscriptions.coupons WHERE promotion_id = %s", (promotion_id,))
    db.execute("DELETE FROM subscriptions.promotions WHERE promotion_id = %s", (promotion_id,))


def insert_batch(db: Connection, fields: Mapping[str, object], at: datetime) -> Row | None:
    """The coupon behind a batch; None when its prefix is taken."""
    return one(
        db,
        """
        INSERT INTO subscriptions.coupons AS c (code, promotion_id, name, kind, value, min_amount, max_discount, target_type,
            target_ids, total_quantity, per_user_limit, starts_at, ends_at, status, mac_key, created_at, updated_at)
        VALUES (%(code)s, %(promotion_id)s, %(name)s, %(kind)s, %(value)s, %(min_amount)s, %(max_discount)s, 'all', '{}',
            %(quantity)s, %(per_user_limit)s, %(starts_at)s, %(ends_at)s, 'active', %(mac_key)s, %(at)s, %(at)s)
        ON CONFLICT (upper(code)) DO NOTHING
        RETURNING c.coupon_id, c.code, c.name, c.kind, c.value, c.min_amount, c.max_discount, c.target_type, c.target_ids,
            c.total_quantity, c.used, c.per_user_limit, c.starts_at, c.ends_at, c.status
        """,
        {**fields, "at": at},
    )


def update_batch(db: Connection, fields: Mapping[str, object], at: datetime) -> Row | None:
    """Let the coupon of a batch follow its campaign."""
    return one(
        db,
        """
        UPDATE subscriptions.coupons c SET name = %(name)s, value = %(value)s, starts_at = %(starts_at)s, ends_at = %(ends_at)s,
            kind = coalesce(%(coupon_kind)s, c.kind), min_amount = coalesce(%(min_amount)s, c.min_amount),
            max_discount = CASE WHEN %(coupon_kind)s::text IS NULL THEN c.max_discount ELSE %(max_discount)s END,
            total_quantity = coalesce(%(quantity)s, c.total_quantity),
            per_user_limit = coalesce(%(each)s, c.per_user_limit), updated_at = %(at)s
        WHERE c.promotion_id = %(promotion_id)s
        RETURNING c.coupon_id, c.code, c.name, c.kind, c.value, c.min_amount, c.max_discount, c.target_type, c.target_ids,
            c.total_quantity, c.used, c.per_user_limit, c.starts_at, c.ends_at, c.status
        """,
        {**fields, "at": at},
    )


def batch(db: Connection, coupon_id: int) -> tuple[str, bytes, int] | None:
    """Prefix, key and size of a batch."""
    row = db.execute(
        "SELECT code, mac_key, total_quantity FROM subscriptions.coupons WHERE coupon_id = %s AND mac_key IS NOT NULL",
        (coupon_id,),
    ).fetchone()
    return None if row is None else (row[0], bytes(row[1]), row[2])


def missing(
    db: Connection, plan_ids: Sequence[int], content_ids: Sequence[int], membership_plan_ids: Sequence[int]
) -> list[str]:
    """Those of the targets that do not exist."""
    found = db.execute(
        """
        SELECT 'plan ' || t.id FROM unnest(%(plans)s::bigint[]) AS t (id)
        WHERE NOT EXISTS (SELECT FROM subscriptions.subscription_plans p WHERE p.plan_id = t.id)
        UNION ALL
        SELECT 'content ' || t.id FROM unnest(%(contents)s::bigint[]) AS t (id)
        WHERE NOT EXISTS (SELECT FROM content.pub_contents o WHERE o.content_id = t.id AND o.status <> 'deleted')
        UNION ALL
        SELECT 'membership plan ' || t.id FROM unnest(%(memberships)s::bigint[]) AS t (id)
        WHERE NOT EXISTS (SELECT FROM subscriptions.membership_plans m WHERE m.id = t.id)
        """,
        {"plans": list(plan_ids), "contents": list(content_ids), "memberships": list(membership_plan_ids)},
    ).fetchall()
    return [row[0] for row in found]
