"""Storing what an author wrote: the work, its version, its files, categories and tags, in one statement."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from functions.content.models import Draft
from shared.sql.connection import Connection

_INSERTED = """
    made AS (
        INSERT INTO content.contents (author_id, kind, title, summary, body, body_format, cover_media_id, media_ids, status,
            access_level, plan_ids, price, preview_percent, preview_seconds, is_original, metadata, created_at, updated_at)
        VALUES (%(author)s, %(kind)s, %(title)s, %(summary)s, %(body)s, %(format)s, %(cover)s, %(media)s, 'draft',
            %(access)s, %(plans)s, %(price)s, %(percent)s, %(seconds)s, %(original)s, %(metadata)s, %(at)s, %(at)s)
        RETURNING content_id, version, title, body, body_format, media_ids
    ), counted AS (
        INSERT INTO content.content_stats (content_id, updated_at) SELECT content_id, %(at)s::timestamptz FROM made
    ),
"""
_UPDATED = """
    made AS (
        UPDATE content.contents
        SET kind = %(kind)s, title = %(title)s, summary = %(summary)s, body = %(body)s, body_format = %(format)s,
            cover_media_id = %(cover)s, media_ids = %(media)s, access_level = %(access)s, plan_ids = %(plans)s,
            price = %(price)s, preview_percent = %(percent)s, preview_seconds = %(seconds)s, is_original = %(original)s,
            metadata = %(metadata)s, version = version + %(steps)s::int,
            published_version = CASE WHEN %(shown)s THEN version + %(steps)s::int ELSE published_version END,
            updated_at = %(at)s
        WHERE content_id = %(id)s
        RETURNING content_id, version, title, body, body_format, media_ids
    ),
"""
# Tags are taken in one order by everyone, so that two works with the same tags do not deadlock.
_LINKED = """
    versioned AS (
        INSERT INTO content.content_versions
            (content_id, version, title, body, body_format, media_ids, word_count, change_note, editor_id, created_at)
        SELECT content_id, version, title, body, body_format, media_ids, %(words)s, %(note)s, %(editor)s, %(at)s::timestamptz
        FROM made WHERE %(steps)s::int = 1
    ), files AS (
        SELECT (f.value->>0)::bigint AS media_id, f.value->>1 AS role, f.ordinality::int AS position
        FROM jsonb_array_elements(%(files)s::jsonb) WITH ORDINALITY f
    ), unlinked AS (
        DELETE FROM content.content_media m USING made
        WHERE m.content_id = made.content_id
          AND NOT EXISTS (SELECT 1 FROM files f WHERE f.media_id = m.media_id AND f.role = m.role)
    ), linked AS (
        INSERT INTO content.content_media (content_id, media_id, role, position)
        SELECT content_id, media_id, role, position FROM made, files
        ON CONFLICT (content_id, media_id, role) DO UPDATE SET position = excluded.position
    ), uncategorised AS (
        DELETE FROM content.content_category_map m USING made
        WHERE m.content_id = made.content_id AND NOT m.category_id = ANY (%(categories)s::bigint[])
    ), categorised AS (
        INSERT INTO content.content_category_map (content_id, category_id)
        SELECT content_id, k FROM made, unnest(%(categories)s::bigint[]) k ORDER BY k ON CONFLICT DO NOTHING
    ), tags AS (
        INSERT INTO content.content_tags AS t (name, slug, created_at, updated_at)
        SELECT n, replace(lower(n), ' ', '-'), %(at)s::timestamptz, %(at)s::timestamptz
        FROM unnest(%(tags)s::text[]) n ORDER BY lower(n)
        ON CONFLICT (lower(name)) DO UPDATE SET name = t.name
        RETURNING tag_id
    ), untagged AS (
        DELETE FROM content.content_tag_map m USING made
        WHERE m.content_id = made.content_id AND %(tags)s::text[] IS NOT NULL
          AND NOT EXISTS (SELECT 1 FROM tags t WHERE t.tag_id = m.tag_id)
    ), tagged AS (
        INSERT INTO content.content_tag_map (content_id, tag_id)
        SELECT content_id, tag_id FROM made, tags ORDER BY tag_id ON CONFLICT DO NOTHING
    )
    SELECT content_id FROM made
"""


@dataclass(frozen=True, slots=True)
class Version:
    """Who made a version, what they said about it, and how long its text is."""

    editor_id: int
    note: str | None
    words: int


def insert(
    db: Connection,
    author_id: int,
    draft: Draft,
    category_ids: Sequence[int],
    tags: Sequence[str],
    *,
    words: int,
    at: datetime,
) -> int:
    """Store a new draft with its first version; its id."""
    parameters = _columns(draft) | _version(Version(author_id, None, words)) | _links(draft, category_ids, tags)
    (row,) = db.execute("WITH " + _INSERTED + _LINKED, parameters | {"author": author_id, "at": at}).fetchall()
    return int(row[0])


def update(
    db: Connection,
    content_id: int,
    draft: Draft,
    category_ids: Sequence[int] | None,
    tags: Sequence[str] | None,
    *,
    version: Version | None,
    shown: bool,
    at: datetime,
) -> None:
    """Store a locked work as changed; categories and tags that are None stay.

    `version` when the change makes one, `shown` when readers are to see the result at once.
    """
    parameters = _columns(draft) | _version(version) | _links(draft, category_ids, tags)
    db.execute("WITH " + _UPDATED + _LINKED, parameters | {"id": content_id, "shown": shown, "at": at})


def _version(version: Version | None) -> dict[str, object]:
    if version is None:
        return {"steps": 0, "editor": 0, "note": None, "words": 0}
    return {"steps": 1, "editor": version.editor_id, "note": version.note, "words": version.words}


def _links(draft: Draft, category_ids: Sequence[int] | None, tags: Sequence[str] | None) -> dict[str, object]:
    role = "body" if draft.kind == "article" else "main"
    files = [(media_id, role) for media_id in draft.media_ids]
    if draft.cover_media_id is not None:
        files.append((draft.cover_media_id, "cover"))
    return {
        "files": json.dumps(files),
        "categories": None if category_ids is None else list(category_ids),
        "tags": None if tags is None else list(tags),
    }


def _columns(draft: Draft) -> dict[str, object]:
    return {
        "kind": draft.kind,
        "title": draft.title,
        "summary": draft.summary,
        "body": draft.body,
        "format": draft.body_format,
        "cover": draft.cover_media_id,
        "media": list(draft.media_ids),
        "access": draft.access_level,
        "plans": list(draft.plan_ids),
        "price": draft.price or None,
        "percent": draft.preview_percent,
        "seconds": draft.preview_seconds,
        "original": draft.is_original,
        "metadata": json.dumps(draft.metadata),
    }
