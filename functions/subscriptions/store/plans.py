"""The queries of plans."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from psycopg.types.json import Jsonb

from functions.subscriptions.schemas import PlanOut
from functions.subscriptions.store.rows import PLAN, Row, one, with_plan
from shared.sql.connection import Connection
from shared.sql.listing import Listing

PLANS: Listing[PlanOut] = Listing(
    columns="p.plan_id, p.tier, p.amount, p.created_at," + PLAN,
    source="subscriptions.subscription_plans p JOIN identity.pub_profiles c ON c.uid = p.creator_id",
    key=("plan_id", "p.plan_id"),
    sorts={"tier": "p.tier", "amount": "p.amount", "created_at": "p.created_at"},
    default_sort="tier",
    filters={
        "status": "p.status = %(status)s",
        "creator_id": "p.creator_id = %(creator_id)s",
        "owner_id": "p.creator_id = %(owner_id)s",
    },
)


_FIND = with_plan(
    """
    SELECT {plan} FROM subscriptions.subscription_plans p JOIN identity.pub_profiles c ON c.uid = p.creator_id
    WHERE p.plan_id = %(plan_id)s
    """
)


def find(db: Connection, plan_id: int) -> Row | None:
    """One plan, on sale or not."""
    return one(db, _FIND, {"plan_id": plan_id})


def foreign_contents(db: Connection, creator_id: int, content_ids: Sequence[int]) -> list[int]:
    """Those of the ids which are no content of this creator."""
    found = db.execute(
        """
        SELECT given.id FROM unnest(%s::bigint[]) AS given (id)
        WHERE NOT EXISTS (
            SELECT 1 FROM content.pub_contents o
            WHERE o.content_id = given.id AND o.author_id = %s AND o.status <> 'deleted'
        )
        """,
        (list(content_ids), creator_id),
    ).fetchall()
    return [row[0] for row in found]


_INSERT = with_plan(
    """
    WITH p AS (
        INSERT INTO subscriptions.subscription_plans (creator_id, name, description, tier, amount, interval,
            trial_days, benefits, permissions, content_scope, content_ids, max_subscribers, status, created_at, updated_at)
        VALUES (%(creator_id)s, %(name)s, %(description)s, %(tier)s, %(amount)s, %(interval)s,
            %(trial_days)s, %(benefits)s, %(permissions)s, %(content_scope)s, %(content_ids)s::bigint[],
            %(max_subscribers)s, 'active', %(at)s, %(at)s)
        ON CONFLICT ON CONSTRAINT plan_name_once_per_creator DO NOTHING RETURNING *
    )
    SELECT {plan} FROM p JOIN identity.pub_profiles c ON c.uid = p.creator_id
    """
)


def insert(db: Connection, creator_id: int, fields: Mapping[str, object], at: datetime) -> Row | None:
    """The new plan; None when the creator has one of this name already."""
    return one(db, _INSERT, {**fields, "benefits": Jsonb(fields["benefits"]), "creator_id": creator_id, "at": at})


def lock(db: Connection, plan_id: int) -> Row | None:
    """A plan's owner and what its owner may change, held until the transaction ends."""
    return one(
        db,
        """
        SELECT creator_id, name, description, tier, amount, interval, trial_days, benefits, permissions, content_scope,
               content_ids, max_subscribers
        FROM subscriptions.subscription_plans WHERE plan_id = %(plan_id)s FOR UPDATE
        """,
        {"plan_id": plan_id},
    )


_UPDATE = with_plan(
    """
    WITH p AS (
        UPDATE subscriptions.subscription_plans SET name = %(name)s, description = %(description)s, tier = %(tier)s,
            amount = %(amount)s, interval = %(interval)s, trial_days = %(trial_days)s, benefits = %(benefits)s,
            permissions = %(permissions)s, content_scope = %(content_scope)s, content_ids = %(content_ids)s::bigint[],
            max_subscribers = %(max_subscribers)s, updated_at = %(at)s
        WHERE plan_id = %(plan_id)s RETURNING *
    )
    SELECT {plan} FROM p JOIN identity.pub_profiles c ON c.uid = p.creator_id
    """
)


def update(db: Connection, plan_id: int, fields: Mapping[str, object], at: datetime) -> Row | None:
    """Store all changeable fields of a plan. Raises UniqueViolation when the name is taken."""
    return one(db, _UPDATE, {**fields, "benefits": Jsonb(fields["benefits"]), "plan_id": plan_id, "at": at})


_ARCHIVE = with_plan(
    """
    WITH p AS (
        UPDATE subscriptions.subscription_plans SET status = 'archived', updated_at = %(at)s
        WHERE plan_id = %(plan_id)s RETURNING *
    ), ending AS (
        UPDATE subscriptions.user_subscriptions SET cancel_at_period_end = true, auto_renew = false, updated_at = %(at)s
        WHERE plan_id = %(plan_id)s AND status IN ('pending', 'trialing', 'active', 'past_due')
            AND NOT cancel_at_period_end
    )
    SELECT {plan} FROM p JOIN identity.pub_profiles c ON c.uid = p.creator_id
    """
)


def archive(db: Connection, plan_id: int, at: datetime) -> Row | None:
    """Take a plan off sale; what runs on it ends with its period."""
    return one(db, _ARCHIVE, {"plan_id": plan_id, "at": at})
