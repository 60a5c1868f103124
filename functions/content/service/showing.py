"""Rows as the API's objects."""

from collections.abc import Iterable, Mapping
from typing import Any

from functions.content.schemas import Category, Content, ContentBrief, Stats, Tag, Viewer
from shared.i18n import Locale
from shared.views.files import media_out, public_url
from shared.views.profiles import UserBrief

_FROM_ROW = tuple(
    name
    for name in ContentBrief.model_fields
    if name not in {"author", "cover_url", "categories", "tags", "is_preview", "published_at", "stats", "viewer"}
)


def brief(row: Mapping[str, Any], locale: Locale) -> ContentBrief:
    """A work in a list."""
    return ContentBrief.model_construct(**_common(row, locale))


def _common(row: Mapping[str, Any], locale: Locale) -> dict[str, Any]:
    author = row["author"] or {"username": "", "display_name": "", "avatar_url": None}
    return {name: row[name] for name in _FROM_ROW} | {
        "author": UserBrief.model_construct(
            user_id=row["author_id"],
            username=author["username"],
            display_name=author["display_name"],
            avatar_url=author["avatar_url"],
        ),
        "cover_url": public_url(row["cover_key"]) if row["cover_key"] else None,
        "categories": [category(one, locale) for one in row["categories"]],
        "tags": [Tag.model_construct(**{name: one[name] for name in Tag.model_fields}) for one in row["tags"]],
        "is_preview": False,
        "published_at": row["shown_at"],
        "stats": Stats.model_construct(**{name: row["stats"][name] for name in Stats.model_fields}),
        "viewer": None,
    }


def full(row: Mapping[str, Any], locale: Locale, viewer: Viewer | None, body_html: str | None) -> Content:
    """A work with everything in it."""
    return Content.model_construct(
        **_common(row, locale)
        | {"viewer": viewer, "body": row["body"], "body_html": body_html, "media": [media_out(one) for one in row["media"]]}
    )


def preview(row: Mapping[str, Any], locale: Locale, viewer: Viewer | None, body: str, body_html: str) -> Content:
    """A work of which only the trial part may be read; its files stay behind."""
    return Content.model_construct(
        **_common(row, locale)
        | {"is_preview": True, "viewer": viewer, "body": body, "body_html": body_html, "media": list[Any]()}
    )


def category(row: Mapping[str, Any], locale: Locale) -> Category:
    """A category by its name in the reader's language."""
    return Category.model_construct(
        category_id=row["category_id"],
        parent_id=row["parent_id"],
        name=row["names_i18n"].get(locale, row["name"]),
        slug=row["slug"],
        sort=row["sort"],
        content_count=row["content_count"],
        children=list[Category](),
    )


def tree(rows: Iterable[Mapping[str, Any]], locale: Locale, parent_id: int | None, *, flat: bool) -> list[Category]:
    """The categories below one (or all), nested or one after the other."""
    made = [category(row, locale) for row in rows]
    below: dict[int | None, list[Category]] = {}
    for one in made:
        below.setdefault(one.parent_id, []).append(one)
    if not flat:
        for one in made:
            one.children = below.get(one.category_id, [])
        return below.get(parent_id, [])
    if parent_id is None:
        return made
    return _walk(below, parent_id)


def _walk(below: Mapping[int | None, list[Category]], parent_id: int) -> list[Category]:
    return [found for one in below.get(parent_id, []) for found in (one, *_walk(below, one.category_id))]
