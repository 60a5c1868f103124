"""Routes that open and end sessions; in a function of their own, the only one with password hashes and signing keys."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter

from functions.identity.errors import (
    AccountDeactivated,
    AccountLocked,
    CodeInvalid,
    CodeTooFrequent,
    ConsentRequired,
    DeviceBanned,
    EmailTaken,
    InvalidCredentials,
    InvitationNotFound,
    NotStaff,
    PhoneTaken,
    RefreshTokenInvalid,
    RefreshTokenReused,
    TargetInvalid,
    TotpInvalid,
    TotpRequired,
    UsernameTaken,
    WeakPassword,
)
from functions.identity.models import Client
from functions.identity.schemas.accounts import OnDevice, RegisterIn, TokenPair
from functions.identity.schemas.sessions import (
    CodeIn,
    CodeSent,
    LoginIn,
    LogoutIn,
    RefreshIn,
    Revoked,
    VerifiedEmail,
    VerifyEmailIn,
)
from functions.identity.schemas.staff import StaffLoginIn, StaffPermissions, StaffTokens
from functions.identity.service import codes, login, registration, sessions, staff
from shared.caller import Caller
from shared.errors import AccountBanned, IpNotAllowed
from shared.http.app import BASE, create_app, lambda_handler
from shared.http.auth import Context, Public, SignedIn
from shared.http.auth import staff as staff_rule
from shared.http.context import RequestContext
from shared.http.envelope import Answer, answer
from shared.http.problems import problems
from shared.http.sql import Read, Write
from shared.sql.audit import admin_operation

router = APIRouter(prefix=BASE + "/auth", tags=["identity"])
staff_router = APIRouter(prefix=BASE + "/admin/auth", tags=["identity"])

Operator = Annotated[Caller, staff_rule()]


def _client(context: RequestContext, body: OnDevice | None = None) -> Client:
    if body is None:
        return Client(context.ip, context.user_agent)
    return Client(context.ip, context.user_agent, body.device_id, body.device_type, body.app_version)


@router.post(
    "/register",
    status_code=201,
    responses=problems(
        EmailTaken, PhoneTaken, UsernameTaken, CodeInvalid, DeviceBanned, WeakPassword, ConsentRequired, InvitationNotFound
    ),
)
async def register(body: RegisterIn, _viewer: Public, context: Context, db: Write) -> Answer[TokenPair]:
    """Open an account by e-mail or phone, and sign in."""
    return answer(registration.register(db, body, _client(context, body)))


# Signing in is judged in a transaction of its own, which ends before the refusal does (service/login.py): hence `Read`.
@router.post(
    "/login",
    responses=problems(InvalidCredentials, CodeInvalid, AccountLocked, AccountBanned, DeviceBanned, AccountDeactivated),
)
async def log_in(body: LoginIn, _viewer: Public, context: Context, db: Read) -> Answer[TokenPair]:
    """Sign in with a password, or with a code sent to the account's address or phone."""
    return answer(login.log_in(db, body, _client(context, body)))


@router.post("/logout")
async def log_out(caller: SignedIn, body: LogoutIn | None = None) -> Answer[Revoked]:
    """End this session, or all of the account's."""
    ended = sessions.revoke_all(caller.uid) if body and body.all else sessions.revoke(caller.uid, caller.session_id)
    return answer(Revoked.model_construct(revoked=ended))


@router.post("/refresh", responses=problems(RefreshTokenInvalid, RefreshTokenReused, AccountBanned))
async def refresh(body: RefreshIn, _viewer: Public, db: Read) -> Answer[TokenPair]:
    """Rotate the refresh token; an old one used again ends the session."""
    return answer(sessions.refresh(db, body.refresh_token))


@router.post("/verification-codes", responses=problems(CodeTooFrequent, TargetInvalid))
async def request_code(body: CodeIn, _viewer: Public, context: Context, db: Read) -> Answer[CodeSent]:
    """Have a one-time code sent; the answer is the same whether or not the target has an account."""
    seconds = codes.request(db, body.channel, body.target, body.purpose, context.locale)
    return answer(CodeSent.model_construct(expires_in=seconds, retry_after=codes.GAP_SECONDS))


@router.post("/verify-email", responses=problems(CodeInvalid, EmailTaken))
async def verify_email(body: VerifyEmailIn, caller: SignedIn, db: Write) -> Answer[VerifiedEmail]:
    """Bind an address to the caller's account, proved by a code."""
    registration.verify_email(db, caller.uid, body.email, body.code)
    return answer(VerifiedEmail.model_construct(email=body.email, email_verified=True))


@staff_router.post(
    "/login",
    responses=problems(InvalidCredentials, TotpRequired, TotpInvalid, NotStaff, IpNotAllowed, AccountBanned, AccountLocked),
)
async def staff_log_in(body: StaffLoginIn, _viewer: Public, context: Context, db: Read) -> Answer[StaffTokens]:
    """Sign an operator in, with a one-time password when enrolled or required."""
    return answer(staff.log_in(db, body, _client(context)))


@staff_router.post("/logout")
async def staff_log_out(caller: Operator, context: Context, db: Write) -> Answer[Revoked]:
    """End the staff session."""
    admin_operation(db, caller, context, "logout", ("session", caller.uid))
    return answer(Revoked.model_construct(revoked=sessions.revoke(caller.uid, caller.session_id)))


@staff_router.get("/permissions")
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


app = create_app("identity", router, staff_router)
handler = lambda_handler(app)
