"""What the queries share: the plan as JSON, one row as a mapping, and the lock that makes a user's changes follow each other."""

from collections.abc import Mapping
from typing import Any, LiteralString

from psycopg import sql
from psycopg.rows import dict_row

from shared.sql.connection import Connection

Row = dict[str, Any]

PLAN: LiteralString = """
    jsonb_build_object('plan_id', p.plan_id,
        'creator', jsonb_build_object('user_id', c.uid, 'username', c.username, 'display_name', c.display_name,
            'avatar_url', c.avatar_url),
        'name', p.name, 'description', p.description, 'tier', p.tier, 'amount', p.amount, 'currency', p.currency,
        'interval', p.interval, 'trial_days', p.trial_days, 'benefits', p.benefits, 'permissions', p.permissions,
        'content_scope', p.content_scope, 'max_subscribers', p.max_subscribers, 'subscriber_count', p.subscriber_count,
        'status', p.status) AS plan
"""
"""The contract's Plan of `subscription_plans p` and its creator's profile `c`."""

SUBSCRIPTION: LiteralString = (
    """
    s.subscription_id, s.user_id, s.creator_id, s.status, s.auto_renew, s.cancel_at_period_end, s.current_period_start,
    s.current_period_end, s.access_until, s.pause_at_period_end, s.next_plan_id, s.order_no, s.cancelled_at, s.created_at,"""
    + PLAN
)
SUBSCRIPTIONS: LiteralString = """
    subscriptions.user_subscriptions s JOIN subscriptions.subscription_plans p USING (plan_id)
    JOIN identity.pub_profiles c ON c.uid = p.creator_id
"""


def with_plan(statement: LiteralString) -> sql.Composed:
    """A statement with `{plan}` (see PLAN), `{subscription}` and `{subscriptions}` filled in."""
    return sql.SQL(statement).format(
        plan=sql.SQL(PLAN), subscription=sql.SQL(SUBSCRIPTION), subscriptions=sql.SQL(SUBSCRIPTIONS)
    )


def rows(db: Connection, statement: LiteralString | sql.Composed, parameters: Mapping[str, object]) -> list[Row]:
    """Every row of a statement, as mappings."""
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement, parameters).fetchall()


def one(db: Connection, statement: LiteralString | sql.Composed, parameters: Mapping[str, object]) -> Row | None:
    """The only row of a statement, or None."""
    found = rows(db, statement, parameters)
    return found[0] if found else None


def lock_user(db: Connection, user_id: int) -> None:
    """Let one user's subscriptions and purchases change one transaction after the other.

    Hence the versions of a right are in the order of its changes, and two facts about one order never meet half-way.
    """
    db.execute("SELECT pg_advisory_xact_lock(hashtextextended('subscriptions.user', %s))", (user_id,))
