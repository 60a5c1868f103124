"""Statements that move a locked work from one state to another."""

from datetime import datetime

from shared.sql.connection import Connection


def publish(db: Connection, content_id: int, version: int, at: datetime, published_at: datetime | None) -> None:
    """Show a version to readers; `published_at` only when the work was not shown before."""
    db.execute(
        """
        UPDATE content.contents
        SET status = 'published', published_version = %(version)s, published_at = coalesce(%(published_at)s, published_at),
            scheduled_at = NULL, rejected_reason = NULL, updated_at = %(at)s
        WHERE content_id = %(id)s
        """,
        {"id": content_id, "version": version, "published_at": published_at, "at": at},
    )


def take_back(db: Connection, content_id: int, at: datetime, *, reason: str | None = None) -> None:
    """Make a work a draft that no reader sees."""
    db.execute(
        """
        UPDATE content.contents
        SET status = 'draft', published_version = NULL, scheduled_at = NULL, rejected_reason = %(reason)s, updated_at = %(at)s
        WHERE content_id = %(id)s
        """,
        {"id": content_id, "reason": reason, "at": at},
    )


def schedule(db: Connection, content_id: int, publish_at: datetime, at: datetime) -> None:
    """Set the time at which a work is to be published."""
    db.execute(
        "UPDATE content.contents SET status = 'scheduled', scheduled_at = %s, updated_at = %s WHERE content_id = %s",
        (publish_at, at, content_id),
    )


def delete(db: Connection, content_id: int, at: datetime) -> None:
    """Put a work away; nobody sees it, its author may have it back for a while."""
    db.execute(
        """
        UPDATE content.contents SET status = 'deleted', scheduled_at = NULL, deleted_at = %s, updated_at = %s
        WHERE content_id = %s
        """,
        (at, at, content_id),
    )


def due(db: Connection, at: datetime, limit: int) -> list[int]:
    """Works whose time has come, the longest waiting first."""
    rows = db.execute(
        """
        SELECT content_id FROM content.contents WHERE status = 'scheduled' AND scheduled_at <= %s
        ORDER BY scheduled_at, content_id LIMIT %s
        """,
        (at, limit),
    ).fetchall()
    return [int(row[0]) for row in rows]
