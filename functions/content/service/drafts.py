"""Writing: works are begun, changed, and put away."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from functions.content.errors import (
    CategoryNotFound,
    ContentNotFound,
    MediaNotFound,
    NotContentEditor,
    NotContentOwner,
    PlanNotFound,
    PriceRequired,
    VersionConflict,
)
from functions.content.markup import render, word_count
from functions.content.models import Draft, Known, Work, obstacle, unusable_files
from functions.content.schemas import ContentChange, ContentIn, DeletedOut
from functions.content.store import changes, locking, states
from functions.content.store.changes import Version
from shared import clock
from shared.caller import Caller
from shared.errors import ValidationFailed
from shared.sql.connection import Connection
from shared.sql.tunables import tunable

_PAYWALL = frozenset({"access_level", "plan_ids", "price", "preview_percent", "preview_seconds"})
_DRAFT_FIELDS = frozenset(Draft.__dataclass_fields__)


def create(db: Connection, caller: Caller, given: ContentIn) -> int:
    """Begin a work; its id."""
    draft = Draft(
        kind=given.kind,
        title=given.title,
        summary=given.summary,
        body=given.body,
        body_format=given.body_format,
        cover_media_id=given.cover_media_id,
        media_ids=tuple(given.media_ids or ()),
        access_level=given.access_level,
        plan_ids=tuple(given.plan_ids or ()),
        price=given.price,
        preview_percent=given.preview_percent,
        preview_seconds=given.preview_seconds,
        is_original=given.is_original,
        metadata=given.metadata or {},
    )
    if draft.lacks_a_price:
        raise PriceRequired
    category_ids = given.category_ids or []
    known = locking.known(db, caller.uid, draft.files, category_ids, draft.plan_ids)
    check_references(caller.uid, draft, known, category_ids=category_ids, plan_ids=draft.plan_ids)
    return changes.insert(db, caller.uid, draft, category_ids, given.tags or [], words=_words(draft), at=clock.now())


def update(db: Connection, caller: Caller, content_id: int, given: ContentChange) -> None:
    """Change a work. Title, text and files make a version, which readers of a published work see at once if it may be seen.

    Raises VersionConflict when the work has moved on from `base_version`.
    """
    wanted = {name: getattr(given, name) for name in given.model_fields_set}
    files = [*(given.media_ids or ()), *([given.cover_media_id] if given.cover_media_id else [])]
    work = locking.lock(
        db,
        content_id,
        caller.uid,
        media_ids=files,
        category_ids=given.category_ids or (),
        plan_ids=given.plan_ids or (),
    )
    work = _for_editor(work, caller, touches_paywall=bool(wanted.keys() & _PAYWALL))
    if given.base_version not in {None, work.version}:
        raise VersionConflict(current_version=work.version)
    draft = _changed(work.draft, wanted)
    if work.status == "published" and draft.kind != work.draft.kind:
        raise ValidationFailed([{"field": "body.kind", "message": work.draft.kind}])
    if draft.lacks_a_price:
        raise PriceRequired
    cited = draft if wanted.keys() & {"media_ids", "cover_media_id"} else replace(draft, media_ids=(), cover_media_id=None)
    check_references(work.author_id, cited, work.known, category_ids=given.category_ids or (), plan_ids=given.plan_ids or ())
    version = None
    if draft.new_version_from(work.draft):
        version = Version(caller.uid, given.change_note, _words(draft))
    may_be_seen = obstacle(draft, work.known) is None
    changes.update(
        db,
        content_id,
        draft,
        given.category_ids,
        given.tags,
        version=version,
        shown=work.status == "published" and version is not None and may_be_seen,
        at=clock.now(),
    )


def _for_editor(work: Work | None, caller: Caller, *, touches_paywall: bool) -> Work:
    if work is None:
        raise ContentNotFound
    if not work.is_editor or (touches_paywall and work.author_id != caller.uid):
        raise NotContentEditor
    return work


def _changed(draft: Draft, wanted: dict[str, Any]) -> Draft:
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in wanted.items() if name in _DRAFT_FIELDS
    }
    return replace(draft, **fields)


def check_references(
    author_id: int, draft: Draft, known: Known, *, category_ids: Sequence[int], plan_ids: Sequence[int]
) -> None:
    """Raise for the first kind of thing the work refers to that is not there, or not its author's."""
    if wrong := unusable_files(author_id, draft, known):
        raise MediaNotFound(media_ids=wrong)
    if wrong := [one for one in category_ids if one not in known.categories]:
        raise CategoryNotFound(category_ids=wrong)
    if wrong := [one for one in plan_ids if one not in known.plans]:
        raise PlanNotFound(plan_ids=wrong)


def delete(db: Connection, caller: Caller, content_id: int) -> DeletedOut:
    """Put a work away; its author may have it back for some days."""
    work = locking.lock(db, content_id, caller.uid)
    if work is None:
        raise ContentNotFound
    if work.author_id != caller.uid:
        raise NotContentOwner
    now = clock.now()
    states.delete(db, content_id, now)
    until = now + timedelta(days=tunable(db, "content.restore_days"))
    return DeletedOut.model_construct(content_id=content_id, status="deleted", restorable_until=until)


def _words(draft: Draft) -> int:
    return word_count(render(draft.body, draft.body_format).text) if draft.body else 0
