"""Accounts that were merged, as far as subscriptions has heard, and the rights that changed hands with them."""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from functions.subscriptions.store.rows import Row, rows
from shared.sql.connection import Connection


@dataclass(frozen=True, slots=True)
class Merge:
    """A merge: what the one held, the other holds."""

    merge_id: int
    from_uid: int
    into_uid: int


def add(db: Connection, merge: Merge, at: datetime) -> bool:
    """Remember a merge; False when it is known, perhaps as one that was undone already."""
    row = db.execute(
        """
        INSERT INTO subscriptions.account_merges (merge_id, from_uid, into_uid, heard_at) VALUES (%s, %s, %s, %s)
        ON CONFLICT (merge_id) DO NOTHING RETURNING 1
        """,
        (merge.merge_id, merge.from_uid, merge.into_uid, at),
    ).fetchone()
    return row is not None


def part(db: Connection, merge: Merge, at: datetime) -> bool:
    """Remember that a merge was undone, heard of before or not; False when that is known."""
    row = db.execute(
        """
        INSERT INTO subscriptions.account_merges AS known (merge_id, from_uid, into_uid, heard_at, parted_at)
        VALUES (%(merge_id)s, %(from)s, %(into)s, %(at)s, %(at)s)
        ON CONFLICT (merge_id) DO UPDATE SET parted_at = %(at)s WHERE known.parted_at IS NULL RETURNING 1
        """,
        {"merge_id": merge.merge_id, "from": merge.from_uid, "into": merge.into_uid, "at": at},
    ).fetchone()
    return row is not None


def in_force(db: Connection, uid: int) -> Merge | None:
    """The merge by which an account was dropped."""
    with db.cursor(row_factory=class_row(Merge)) as cursor:
        return cursor.execute(
            """
            SELECT merge_id, from_uid, into_uid FROM subscriptions.account_merges
            WHERE from_uid = %s AND parted_at IS NULL
            """,
            (uid,),
        ).fetchone()


def move_subscriptions(db: Connection, merge: Merge, at: datetime) -> list[Row]:
    """Live and paused subscriptions change hands, but for those the other has or could not have; `left_version` is for who had them."""
    return rows(
        db,
        """
        WITH moved AS (
            UPDATE subscriptions.user_subscriptions s SET user_id = %(into)s, updated_at = %(at)s,
                version = CASE WHEN status = 'paused' THEN version
                    WHEN version IS NOT NULL THEN nextval('subscriptions.entitlement_version') END
            WHERE user_id = %(from)s AND status IN ('pending', 'trialing', 'active', 'past_due', 'paused') AND creator_id <> %(into)s
                AND NOT EXISTS (SELECT FROM subscriptions.user_subscriptions own WHERE own.user_id = %(into)s
                    AND own.creator_id = s.creator_id AND own.status IN ('pending', 'trialing', 'active', 'past_due'))
            RETURNING subscription_id, user_id, creator_id, status, plan_id, tier, current_period_end, access_until, version
        ), noted AS (
            INSERT INTO subscriptions.merged_rights (merge_id, kind, id, at)
            SELECT %(merge_id)s, 'subscription', subscription_id, %(at)s FROM moved ON CONFLICT DO NOTHING
        ), followed AS (
            UPDATE subscriptions.payment_agreements a SET user_id = %(into)s, updated_at = %(at)s
            FROM moved WHERE a.subscription_id = moved.subscription_id AND a.status <> 'terminated'
        )
        SELECT moved.*, nextval('subscriptions.entitlement_version') AS left_version FROM moved ORDER BY subscription_id
        """,
        {"merge_id": merge.merge_id, "from": merge.from_uid, "into": merge.into_uid, "at": at},
    )


def move_purchases(db: Connection, merge: Merge, at: datetime) -> list[Row]:
    """Purchases that give a right change hands."""
    return rows(
        db,
        """
        WITH moved AS (
            UPDATE subscriptions.content_purchases SET user_id = %(into)s, updated_at = %(at)s,
                version = nextval('subscriptions.entitlement_version')
            WHERE user_id = %(from)s AND status = 'active' RETURNING purchase_id, content_id, version
        ), noted AS (
            INSERT INTO subscriptions.merged_rights (merge_id, kind, id, at)
            SELECT %(merge_id)s, 'purchase', purchase_id, %(at)s FROM moved ON CONFLICT DO NOTHING
        )
        SELECT moved.*, nextval('subscriptions.entitlement_version') AS left_version FROM moved ORDER BY purchase_id
        """,
        {"merge_id": merge.merge_id, "from": merge.from_uid, "into": merge.into_uid, "at": at},
    )


def return_subscriptions(db: Connection, merge: Merge, at: datetime) -> list[Row]:
    """What changed hands goes back, as it stands now, unless a live one is in its place."""
    return rows(
        db,
        """
        WITH returned AS (
            UPDATE subscriptions.user_subscriptions s SET user_id = %(from)s, updated_at = %(at)s,
                version = CASE WHEN status = 'paused' THEN version
                    WHEN version IS NOT NULL THEN nextval('subscriptions.entitlement_version') END
            WHERE user_id = %(into)s AND subscription_id IN (
                    SELECT id FROM subscriptions.merged_rights WHERE merge_id = %(merge_id)s AND kind = 'subscription')
                AND NOT EXISTS (SELECT FROM subscriptions.user_subscriptions own WHERE own.user_id = %(from)s
                    AND own.creator_id = s.creator_id AND own.status IN ('pending', 'trialing', 'active', 'past_due'))
            RETURNING subscription_id, user_id, creator_id, status, plan_id, tier, current_period_end, access_until, version
        ), followed AS (
            UPDATE subscriptions.payment_agreements a SET user_id = %(from)s, updated_at = %(at)s
            FROM returned WHERE a.subscription_id = returned.subscription_id AND a.status <> 'terminated'
        )
        SELECT * FROM returned
        """,
        {"merge_id": merge.merge_id, "from": merge.from_uid, "into": merge.into_uid, "at": at},
    )


def renew_version(db: Connection, uid: int, creator_id: int) -> tuple[int, Row | None]:
    """A version later than all so far, and the live subscription that has it now, if there is one."""
    found = rows(
        db,
        """
        WITH live AS (
            UPDATE subscriptions.user_subscriptions SET version = nextval('subscriptions.entitlement_version')
            WHERE user_id = %(uid)s AND creator_id = %(creator_id)s AND status IN ('trialing', 'active', 'past_due')
            RETURNING user_id, creator_id, status, plan_id, tier, current_period_end, access_until, version
        )
        SELECT nextval('subscriptions.entitlement_version') AS free_version, live.* FROM (VALUES (1)) one LEFT JOIN live ON true
        """,
        {"uid": uid, "creator_id": creator_id},
    )[0]
    free = int(found.pop("free_version"))
    return free, (found if found["version"] is not None else None)


def return_purchases(db: Connection, merge: Merge, at: datetime) -> list[Row]:
    """Purchases go back; whether each still gives its right, and whether who had them meanwhile holds it by another one."""
    return rows(
        db,
        """
        WITH moved AS (
            UPDATE subscriptions.content_purchases SET user_id = %(from)s, updated_at = %(at)s,
                version = nextval('subscriptions.entitlement_version')
            WHERE user_id = %(into)s AND purchase_id IN (
                SELECT id FROM subscriptions.merged_rights WHERE merge_id = %(merge_id)s AND kind = 'purchase')
            RETURNING purchase_id, content_id, status, version
        )
        SELECT moved.*, nextval('subscriptions.entitlement_version') AS left_version,
            bool_or(status = 'active') OVER (PARTITION BY content_id) AS holds,
            EXISTS (SELECT FROM subscriptions.content_purchases own WHERE own.user_id = %(into)s
                AND own.content_id = moved.content_id AND own.status = 'active'
                AND own.purchase_id NOT IN (SELECT purchase_id FROM moved)) AS still_held
        FROM moved ORDER BY purchase_id
        """,
        {"merge_id": merge.merge_id, "from": merge.from_uid, "into": merge.into_uid, "at": at},
    )


def move_memberships(db: Connection, merge: Merge, at: datetime) -> int:
    """Memberships that were given change hands; how many."""
    found = rows(
        db,
        """
        WITH moved AS (
            UPDATE subscriptions.user_memberships SET user_id = %(into)s, updated_at = %(at)s
            WHERE user_id = %(from)s AND status = 'granted' RETURNING id
        ), noted AS (
            INSERT INTO subscriptions.merged_rights (merge_id, kind, id, at)
            SELECT %(merge_id)s, 'membership', id, %(at)s FROM moved ON CONFLICT DO NOTHING
        )
        SELECT id FROM moved
        """,
        {"merge_id": merge.merge_id, "from": merge.from_uid, "into": merge.into_uid, "at": at},
    )
    return len(found)


def return_memberships(db: Connection, merge: Merge, at: datetime) -> int:
    """They go back; how many."""
    found = rows(
        db,
        """
        UPDATE subscriptions.user_memberships SET user_id = %(from)s, updated_at = %(at)s
        WHERE user_id = %(into)s AND id IN (
            SELECT id FROM subscriptions.merged_rights WHERE merge_id = %(merge_id)s AND kind = 'membership')
        RETURNING id
        """,
        {"merge_id": merge.merge_id, "from": merge.from_uid, "into": merge.into_uid, "at": at},
    )
    return len(found)
