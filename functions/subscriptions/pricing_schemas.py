"""What prices, coupons and promotions receive and send. Amounts are fen."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from functions.subscriptions.schemas import OpenedOrderOut
from shared import coupon_codes
from shared.http.envelope import Fen, Id, In, Out

TargetType = Literal["plan", "content", "membership"]
RuleTarget = Literal["plan", "content"]
RuleKind = Literal["time_window", "demand", "early_bird", "bulk"]
CouponKind = Literal["percent", "amount", "free_days"]
PromotionKind = Literal["percent", "amount", "flash_sale", "free_trial", "coupon_batch"]
CouponStatus = Literal["active", "disabled", "expired"]
PromotionStatus = Literal["draft", "scheduled", "active", "paused", "ended"]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Ids = Annotated[list[Id], Field(max_length=1000)]
Code = Annotated[str, Field(min_length=1, max_length=64)]
NewCode = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{4,32}$")]
Count = Annotated[int, Field(ge=1, le=2**31 - 1)]
Value = Annotated[int, Field(ge=0, le=10**13)]
Percent = Annotated[int, Field(ge=1, le=100)]
_MOST_DAYS = 3650


def _check_value(kind: str, value: int) -> None:
    """Percent 1 to 100, days to ten years, an amount at least one fen; a flash sale may be free."""
    most = {"percent": 100, "free_days": _MOST_DAYS, "free_trial": _MOST_DAYS}.get(kind)
    if (most is not None and not 1 <= value <= most) or (value == 0 and kind != "flash_sale"):
        sentences = "value 超出该类型允许的范围|value is out of range for this kind"
        raise ValueError(sentences)


class CreateCouponIn(In):
    """SUB-019."""

    code: NewCode | None = None
    name: Name
    kind: CouponKind
    value: Value
    min_amount: Fen = 0
    max_discount: Fen | None = None
    target_type: Literal["plan", "content", "all"]
    target_ids: Ids | None = None
    total_quantity: Count
    per_user_limit: Count = 1
    starts_at: AwareDatetime
    ends_at: AwareDatetime

    @model_validator(mode="after")
    def _fits(self) -> Self:
        _check_value(self.kind, self.value)
        if (self.target_type == "all" and self.target_ids) or (self.kind == "free_days" and self.target_type == "content"):
            sentences = "该适用范围与优惠券不符|the coupon cannot be limited in this way"
            raise ValueError(sentences)
        return self


class UpdateCouponIn(In):
    """SUB-023."""

    total_quantity: Count | None = None
    ends_at: AwareDatetime | None = None
    status: Literal["active", "disabled"] | None = None


class ValidateCouponIn(In):
    """SUB-020."""

    code: Code
    target_type: TargetType
    target_id: Id


class UseCouponIn(In):
    """SUB-021."""

    code: Code
    order_no: Annotated[str, Field(min_length=1, max_length=32)]


class CouponOut(Out):
    """A coupon. A batch's row shows the prefix of its codes."""

    coupon_id: int
    code: str
    name: str
    kind: CouponKind
    value: int
    min_amount: int
    max_discount: int | None
    target_type: Literal["plan", "content", "all"]
    target_ids: list[int]
    total_quantity: int
    used: int
    per_user_limit: int
    starts_at: datetime
    ends_at: datetime
    status: CouponStatus


class ValidatedOut(Out):
    """SUB-020."""

    valid: bool
    reason: str | None
    coupon: CouponOut | None
    list_amount: int
    discount_amount: int
    payable_amount: int


class UsedCouponOut(Out):
    """SUB-021."""

    order: OpenedOrderOut
    redemption_id: int


class TargetsIn(In):
    """What a campaign covers. Nothing at all makes it a draft."""

    all: bool = False
    plan_ids: Ids = Field(default_factory=list)
    content_ids: Ids = Field(default_factory=list)
    membership_plan_ids: Ids = Field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether it covers nothing."""
        return not (self.all or self.plan_ids or self.content_ids or self.membership_plan_ids)


class BatchIn(In):
    """The coupon of a batch; its value is the campaign's."""

    kind: CouponKind
    quantity: Annotated[int, Field(ge=1, le=coupon_codes.MOST)]
    min_amount: Fen = 0
    max_discount: Fen | None = None
    per_user_limit: Count = 1


class CreatePromotionIn(In):
    """SUB-024. `value`: percent, fen off, the flash price in fen, days of trial, or what each coupon of a batch gives."""

    name: Name
    kind: PromotionKind
    value: Value
    targets: TargetsIn
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    budget: Fen | None = None
    stock: Count | None = None
    per_user_limit: Count | None = None
    stackable: bool = False
    coupon: BatchIn | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        check_promotion(self)
        return self


def check_promotion(wish: CreatePromotionIn) -> None:
    """A batch has its coupon, a flash sale alone has a stock, and the value fits what it is a value of."""
    if (wish.kind == "coupon_batch") != (wish.coupon is not None):
        sentences = "coupon 须且仅须用于 coupon_batch|coupon is given for coupon_batch, and for nothing else"
        raise ValueError(sentences)
    if wish.stock is not None and wish.kind != "flash_sale":
        sentences = "stock 仅用于 flash_sale|stock is for flash_sale only"
        raise ValueError(sentences)
    _check_value(wish.coupon.kind if wish.coupon else wish.kind, wish.value)


class UpdatePromotionIn(In):
    """SUB-026: what is sent is changed."""

    name: Name = ""
    kind: PromotionKind = "percent"
    value: Value = 0
    targets: TargetsIn = TargetsIn()
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    budget: Fen | None = None
    stock: Count | None = None
    per_user_limit: Count | None = None
    stackable: bool = False
    coupon: BatchIn | None = None
    status: Literal["active", "paused", "ended"] | None = None


class TargetsOut(Out):
    """What a campaign covers."""

    all: bool
    plan_ids: list[int]
    content_ids: list[int]
    membership_plan_ids: list[int]


class PromotionOut(Out):
    """A campaign. `sold` counts the pieces of a flash sale that pending and paid orders hold."""

    promotion_id: int
    name: str
    kind: PromotionKind
    value: int
    targets: TargetsOut
    starts_at: datetime
    ends_at: datetime
    budget: int | None
    used_budget: int
    stock: int | None
    sold: int
    per_user_limit: int | None
    stackable: bool
    status: PromotionStatus


class OwnPromotionOut(PromotionOut):
    """A campaign as its operators see it: of a batch its coupon, and the job that exports the codes when one was begun."""

    coupon: CouponOut | None
    export_job_id: str | None


class PromotionResultsOut(PromotionOut):
    """SUB-025: what came of it; of paid orders, less what was given back of them."""

    orders: int
    discount_total: int
    revenue: int


class ThresholdIn(In):
    """From so many sold on, the price changes by so much."""

    sold_gte: Annotated[int, Field(ge=0, le=10**9)]
    adjust_percent: Annotated[int, Field(ge=-100, le=100)]


class RuleConfigIn(In):
    """What a rule does; which members belong together depends on its kind (`rule_config_invalid`)."""

    percent_off: Percent | None = None
    amount_off: Annotated[int, Field(ge=1, le=10**13)] | None = None
    first_n: Count | None = None
    thresholds: Annotated[list[ThresholdIn], Field(max_length=20)] | None = None
    min_quantity: Annotated[int, Field(ge=2, le=10_000)] | None = None


class CreateRuleIn(In):
    """SUB-030."""

    target_type: RuleTarget
    target_id: Id
    kind: RuleKind
    config: RuleConfigIn
    priority: Annotated[int, Field(ge=-1000, le=1000)] = 0
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None


class UpdateRuleIn(In):
    """SUB-031: what is sent is changed."""

    target_type: RuleTarget = "plan"
    target_id: Id = 1
    kind: RuleKind = "bulk"
    config: RuleConfigIn = RuleConfigIn()
    priority: Annotated[int, Field(ge=-1000, le=1000)] = 0
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    is_active: bool = True


class RuleOut(Out):
    """The contract's PricingRule."""

    rule_id: int
    target_type: RuleTarget
    target_id: int
    kind: RuleKind
    config: dict[str, object]
    priority: int
    starts_at: datetime | None
    ends_at: datetime | None
    is_active: bool


class GoneOut(Out):
    """It is gone."""

    deleted: Literal[True] = True


class QuoteLineOut(Out):
    """One step from the list price to the price; negative takes off."""

    source: Literal["rule", "promotion", "coupon"]
    id: int
    amount: int


class QuoteOut(Out):
    """SUB-033."""

    list_amount: int
    lines: list[QuoteLineOut]
    payable_amount: int
    currency: Literal["CNY"]
    valid_until: datetime
