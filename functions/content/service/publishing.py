"""Publishing: now, at a time, and back. Whoever publishes holds the work's lock, so a work is published once."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from events.content import ContentPublished, ContentScheduled
from functions.content.errors import ContentIncomplete, ContentNotFound, InvalidState, MediaNotReady, PublishAtInPast
from functions.content.gateways import scheduler
from functions.content.models import Obstacle, Work, obstacle
from functions.content.store import locking, reading, states
from shared import clock, observe
from shared.caller import Caller
from shared.ids import new_ulid
from shared.sql import outbox
from shared.sql.connection import Connection
from shared.sql.connection import reading as sql_reading
from shared.sql.edge import unit_of_work

_DUE_AT_ONCE = 500


def publish(db: Connection, caller: Caller, content_id: int, version: int | None) -> None:
    """Show a work to readers, in its current or an earlier version.

    What is published already may be published in another version; that is no new publication.
    """
    earlier = reading.text(db, content_id, version) if version else None
    work = _own(db, caller, content_id, earlier.media_ids if earlier else ())
    wanted = version or work.version
    if not work.may_be_published or (work.status == "published" and wanted == work.published_version):
        raise InvalidState(status=work.status)
    draft = work.draft
    if wanted != work.version:
        if earlier is None:
            raise ContentNotFound(version=wanted)
        draft = replace(draft, title=earlier.title, body=earlier.body, media_ids=earlier.media_ids)
    if found := obstacle(draft, work.known):
        raise _refusal(found)
    _show(db, work, wanted, draft.title, clock.now())


def _refusal(found: Obstacle) -> ContentIncomplete | MediaNotReady:
    if found.error == "content_incomplete":
        return ContentIncomplete(missing=found.missing)
    return MediaNotReady(media_ids=found.media_ids)


def _show(db: Connection, work: Work, version: int, title: str, now: datetime) -> None:
    first = work.status != "published"
    states.publish(db, work.content_id, version, now, now if first else None)
    if first:
        fact = ContentPublished(
            event_id=new_ulid(),
            occurred_at=now,
            content_id=work.content_id,
            author_id=work.author_id,
            kind=work.draft.kind,
            title=title,
            access_level=work.draft.access_level,
            published_at=now,
        )
        outbox.record(db, fact)


def take_back(db: Connection, caller: Caller, content_id: int) -> None:
    """Make a published, scheduled or rejected work a draft again."""
    work = _own(db, caller, content_id)
    if not work.may_be_taken_back:
        raise InvalidState(status=work.status)
    states.take_back(db, content_id, clock.now())


def schedule(db: Connection, caller: Caller, content_id: int, publish_at: datetime) -> None:
    """Have a draft published at a time to come; a time set before is replaced."""
    work = _own(db, caller, content_id)
    if not work.may_be_scheduled:
        raise InvalidState(status=work.status)
    now = clock.now()
    if publish_at <= now:
        raise PublishAtInPast(now=now)
    states.schedule(db, content_id, publish_at, now)
    outbox.record(
        db,
        ContentScheduled(
            event_id=new_ulid(),
            occurred_at=now,
            content_id=content_id,
            author_id=work.author_id,
            publish_at=publish_at,
        ),
    )


def arrange(_db: Connection, fact: ContentScheduled) -> None:
    """Make the Scheduler entry of a scheduled work. One that would lie in the past is left to the sweeper."""
    if fact.publish_at > clock.now():
        scheduler.publish_at(fact.content_id, fact.publish_at)


def publish_scheduled(db: Connection, content_id: int, now: datetime) -> bool:
    """Publish a work whose time has come; False when it is not its time, or another run has done it.

    A work that cannot be published becomes a draft again and says why; one whose files are still being inspected waits.
    Only what is scheduled has a time (a constraint of the table).
    """
    work = locking.lock(db, content_id)
    if work is None or work.scheduled_at is None or work.scheduled_at > now:
        return False
    found = obstacle(work.draft, work.known)
    if found is None:
        _show(db, work, work.version, work.draft.title, now)
        return True
    if not found.passing:
        states.take_back(db, content_id, now, reason=found.error)
    return False


def publish_due() -> int:
    """Publish every work whose time has come and that its own Scheduler entry missed; how many."""
    now = clock.now()
    with sql_reading() as db:
        waiting = states.due(db, now, _DUE_AT_ONCE)
    done = 0
    for content_id in waiting:
        try:
            with unit_of_work() as db:
                done += publish_scheduled(db, content_id, now)
        except Exception:  # noqa: BLE001 - one bad work must not hold back the others
            observe.error("scheduled work failed", content_id=content_id)
    return done


def _own(db: Connection, caller: Caller, content_id: int, media_ids: Sequence[int] = ()) -> Work:
    work = locking.lock(db, content_id, caller.uid, media_ids=media_ids)
    if work is None or work.author_id != caller.uid:
        raise ContentNotFound
    return work
