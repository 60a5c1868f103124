"""Field types that several bodies share."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from functions.identity.models import EMAIL_MAX, email_of, phone_of
from shared.password_rules import LONGEST


def _email(text: str) -> str:
    email = email_of(text)
    if email is None:
        raise ValueError("邮箱格式不正确|must be an e-mail address")
    return email


def _phone(text: str) -> str:
    phone = phone_of(text)
    if phone is None:
        raise ValueError("手机号须为 E.164 格式，如 +8613800138000|must be a phone number in E.164, like +8613800138000")
    return phone


Secret = Annotated[str, StringConstraints(strip_whitespace=False, max_length=LONGEST)]
"""A password: spaces are part of it."""

Email = Annotated[str, Field(max_length=EMAIL_MAX), AfterValidator(_email)]
Phone = Annotated[str, Field(max_length=20), AfterValidator(_phone)]
Code = Annotated[str, Field(max_length=20)]
"""What a person typed as a one-time code; anything but the code sent is `code_invalid`, whatever its shape."""

DeviceType = Literal["iOS", "Android", "Web"]
Purpose = Literal[
    "register", "login", "verify_email", "verify_phone", "reset_password", "delete_account", "deactivate_account", "appeal"
]
