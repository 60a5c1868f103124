"""The platform's reports (FIN-010). Every figure is a sum of postings, but for taxes, which are those of invoices."""

from collections.abc import Callable
from datetime import date, datetime
from itertools import accumulate
from typing import Final

from functions.finance import models, report
from functions.finance.errors import RangeInvalid
from functions.finance.report import MOST, Asked, Figures, Kind, Line, Report
from functions.finance.store import reports as store
from functions.finance.store.reports import Moved
from shared.sql.connection import Connection

Keyed = dict[tuple[date, str | None], Figures]
BACK: Final = ("refund", "chargeback_lost")
"""The entries with which a buyer has their money back."""


def make(db: Connection, asked: Asked) -> Report:
    """A report on whole days in Shanghai. Raises RangeInvalid for one that ends before it begins, or has too many rows."""
    begins = report.periods(asked.period, asked.first, asked.last)
    span = models.day_start(asked.first), models.day_end(asked.last)
    if asked.kind == "balance":
        return _balances(db, asked, begins, span)
    found = _FOUND[asked.kind](db, asked, span)
    keys = sorted({str(key) for _, key in found}) if asked.by else [None]
    if len(begins) * len(keys) > MOST:
        raise RangeInvalid(most_rows=MOST)
    nothing = report.total(asked.kind, ())
    lines = [Line(day, key, found.get((day, key), nothing)) for day in begins for key in keys]
    return Report(asked, lines, report.total(asked.kind, (line.figures for line in lines)))


def _income(db: Connection, asked: Asked, span: tuple[datetime, datetime]) -> Keyed:
    return {
        (one.period_start, _key(asked, one)): {
            "amount": -one.channel,
            "count": one.number,
            "platform_discount": -one.marketing,
            "channel_fee": one.fees,
            "platform_amount": one.income,
            "creator_amount": one.owned,
        }
        for one in store.moved(db, asked.period, span, asked.by, ("capture",))
    }


def _refunds(db: Connection, asked: Asked, span: tuple[datetime, datetime]) -> Keyed:
    found: Keyed = {}
    for one in store.moved(db, asked.period, span, asked.by, BACK):
        back = {
            "amount": went_back(one),
            "count": one.number,
            "platform_discount": one.marketing,
            "channel_fee": -one.fees,
            "platform_amount": -one.income,
            "creator_amount": -one.owned,
            "platform_loss": -one.losses,
            "chargebacks": one.number if one.kind == "chargeback_lost" else 0,
        }
        key = one.period_start, _key(asked, one)
        found[key] = report.total("refund", (found.get(key, {}), back))
    return found


def went_back(one: Moved) -> int:
    """What buyers have back: through a channel, or taken by it before, which lies among the disputes until one is lost."""
    return one.channel + one.disputes


def _key(asked: Asked, one: Moved) -> str | None:
    return str(one.split) if asked.by else None


def _withdrawals(db: Connection, asked: Asked, span: tuple[datetime, datetime]) -> Keyed:
    found: Keyed = {}
    for one in store.moved(db, asked.period, span, None, ("payout", "payout_return")):
        gone = one.kind == "payout"
        moved = {
            "amount": -one.payouts if gone else 0,
            "count": one.number if gone else 0,
            "fee": one.income,
            "returned": 0 if gone else one.payouts,
            "returned_count": 0 if gone else one.number,
        }
        key = one.period_start, None
        found[key] = report.total("withdrawal", (found.get(key, {}), moved))
    return found


def _settlements(db: Connection, asked: Asked, span: tuple[datetime, datetime]) -> Keyed:
    return {
        (day, None): {"amount": made - collected, "count": number, "made_available": made, "collected": collected}
        for day, number, made, collected in store.settled(db, asked.period, *span)
    }


def _taxes(db: Connection, asked: Asked, span: tuple[datetime, datetime]) -> Keyed:
    return {
        (day, None): {"amount": tax, "count": blue + red, "taxed": amount, "red_count": red}
        for day, blue, red, tax, amount in store.taxed(db, asked.period, *span)
    }


_FOUND: Final[dict[Kind, Callable[[Connection, Asked, tuple[datetime, datetime]], Keyed]]] = {
    "income": _income,
    "refund": _refunds,
    "withdrawal": _withdrawals,
    "settlement": _settlements,
    "tax": _taxes,
}


def _balances(db: Connection, asked: Asked, begins: list[date], span: tuple[datetime, datetime]) -> Report:
    """What stood at the end of each period. All accounts sum to zero, so what creators are owed is what the others are not;
    what was paid out to them in all stands on both sides, and is left out of both.
    """
    held = {(day, what): (number, amount) for what, day, number, amount in store.standing(db, asked.period, *span)}

    def moved(day: date | None) -> Figures:
        buyers, platform, channels = (held.get((day, what), (0, 0))[1] for what in ("buyers", "platform", "channels"))
        return {
            "amount": -buyers - platform - channels,
            "count": held.get((day, "all"), (0, 0))[0],
            "buyers": buyers,
            "platform": platform,
            "channels": -channels,
        }

    def later(before: Figures, change: Figures) -> Figures:
        return report.total("balance", (before, change)) | {"count": change["count"]}

    standing = list(accumulate(map(moved, begins), later, initial=moved(None)))[1:]
    lines = [Line(day, None, figures) for day, figures in zip(begins, standing, strict=True)]
    return Report(asked, lines, standing[-1] | {"count": sum(figures["count"] for figures in standing)})
