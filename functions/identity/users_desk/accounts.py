"""One account opened, changed or deleted by an operator."""

from typing import Annotated

from fastapi import APIRouter, Query

from functions.identity.desk_errors import LastSuperAdmin, RoleNotGrantable
from functions.identity.errors import (
    BalanceNotZero,
    CannotDeleteStaff,
    EmailTaken,
    PhoneTaken,
    UsernameTaken,
    UserNotFound,
)
from functions.identity.schemas.desk import AdminUser, Deleted, NewUserIn, UserChange
from functions.identity.service import desk_changes, user_statistics
from shared import password_rules, passwords
from shared.caller import Caller
from shared.errors import PermissionDenied
from shared.http.app import BASE
from shared.http.auth import Context, staff
from shared.http.envelope import Answer, PathId, answer
from shared.http.problems import problems
from shared.http.sql import Steps
from shared.password_rules import WeakPassword
from shared.sql.edge import unit_of_work

router = APIRouter(prefix=BASE + "/admin/users", tags=["admin"])

Writer = Annotated[Caller, staff("user:write")]


# Each route opens its transaction itself: the password is hashed before it, the totals are forgotten after it.
@router.post(
    "",
    status_code=201,
    responses=problems(EmailTaken, PhoneTaken, UsernameTaken, RoleNotGrantable, WeakPassword),
)
async def create_user(*, body: NewUserIn, caller: Writer, context: Context, _steps: Steps) -> Answer[AdminUser]:
    """Open an account; without a password its owner sets one by a code."""
    hashed = None
    if body.password is not None:
        password_rules.check(body.password, body.email, body.phone, body.username)
        hashed = passwords.hashed(body.password)
    with unit_of_work() as db:
        made = desk_changes.create(db, body, hashed, caller, context)
    user_statistics.forget()
    return answer(made)


@router.put(
    "/{user_id:int}",
    responses=problems(UserNotFound, EmailTaken, PhoneTaken, RoleNotGrantable, PermissionDenied, LastSuperAdmin),
)
async def change_user(
    *, user_id: PathId, body: UserChange, caller: Writer, context: Context, _steps: Steps
) -> Answer[AdminUser]:
    """Change an account; one that becomes inactive is signed out everywhere."""
    with unit_of_work() as db:
        made = desk_changes.change(db, user_id, body, caller, context)
    user_statistics.forget()
    return answer(made)


@router.delete("/{user_id:int}", responses=problems(UserNotFound, CannotDeleteStaff, BalanceNotZero))
async def delete_user(
    *,
    user_id: PathId,
    reason: Annotated[str, Query(min_length=1, max_length=500)],
    caller: Annotated[Caller, staff("user:manage")],
    context: Context,
    _steps: Steps,
) -> Answer[Deleted]:
    """Delete an account: hidden and signed out at once, erased after the grace period of a deletion."""
    with unit_of_work() as db:
        desk_changes.remove(db, user_id, reason, caller, context)
    user_statistics.forget()
    return answer(Deleted.model_construct(deleted=True))
