"""The queries of the platform's membership plans."""

from collections.abc import Mapping
from datetime import datetime
from typing import LiteralString

from psycopg import sql
from psycopg.types.json import Jsonb

from functions.subscriptions.store.rows import Row, one, rows
from shared.sql.connection import Connection

_PLAN: LiteralString = """
    m.id AS plan_id, m.level, m.name, m.duration_days, m.amount, m.currency, m.usdt_amount, m.ai_daily_quota, m.permissions,
    m.is_active
"""
_ON_SALE = sql.SQL(
    """
    SELECT {plan} FROM subscriptions.membership_plans m WHERE m.is_active
    ORDER BY array_position(ARRAY['basic', 'premium', 'professional'], m.level), m.amount, m.id
    """
).format(plan=sql.SQL(_PLAN))
_LOCK = sql.SQL("SELECT {plan} FROM subscriptions.membership_plans m WHERE m.id = %(plan_id)s FOR UPDATE").format(
    plan=sql.SQL(_PLAN)
)
_INSERT = sql.SQL(
    """
    INSERT INTO subscriptions.membership_plans AS m (level, name, duration_days, amount, usdt_amount, ai_daily_quota,
        permissions, created_at, updated_at)
    VALUES (%(level)s, %(name)s, %(duration_days)s, %(amount)s, %(usdt_amount)s, %(ai_daily_quota)s, %(permissions)s, %(at)s,
        %(at)s)
    RETURNING {plan}
    """
).format(plan=sql.SQL(_PLAN))
_UPDATE = sql.SQL(
    """
    UPDATE subscriptions.membership_plans m SET level = %(level)s, name = %(name)s, duration_days = %(duration_days)s,
        amount = %(amount)s, usdt_amount = %(usdt_amount)s, ai_daily_quota = %(ai_daily_quota)s,
        permissions = %(permissions)s, is_active = %(is_active)s, updated_at = %(at)s
    WHERE m.id = %(plan_id)s
    RETURNING {plan}
    """
).format(plan=sql.SQL(_PLAN))


def on_sale(db: Connection) -> list[Row]:
    """The plans on sale, lowest level first, then by price."""
    return rows(db, _ON_SALE, {})


def lock(db: Connection, plan_id: int) -> Row | None:
    """One plan, on sale or not, held until the transaction ends."""
    return one(db, _LOCK, {"plan_id": plan_id})


def insert(db: Connection, fields: Mapping[str, object], at: datetime) -> Row | None:
    """The new plan. Raises UniqueViolation when its name is taken."""
    return one(db, _INSERT, {**fields, "permissions": Jsonb(fields["permissions"]), "at": at})


def update(db: Connection, plan_id: int, fields: Mapping[str, object], at: datetime) -> Row | None:
    """The changed plan. Raises UniqueViolation when its name is taken."""
    return one(db, _UPDATE, {**fields, "permissions": Jsonb(fields["permissions"]), "plan_id": plan_id, "at": at})
