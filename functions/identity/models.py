"""What identity knows about an account, and the rules true of one of them. Nothing here touches the outside."""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from shared.i18n import Locale

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


def ban_holds(status: str, end: datetime | None, at: datetime) -> bool:
    """Whether an account is banned at that time; without an end the ban is for good."""
    return status == "banned" and (end is None or end > at)


LONGEST_LOCK = timedelta(hours=24)
"""How far lock-outs grow: 15 minutes, 30, an hour, 2, 4, 8, 16, then a day each time."""
LOCKS_REMEMBERED = timedelta(hours=24)
"""So long after a lock has ended, the next one is a first again."""


ADDRESSES_REMEMBERED = timedelta(hours=1)
MOST_ADDRESSES = 20


@dataclass(frozen=True, slots=True)
class Guesses:
    """What is remembered of attempts under one name: wrong passwords, the lock they led to, and the last hour's addresses.

    The same for an account and for a name nobody has. `recent_addresses` are addresses with the epoch second of the last
    attempt from each.
    """

    failed_count: int = 0
    failures_since: datetime | None = None
    locked_until: datetime | None = None
    lock_level: int = 0
    recent_addresses: dict[str, int] = field(default_factory=dict)

    def is_locked(self, at: datetime) -> bool:
        """Whether wrong passwords have locked the name."""
        return self.locked_until is not None and self.locked_until > at

    def after_failure(self, at: datetime, *, limit: int, lock: timedelta) -> "Guesses":
        """One more: the `limit`-th within `lock` locks the name for `lock`, doubled by every lock before.

        While it is locked nothing counts; a day after the end of a lock, or by a success, all is forgotten.
        """
        if self.is_locked(at):
            return self
        is_old = self.locked_until is not None and at >= self.locked_until + LOCKS_REMEMBERED
        level = 0 if is_old else self.lock_level
        is_counting = self.failures_since is not None and self.failures_since > at - lock
        count = self.failed_count + 1 if is_counting else 1
        if count < limit:
            return replace(
                self,
                failed_count=count,
                failures_since=self.failures_since if is_counting else at,
                locked_until=None if is_old else self.locked_until,
                lock_level=level,
            )
        # Sixteen doublings of a minute are longer than the longest lock; further ones would overflow.
        until = at + min(lock * 2 ** min(level, 16), LONGEST_LOCK)
        return replace(self, failed_count=0, failures_since=None, locked_until=until, lock_level=level + 1)

    def addresses_since(self, moment: datetime) -> dict[str, int]:
        """From where attempts came since then."""
        return {ip: seen for ip, seen in self.recent_addresses.items() if seen > moment.timestamp()}

    def after_attempt_from(self, ip: str, at: datetime) -> "Guesses":
        """One more attempt; what is older than an hour is forgotten, and all but the last twenty."""
        recent = self.addresses_since(at - ADDRESSES_REMEMBERED) | {ip: int(at.timestamp())}
        newest = sorted(recent.items(), key=lambda one: one[1])[-MOST_ADDRESSES:]
        return replace(self, recent_addresses=dict(newest))


@dataclass(frozen=True, slots=True)
class Account:
    """What sign-in needs to know of an account. `staff_password_hash`, when set, is the one an operator proves.

    One that is not `is_active` was switched off by an operator, and its owner cannot switch it on.
    """

    uid: int
    email: str | None
    phone: str | None
    username: str
    status: str
    is_active: bool
    ban_reason: str | None
    ban_end_time: datetime | None
    password_hash: str | None
    staff_password_hash: str | None
    totp_secret: str | None
    totp_pending: str | None
    totp_last_step: int
    recovery_code_hashes: list[str]
    login_alerts: bool
    locale: Locale
    has_devices: bool
    knows_device: bool
    guesses: Guesses

    def is_banned(self, at: datetime) -> bool:
        """Whether a ban holds at that time."""
        return ban_holds(self.status, self.ban_end_time, at)


@dataclass(frozen=True, slots=True)
class Staff:
    """The operator side of an account; `permissions` are those of the role and the extra ones, without doubles."""

    admin_id: int
    role: str
    permissions: tuple[str, ...]
    department: str | None
    is_active: bool
    expires_at: datetime | None
    permissions_expire_at: datetime | None


@dataclass(frozen=True, slots=True)
class Person:
    """An account as its owner sees it: `profile` has the fields of UserSelf, beside what tokens are made from."""

    uid: int
    profile: dict[str, Any]
    token_epoch: int
    single_session: bool
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
