"""What subscriptions receives and sends. Amounts are fen."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from functions.subscriptions.states import Status
from shared.http.envelope import Id, In, Items, Out
from shared.views.profiles import UserBrief

Interval = Literal["month", "quarter", "year"]
Scope = Literal["all", "selected"]
Channel = Literal["alipay", "wechat", "unionpay", "usdt"]
Line = Annotated[str, Field(min_length=1, max_length=200)]
Name = Annotated[str, Field(min_length=1, max_length=50)]
Description = Annotated[str, Field(max_length=2000)]
Tier = Annotated[int, Field(ge=1, le=100)]
TrialDays = Annotated[int, Field(ge=0, le=365)]
Lines = Annotated[list[Line], Field(max_length=50)]
ContentIds = Annotated[list[Id], Field(max_length=1000)]
Places = Annotated[int, Field(ge=1, le=2**31 - 1)]


class _SelectsContents(In):
    """`content_scope` and `content_ids` are sent together."""

    content_scope: Scope = "all"
    content_ids: ContentIds | None = None

    @model_validator(mode="after")
    def _selection_is_named(self) -> Self:
        if (self.content_scope == "selected") != bool(self.content_ids):
            sentences = "选定内容时须同时给出 content_ids|content_ids are named if, and only if, content_scope is selected"
            raise ValueError(sentences)
        return self


class CreatePlanIn(_SelectsContents):
    """SUB-002. The amount's range is a rule of its own (`amount_invalid`)."""

    name: Name
    description: Description | None = None
    tier: Tier = 1
    amount: int
    interval: Interval
    trial_days: TrialDays = 0
    benefits: Lines | None = None
    permissions: Lines | None = None
    max_subscribers: Places | None = None


class UpdatePlanIn(_SelectsContents):
    """SUB-004: what is sent is changed, whatever the defaults say; null empties what may be empty."""

    name: Name = ""
    description: Description | None = None
    tier: Tier = 1
    amount: int = 0
    interval: Interval = "month"
    trial_days: TrialDays = 0
    benefits: Lines | None = None
    permissions: Lines | None = None
    max_subscribers: Places | None = None


class SubscribeIn(In):
    """SUB-006."""

    plan_id: Id
    coupon_code: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    auto_renew: bool = False
    channel: Channel | None = None


class UnsubscribeIn(In):
    """SUB-007."""

    immediate: bool = False
    reason: Annotated[str, Field(max_length=500)] | None = None


class PauseIn(In):
    """SUB-034."""

    resume_at: AwareDatetime | None = None


class ChangePlanIn(In):
    """SUB-014."""

    plan_id: Id


class PlanOut(Out):
    """The contract's Plan."""

    plan_id: int
    creator: UserBrief
    name: str
    description: str | None
    tier: int
    amount: int
    currency: Literal["CNY"]
    interval: Interval
    trial_days: int
    benefits: list[str]
    permissions: list[str]
    content_scope: Scope
    max_subscribers: int | None
    subscriber_count: int
    status: Literal["active", "archived"]


class SubscriptionOut(Out):
    """The contract's Subscription."""

    subscription_id: int
    user_id: int
    creator_id: int
    plan: PlanOut
    status: Status
    auto_renew: bool
    cancel_at_period_end: bool
    current_period_start: datetime | None
    current_period_end: datetime | None
    next_renewal_at: datetime | None
    next_plan_id: int | None
    order_no: str | None
    cancelled_at: datetime | None
    created_at: datetime


class OpenedPriceLineOut(Out):
    """One line of how the amount came about."""

    source: str
    id: int
    amount: int


class OpenedOrderOut(Out):
    """The contract's Order, as it was just opened at payments."""

    order_no: str
    user_id: int
    kind: Literal["subscription", "renewal", "change_plan", "content", "membership"]
    target_id: int
    title: str
    amount: int
    discount_amount: int
    payable_amount: int
    currency: Literal["CNY"]
    price_lines: list[OpenedPriceLineOut]
    status: Literal["pending", "paid", "cancelled", "expired", "refunding", "partially_refunded", "refunded"]
    channel: str | None
    refunded_amount: int
    paid_at: datetime | None
    expires_at: datetime
    created_at: datetime


class SubscribedOut(Out):
    """SUB-006: the subscription, and the order to pay when something is to be paid."""

    subscription: SubscriptionOut
    order: OpenedOrderOut | None


class ResumedOut(SubscriptionOut):
    """SUB-035: the subscription, and the order to pay when its pause has begun."""

    order: OpenedOrderOut | None


class ChangedPlanOut(Out):
    """SUB-014: nothing is to pay now when the plan changes with the next period."""

    subscription: SubscriptionOut
    order: OpenedOrderOut | None
    proration_amount: int


class ChangeLineOut(Out):
    """One line of what a change of plan costs."""

    label: str
    amount: int


class ChangePreviewOut(Out):
    """SUB-036. The lines together are the amount due."""

    lines: list[ChangeLineOut]
    amount_due: int
    currency: Literal["CNY"]
    effective_at: datetime


class AccessOut(Out):
    """SUB-012."""

    allowed: bool
    reason: Literal["free", "owner", "subscription", "purchase", "membership", "trial", "granted", "none"]
    expires_at: datetime | None
    required_plan_ids: list[int]
    price: int | None


class HeldRightOut(Out):
    """Rights through one subscription."""

    subscription_id: int
    plan_id: int
    creator_id: int
    tier: int
    permissions: list[str]
    benefits: list[str]
    valid_until: datetime


class MembershipOut(Out):
    """The caller's platform membership."""

    level: Literal["free", "basic", "premium", "professional"]
    expires_at: datetime | None
    permissions: list[str]


class PermissionsOut(Items[HeldRightOut]):
    """SUB-013."""

    membership: MembershipOut
