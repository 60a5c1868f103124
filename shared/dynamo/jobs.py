"""Background jobs (table group `ops`): what a 202 promises, and how far it got."""

import json
from datetime import datetime, timedelta
from typing import Any, ClassVar

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from shared import clock
from shared.dynamo.base import ByGsi1, Item, meta
from shared.ids import new_ulid

KEPT = timedelta(days=30)
_LONGEST_ID = 64


class JobItem(Item):
    """pk `JOB#{job_id}`, sk `JOB`, gsi1 `U#{uid}` by creation time. Documents are JSON text."""

    Meta = meta("ops")

    gsi1pk: ClassVar[UnicodeAttribute] = UnicodeAttribute()
    gsi1sk: ClassVar[UnicodeAttribute] = UnicodeAttribute()
    by_gsi1 = ByGsi1()
    uid: ClassVar[NumberAttribute] = NumberAttribute()
    kind: ClassVar[UnicodeAttribute] = UnicodeAttribute()
    status: ClassVar[UnicodeAttribute] = UnicodeAttribute(default="queued")
    """`queued`, `running`, `succeeded`, `failed` or `cancelled`."""
    progress: ClassVar[NumberAttribute] = NumberAttribute(default=0)
    attempts: ClassVar[NumberAttribute] = NumberAttribute(default=0)
    params: ClassVar[UnicodeAttribute] = UnicodeAttribute(default="{}")
    result: ClassVar[UnicodeAttribute] = UnicodeAttribute(null=True)
    error: ClassVar[UnicodeAttribute] = UnicodeAttribute(null=True)
    started: ClassVar[UnicodeAttribute] = UnicodeAttribute()
    finished: ClassVar[UnicodeAttribute] = UnicodeAttribute(null=True)

    @property
    def job_id(self) -> str:
        """The public id."""
        return str(self.pk).removeprefix("JOB#")

    @property
    def created_at(self) -> datetime:
        """When the job was asked for."""
        return datetime.fromisoformat(self.started)

    @property
    def finished_at(self) -> datetime | None:
        """When it reached its final state."""
        return None if self.finished is None else datetime.fromisoformat(self.finished)

    def result_json(self) -> dict[str, Any] | None:
        """The result, once it succeeded."""
        return _document(self.result)

    def error_json(self) -> dict[str, Any] | None:
        """Why it failed."""
        return _document(self.error)

    def begin(self) -> None:
        """One more attempt starts."""
        self.update([JobItem.status.set("running"), JobItem.attempts.add(1)])

    def advance(self, percent: int) -> None:
        """Say how far it got, 0 to 100."""
        self.update([JobItem.progress.set(percent)])

    def succeed(self, result: dict[str, Any]) -> None:
        """Finished well."""
        self.update(
            [
                JobItem.status.set("succeeded"),
                JobItem.progress.set(100),
                JobItem.result.set(json.dumps(result, default=str)),
                JobItem.finished.set(clock.now().isoformat()),
            ]
        )

    def fail(self, error: str, message: str) -> None:
        """Finished badly; `error` is a stable name."""
        self.update(
            [
                JobItem.status.set("failed"),
                JobItem.error.set(json.dumps({"error": error, "message": message})),
                JobItem.finished.set(clock.now().isoformat()),
            ]
        )


def _document(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    document: dict[str, Any] = json.loads(text)
    return document


def open_job(uid: int, kind: str, params: dict[str, Any], job_id: str | None = None) -> JobItem:
    """Store a queued job of `uid`; give `job_id` when asking twice must find the same one."""
    now = clock.now()
    item = JobItem(
        f"JOB#{job_id or new_ulid()}",
        "JOB",
        gsi1pk=f"U#{uid}",
        gsi1sk=now.isoformat(),
        uid=uid,
        kind=kind,
        params=json.dumps(params, default=str),
        started=now.isoformat(),
        ttl=int((now + KEPT).timestamp()),
    )
    item.save()
    return item


def find_job(job_id: str) -> JobItem | None:
    """The job, or None; what is longer than any id of ours is not asked for, since a key has at most 2 KiB."""
    if len(job_id) > _LONGEST_ID:
        return None
    try:
        return JobItem.get(f"JOB#{job_id}", "JOB", consistent_read=True)
    except DoesNotExist:
        return None
