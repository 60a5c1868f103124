"""Routes of the security of one's own account, and of bans."""

from typing import Annotated

from fastapi import APIRouter, Query

from functions.identity.errors import (
    AccountLocked,
    LastLoginMethod,
    OauthAccountNotFound,
    TotpCodeInvalid,
    TotpRequiredForStaff,
)
from functions.identity.models import Client
from functions.identity.schemas.security import BanStatus, Security, SecurityChanged, SecurityIn
from functions.identity.service import ban_status, security
from shared.http.app import BASE
from shared.http.auth import Context, Public, SignedIn
from shared.http.envelope import Answer, answer
from shared.http.problems import problems
from shared.http.sql import Read

router = APIRouter(prefix=BASE, tags=["identity"])


@router.get("/users/security")
async def overview(caller: SignedIn, db: Read) -> Answer[Security]:
    """What opens one's own account, and how it was opened lately."""
    return answer(security.overview(db, caller.uid))


# Judged in a transaction of its own: a wrong one-time password is counted though the change is refused.
@router.put(
    "/users/security",
    responses=problems(LastLoginMethod, OauthAccountNotFound, TotpCodeInvalid, TotpRequiredForStaff, AccountLocked),
)
async def change(body: SecurityIn, caller: SignedIn, context: Context, db: Read) -> Answer[SecurityChanged]:
    """Change security settings, take a provider's account away, enrol, confirm or disable one-time passwords."""
    return answer(security.change(db, caller.uid, body, Client(context.ip, context.user_agent)))


@router.get("/auth/ban-status")
async def bans(
    _viewer: Public, context: Context, db: Read, device_id: Annotated[str | None, Query(max_length=128)] = None
) -> Answer[BanStatus]:
    """Whether the device, or the account of the bearer, is banned; asked with the token of a banned user as well."""
    return answer(ban_status.status(db, context.authorization, device_id, context.locale))
