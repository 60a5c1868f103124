"""What reports, the analysis of profit and the data for taxes receive and send."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from functions.finance.report import SPLIT, By, Kind, Period
from functions.finance.store.statement_files import Format
from shared.http.envelope import In, Out

PeriodOfTrend = Literal["day", "week", "month"]
Year = Annotated[int, Field(ge=2000, le=2999)]


class FiguresOut(Out):
    """What a period came to, in fen; the further figures are those of the kind of report (docs/reports.md)."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, int]

    amount: int
    count: int


class RowOut(FiguresOut):
    """A period, by its first day in the calendar."""

    period_start: date


class ReportOut(Out):
    """FIN-010: every period of the days asked for, an empty one with zeros."""

    kind: Kind
    period: Period
    rows: list[RowOut]
    totals: FiguresOut


class ChannelProfitOut(Out):
    """What a channel carried, in fen; fees and income less those that went back."""

    channel: str
    gmv: int
    orders: int
    refunds: int
    refund_count: int
    channel_fees: int
    platform_income: int


class TrendOut(Out):
    """A period in fen; profit is the platform's income less its marketing and its losses."""

    period_start: date
    gmv: int
    refunds: int
    channel_fees: int
    platform_income: int
    marketing: int
    losses: int
    profit: int


class AnalyticsOut(Out):
    """FIN-012: fen, but for the two decimals."""

    gmv: int
    refunds: int
    channel_fees: int
    platform_income: int
    creator_payouts: int
    usdt_income: str
    ai_cost: str
    by_channel: list[ChannelProfitOut]
    trend: list[TrendOut]


class TaxMonthOut(Out):
    """A month, `YYYY-MM`, in fen."""

    month: str
    net_income: int


class TaxSummaryOut(Out):
    """FIN-013, in fen."""

    year: int
    gross_income: int
    refunds: int
    net_income: int
    invoiced: int
    months: list[TaxMonthOut]


class ReportExportIn(In):
    """A report as a file; by channel, or by kind of what was sold, where that makes sense."""

    kind: Kind
    period: Period = "month"
    date_from: date
    date_to: date
    by: By | None = None
    format: Format

    @model_validator(mode="after")
    def _can_be_split(self) -> Self:
        if self.by is not None and self.kind not in SPLIT:
            message = f"by: only for {', '.join(sorted(SPLIT))}"
            raise ValueError(message)
        return self


class TaxPackIn(In):
    """The year of a tax data pack."""

    year: Year
