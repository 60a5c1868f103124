"""Many accounts at once: up to a hundred opened or deleted with an answer for each, any number changed by a job."""

from typing import Annotated

from fastapi import APIRouter

from functions.identity.desk_errors import BatchTooLarge, NothingSelected
from functions.identity.schemas.desk import BatchCreated, BatchDeleted, BulkUpdateIn, DeleteUsersIn, NewUsersIn
from functions.identity.service import bulk_updates, desk_batches, user_statistics
from shared.caller import Caller
from shared.http.app import BASE
from shared.http.auth import Context, staff
from shared.http.envelope import Answer, answer
from shared.http.jobs import JobOut, job_out
from shared.http.problems import problems
from shared.http.sql import Steps
from shared.sql.edge import unit_of_work

router = APIRouter(prefix=BASE + "/admin/users", tags=["admin"])

Manager = Annotated[Caller, staff("user:manage")]


@router.post("/batch-create", status_code=201, responses=problems(BatchTooLarge))
async def batch_create(*, body: NewUsersIn, caller: Manager, context: Context, _steps: Steps) -> Answer[BatchCreated]:
    """Open up to a hundred accounts; each says for itself whether it was."""
    made = desk_batches.create(body.items, caller, context)
    user_statistics.forget()
    return answer(made)


@router.post("/batch-delete", responses=problems(BatchTooLarge))
async def batch_delete(*, body: DeleteUsersIn, caller: Manager, context: Context, _steps: Steps) -> Answer[BatchDeleted]:
    """Delete up to a hundred accounts; each says for itself whether it was."""
    with unit_of_work() as db:
        done = desk_batches.delete(db, body, caller, context)
    user_statistics.forget()
    return answer(done)


@router.post("/batch-update", status_code=202, responses=problems(NothingSelected))
async def batch_update(*, body: BulkUpdateIn, caller: Manager, context: Context, _steps: Steps) -> Answer[JobOut]:
    """Change state or membership of many accounts, named or found by a filter; the job tells how far it is."""
    return answer(job_out(bulk_updates.ask(body, caller, context)))
