"""The queries of rights: purchases of single contents, what guards a thing, and every right as SQL has it."""

from dataclasses import asdict, dataclass
from datetime import datetime

from functions.subscriptions.rights import Right
from functions.subscriptions.store.rows import Row, one, rows
from shared.sql.connection import Connection


@dataclass(frozen=True, slots=True)
class Purchase:
    """An order for one content."""

    user_id: int
    content_id: int
    creator_id: int
    order_no: str


def buy(db: Connection, purchase: Purchase, at: datetime) -> int | None:
    """Store a paid purchase; the version of the right, or None when the order is known (paid before, or refunded)."""
    row = one(
        db,
        """
        INSERT INTO subscriptions.content_purchases (user_id, content_id, creator_id, order_no, status, version, created_at,
            updated_at)
        VALUES (%(user_id)s, %(content_id)s, %(creator_id)s, %(order_no)s, 'active',
            nextval('subscriptions.entitlement_version'), %(at)s, %(at)s)
        ON CONFLICT (order_no) DO NOTHING RETURNING version
        """,
        asdict(purchase) | {"at": at},
    )
    return None if row is None else int(row["version"])


def give_back(db: Connection, purchase: Purchase, at: datetime) -> tuple[int, int, bool] | None:
    """Store that a purchase was refunded, even before it was heard to be paid; whose it is by now, the version, and whether
    another one holds. None when it was refunded already.
    """
    row = one(
        db,
        """
        INSERT INTO subscriptions.content_purchases AS known (user_id, content_id, creator_id, order_no, status, version,
            created_at, updated_at)
        VALUES (%(user_id)s, %(content_id)s, %(creator_id)s, %(order_no)s, 'refunded',
            nextval('subscriptions.entitlement_version'), %(at)s, %(at)s)
        ON CONFLICT (order_no) DO UPDATE SET status = 'refunded', version = excluded.version, updated_at = excluded.updated_at
            WHERE known.status <> 'refunded'
        RETURNING user_id, version, EXISTS (
            SELECT 1 FROM subscriptions.content_purchases other
            WHERE other.user_id = known.user_id AND other.content_id = %(content_id)s AND other.status = 'active'
                AND other.order_no <> %(order_no)s
        ) AS still_held
        """,
        asdict(purchase) | {"at": at},
    )
    return None if row is None else (int(row["user_id"]), int(row["version"]), bool(row["still_held"]))


def content(db: Connection, content_id: int) -> Row | None:
    """A content's paywall and the plans of its author."""
    return one(
        db,
        """
        SELECT o.content_id, o.author_id, o.status, o.access_level, o.plan_ids, o.granted_user_ids, o.available_from,
            o.available_to, o.price, plans.plans
        FROM content.pub_contents o
        CROSS JOIN LATERAL (
            SELECT coalesce(jsonb_agg(jsonb_build_object('plan_id', p.plan_id, 'tier', p.tier, 'status', p.status,
                'in_scope', p.content_scope = 'all' OR o.content_id = ANY (p.content_ids)) ORDER BY p.tier, p.plan_id), '[]')
                AS plans
            FROM subscriptions.subscription_plans p WHERE p.creator_id = o.author_id
        ) plans
        WHERE o.content_id = %(content_id)s
        """,
        {"content_id": content_id},
    )


def file(db: Connection, media_id: int) -> list[Row]:
    """A file's owner, with each paywall in front of it (one row with none when it is part of no published work)."""
    return rows(
        db,
        """
        SELECT f.owner_id, f.visibility, f.status, o.content_id, o.author_id, o.access_level, o.plan_ids, o.granted_user_ids,
            o.available_from, o.available_to, w.price, plans.plans
        FROM media.pub_files f
        LEFT JOIN content.pub_content_media o USING (media_id)
        LEFT JOIN content.pub_contents w ON w.content_id = o.content_id
        CROSS JOIN LATERAL (
            SELECT coalesce(jsonb_agg(jsonb_build_object('plan_id', p.plan_id, 'tier', p.tier, 'status', p.status,
                'in_scope', p.content_scope = 'all' OR o.content_id = ANY (p.content_ids)) ORDER BY p.tier, p.plan_id), '[]')
                AS plans
            FROM subscriptions.subscription_plans p WHERE p.creator_id = o.author_id
        ) plans
        WHERE f.media_id = %(media_id)s AND f.status <> 'deleted' ORDER BY o.content_id
        """,
        {"media_id": media_id},
    )


def plan(db: Connection, plan_id: int) -> Row | None:
    """What a plan is worth towards its creator."""
    return one(
        db,
        """
        SELECT plan_id, creator_id, tier, amount, status FROM subscriptions.subscription_plans WHERE plan_id = %(plan_id)s
        """,
        {"plan_id": plan_id},
    )


def plans_of(db: Connection, creator_id: int) -> list[int]:
    """The plans a creator sells, lowest tier first."""
    found = rows(
        db,
        """
        SELECT plan_id FROM subscriptions.subscription_plans
        WHERE creator_id = %(creator_id)s AND status = 'active' ORDER BY tier, plan_id
        """,
        {"creator_id": creator_id},
    )
    return [row["plan_id"] for row in found]


def towards_creators(db: Connection, after: tuple[int, int], limit: int) -> list[Right]:
    """The rights towards creators behind a (user, creator), as SQL has them: the last changed subscription of each tells."""
    found = rows(
        db,
        """
        SELECT DISTINCT ON (user_id, creator_id) user_id AS uid, 'CREATOR' AS scope, creator_id AS scope_id,
            CASE WHEN status = 'trialing' THEN 'trial' ELSE 'subscription' END AS source, plan_id, tier,
            access_until AS valid_until, status NOT IN ('trialing', 'active', 'past_due') AS revoked, version
        FROM subscriptions.user_subscriptions
        WHERE version IS NOT NULL AND (user_id, creator_id) > (%(user_id)s, %(scope_id)s)
        ORDER BY user_id, creator_id, version DESC LIMIT %(limit)s
        """,
        {"user_id": after[0], "scope_id": after[1], "limit": limit},
    )
    return [Right(**row) for row in found]


def to_contents(db: Connection, after: tuple[int, int], limit: int) -> list[Right]:
    """The rights to single contents behind a (user, content), as SQL has them: held while any purchase is active."""
    found = rows(
        db,
        """
        SELECT user_id AS uid, 'CONTENT' AS scope, content_id AS scope_id, 'purchase' AS source, NULL AS plan_id,
            NULL AS tier, NULL AS valid_until, bool_and(status <> 'active') AS revoked, max(version) AS version
        FROM subscriptions.content_purchases
        WHERE (user_id, content_id) > (%(user_id)s, %(scope_id)s)
        GROUP BY user_id, content_id ORDER BY user_id, content_id LIMIT %(limit)s
        """,
        {"user_id": after[0], "scope_id": after[1], "limit": limit},
    )
    return [Right(**row) for row in found]
