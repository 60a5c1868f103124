"""Where the platform's profit comes from (FIN-012), out of the postings of every kind of entry."""

from collections.abc import Iterable
from datetime import date
from typing import Final

from functions.finance import models, report
from functions.finance.report import Period
from functions.finance.report_schemas import AnalyticsOut, ChannelProfitOut, TrendOut
from functions.finance.service.reports import BACK, went_back
from functions.finance.store import reports as store
from functions.finance.store.reports import Moved
from shared.money import Money
from shared.sql.connection import Connection

_NO_AI: Final = "0"
"""No account of the books takes what AI costs yet: nothing of the platform calls a model that is paid for."""


def analyse(db: Connection, period: Period, first: date, last: date) -> AnalyticsOut:
    """Sums of whole days in Shanghai, by channel, and by period. Raises RangeInvalid as reports do."""
    begins = report.periods(period, first, last)
    span = models.day_start(first), models.day_end(last)
    moved = store.moved(db, period, span, "channel")
    coins = store.usdt(db, *span)
    whole = _trend(first, moved)
    channels = sorted({one.split for one in moved if one.split and one.kind in {"capture", *BACK}})
    return AnalyticsOut.model_construct(
        gmv=whole.gmv,
        refunds=whole.refunds,
        channel_fees=whole.channel_fees,
        platform_income=whole.platform_income,
        creator_payouts=-sum(one.payouts for one in moved),
        usdt_income=Money(coins, "USDT").to_yuan(),
        ai_cost=_NO_AI,
        by_channel=[_channel(name, [one for one in moved if one.split == name]) for name in channels],
        trend=[_trend(day, [one for one in moved if one.period_start == day]) for day in begins],
    )


def _trend(day: date, moved: Iterable[Moved]) -> TrendOut:
    """What every kind of entry moved in a period: income, less what the platform's discounts and lost disputes cost it."""
    found = TrendOut.model_construct(
        period_start=day, gmv=0, refunds=0, channel_fees=0, platform_income=0, marketing=0, losses=0, profit=0
    )
    for one in moved:
        found.gmv -= one.channel if one.kind == "capture" else 0
        found.refunds += went_back(one) if one.kind in BACK else 0
        found.channel_fees += one.fees
        found.platform_income += one.income
        found.marketing -= one.marketing
        found.losses -= one.losses
    found.profit = found.platform_income - found.marketing - found.losses
    return found


def _channel(name: str, moved: Iterable[Moved]) -> ChannelProfitOut:
    """What a channel carried of sales and of what went back, and what it and the platform kept of that."""
    found = ChannelProfitOut.model_construct(
        channel=name, gmv=0, orders=0, refunds=0, refund_count=0, channel_fees=0, platform_income=0
    )
    for one in moved:
        if one.kind == "capture":
            found.gmv, found.orders = found.gmv - one.channel, found.orders + one.number
        elif one.kind in BACK:
            found.refunds, found.refund_count = found.refunds + went_back(one), found.refund_count + one.number
        else:
            continue
        found.channel_fees += one.fees
        found.platform_income += one.income
    return found
