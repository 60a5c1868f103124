"""Statements about the paywall of a work."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from shared.sql.connection import Connection


def find(db: Connection, content_id: int) -> dict[str, Any] | None:
    """The paywall of a work that was not deleted."""
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            SELECT author_id, access_level, plan_ids, price, currency, preview_percent, preview_seconds, granted_user_ids,
                watermark, available_from, available_to
            FROM content.contents WHERE content_id = %s AND status <> 'deleted'
            """,
            (content_id,),
        ).fetchone()


def lock(db: Connection, content_id: int, plan_ids: Sequence[int]) -> dict[str, Any] | None:
    """The same, locked, with those of the plans that are its author's."""
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            SELECT c.author_id, c.access_level, c.plan_ids, c.price, c.currency, c.preview_percent, c.preview_seconds,
                c.granted_user_ids, c.watermark, c.available_from, c.available_to,
                (SELECT array_agg(p.plan_id) FROM subscriptions.pub_plans p
                 WHERE p.creator_id = c.author_id AND p.plan_id = ANY (%(plans)s::bigint[])) AS known_plans
            FROM content.contents c WHERE c.content_id = %(id)s AND c.status <> 'deleted' FOR UPDATE
            """,
            {"id": content_id, "plans": list(plan_ids)},
        ).fetchone()


def save(db: Connection, content_id: int, wall: dict[str, Any], at: datetime) -> None:
    """Store the paywall of a locked work."""
    db.execute(
        """
        UPDATE content.contents
        SET access_level = %(access_level)s, plan_ids = %(plan_ids)s, price = %(price)s, preview_percent = %(preview_percent)s,
            preview_seconds = %(preview_seconds)s, granted_user_ids = %(granted_user_ids)s, watermark = %(watermark)s,
            available_from = %(available_from)s, available_to = %(available_to)s, updated_at = %(at)s
        WHERE content_id = %(content_id)s
        """,
        wall | {"content_id": content_id, "at": at},
    )
