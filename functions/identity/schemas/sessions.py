"""Signing in and out, refreshing, one-time codes."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from functions.identity.models import EMAIL_MAX
from functions.identity.schemas.accounts import OnDevice
from functions.identity.schemas.fields import Code, Email, Phone, Purpose, Secret
from shared.http.envelope import In, Out


class LoginIn(OnDevice):
    account: Annotated[str, Field(min_length=1, max_length=EMAIL_MAX)] | None = None
    password: Secret | None = None
    phone: Phone | None = None
    code: Code | None = None
    reactivate: bool = False

    @model_validator(mode="after")
    def _proves_someone(self) -> Self:
        if (self.account is None) == (self.phone is None):
            raise ValueError("请填写账号或手机号之一|give either an account or a phone number")
        if (self.password is None) == (self.code is None):
            raise ValueError("请填写密码或验证码之一|give either a password or a code")
        return self


class LogoutIn(In):
    all: bool = False


class RefreshIn(In):
    refresh_token: Annotated[str, Field(max_length=500)]


class CodeIn(In):
    channel: Literal["email", "sms"]
    target: Annotated[str, Field(max_length=EMAIL_MAX)]
    purpose: Purpose


class CodeSent(Out):
    expires_in: int
    retry_after: int


class VerifyEmailIn(In):
    email: Email
    code: Code


class VerifiedEmail(Out):
    email: str
    email_verified: bool


class VerifyPhoneIn(In):
    phone: Phone
    code: Code


class VerifiedPhone(Out):
    phone: str
    """Masked."""
    phone_verified: bool


class Revoked(Out):
    revoked: int
