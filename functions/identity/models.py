"""What identity knows about an account, and the rules true of one of them. Nothing here touches the outside."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

PASSWORD_MIN, PASSWORD_MAX = 8, 128
USERNAME = r"^[a-z0-9_]{3,32}$"
PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{1,62}"
)
EMAIL_MAX = 320

Channel = Literal["email", "sms"]
AccountName = Literal["email", "phone", "username"]


def email_of(text: str) -> str | None:
    """The address as we store it, in lower case; None when it is no address."""
    return text.lower() if len(text) <= EMAIL_MAX and EMAIL.fullmatch(text) else None


def phone_of(text: str) -> str | None:
    """The number in E.164; None when it is none."""
    return text if PHONE.fullmatch(text) else None


def target_of(channel: Channel, text: str) -> str | None:
    """Where a code goes: an address by e-mail, a number by SMS; None when it is neither."""
    return email_of(text) if channel == "email" else phone_of(text)


def account_name(text: str) -> tuple[AccountName, str]:
    """What a person typed as their account, and which of the three names it is."""
    if "@" in text:
        return "email", text.lower()
    return ("phone", text) if text.startswith("+") else ("username", text.lower())


def is_strong(password: str) -> bool:
    """Whether a password has 8 to 128 characters, a letter and a digit among them (IDN-001)."""
    return (
        PASSWORD_MIN <= len(password) <= PASSWORD_MAX
        and any(character.isalpha() for character in password)
        and any(character.isdigit() for character in password)
    )


def ban_holds(status: str, end: datetime | None, at: datetime) -> bool:
    """Whether an account is banned at that time; without an end the ban is for good."""
    return status == "banned" and (end is None or end > at)


@dataclass(frozen=True, slots=True)
class Account:
    """What sign-in needs to know of an account."""

    uid: int
    email: str | None
    status: str
    ban_reason: str | None
    ban_end_time: datetime | None
    password_hash: str | None
    locked_until: datetime | None
    totp_secret: str | None
    totp_last_step: int
    recovery_code_hashes: list[str]
    locale: str

    def is_banned(self, at: datetime) -> bool:
        """Whether a ban holds at that time."""
        return ban_holds(self.status, self.ban_end_time, at)

    def is_locked(self, at: datetime) -> bool:
        """Whether wrong passwords have locked it."""
        return self.locked_until is not None and self.locked_until > at


@dataclass(frozen=True, slots=True)
class Staff:
    """The operator side of an account; `permissions` are those of the role and the extra ones, without doubles."""

    admin_id: int
    role: str
    permissions: tuple[str, ...]
    department: str | None
    is_active: bool
    last_login_ip: str | None


@dataclass(frozen=True, slots=True)
class Person:
    """An account as its owner sees it: `profile` has the fields of UserSelf, beside what tokens are made from."""

    uid: int
    profile: dict[str, Any]
    token_epoch: int
    ban_reason: str | None
    ban_end_time: datetime | None
    staff: Staff | None

    def is_banned(self, at: datetime) -> bool:
        """Whether a ban holds at that time."""
        return ban_holds(str(self.profile["status"]), self.ban_end_time, at)

    @property
    def roles(self) -> list[str]:
        """Account roles, and the staff role of an active operator."""
        return list(self.profile["roles"])

    @property
    def locale(self) -> str:
        """Language of letters and of answers without Accept-Language."""
        return str(self.profile["locale"])


@dataclass(frozen=True, slots=True)
class Client:
    """Whence and with what a person signs in."""

    ip: str
    user_agent: str
    device_id: str | None = None
    device_type: str | None = None
    app_version: str | None = None


@dataclass(frozen=True, slots=True)
class NewAccount:
    """All that registration stores."""

    email: str | None
    phone: str | None
    verified: bool
    username: str
    display_name: str
    password_hash: str | None
    invitation_code: str
    invited_by: str | None
    locale: str
    client: Client
    at: datetime


@dataclass(frozen=True, slots=True)
class NewIdentity:
    """A real-name verification on its way into the store: encrypted, masked, and a keyed hash to find doubles by."""

    uid: int
    real_name: str
    real_name_masked: str
    id_type: str
    id_number: str
    id_number_masked: str
    id_number_hash: str
    media_ids: list[int] = field(default_factory=list)
