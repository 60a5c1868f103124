"""Accounts: opening one, and as its owner sees it."""

from datetime import date, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from functions.identity.models import USERNAME
from functions.identity.schemas.fields import Code, DeviceType, Email, Phone, Secret
from shared.http.envelope import In, Out
from shared.i18n import Locale


class OnDevice(In):
    """Fields of bodies that open a session."""

    device_id: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    device_type: DeviceType | None = None
    app_version: Annotated[str, Field(max_length=50)] | None = None


class RegisterIn(OnDevice):
    email: Email | None = None
    phone: Phone | None = None
    code: Code | None = None
    password: Secret
    username: Annotated[str, Field(pattern=USERNAME)] | None = None
    display_name: Annotated[str, Field(min_length=1, max_length=50)] | None = None
    invitation_code: Annotated[str, Field(min_length=1, max_length=50)] | None = None
    locale: Locale = "zh-CN"
    agree_terms: bool

    @model_validator(mode="after")
    def _names_someone(self) -> Self:
        if (self.email is None) == (self.phone is None):
            raise ValueError("请填写邮箱或手机号之一|give either an e-mail address or a phone number")
        if self.phone is not None and self.code is None:
            raise ValueError("使用手机号注册需要验证码|a code is required with a phone number")
        return self


class UserSelf(Out):
    """An account as its owner sees it."""

    user_id: int
    username: str
    display_name: str
    avatar_url: str | None
    bio: str | None
    location: str | None
    is_creator: bool
    identity_verified: bool
    followers_count: int
    following_count: int
    contents_count: int
    likes_count: int
    pins: list[int]
    created_at: datetime
    id: UUID
    email: str | None
    phone: str | None
    email_verified: bool
    phone_verified: bool
    status: str
    roles: list[str]
    permissions: list[str]
    dedication: str | None
    country: str | None
    language: str | None
    education: str | None
    birthday: date | None
    gender: str | None
    region: str | None
    preferred_languages: list[str]
    locale: str
    timezone: str
    currency: str
    wallet_address: str | None
    membership_level: Literal["free", "basic", "premium", "professional"]
    membership_expires_at: datetime | None
    identity_status: Literal["none", "pending", "approved", "rejected"]
    creator_status: Literal["none", "pending", "approved", "rejected"]
    invitation_code: str
    direct_invited_count: int
    group_size: int
    group_grade: int
    vip_code: str | None
    last_login_at: datetime | None
    last_login_method: str | None
    delete_at: datetime | None


class TokenPair(Out):
    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a kind of token, not one
    expires_in: int
    refresh_expires_in: int
    session_id: str
    user: UserSelf
