"""One work as it is read: everything its page shows, in one statement."""

from dataclasses import dataclass
from typing import Any

from psycopg.rows import dict_row

from shared.sql.connection import Connection


def detail(
    db: Connection, content_id: int, uid: int | None, version: int | None = None, *, staff: bool = False
) -> dict[str, Any] | None:
    """A work in one version: the one asked for, else the current one for insiders and the published one for readers.

    None when there is no such work or version.
    """
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            SELECT c.content_id, c.author_id, c.kind, c.summary, c.status, c.access_level, c.plan_ids, c.price, c.currency,
                c.preview_percent, c.preview_seconds, c.granted_user_ids, c.available_from, c.available_to, c.is_original,
                c.published_version, c.scheduled_at, c.published_at, c.rejected_reason, c.created_at, c.updated_at,
                v.version, v.title, v.body, v.body_format,
                coalesce(k.collaborates, false) AS collaborates,
                coalesce(a.username, '') AS username, coalesce(a.display_name, '') AS display_name, a.avatar_url,
                (SELECT f.rendition_key FROM media.pub_files f
                 WHERE f.media_id = c.cover_media_id AND f.status = 'ready') AS cover_key,
                (SELECT coalesce(jsonb_agg(to_jsonb(f) ORDER BY array_position(v.media_ids, f.media_id)), '[]')
                 FROM media.pub_files f WHERE f.media_id = ANY (v.media_ids)) AS media,
                (SELECT coalesce(jsonb_agg(to_jsonb(g) ORDER BY g.sort, g.category_id), '[]')
                 FROM content.content_category_map m JOIN content.content_categories g USING (category_id)
                 WHERE m.content_id = c.content_id) AS categories,
                (SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY t.tag_id), '[]')
                 FROM content.content_tag_map m JOIN content.content_tags t USING (tag_id)
                 WHERE m.content_id = c.content_id) AS tags,
                s.views, s.likes, s.favorites, s.comments, s.shares
            FROM content.contents c
            JOIN content.content_stats s USING (content_id)
            LEFT JOIN identity.pub_profiles a ON a.uid = c.author_id
            LEFT JOIN LATERAL (
                SELECT true AS collaborates FROM content.content_collaborators o
                WHERE o.content_id = c.content_id AND o.user_id = %(uid)s::bigint
            ) k ON true
            JOIN content.content_versions v ON v.content_id = c.content_id AND v.version = coalesce(%(version)s::int,
                CASE WHEN c.author_id = %(uid)s::bigint OR k.collaborates OR %(staff)s THEN c.version
                     ELSE coalesce(c.published_version, c.version) END)
            WHERE c.content_id = %(id)s
            """,
            {"id": content_id, "uid": uid, "version": version, "staff": staff},
        ).fetchone()


@dataclass(frozen=True, slots=True)
class Text:
    """What a version holds."""

    title: str
    body: str | None
    media_ids: tuple[int, ...]


def text(db: Connection, content_id: int, version: int) -> Text | None:
    """One version, which never changes; None when there is no such one."""
    row = db.execute(
        "SELECT title, body, media_ids FROM content.content_versions WHERE content_id = %s AND version = %s",
        (content_id, version),
    ).fetchone()
    return None if row is None else Text(row[0], row[1], tuple(row[2]))


def version(db: Connection, content_id: int, number: int, uid: int) -> dict[str, Any] | None:
    """One version with its text, and whether this person may edit the work; None when there is no such version."""
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            SELECT v.version, v.title, v.body, v.body_format, v.media_ids, v.change_note, v.editor_id, v.word_count,
                v.created_at, v.version = c.version AS is_current,
                v.version IS NOT DISTINCT FROM c.published_version AS is_published,
                c.author_id = %(uid)s OR EXISTS (
                    SELECT 1 FROM content.content_collaborators o
                    WHERE o.content_id = c.content_id AND o.user_id = %(uid)s AND o.role = 'editor') AS is_editor
            FROM content.content_versions v JOIN content.contents c USING (content_id)
            WHERE v.content_id = %(id)s AND v.version = %(number)s AND c.status <> 'deleted'
            """,
            {"id": content_id, "number": number, "uid": uid},
        ).fetchone()


def editor_of(db: Connection, content_id: int, uid: int) -> bool | None:
    """Whether this person may edit a work; None when there is no such work."""
    row = db.execute(
        """
        SELECT c.author_id = %(uid)s OR EXISTS (
            SELECT 1 FROM content.content_collaborators o
            WHERE o.content_id = c.content_id AND o.user_id = %(uid)s AND o.role = 'editor')
        FROM content.contents c WHERE c.content_id = %(id)s AND c.status <> 'deleted'
        """,
        {"id": content_id, "uid": uid},
    ).fetchone()
    return None if row is None else bool(row[0])


def categories(db: Connection) -> list[dict[str, Any]]:
    """Every category in use, in the order of the tree's siblings."""
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            SELECT category_id, parent_id, name, slug, names_i18n, sort, content_count FROM content.content_categories
            WHERE is_active ORDER BY sort, category_id
            """
        ).fetchall()


def plans_on_sale(db: Connection, author_id: int) -> list[int]:
    """The plans of an author one can subscribe to, lowest tier first."""
    rows = db.execute(
        "SELECT plan_id FROM subscriptions.pub_plans WHERE creator_id = %s AND status = 'active' ORDER BY tier, plan_id",
        (author_id,),
    ).fetchall()
    return [int(row[0]) for row in rows]
