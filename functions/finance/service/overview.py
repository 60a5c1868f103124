"""The finance overview (ADM-024): every figure is a sum of postings, but for what is open right now."""

from datetime import date, timedelta
from typing import Final

from functions.finance import models
from functions.finance.earning_schemas import ChannelOut, CountOut, OverviewOut, UsdtOut
from functions.finance.store import overview as store
from shared import clock
from shared.errors import ValidationFailed
from shared.money import Money
from shared.sql.connection import Connection

_USUAL: Final = timedelta(days=29)
_LONGEST: Final = timedelta(days=366)
_IN, _BACK = "capture", "refund"


def overview(db: Connection, date_from: date | None, date_to: date | None) -> OverviewOut:
    """What came in and went back on these days of Shanghai, else on the last 30, and what is owed at their end.

    Raises ValidationFailed for a range that ends before it begins, or is longer than 366 days.
    """
    last = date_to or models.shanghai_day(clock.now())
    first = date_from or last - _USUAL
    if not timedelta(0) <= last - first <= _LONGEST:
        raise ValidationFailed([{"field": "query.date_to", "message": "must be within 366 days after date_from"}])
    until = models.day_end(last)
    moved = store.moved(db, models.day_start(first), until)
    payable, open_count, open_amount, waiting = store.standing(db, until, clock.now())
    channels: dict[str, ChannelOut] = {}
    for account, currency, kind, number, amount in moved:
        if currency != "CNY" or kind not in {_IN, _BACK} or account == models.INCOME:
            continue
        name = account.removeprefix("channel:")
        found = channels.setdefault(name, ChannelOut(channel=name, gmv=0, orders=0, refunds=0, refund_count=0))
        if kind == _IN:
            found.gmv, found.orders = -amount, number
        else:
            found.refunds, found.refund_count = amount, number
    gmv, refunds = sum(one.gmv for one in channels.values()), sum(one.refunds for one in channels.values())
    usdt = -sum(amount for account, currency, *_, amount in moved if (account, currency) == ("channel:usdt", "USDT"))
    return OverviewOut.model_construct(
        gmv=gmv,
        net_revenue=gmv - refunds,
        platform_income=sum(
            amount for account, currency, *_, amount in moved if (account, currency) == (models.INCOME, "CNY")
        ),
        creator_payable=payable,
        withdrawals_pending=CountOut.model_construct(count=open_count, amount=open_amount),
        refunds=CountOut.model_construct(count=sum(one.refund_count for one in channels.values()), amount=refunds),
        usdt=UsdtOut.model_construct(received=Money(usdt, "USDT").to_yuan(), pending=waiting),
        by_channel=list(channels.values()),
    )
