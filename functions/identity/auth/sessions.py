"""Routes that open, refresh and end sessions of users."""

from fastapi import APIRouter

from functions.identity.auth.client import client_of
from functions.identity.errors import (
    AccountDeactivated,
    AccountLocked,
    CodeInvalid,
    DeviceBanned,
    InvalidCredentials,
    RefreshTokenInvalid,
    RefreshTokenReused,
)
from functions.identity.schemas.accounts import TokenPair
from functions.identity.schemas.sessions import LoginIn, LogoutIn, RefreshIn, Revoked
from functions.identity.service import login, sessions
from shared.errors import AccountBanned
from shared.http.app import BASE
from shared.http.auth import Context, Public, SignedIn
from shared.http.envelope import Answer, answer
from shared.http.problems import problems
from shared.http.sql import Read

router = APIRouter(prefix=BASE + "/auth", tags=["identity"])


# Signing in is judged in a transaction of its own, which ends before the refusal does (service/login.py): hence `Read`.
@router.post(
    "/login",
    responses=problems(InvalidCredentials, CodeInvalid, AccountLocked, AccountBanned, DeviceBanned, AccountDeactivated),
)
async def log_in(body: LoginIn, _viewer: Public, context: Context, db: Read) -> Answer[TokenPair]:
    """Sign in with a password, or with a code sent to the account's address or phone."""
    return answer(login.log_in(db, body, client_of(context, body)))


@router.post("/logout")
async def log_out(caller: SignedIn, body: LogoutIn | None = None) -> Answer[Revoked]:
    """End this session, or all of the account's."""
    ended = sessions.revoke_all(caller.uid) if body and body.all else sessions.revoke(caller.uid, caller.session_id)
    return answer(Revoked.model_construct(revoked=ended))


@router.post("/refresh", responses=problems(RefreshTokenInvalid, RefreshTokenReused, AccountBanned))
async def refresh(body: RefreshIn, _viewer: Public, db: Read) -> Answer[TokenPair]:
    """Rotate the refresh token; an old one used again ends the session."""
    return answer(sessions.refresh(db, body.refresh_token))
