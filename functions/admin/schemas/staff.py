"""Staff accounts, as sent and as shown."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from functions.admin.models import ROLE_NAME, Operator
from functions.admin.schemas.permissions import Permissions
from shared import clock, crypto
from shared.http.envelope import Id, In, Out

_PASSWORD_MAX = 128


def _in_utc(moment: datetime) -> datetime:
    """A time without zone is read as UTC (rules.md §0); one that is over grants nothing."""
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    if moment <= clock.now():
        raise ValueError("必须是将来的时间|must be in the future")
    return moment


Ending = Annotated[datetime, AfterValidator(_in_utc)]
RoleName = Annotated[str, Field(pattern=ROLE_NAME)]
Department = Annotated[str, Field(max_length=100)]


class AdminIn(In):
    """`expires_at` ends the account, `permissions_expire_at` the extra permissions."""

    user_id: Id
    role: RoleName
    permissions: Permissions | None = None
    department: Department | None = None
    password: Annotated[str, StringConstraints(strip_whitespace=False, max_length=_PASSWORD_MAX)] | None = None
    expires_at: Ending | None = None
    permissions_expire_at: Ending | None = None


class AdminChangeIn(In):
    """What is not sent stays; null empties the department and takes an end away."""

    role: RoleName | None = None
    permissions: Permissions | None = None
    department: Department | None = None
    is_active: bool | None = None
    expires_at: Ending | None = None
    permissions_expire_at: Ending | None = None


class Admin(Out):
    """`permissions` are all the account gives now; `is_active` is false once it has ended."""

    admin_id: int
    user_id: int
    email: str
    role: str
    permissions: list[str]
    department: str | None
    is_active: bool
    expires_at: datetime | None
    permissions_expire_at: datetime | None


def admin_out(operator: Operator) -> Admin:
    """An operator as others see it."""
    now = clock.now()
    holds = operator.holds_at(now)
    return Admin.model_construct(
        admin_id=operator.admin_id,
        user_id=operator.user_id,
        email=crypto.mask_account(operator.email) if operator.email else "",
        role=operator.role,
        permissions=operator.rights_at(now),
        department=operator.department,
        is_active=holds,
        expires_at=operator.expires_at,
        permissions_expire_at=operator.permissions_expire_at,
    )
