"""What finance receives and sends."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from functions.finance.sources import RateKind
from shared.http.envelope import Fen, Id, In, Out, Page
from shared.views.profiles import UserBrief

Method = Literal["alipay", "wechat", "bank", "usdt"]
WithdrawalStatus = Literal["pending", "approved", "processing", "paid", "rejected", "failed"]
SettlementStatus = Literal["pending", "confirmed", "paid"]
EarningStatus = Literal["pending", "available", "reversed"]


class AccountIn(In):
    """Where a payout goes. For Alipay `number` is the login (phone or e-mail) or the user id, `name` the owner's."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    number: Annotated[str, Field(min_length=3, max_length=128, pattern=r"^[^\s\x00-\x1f]+$")]
    bank: Annotated[str | None, Field(max_length=100)] = None
    network: Annotated[str | None, Field(max_length=20)] = None


class WithdrawalIn(In):
    """FIN-006; `amount` in fen."""

    amount: Annotated[Fen, Field(gt=0)]
    method: Method
    account: AccountIn


class WithdrawalOut(Out):
    """The contract's Withdrawal."""

    withdrawal_id: int
    amount: int
    fee: int
    method: Method
    account_masked: str
    status: WithdrawalStatus
    created_at: datetime


class StepOut(Out):
    """A state a withdrawal came to."""

    status: WithdrawalStatus
    at: datetime
    comment: str | None


class WithdrawalDetailOut(WithdrawalOut):
    """FIN-009."""

    steps: list[StepOut]


class QueuedWithdrawalOut(WithdrawalOut):
    """ADM-027."""

    creator: UserBrief


class ProcessIn(In):
    """FIN-007; `payout_no` belongs to `mark_paid`."""

    action: Literal["approve", "reject", "retry", "mark_paid"]
    comment: Annotated[str | None, Field(max_length=500)] = None
    payout_no: Annotated[str | None, Field(min_length=1, max_length=64)] = None


class SummaryRowOut(Out):
    """Earnings under one key, net of refunds."""

    key: str
    gross: int
    channel_fee: int
    platform_amount: int
    creator_amount: int


class SummaryOut(Out):
    """FIN-002: balances now; totals and rows of the days asked for."""

    currency: Literal["CNY"] = "CNY"
    pending: int
    available: int
    frozen: int
    withdrawn: int
    total_gross: int
    total_net: int
    rows: list[SummaryRowOut]


class SettlementOut(Out):
    """The contract's Settlement."""

    settlement_id: int
    creator_id: int
    period_start: date
    period_end: date
    gross: int
    channel_fee: int
    refund: int
    platform_amount: int
    creator_amount: int
    status: SettlementStatus
    settled_at: datetime | None


class EarningOut(Out):
    """How one order was divided."""

    earning_id: int
    order_no: str
    gross: int
    channel_fee: int
    platform_amount: int
    creator_amount: int
    status: EarningStatus
    created_at: datetime


class RateOut(Out):
    """A share rate and the day it began; `kind` null is the general one."""

    rate_bp: int
    effective_from: date
    kind: RateKind | None


class RateSetOut(RateOut):
    """FIN-005."""

    creator_id: int


class RateIn(In):
    """FIN-005: basis points from a day in Shanghai on, of everything or, with `kind`, of one kind alone."""

    rate_bp: Annotated[int, Field(ge=0, le=10_000)]
    effective_from: date
    reason: Annotated[str | None, Field(max_length=500)] = None
    kind: RateKind | None = None


class HoldIn(In):
    """How many days a creator's earnings are held; null for the house's `finance.hold_days`."""

    hold_days: Annotated[int, Field(ge=0, le=365)] | None
    reason: Annotated[str | None, Field(max_length=500)] = None


class HoldOut(Out):
    """The same, as stored."""

    creator_id: int
    hold_days: int | None


class ShareOut(Page[EarningOut]):
    """FIN-004: the rate in force, its history, and the earnings."""

    rate_bp: int
    channel_fee_bp: int
    history: list[RateOut]


LineKind = Literal["earning", "refund", "withdrawal", "fee", "adjustment"]


class LineOut(Out):
    """A movement of a creator's money and the balance after it."""

    at: datetime
    kind: LineKind
    ref: str
    amount: int
    balance: int


class StatementOut(Out):
    """FIN-011: what the platform owed at the beginning and the end of a month, and why it changed."""

    month: str
    opening_balance: int
    lines: list[LineOut]
    closing_balance: int


class SettleIn(In):
    """ADM-026: the days on which the orders were paid, both included."""

    period_start: date
    period_end: date
    creator_ids: Annotated[list[Id] | None, Field(min_length=1, max_length=1000)] = None
