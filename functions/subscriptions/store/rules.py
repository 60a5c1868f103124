"""The queries of pricing rules, and of what they and coupons may be for."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from psycopg.types.json import Jsonb

from functions.subscriptions.pricing_schemas import RuleOut
from functions.subscriptions.store.rows import Row, one, rows
from shared.sql.connection import Connection
from shared.sql.listing import Listing

RULES: Listing[RuleOut] = Listing(
    columns="""r.rule_id, r.target_type, r.target_id, r.kind, r.config, r.priority, r.starts_at, r.ends_at, r.is_active,
        r.created_at""",
    source="subscriptions.pricing_rules r",
    key=("rule_id", "r.rule_id"),
    sorts={"created_at": "r.created_at", "priority": "r.priority"},
    default_sort="created_at",
    filters={
        "owner_id": "r.owner_id = %(owner_id)s",
        "target_type": "r.target_type = %(target_type)s",
        "target_id": "r.target_id = %(target_id)s",
    },
)


def insert(db: Connection, owner_id: int, fields: Mapping[str, object], at: datetime) -> Row | None:
    """The new rule."""
    return one(
        db,
        """
        INSERT INTO subscriptions.pricing_rules (owner_id, target_type, target_id, kind, config, priority, starts_at, ends_at,
            created_at, updated_at)
        VALUES (%(owner_id)s, %(target_type)s, %(target_id)s, %(kind)s, %(config)s, %(priority)s, %(starts_at)s, %(ends_at)s,
            %(at)s, %(at)s)
        RETURNING rule_id, target_type, target_id, kind, config, priority, starts_at, ends_at, is_active
        """,
        {**fields, "config": Jsonb(fields["config"]), "owner_id": owner_id, "at": at},
    )


def lock(db: Connection, rule_id: int) -> Row | None:
    """A rule and whose it is, held until the transaction ends."""
    return one(
        db,
        """
        SELECT owner_id, target_type, target_id, kind, config, priority, starts_at, ends_at, is_active
        FROM subscriptions.pricing_rules WHERE rule_id = %(rule_id)s FOR UPDATE
        """,
        {"rule_id": rule_id},
    )


def update(db: Connection, rule_id: int, fields: Mapping[str, object], at: datetime) -> Row | None:
    """Store all changeable fields of a rule."""
    return one(
        db,
        """
        UPDATE subscriptions.pricing_rules SET target_type = %(target_type)s, target_id = %(target_id)s, kind = %(kind)s,
            config = %(config)s, priority = %(priority)s, starts_at = %(starts_at)s, ends_at = %(ends_at)s,
            is_active = %(is_active)s, updated_at = %(at)s
        WHERE rule_id = %(rule_id)s
        RETURNING rule_id, target_type, target_id, kind, config, priority, starts_at, ends_at, is_active
        """,
        {**fields, "config": Jsonb(fields["config"]), "rule_id": rule_id, "at": at},
    )


def delete(db: Connection, owner_id: int, rule_id: int) -> bool:
    """Whether the owner had such a rule; it is gone."""
    row = db.execute(
        "DELETE FROM subscriptions.pricing_rules WHERE rule_id = %s AND owner_id = %s RETURNING 1", (rule_id, owner_id)
    ).fetchone()
    return row is not None


def owners(db: Connection, kind: str, ids: Sequence[int]) -> dict[int, int]:
    """Whose these plans (or contents that are not deleted) are."""
    found = rows(
        db,
        """
        SELECT p.plan_id AS id, p.creator_id AS owner_id FROM subscriptions.subscription_plans p
        WHERE %(kind)s = 'plan' AND p.plan_id = ANY (%(ids)s)
        UNION ALL
        SELECT o.content_id, o.author_id FROM content.pub_contents o
        WHERE %(kind)s = 'content' AND o.content_id = ANY (%(ids)s) AND o.status <> 'deleted'
        """,
        {"kind": kind, "ids": list(ids)},
    )
    return {row["id"]: row["owner_id"] for row in found}
