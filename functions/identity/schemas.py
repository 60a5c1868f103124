"""What identity receives and sends."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from functions.identity.models import EMAIL_MAX, PASSWORD_MAX, USERNAME, email_of, phone_of
from shared.http.envelope import Id, In, Out
from shared.i18n import Locale


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


Secret = Annotated[str, StringConstraints(strip_whitespace=False, max_length=PASSWORD_MAX)]
"""A password: spaces are part of it."""

Email = Annotated[str, Field(max_length=EMAIL_MAX), AfterValidator(_email)]
Phone = Annotated[str, Field(max_length=20), AfterValidator(_phone)]
Code = Annotated[str, Field(max_length=20)]
"""What a person typed as a one-time code; anything but the code sent is `code_invalid`, whatever its shape."""

DeviceType = Literal["iOS", "Android", "Web"]
Purpose = Literal[
    "register", "login", "verify_email", "verify_phone", "reset_password", "delete_account", "deactivate_account", "appeal"
]
Kind = Literal["identity", "creator"]
Status = Literal["pending", "approved", "rejected"]


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


class VerifyEmailIn(In):
    email: Email
    code: Code


class IdentityIn(In):
    real_name: Annotated[str, Field(min_length=1, max_length=50)]
    id_type: Literal["id_card", "passport"] = "id_card"
    id_number: Annotated[str, Field(max_length=30)]
    front_media_id: Id | None = None
    back_media_id: Id | None = None


class CreatorIn(In):
    field: Annotated[str, Field(min_length=1, max_length=100)]
    introduction: Annotated[str, Field(min_length=1, max_length=2000)]
    sample_urls: list[Annotated[str, Field(max_length=500, pattern=r"^https?://\S+$")]] | None = Field(None, max_length=20)
    contact: Annotated[str, Field(max_length=200)] | None = None


class ReviewIn(In):
    action: Literal["approve", "reject"]
    comment: Annotated[str, Field(max_length=1000)] | None = None


class StaffLoginIn(In):
    email: Annotated[str, Field(max_length=EMAIL_MAX)]
    password: Secret
    totp_code: Annotated[str, Field(max_length=40)] | None = None


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


class Revoked(Out):
    revoked: int


class CodeSent(Out):
    expires_in: int
    retry_after: int


class VerifiedEmail(Out):
    email: str
    email_verified: bool


class Verification(Out):
    verification_id: int
    user_id: int
    kind: Kind
    status: Status
    real_name_masked: str | None = None
    id_type: str | None = None
    id_number_masked: str | None = None
    payload: dict[str, Any] | None = None
    comment: str | None = None
    submitted_at: datetime
    reviewed_at: datetime | None = None


class Admin(Out):
    admin_id: int
    user_id: int
    email: str
    role: str
    permissions: list[str]
    department: str | None
    is_active: bool


class StaffTokens(Out):
    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a kind of token, not one
    expires_in: int
    admin: Admin


class StaffPermissions(Out):
    role: str
    permissions: list[str]
    allowed: bool | None


class Jwk(Out):
    kty: str
    use: str
    alg: str
    kid: str
    n: str
    e: str


class Jwks(Out):
    keys: list[Jwk]


class Issuer(Out):
    issuer: str
    jwks_uri: str
    token_endpoint: str
    id_token_signing_alg_values_supported: list[str]
    subject_types_supported: list[str]
    response_types_supported: list[str]
