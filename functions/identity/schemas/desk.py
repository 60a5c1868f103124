"""Accounts as operators see and change them. Addresses and numbers are masked in every answer (rules.md §17)."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from functions.identity.models import USERNAME
from functions.identity.schemas.fields import Email, Phone, Secret
from shared.http.envelope import Id, In, Out, Page

Level = Literal["free", "basic", "premium", "professional"]
Status = Literal["active", "inactive", "banned", "pending_deletion"]
AnomalyKind = Literal["login", "operation", "payment", "content"]
Severity = Literal["low", "medium", "high", "critical"]
RoleName = Annotated[str, Field(pattern=r"^[a-z_]{1,50}$")]
DisplayName = Annotated[str, Field(min_length=1, max_length=50)]
Reason = Annotated[str, Field(min_length=1, max_length=500)]

BATCH_MAX = 100
_IDS_MAX = 10_000


class AdminUser(Out):
    user_id: int
    username: str
    display_name: str
    email: str | None
    phone: str | None
    status: str
    is_active: bool
    roles: list[str]
    membership_level: str
    membership_expires_at: datetime | None
    last_login_at: datetime | None
    created_at: datetime


class BanRecord(Out):
    id: int
    uid: int
    operator_id: int
    ban_reason: str
    ban_method: Literal["account", "device"]
    ban_duration_type: Literal["permanent", "custom"]
    ban_duration_value: int | None
    ban_start_time: datetime
    ban_end_time: datetime | None
    is_notify: bool
    notify_message: str | None
    status: Literal["active", "expired", "unbanned"]
    unban_time: datetime | None
    unban_operator_id: int | None
    unban_reason: str | None


class AdminUserDetail(AdminUser):
    """With everything an operator needs to answer this user."""

    profile: dict[str, Any]
    subscriptions: list[dict[str, Any]]
    orders_total: int
    devices: list[dict[str, Any]]
    ban_records: list[BanRecord]
    verification: dict[str, Any]


class Summary(Out):
    total: int
    active: int
    banned: int
    new_today: int


class UserDesk(Page[AdminUser]):
    statistics: Summary


class NewUsers(Out):
    date: date
    count: int


class UserStatistics(Out):
    total: int
    active: int
    inactive: int
    banned: int
    verified: int
    creators: int
    by_membership: dict[str, int]
    new: list[NewUsers]


class NewUserIn(In):
    email: Email | None = None
    phone: Phone | None = None
    password: Secret | None = None
    username: Annotated[str, Field(pattern=USERNAME)] | None = None
    display_name: DisplayName | None = None
    roles: Annotated[list[RoleName], Field(max_length=10)] | None = None
    membership_level: Level | None = None
    is_virtual: bool = False

    @model_validator(mode="after")
    def _has_a_name(self) -> Self:
        if self.email is None and self.phone is None and self.username is None:
            raise ValueError("请填写邮箱、手机号或用户名|give an e-mail address, a phone number or a username")
        return self


class UserChange(In):
    """Fields that are left out stay; `membership_expires_at: null` takes the end away."""

    membership_level: Level | None = None
    membership_expires_at: datetime | None = None
    is_active: bool | None = None
    roles: Annotated[list[RoleName], Field(max_length=10)] | None = None
    display_name: DisplayName | None = None
    email: Email | None = None
    phone: Phone | None = None


class Deleted(Out):
    deleted: Literal[True] = True


class NewUsersIn(In):
    items: Annotated[list[NewUserIn], Field(min_length=1)]


class DeleteUsersIn(In):
    ids: Annotated[list[Id], Field(min_length=1)]
    reason: Reason


class BatchItem(Out):
    index: int
    ok: bool
    id: int | None
    error: str | None


class BatchCreated(Out):
    created: int
    failed: int
    items: list[BatchItem]


class BatchDeleted(Out):
    deleted: int
    failed: int
    items: list[BatchItem]


class UserFilter(In):
    status: Status | None = None
    membership_level: Level | None = None
    search: Annotated[str, Field(min_length=1, max_length=100)] | None = None


class BulkChange(In):
    is_active: bool | None = None
    membership_level: Level | None = None
    membership_expires_at: datetime | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set or (self.is_active is None and self.membership_level is None and self.ends_unsaid):
            raise ValueError("没有要修改的内容|there is nothing to change")
        return self

    @property
    def ends_unsaid(self) -> bool:
        """Whether nothing is said of the membership's end."""
        return "membership_expires_at" not in self.model_fields_set


class BulkUpdateIn(In):
    ids: Annotated[list[Id], Field(max_length=_IDS_MAX)] | None = None
    filter: UserFilter | None = None
    set: BulkChange

    @model_validator(mode="after")
    def _selects_in_one_way(self) -> Self:
        if self.ids is not None and self.filter is not None:
            raise ValueError("ids 与 filter 只能填写一个|give either ids or filter")
        return self


class LogEntry(Out):
    at: datetime
    kind: str
    action: str
    ip: str | None
    device_id: str | None
    user_agent: str | None
    ok: bool
    details: dict[str, Any]


class Anomaly(Out):
    user_id: int
    kind: AnomalyKind
    rule: str
    score: float
    evidence: dict[str, Any]
    detected_at: datetime
