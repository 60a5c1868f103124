"""Operators signing in."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from functions.identity.models import EMAIL_MAX
from functions.identity.schemas.fields import Secret
from shared.http.envelope import In, Out


class StaffLoginIn(In):
    email: Annotated[str, Field(max_length=EMAIL_MAX)]
    password: Secret
    totp_code: Annotated[str, Field(max_length=40)] | None = None


class Admin(Out):
    admin_id: int
    user_id: int
    email: str
    role: str
    permissions: list[str]
    department: str | None
    is_active: bool
    expires_at: datetime | None
    permissions_expire_at: datetime | None


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
