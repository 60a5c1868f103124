"""Reading: what a person finds of a work depends on how they stand to it."""

from typing import Any

from functions.content import viewing
from functions.content.errors import (
    ContentNotFound,
    ContentRemoved,
    NotContentEditor,
    TrialNotOffered,
    VersionNotFound,
)
from functions.content.markup import render
from functions.content.models import paywall, seen_by
from functions.content.schemas import (
    Category,
    Content,
    ContentBrief,
    DraftBrief,
    TrialOut,
    VersionBrief,
    VersionOut,
    Viewer,
)
from functions.content.service import showing
from functions.content.store import lists
from functions.content.store import reading as store
from functions.content.trial import trial
from shared import clock
from shared.caller import Caller
from shared.http.context import RequestContext
from shared.http.envelope import Page
from shared.i18n import Locale
from shared.paging import PageQuery
from shared.sql.connection import Connection
from shared.views.access import may_use

_STAFF_READS = "content:read"
Row = dict[str, Any]


def detail(db: Connection, viewer: Caller | None, context: RequestContext, content_id: int, version: int | None) -> Content:
    """A work as this person may read it; without access its trial part. Counts the view of a published one."""
    row, trusted = _find(db, viewer, content_id, version)
    shown = _as_seen(db, viewer, row, context.locale, trusted=trusted)
    if row["status"] == "published":
        who = viewing.viewer_key(viewer.uid if viewer else None, context.ip, context.user_agent)
        views = viewing.count(content_id, who)
        shown.stats.views = max(shown.stats.views, views or 0)
    return shown


def for_author(db: Connection, caller: Caller, content_id: int, locale: Locale) -> Content:
    """A work as whoever has just changed it sees it."""
    row, _ = _find(db, caller, content_id, None)
    return _whole(row, locale, Viewer(liked=False, favorited=False, has_access=True))


def _find(db: Connection, viewer: Caller | None, content_id: int, version: int | None) -> tuple[Row, bool]:
    """The row and whether the viewer is trusted with everything in it. Raises ContentNotFound or ContentRemoved."""
    uid = viewer.uid if viewer else None
    staff = viewer is not None and viewer.may(_STAFF_READS)
    row = store.detail(db, content_id, uid, version, staff=staff)
    if row is None:
        raise ContentNotFound
    is_author, trusted = row["author_id"] == uid, staff or row["collaborates"]
    seen = seen_by(
        row["status"],
        insider=is_author or trusted,
        ever_published=row["published_version"] is not None,
        is_author=is_author,
    )
    if seen == "removed":
        raise ContentRemoved
    if seen == "unknown" or (version is not None and not is_author):
        raise ContentNotFound
    row["author"] = {name: row[name] for name in ("username", "display_name", "avatar_url")}
    row["stats"], row["shown_at"] = row, row["published_at"]
    return row, trusted


def _as_seen(db: Connection, viewer: Caller | None, row: Row, locale: Locale, *, trusted: bool) -> Content:
    decision = may_use(db, paywall(row), viewer.uid if viewer else None, clock.now(), trusted=trusted)
    person = Viewer(liked=False, favorited=False, has_access=decision.allowed) if viewer else None
    if decision.allowed:
        return _whole(row, locale, person)
    part = trial(row["body"], row["body_format"], row["preview_percent"])
    return showing.preview(row, locale, person, part.body, part.html)


def _whole(row: Row, locale: Locale, person: Viewer | None) -> Content:
    html = None if row["body"] is None else render(row["body"], row["body_format"]).html
    return showing.full(row, locale, person, html)


def trial_of(db: Connection, viewer: Caller | None, content_id: int) -> TrialOut:
    """The trial part of a work that is not free, and what would open the rest."""
    row, _ = _find(db, viewer, content_id, None)
    part = trial(row["body"], row["body_format"], row["preview_percent"])
    if row["access_level"] == "free" or not part.html:
        raise TrialNotOffered
    plans: list[int] = []
    if row["access_level"] == "subscribers":
        plans = row["plan_ids"] or store.plans_on_sale(db, row["author_id"])
    return TrialOut.model_construct(
        content_id=content_id,
        kind=row["kind"],
        trial_body=part.body,
        trial_url=None,
        trial_seconds=None,
        preview_percent=row["preview_percent"],
        required_plan_ids=plans,
        price=row["price"] if row["access_level"] == "paid" else None,
    )


def listed(
    db: Connection, viewer: Caller | None, query: PageQuery, filters: dict[str, object], locale: Locale
) -> Page[ContentBrief]:
    """Published works; of the viewer's own, those in every other state too."""
    listing = lists.MOST_LIKED if query.sort_by in lists.MOST_LIKED.sorts else lists.NEWEST
    if viewer is not None and filters["author_id"] == viewer.uid:
        listing = lists.OWN
    return listing.page(db, query, filters, lambda row: showing.brief(row, locale))


def drafts(db: Connection, caller: Caller, query: PageQuery, kind: str | None, locale: Locale) -> Page[DraftBrief]:
    """The caller's drafts and rejected works."""

    def build(row: Row) -> DraftBrief:
        return DraftBrief.model_construct(**dict(showing.brief(row, locale)), has_autosave=False)

    return lists.DRAFTS.page(db, query, {"author_id": caller.uid, "kind": kind}, build)


def categories(db: Connection, parent_id: int | None, locale: Locale, *, flat: bool) -> list[Category]:
    """The category tree, or what is below one category."""
    return showing.tree(store.categories(db), locale, parent_id, flat=flat)


def versions(db: Connection, caller: Caller, content_id: int, query: PageQuery) -> Page[VersionBrief]:
    """The versions of a work, latest first."""
    is_editor = store.editor_of(db, content_id, caller.uid)
    if is_editor is None:
        raise ContentNotFound
    if not is_editor:
        raise NotContentEditor
    return lists.VERSIONS.page(
        db, query, {"content_id": content_id}, lambda row: VersionBrief.model_construct(**_of(VersionBrief, row))
    )


def version(db: Connection, caller: Caller, content_id: int, number: int) -> VersionOut:
    """One version with its text."""
    row = store.version(db, content_id, number, caller.uid)
    if row is None:
        raise VersionNotFound
    if not row["is_editor"]:
        raise NotContentEditor
    return VersionOut.model_construct(**_of(VersionOut, row))


def _of(schema: type[VersionBrief], row: Row) -> Row:
    return {name: row[name] for name in schema.model_fields}
