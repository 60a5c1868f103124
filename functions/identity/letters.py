"""What is written to people, in both languages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from functions.identity.schemas.fields import Purpose
from shared.clock import SHANGHAI
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
Alarm = Literal["lock_out", "impossible_frequency", "new_address", "password_changed"]
_ALARMS: dict[Alarm, tuple[str, str]] = {
    "lock_out": (
        "您的账号因多次输入错误密码已被暂时锁定。",
        "your account was locked for a while after too many wrong passwords.",
    ),
    "impossible_frequency": (
        "一小时内有三个或更多网络地址尝试登录您的账号。",
        "three or more network addresses tried to sign in to your account within an hour.",
    ),
    "new_address": (
        "您的运营账号从未使用过的网络地址登录。",
        "your operator's account signed in from an address it never used.",
    ),
    "password_changed": (
        "您的账号密码已修改，其他设备已退出登录。",
        "your password was changed, and your other devices were signed out.",
    ),
}


@dataclass(frozen=True, slots=True)
class Letter:
    """A short message. Vendors that only fill a template are given its `variables`, for a code that alone."""

    subject: str
    text: str
    code: str
    locale: Locale
    template: str = "SMS_ONE_TIME_CODE"
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def variables(self) -> Mapping[str, str]:
        """What fills the template."""
        return self.values or {"code": self.code}


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


def verification_letter(
    kind: Literal["identity", "creator"], status: Literal["approved", "rejected"], comment: str | None, locale: Locale
) -> Letter:
    """The letter that tells how a verification was decided. It names nobody and no number."""
    zh, en = {"identity": ("实名认证", "real-name verification"), "creator": ("创作者认证", "creator certification")}[kind]
    zh_result, en_result = {"approved": ("已通过", "was approved"), "rejected": ("未通过", "was not approved")}[status]
    if locale == "en":
        subject, text = f"Your {en} {en_result}", f"Your {en} on ShareStack {en_result}."
        rest = " You may correct it and hand it in again."
        reason, values = f" Reason: {comment}.", {"kind": en, "result": en_result}
    else:
        subject, text = f"【ShareStack】{zh}{zh_result}", f"您在 ShareStack 提交的{zh}{zh_result}。"
        rest, reason, values = "您可以修改后重新提交。", f"原因：{comment}。", {"kind": zh, "result": zh_result}
    if status == "rejected":
        text += (reason if comment else "") + rest
    return Letter(subject, text, "", locale, "SMS_VERIFICATION_RESULT", values)


def alarm_letter(alarm: Alarm, at: datetime, ip: str, locale: Locale) -> Letter:
    """The letter that tells the owner of an account what happened to it, when and from where."""
    zh, en = _ALARMS[alarm]
    moment = f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"
    if locale == "en":
        return Letter(
            "ShareStack security alert",
            f"On {moment} (Beijing time), {en} Address: {ip}. If this was not you, reset your password at once: it ends every "
            "session and lifts the lock. You can switch these alerts off in the security settings.",
            "",
            locale,
        )
    return Letter(
        "【ShareStack】安全提醒",
        f"北京时间 {moment}，{zh}网络地址：{ip}。如非本人操作，请立即重置密码，重置后所有设备将退出登录，锁定也将解除。"
        "您可在安全设置中关闭此提醒。",
        "",
        locale,
    )
