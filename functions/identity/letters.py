"""What is written to people, in both languages."""

from dataclasses import dataclass

from functions.identity.schemas.fields import Purpose
from shared.i18n import Locale

_PURPOSES: dict[Purpose, tuple[str, str]] = {
    "register": ("注册账号", "register"),
    "login": ("登录", "sign in"),
    "verify_email": ("验证邮箱", "verify your e-mail address"),
    "verify_phone": ("验证手机号", "verify your phone number"),
    "reset_password": ("重置密码", "reset your password"),
    "delete_account": ("注销账号", "delete your account"),
    "deactivate_account": ("停用账号", "deactivate your account"),
    "appeal": ("提交申诉", "submit an appeal"),
}


@dataclass(frozen=True, slots=True)
class Letter:
    """A short message; `code` stands alone for vendors that only fill a template."""

    subject: str
    text: str
    code: str
    locale: Locale


def code_letter(purpose: Purpose, code: str, locale: Locale) -> Letter:
    """The letter that carries a one-time code."""
    zh, en = _PURPOSES[purpose]
    if locale == "en":
        return Letter(
            f"{code} is your ShareStack code",
            f"Your code to {en} is {code}. It is valid for 5 minutes. If you did not ask for it, ignore this message.",
            code,
            locale,
        )
    return Letter(
        f"【ShareStack】验证码 {code}",
        f"您正在{zh}，验证码为 {code}，5 分钟内有效。如非本人操作，请忽略本消息。",
        code,
        locale,
    )
