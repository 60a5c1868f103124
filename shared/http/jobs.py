"""The contract's Job, as a 202 and PLT-009 send it."""

from datetime import datetime
from typing import Literal, cast

from shared.dynamo.jobs import JobItem
from shared.http.app import BASE
from shared.http.envelope import Out

Status = Literal["queued", "running", "succeeded", "failed", "cancelled"]


class JobOut(Out):
    """A background job and how far it got."""

    job_id: str
    kind: str
    status: Status
    progress: int
    attempts: int
    result: dict[str, object] | None
    error: dict[str, object] | None
    created_at: datetime
    finished_at: datetime | None
    status_url: str


def job_out(item: JobItem) -> JobOut:
    """The job as the outside sees it."""
    return JobOut.model_construct(
        job_id=item.job_id,
        kind=item.kind,
        status=cast("Status", item.status),
        progress=int(item.progress),
        attempts=int(item.attempts),
        result=item.result_json(),
        error=item.error_json(),
        created_at=item.created_at,
        finished_at=item.finished_at,
        status_url=f"{BASE}/jobs/{item.job_id}",
    )
