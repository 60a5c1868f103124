"""Routes that open and end sessions of operators, and tell what they may."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter

from functions.identity.auth.client import client_of
from functions.identity.errors import AccountLocked, InvalidCredentials, NotStaff, TotpInvalid, TotpRequired
from functions.identity.schemas.sessions import Revoked
from functions.identity.schemas.staff import StaffLoginIn, StaffPermissions, StaffTokens
from functions.identity.service import sessions, staff
from shared.caller import Caller
from shared.errors import AccountBanned, IpNotAllowed
from shared.http.app import BASE
from shared.http.auth import Context, Public
from shared.http.auth import staff as staff_rule
from shared.http.envelope import Answer, answer
from shared.http.problems import problems
from shared.http.sql import Read, Write
from shared.sql.audit import admin_operation

router = APIRouter(prefix=BASE + "/admin/auth", tags=["identity"])

Operator = Annotated[Caller, staff_rule()]


@router.post(
    "/login",
    responses=problems(InvalidCredentials, TotpRequired, TotpInvalid, NotStaff, IpNotAllowed, AccountBanned, AccountLocked),
)
async def log_in(body: StaffLoginIn, _viewer: Public, context: Context, db: Read) -> Answer[StaffTokens]:
    """Sign an operator in, with a one-time password when enrolled or required."""
    return answer(staff.log_in(db, body, client_of(context)))


@router.post("/logout")
async def log_out(caller: Operator, context: Context, db: Write) -> Answer[Revoked]:
    """End the staff session."""
    admin_operation(db, caller, context, "logout", ("session", caller.uid))
    return answer(Revoked.model_construct(revoked=sessions.revoke(caller.uid, caller.session_id)))


@router.get("/permissions")
async def permissions(caller: Operator, db: Read, check: str | None = None) -> Answer[StaffPermissions]:
    """The operator's role and permissions as of now; with `check`, whether one of them is held."""
    held = staff.standing(db, caller.uid)
    return answer(
        StaffPermissions.model_construct(
            role=held.role,
            permissions=list(held.permissions),
            allowed=None if check is None else _may(caller, held.permissions, check),
        )
    )


def _may(caller: Caller, permissions: tuple[str, ...], check: str) -> bool:
    """The rule of every route, applied to the permissions of now."""
    return replace(caller, permissions=permissions).may(check)
