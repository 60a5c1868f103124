"""Running totals of accounts: rows of changes not folded yet, and what was folded, per day of opening (migration 0014)."""

from typing import Any

from psycopg.rows import dict_row

from shared.sql.connection import Connection

LEVELS = ("free", "basic", "premium", "professional")


def totals(db: Connection) -> dict[str, Any]:
    """Every total as of now, and `opened`: how many accounts were opened on each day, as {"2026-01-31": 5}."""
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            WITH counted AS (
                SELECT day, opened, total, active, inactive, banned, verified, creators, free, basic, premium, professional
                FROM identity.user_counts
                UNION ALL
                SELECT day, opened, total, active, inactive, banned, verified, creators, free, basic, premium, professional
                FROM identity.user_count_changes
            ), days AS (
                SELECT day, sum(opened)::bigint AS opened, sum(total)::bigint AS total, sum(active)::bigint AS active,
                       sum(inactive)::bigint AS inactive, sum(banned)::bigint AS banned, sum(verified)::bigint AS verified,
                       sum(creators)::bigint AS creators, sum(free)::bigint AS free, sum(basic)::bigint AS basic,
                       sum(premium)::bigint AS premium, sum(professional)::bigint AS professional
                FROM counted GROUP BY day
            )
            SELECT coalesce(sum(total), 0)::bigint AS total, coalesce(sum(active), 0)::bigint AS active,
                   coalesce(sum(inactive), 0)::bigint AS inactive, coalesce(sum(banned), 0)::bigint AS banned,
                   coalesce(sum(verified), 0)::bigint AS verified, coalesce(sum(creators), 0)::bigint AS creators,
                   coalesce(sum(free), 0)::bigint AS free, coalesce(sum(basic), 0)::bigint AS basic,
                   coalesce(sum(premium), 0)::bigint AS premium, coalesce(sum(professional), 0)::bigint AS professional,
                   coalesce(json_object_agg(day, opened ORDER BY day) FILTER (WHERE opened <> 0), '{}') AS opened
            FROM days
            """
        ).fetchall()[0]


def fold(db: Connection, limit: int) -> int:
    """Move up to so many rows of changes into their days, in one statement; how many. Two folds share no rows."""
    row = db.execute(
        """
        WITH taken AS (
            DELETE FROM identity.user_count_changes WHERE id IN (
                SELECT id FROM identity.user_count_changes ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED)
            RETURNING *
        ), folded AS (
            INSERT INTO identity.user_counts AS known (day, opened, total, active, inactive, banned, pending_deletion, verified,
                creators, free, basic, premium, professional)
            SELECT day, sum(opened), sum(total), sum(active), sum(inactive), sum(banned), sum(pending_deletion), sum(verified),
                   sum(creators), sum(free), sum(basic), sum(premium), sum(professional)
            FROM taken GROUP BY day ORDER BY day
            ON CONFLICT (day) DO UPDATE SET opened = known.opened + excluded.opened, total = known.total + excluded.total,
                active = known.active + excluded.active, inactive = known.inactive + excluded.inactive,
                banned = known.banned + excluded.banned,
                pending_deletion = known.pending_deletion + excluded.pending_deletion,
                verified = known.verified + excluded.verified, creators = known.creators + excluded.creators,
                free = known.free + excluded.free, basic = known.basic + excluded.basic,
                premium = known.premium + excluded.premium, professional = known.professional + excluded.professional
        )
        SELECT count(*) FROM taken
        """,
        (limit,),
    ).fetchone()
    return int(row[0]) if row else 0
