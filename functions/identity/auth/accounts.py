"""Routes that open an account and prove its address and number."""

from fastapi import APIRouter

from functions.identity.auth.client import client_of
from functions.identity.errors import (
    CodeInvalid,
    ConsentRequired,
    DeviceBanned,
    EmailTaken,
    InvitationNotFound,
    PhoneTaken,
    UsernameTaken,
)
from functions.identity.schemas.accounts import RegisterIn, TokenPair
from functions.identity.schemas.sessions import VerifiedEmail, VerifiedPhone, VerifyEmailIn, VerifyPhoneIn
from functions.identity.service import registration
from shared.crypto import mask_phone
from shared.http.app import BASE
from shared.http.auth import Context, Public, SignedIn
from shared.http.envelope import Answer, answer
from shared.http.problems import problems
from shared.http.sql import Write
from shared.password_rules import WeakPassword

router = APIRouter(prefix=BASE + "/auth", tags=["identity"])


@router.post(
    "/register",
    status_code=201,
    responses=problems(
        EmailTaken, PhoneTaken, UsernameTaken, CodeInvalid, DeviceBanned, WeakPassword, ConsentRequired, InvitationNotFound
    ),
)
async def register(body: RegisterIn, _viewer: Public, context: Context, db: Write) -> Answer[TokenPair]:
    """Open an account by e-mail or phone, and sign in."""
    return answer(registration.register(db, body, client_of(context, body)))


@router.post("/verify-email", responses=problems(CodeInvalid, EmailTaken))
async def verify_email(body: VerifyEmailIn, caller: SignedIn, db: Write) -> Answer[VerifiedEmail]:
    """Bind an address to the caller's account, proved by a code."""
    registration.verify_email(db, caller.uid, body.email, body.code)
    return answer(VerifiedEmail.model_construct(email=body.email, email_verified=True))


@router.post("/verify-phone", responses=problems(CodeInvalid, PhoneTaken))
async def verify_phone(body: VerifyPhoneIn, caller: SignedIn, db: Write) -> Answer[VerifiedPhone]:
    """Bind a number to the caller's account, proved by a code."""
    registration.verify_phone(db, caller.uid, body.phone, body.code)
    return answer(VerifiedPhone.model_construct(phone=mask_phone(body.phone), phone_verified=True))
