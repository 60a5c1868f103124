"""Routes of leaving: deactivate, delete, take one's data along. A function of their own, since a password may prove it."""

from typing import Annotated

from fastapi import APIRouter, Query

from functions.identity.errors import (
    AccountLocked,
    BalanceNotZero,
    CannotDeleteStaff,
    CodeInvalid,
    ExportTooFrequent,
    WithdrawalInProgress,
    WrongPassword,
)
from functions.identity.models import Client
from functions.identity.schemas.life import Deactivated, DeactivateIn, ExportIn, PendingDeletion
from functions.identity.service import data_export, deactivation, deletion
from functions.identity.trail import Trail
from shared.http.app import BASE, create_app, lambda_handler
from shared.http.auth import Context, SignedIn
from shared.http.envelope import Answer, answer
from shared.http.jobs import JobOut, job_out
from shared.http.problems import problems
from shared.http.sql import Read, Write

router = APIRouter(prefix=BASE + "/users", tags=["identity"])


# A wrong password is counted in a transaction that ends before the refusal does (service/login.py): hence `Read`.
@router.post("/deactivate", responses=problems(WrongPassword, CodeInvalid, AccountLocked))
async def deactivate(body: DeactivateIn, caller: SignedIn, context: Context, db: Read) -> Answer[Deactivated]:
    """Hide the account and end its sessions, until its owner signs in with `reactivate`."""
    deactivation.deactivate(db, caller.uid, body, Client(context.ip, context.user_agent))
    return answer(Deactivated.model_construct(status="deactivated"))


@router.delete("/delete", responses=problems(CodeInvalid, BalanceNotZero, WithdrawalInProgress, CannotDeleteStaff))
async def delete(code: Annotated[str, Query(max_length=20)], caller: SignedIn, db: Write) -> Answer[PendingDeletion]:
    """Ask for the account to be deleted: hidden at once, erased after the grace period, unless its owner signs in again."""
    delete_at = deletion.ask(db, caller.uid, code)
    return answer(PendingDeletion.model_construct(status="pending_deletion", delete_at=delete_at))


@router.post("/export-data", status_code=202, responses=problems(ExportTooFrequent))
async def export_data(body: ExportIn, caller: SignedIn, db: Write) -> Answer[JobOut]:
    """Have all own data copied into one file; the job tells how far it is, and then where it lies."""
    return answer(job_out(data_export.ask(db, caller.uid, body.format)))


app = create_app("identity", router)
app.add_middleware(Trail)
handler = lambda_handler(app)
