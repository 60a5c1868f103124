"""Routes of merging two accounts of one person. A function of its own, since a password may prove the other one."""

from fastapi import APIRouter

from functions.identity.errors import (
    AccountLocked,
    InvalidCredentials,
    MergeBlocked,
    MergeExpired,
    MergeNotFound,
    MergeNotUndoable,
    MergeSameAccount,
)
from functions.identity.models import Client
from functions.identity.schemas.merges import ConfirmIn, Merged, MergeIn, MergeOut, Undone
from functions.identity.service import merging, profiles
from functions.identity.trail import Trail
from shared.http.app import BASE, create_app, lambda_handler
from shared.http.auth import Context, SignedIn
from shared.http.envelope import Answer, PathId, answer
from shared.http.idempotency import OnceOnly
from shared.http.problems import problems
from shared.http.sql import Read, Steps
from shared.sql.edge import unit_of_work

router = APIRouter(prefix=BASE + "/users/merge", tags=["identity"])


# A wrong password is counted in a transaction that ends before the refusal does (service/login.py): hence `Read`.
@router.post("", responses=problems(InvalidCredentials, MergeSameAccount, MergeBlocked, AccountLocked))
async def merge(body: MergeIn, caller: SignedIn, context: Context, db: Read) -> Answer[MergeOut]:
    """Start merging another own account, proved by its password or a code, into this one; shows where they differ."""
    return answer(merging.start(db, caller.uid, body, Client(context.ip, context.user_agent)))


@router.post("/{merge_id:int}/confirm", responses=problems(MergeNotFound, MergeExpired, MergeBlocked))
async def confirm_merge(
    merge_id: PathId, body: ConfirmIn, caller: SignedIn, context: Context, _steps: Steps, once: OnceOnly
) -> Answer[Merged]:
    """Merge them. Once it is committed, live sessions of this account may what the other one might."""
    with unit_of_work() as db:
        once.claim(db, caller)
        merged = once.keep(db, answer(merging.confirm(db, caller.uid, merge_id, dict(body.choices), context.locale)))
    profiles.spread(caller.uid)
    return merged


@router.post("/{merge_id:int}/undo", responses=problems(MergeNotFound, MergeNotUndoable))
async def undo_merge(merge_id: PathId, caller: SignedIn, _steps: Steps) -> Answer[Undone]:
    """Give the other account back all that was moved, within seven days. Live sessions follow."""
    with unit_of_work() as db:
        merging.undo(db, caller.uid, merge_id)
    profiles.spread(caller.uid)
    return answer(Undone.model_construct(undone=True))


app = create_app("identity", router)
app.add_middleware(Trail)
handler = lambda_handler(app)
