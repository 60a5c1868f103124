"""The security of one's account, its sessions, and whether it is banned."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from functions.identity.providers import Provider
from shared.http.envelope import In, Out


class OauthAccount(Out):
    provider: Provider
    linked_at: datetime


class RecentLogin(Out):
    at: datetime
    ip: str
    device_type: str | None
    method: str
    ok: bool


class Security(Out):
    password_set: bool
    email: str | None
    email_verified: bool
    phone: str | None
    phone_verified: bool
    oauth_accounts: list[OauthAccount]
    totp_enabled: bool
    login_alerts: bool
    single_session: bool
    recent_logins: list[RecentLogin]


class TotpOffer(Out):
    """What an authenticator app takes; in force once a code of it was shown."""

    secret: str
    otpauth_uri: str


class SecurityChanged(Security):
    totp: TotpOffer | None = None
    recovery_codes: list[str] | None = None
    """Shown this once."""


class SecurityIn(In):
    login_alerts: bool | None = None
    single_session: bool | None = None
    unlink_provider: Provider | None = None
    totp_action: Literal["enroll", "confirm", "disable"] | None = None
    totp_code: Annotated[str, Field(max_length=40)] | None = None


class Session(Out):
    session_id: str
    device_id: str | None
    device_type: str | None
    app_version: str | None
    ip: str
    user_agent: str
    created_at: datetime
    last_seen_at: datetime
    current: bool


class BanStatus(Out):
    account_banned: bool
    device_banned: bool
    ban_reason: str | None
    ban_end_time: datetime | None
    notify_message: str | None
