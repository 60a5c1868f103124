"""What finance receives and sends."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from functions.finance.sources import RateKind
from shared.http.envelope import Id, In, Out, Page

SettlementStatus = Literal["pending", "confirmed", "paid"]
EarningStatus = Literal["pending", "available", "reversed"]


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
