"""The queries of memberships people bought; call `lock_user` before what changes them."""

from collections.abc import Sequence
from datetime import datetime

from functions.subscriptions.memberships import Grant, Standing, Stretch
from functions.subscriptions.store.rows import Row, one, rows
from shared.sql.connection import Connection


def filed(db: Connection, order_no: str) -> Row | None:
    """What an order was opened for, as it stands now."""
    return one(
        db,
        "SELECT id, user_id, status FROM subscriptions.user_memberships WHERE order_no = %(order_no)s FOR UPDATE",
        {"order_no": order_no},
    )


def settle(db: Connection, membership_id: int, status: str, at: datetime, granted_at: datetime | None = None) -> None:
    """Say what became of an order's membership; a granted one counts from when it was paid."""
    db.execute(
        """
        UPDATE subscriptions.user_memberships SET status = %(status)s, granted_at = coalesce(%(granted_at)s, granted_at),
            updated_at = %(at)s
        WHERE id = %(id)s
        """,
        {"id": membership_id, "status": status, "granted_at": granted_at, "at": at},
    )


def granted(db: Connection, user_id: int) -> list[Grant]:
    """What someone was given."""
    found = rows(
        db,
        """
        SELECT id, level, permissions, duration_days, granted_at FROM subscriptions.user_memberships
        WHERE user_id = %(user_id)s AND status = 'granted' ORDER BY id
        """,
        {"user_id": user_id},
    )
    return [_grant(row) for row in found]


def held(db: Connection, user_id: int, at: datetime) -> tuple[list[Row], list[Grant]]:
    """What a user's running subscriptions give, oldest first, and the memberships they were given; one round trip."""
    found = rows(
        db,
        """
        SELECT s.subscription_id, s.plan_id, s.creator_id, s.tier, p.permissions, p.benefits,
               s.access_until AS valid_until, member.granted
        FROM (SELECT coalesce(jsonb_agg(to_jsonb(m) ORDER BY m.id), '[]') AS granted FROM subscriptions.user_memberships m
              WHERE m.user_id = %(user_id)s AND m.status = 'granted') member
        LEFT JOIN (subscriptions.user_subscriptions s JOIN subscriptions.subscription_plans p USING (plan_id))
            ON s.user_id = %(user_id)s AND s.status IN ('trialing', 'active', 'past_due')
            AND s.access_until > %(at)s
        ORDER BY s.subscription_id
        """,
        {"user_id": user_id, "at": at},
    )
    grants = [_grant_of_json(given) for given in found[0]["granted"]]
    for row in found:
        del row["granted"]
    return [row for row in found if row["subscription_id"] is not None], grants


def stand(db: Connection, user_id: int, standing: Standing, stretches: Sequence[Stretch], at: datetime) -> int:
    """Store what someone's memberships come to, and from when to when each gives; the version of it."""
    spans: dict[int, tuple[datetime, datetime]] = {}
    for stretch in stretches:
        first, _ = spans.get(stretch.grant.id, (stretch.starts_at, None))
        spans[stretch.grant.id] = (first, stretch.ends_at)
    row = one(
        db,
        """
        WITH spans AS (
            UPDATE subscriptions.user_memberships m SET starts_at = s.starts_at, ends_at = s.ends_at, updated_at = %(at)s
            FROM unnest(%(ids)s::bigint[], %(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS s(id, starts_at, ends_at)
            WHERE m.id = s.id AND (m.starts_at, m.ends_at) IS DISTINCT FROM (s.starts_at, s.ends_at)
        )
        INSERT INTO subscriptions.membership_standings AS known (user_id, level, expires_at, version, updated_at)
        VALUES (%(user_id)s, %(level)s, %(expires_at)s, nextval('subscriptions.entitlement_version'), %(at)s)
        ON CONFLICT (user_id) DO UPDATE SET level = excluded.level, expires_at = excluded.expires_at,
            version = excluded.version, updated_at = excluded.updated_at
        RETURNING version
        """,
        {
            "user_id": user_id,
            "level": standing.level,
            "expires_at": standing.expires_at,
            "ids": list(spans),
            "starts": [first for first, _ in spans.values()],
            "ends": [last for _, last in spans.values()],
            "at": at,
        },
    )
    if row is None:
        raise LookupError(user_id)
    return int(row["version"])


def is_due(db: Connection, user_id: int, at: datetime) -> bool:
    """Whether what was last told of someone is over."""
    return (
        one(
            db,
            "SELECT 1 AS is_due FROM subscriptions.membership_standings WHERE user_id = %(user_id)s AND expires_at <= %(at)s",
            {"user_id": user_id, "at": at},
        )
        is not None
    )


def due(db: Connection, at: datetime, after_id: int, limit: int) -> list[int]:
    """Of whom what was last told is over, by number."""
    found = rows(
        db,
        """
        SELECT user_id FROM subscriptions.membership_standings WHERE expires_at <= %(at)s AND user_id > %(after_id)s
        ORDER BY user_id LIMIT %(limit)s
        """,
        {"at": at, "after_id": after_id, "limit": limit},
    )
    return [row["user_id"] for row in found]


def all_granted(db: Connection, after_id: int, limit: int) -> list[tuple[int, int, list[Grant]]]:
    """Everybody behind a number whose membership was ever told of: number, version, and what they were given."""
    found = rows(
        db,
        """
        SELECT s.user_id, s.version, (
            SELECT coalesce(jsonb_agg(to_jsonb(m) ORDER BY m.id), '[]') FROM subscriptions.user_memberships m
            WHERE m.user_id = s.user_id AND m.status = 'granted') AS granted
        FROM subscriptions.membership_standings s WHERE s.user_id > %(after_id)s ORDER BY s.user_id LIMIT %(limit)s
        """,
        {"after_id": after_id, "limit": limit},
    )
    return [(row["user_id"], row["version"], [_grant_of_json(given) for given in row["granted"]]) for row in found]


def _grant(row: Row) -> Grant:
    return Grant(row["id"], row["level"], tuple(row["permissions"]), row["duration_days"], row["granted_at"])


def _grant_of_json(given: Row) -> Grant:
    return _grant(given | {"granted_at": datetime.fromisoformat(given["granted_at"])})
