"""Setting a password."""

from typing import Annotated

from pydantic import AfterValidator, Field

from functions.identity.models import EMAIL_MAX, email_of, phone_of
from functions.identity.schemas.fields import Code, Secret
from shared.http.envelope import In, Out


def _address_or_number(text: str) -> str:
    name = email_of(text) or phone_of(text)
    if name is None:
        raise ValueError("请填写邮箱或 E.164 格式的手机号|give an e-mail address, or a phone number in E.164")
    return name


AddressOrNumber = Annotated[str, Field(max_length=EMAIL_MAX), AfterValidator(_address_or_number)]


class PasswordForgottenIn(In):
    account: AddressOrNumber


class CodeOnItsWay(Out):
    expires_in: int


class PasswordResetIn(In):
    account: AddressOrNumber
    code: Code
    new_password: Secret


class PasswordReset(Out):
    reset: bool


class PasswordChangeIn(In):
    old_password: Secret
    new_password: Secret


class PasswordChanged(Out):
    changed: bool
