"""Background jobs: one's own, newest first, and each by its id."""

from typing import Annotated

from fastapi import APIRouter, Query

from functions.platform import job_list
from functions.platform.errors import JobNotFound
from shared.dynamo.jobs import find_job
from shared.http.app import BASE
from shared.http.auth import SignedIn
from shared.http.envelope import Answer, Page, answer
from shared.http.jobs import JobOut, Status, job_out
from shared.http.paging import Paging
from shared.http.problems import problems

router = APIRouter(prefix=BASE + "/jobs", tags=["platform"])


@router.get("")
async def jobs(
    caller: SignedIn,
    query: Paging,
    kind: Annotated[str | None, Query(max_length=50)] = None,
    status: Status | None = None,
) -> Answer[Page[JobOut]]:
    """Own jobs of the last 30 days."""
    return answer(job_list.page(caller.uid, query, kind, status))


@router.get("/{job_id}", responses=problems(JobNotFound))
async def job(job_id: str, caller: SignedIn) -> Answer[JobOut]:
    """State and result of an own job; operators with `system:read` see any."""
    item = find_job(job_id)
    if item is None or (int(item.uid) != caller.uid and not caller.may("system:read")):
        raise JobNotFound
    return answer(job_out(item))
