"""What the finance desk sends and receives about earnings: the overview, recalculations, the pool."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from functions.finance.store.pool import Way
from shared.http.envelope import Id, In, Out

MONTH = r"^2\d{3}-(0[1-9]|1[0-2])$"
Month = Annotated[str, Field(pattern=MONTH)]


class CountOut(Out):
    """How many, and how much in fen."""

    count: int
    amount: int


class UsdtOut(Out):
    """USDT received, as a decimal, and how many orders wait for it."""

    received: str
    pending: int


class ChannelOut(Out):
    """What buyers paid through a channel and what went back, in fen."""

    channel: str
    gmv: int
    orders: int
    refunds: int
    refund_count: int


class OverviewOut(Out):
    """ADM-024. `net_revenue` is gmv less refunds; `platform_income` what the platform's own account gained."""

    gmv: int
    net_revenue: int
    platform_income: int
    creator_payable: int
    withdrawals_pending: CountOut
    refunds: CountOut
    usdt: UsdtOut
    by_channel: list[ChannelOut]


class WeightIn(In):
    """How much one creator counts."""

    creator_id: Id
    weight: Annotated[int, Field(ge=1, le=1_000_000)]


class PoolRuleIn(In):
    """From which month on how much of the income of memberships is shared, and how; `weights` belong to that rule alone."""

    from_month: Month
    rule: Way
    share_bp: Annotated[int, Field(ge=0, le=10_000)]
    weights: Annotated[tuple[WeightIn, ...], Field(max_length=1000)] = ()
    reason: Annotated[str | None, Field(max_length=500)] = None

    @model_validator(mode="after")
    def _fits_its_rule(self) -> Self:
        creators = [one.creator_id for one in self.weights]
        if bool(creators) != (self.rule == "weights") or len(set(creators)) < len(creators):
            message = "weights: each creator once, for the rule `weights` and no other"
            raise ValueError(message)
        return self


class PoolRuleOut(Out):
    """A rule as stored."""

    from_month: str
    rule: Way
    share_bp: int


class PoolOut(Out):
    """A month of membership income: what is shared, among how many. While it is `open`, as if it were shared now."""

    month: str
    rule: Way | None
    share_bp: int
    income: int
    amount: int
    creators: int
    status: Literal["none", "open", "shared"]


class CalculateIn(In):
    """FIN-001: the days on which the orders were paid, both included."""

    period_start: date
    period_end: date
    creator_id: Id | None = None
    dry_run: bool = False
