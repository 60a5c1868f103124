"""Taking a work to change it: its row is locked first, so that two changes of one work take turns."""

from collections.abc import Sequence
from typing import Any

from psycopg.rows import dict_row

from functions.content.models import Draft, File, Known, Work
from shared.sql.connection import Connection


def known(
    db: Connection, author_id: int, media_ids: Sequence[int], category_ids: Sequence[int], plan_ids: Sequence[int]
) -> Known:
    """Which of these exist for a new work of this author."""
    with db.cursor(row_factory=dict_row) as cursor:
        (row,) = cursor.execute(
            """
            SELECT
                (SELECT jsonb_object_agg(f.media_id, jsonb_build_array(f.owner_id, f.kind, f.status))
                 FROM media.pub_files f WHERE f.media_id = ANY (%(media)s::bigint[])) AS files,
                (SELECT array_agg(k.category_id) FROM content.content_categories k
                 WHERE k.is_active AND k.category_id = ANY (%(categories)s::bigint[])) AS categories,
                (SELECT array_agg(p.plan_id) FROM subscriptions.pub_plans p
                 WHERE p.creator_id = %(author)s AND p.plan_id = ANY (%(plans)s::bigint[])) AS plans
            """,
            {"author": author_id, "media": list(media_ids), "categories": list(category_ids), "plans": list(plan_ids)},
        ).fetchall()
    return _known(row)


def lock(
    db: Connection,
    content_id: int,
    editor_id: int | None = None,
    *,
    media_ids: Sequence[int] = (),
    category_ids: Sequence[int] = (),
    plan_ids: Sequence[int] = (),
) -> Work | None:
    """A work that was not deleted, locked, with its files, and which of the things it shall refer to exist.

    No join: a row that had to be waited for is read anew, but the rows joined to it would be those of before.
    """
    with db.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            """
            SELECT c.content_id, c.author_id, c.kind, c.title, c.summary, c.body, c.body_format, c.cover_media_id, c.media_ids,
                c.status, c.access_level, c.plan_ids, c.price, c.preview_percent, c.preview_seconds, c.is_original, c.metadata,
                c.version, c.published_version, c.scheduled_at,
                c.author_id = %(editor)s OR EXISTS (
                    SELECT 1 FROM content.content_collaborators o
                    WHERE o.content_id = c.content_id AND o.user_id = %(editor)s AND o.role = 'editor') AS is_editor,
                (SELECT jsonb_object_agg(f.media_id, jsonb_build_array(f.owner_id, f.kind, f.status)) FROM media.pub_files f
                 WHERE f.media_id = ANY (%(media)s::bigint[] || c.media_ids || c.cover_media_id)) AS files,
                (SELECT array_agg(k.category_id) FROM content.content_categories k
                 WHERE k.is_active AND k.category_id = ANY (%(categories)s::bigint[])) AS categories,
                (SELECT array_agg(p.plan_id) FROM subscriptions.pub_plans p
                 WHERE p.creator_id = c.author_id AND p.plan_id = ANY (%(plans)s::bigint[])) AS plans
            FROM content.contents c WHERE c.content_id = %(id)s AND c.status <> 'deleted' FOR UPDATE
            """,
            {
                "id": content_id,
                "editor": editor_id,
                "media": list(media_ids),
                "categories": list(category_ids),
                "plans": list(plan_ids),
            },
        ).fetchone()
    return None if row is None else _work(row)


def _known(row: dict[str, Any]) -> Known:
    return Known(
        {int(media_id): File(*file) for media_id, file in (row["files"] or {}).items()},
        frozenset(row["categories"] or ()),
        frozenset(row["plans"] or ()),
    )


def _work(row: dict[str, Any]) -> Work:
    draft = Draft(
        kind=row["kind"],
        title=row["title"],
        summary=row["summary"],
        body=row["body"],
        body_format=row["body_format"],
        cover_media_id=row["cover_media_id"],
        media_ids=tuple(row["media_ids"]),
        access_level=row["access_level"],
        plan_ids=tuple(row["plan_ids"]),
        price=row["price"],
        preview_percent=row["preview_percent"],
        preview_seconds=row["preview_seconds"],
        is_original=row["is_original"],
        metadata=row["metadata"],
    )
    return Work(
        row["content_id"],
        row["author_id"],
        row["status"],
        row["version"],
        row["published_version"],
        row["scheduled_at"],
        is_editor=bool(row["is_editor"]),
        draft=draft,
        known=_known(row),
    )
