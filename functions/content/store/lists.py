"""The lists of content: what readers find, what authors have, and the versions of one work."""

from typing import Any, Final

from shared.sql.listing import Listing

# Scalar subqueries, so that counting a list joins nothing. `mark_title` is what readers see.
_SHOWN: Final = """
    c.content_id, c.kind, c.summary, c.body_format, c.status, c.access_level, c.plan_ids, c.price, c.currency,
    c.preview_percent, c.is_original, c.published_version, c.scheduled_at, c.rejected_reason, c.created_at, c.updated_at,
    c.author_id, (SELECT to_jsonb(a) FROM identity.pub_profiles a WHERE a.uid = c.author_id) AS author,
    (SELECT f.rendition_key FROM media.pub_files f WHERE f.media_id = c.cover_media_id AND f.status = 'ready') AS cover_key,
    (SELECT coalesce(jsonb_agg(to_jsonb(g) ORDER BY g.sort, g.category_id), '[]')
     FROM content.content_category_map m JOIN content.content_categories g USING (category_id)
     WHERE m.content_id = c.content_id) AS categories,
    (SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY t.tag_id), '[]')
     FROM content.content_tag_map m JOIN content.content_tags t USING (tag_id) WHERE m.content_id = c.content_id) AS tags,
"""
_FOR_READERS: Final = """
    c.published_version AS version, c.published_at, c.published_at AS shown_at,
    (SELECT p.title FROM content.content_versions p
     WHERE p.content_id = c.content_id AND p.version = c.published_version) AS title,
"""
# What was never published is sorted by when it was begun.
_FOR_AUTHORS: Final = """
    c.version, c.title, coalesce(c.published_at, c.created_at) AS published_at, c.published_at AS shown_at,
"""
_STATS: Final = "(SELECT to_jsonb(s) FROM content.content_stats s WHERE s.content_id = c.content_id) AS stats"
_FILTERS: Final = {
    "author_id": "c.author_id = %(author_id)s",
    "kind": "c.kind = %(kind)s",
    "category_id": (
        "EXISTS (SELECT 1 FROM content.content_category_map m WHERE m.content_id = c.content_id"
        " AND m.category_id IN (SELECT content.subtree(%(category_id)s::bigint)))"
    ),
    "tag": (
        "EXISTS (SELECT 1 FROM content.content_tag_map m JOIN content.content_tags t USING (tag_id)"
        " WHERE m.content_id = c.content_id AND lower(t.name) = lower(%(tag)s))"
    ),
    "status": "c.status = %(status)s",
    "featured": "c.featured = %(featured)s",
}
# Works of somebody who has left for now are hidden with their account; who paid for one still opens it.
# NOT IN, since PostgreSQL then hashes those few once; as an anti-join it joins the ten thousand works that are counted.
_SHOWN_TO_READERS: Final = "c.status = 'published' AND c.author_id NOT IN (SELECT l.uid FROM identity.pub_left l)"

NEWEST: Listing[Any] = Listing(
    columns=_SHOWN + _FOR_READERS + _STATS,
    source="content.contents c",
    key=("content_id", "c.content_id"),
    sorts={"published_at": "c.published_at", "created_at": "c.created_at"},
    default_sort="published_at",
    filters=_FILTERS,
    always=_SHOWN_TO_READERS,
)

MOST_LIKED: Listing[Any] = Listing(
    columns=_SHOWN + _FOR_READERS + "s.views, s.likes, to_jsonb(s) AS stats",
    source="content.content_stats s JOIN content.contents c ON c.content_id = s.content_id",
    key=("content_id", "s.content_id"),
    sorts={"views": "s.views", "likes": "s.likes"},
    default_sort="views",
    filters=_FILTERS,
    always=_SHOWN_TO_READERS,
)

OWN: Listing[Any] = Listing(
    columns=_SHOWN + _FOR_AUTHORS + "s.views, s.likes, to_jsonb(s) AS stats",
    source="content.contents c JOIN content.content_stats s ON s.content_id = c.content_id",
    key=("content_id", "c.content_id"),
    sorts={
        "published_at": "coalesce(c.published_at, c.created_at)",
        "created_at": "c.created_at",
        "views": "s.views",
        "likes": "s.likes",
    },
    default_sort="published_at",
    filters=_FILTERS,
    always="c.status <> 'deleted'",
)

DRAFTS: Listing[Any] = Listing(
    columns=_SHOWN + _FOR_AUTHORS + _STATS,
    source="content.contents c",
    key=("content_id", "c.content_id"),
    sorts={"updated_at": "c.updated_at", "created_at": "c.created_at"},
    default_sort="updated_at",
    filters=_FILTERS,
    always="c.status IN ('draft', 'rejected')",
)

VERSIONS: Listing[Any] = Listing(
    columns=(
        "v.version, v.title, v.change_note, v.editor_id, v.word_count, v.created_at, v.version = c.version AS is_current,"
        " v.version IS NOT DISTINCT FROM c.published_version AS is_published"
    ),
    source="content.content_versions v JOIN content.contents c USING (content_id)",
    key=("version", "v.version"),
    sorts={"version": "v.version", "created_at": "v.created_at"},
    default_sort="version",
    filters={"content_id": "v.content_id = %(content_id)s"},
)
