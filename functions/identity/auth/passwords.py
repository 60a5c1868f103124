"""Routes that set a password: forgotten, reset by a code, changed by who knows the old one."""

from fastapi import APIRouter

from functions.identity.auth.client import client_of
from functions.identity.errors import AccountLocked, CodeInvalid, CodeTooFrequent, SamePassword, WrongPassword
from functions.identity.schemas.passwords import (
    CodeOnItsWay,
    PasswordChanged,
    PasswordChangeIn,
    PasswordForgottenIn,
    PasswordReset,
    PasswordResetIn,
)
from functions.identity.service import password
from shared.http.app import BASE
from shared.http.auth import Context, Public, SignedIn
from shared.http.envelope import Answer, answer
from shared.http.problems import problems
from shared.http.sql import Read
from shared.password_rules import WeakPassword

router = APIRouter(prefix=BASE + "/auth", tags=["identity"])


@router.post("/forgot-password", responses=problems(CodeTooFrequent))
async def forgot_password(body: PasswordForgottenIn, _viewer: Public, context: Context, db: Read) -> Answer[CodeOnItsWay]:
    """Have a code sent to set a new password with; the answer is the same whether or not there is such an account."""
    seconds = password.forget(db, body.account, context.locale)
    return answer(CodeOnItsWay.model_construct(expires_in=seconds))


# These two judge in a transaction of their own, as signing in does: a refusal must not undo what it counted.
@router.post("/reset-password", responses=problems(CodeInvalid, WeakPassword))
async def reset_password(body: PasswordResetIn, _viewer: Public, context: Context, db: Read) -> Answer[PasswordReset]:
    """Set a new password with the code; every session ends."""
    password.reset(db, body.account, body.code, body.new_password, client_of(context))
    return answer(PasswordReset.model_construct(reset=True))


@router.post("/change-password", responses=problems(WrongPassword, WeakPassword, SamePassword, AccountLocked))
async def change_password(body: PasswordChangeIn, caller: SignedIn, context: Context, db: Read) -> Answer[PasswordChanged]:
    """Set a new password, knowing the old one; every other session ends."""
    password.change(db, caller, body.old_password, body.new_password, client_of(context))
    return answer(PasswordChanged.model_construct(changed=True))
