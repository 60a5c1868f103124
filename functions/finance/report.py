"""Reports in their words: calendar periods in Shanghai, and what every kind of report says of one. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from functions.finance.errors import RangeInvalid

Kind = Literal["income", "refund", "settlement", "withdrawal", "tax", "balance"]
Period = Literal["day", "week", "month", "quarter", "year"]
By = Literal["channel", "kind"]
Figures = dict[str, int]

FIGURES: Final[dict[Kind, tuple[str, ...]]] = {
    "income": ("amount", "count", "platform_discount", "channel_fee", "platform_amount", "creator_amount"),
    "refund": (
        *("amount", "count", "platform_discount", "channel_fee", "platform_amount", "creator_amount"),
        *("platform_loss", "chargebacks"),
    ),
    "settlement": ("amount", "count", "made_available", "collected"),
    "withdrawal": ("amount", "count", "fee", "returned", "returned_count"),
    "tax": ("amount", "count", "taxed", "red_count"),
    "balance": ("amount", "count", "buyers", "platform", "channels"),
}
"""What a row says, in this order; docs/reports.md tells what each is made of."""
COUNTS: Final = frozenset({"count", "chargebacks", "returned_count", "red_count"})
"""Those that are no amounts."""
SPLIT: Final[frozenset[Kind]] = frozenset({"income", "refund"})
"""Those that can be told apart by channel and by what was sold."""
MOST: Final = 1_200
"""Rows of a report."""
_YEARS: Final = range(2000, 3000)


@dataclass(frozen=True, slots=True)
class Asked:
    """A report on days in Shanghai, both included."""

    kind: Kind
    period: Period
    first: date
    last: date
    by: By | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A period, as its first day in the calendar, and its figures; `key` is the channel or what was sold."""

    period_start: date
    key: str | None
    figures: Figures


@dataclass(frozen=True, slots=True)
class Report:
    """All lines, and the totals, which for balances are those of the last line."""

    asked: Asked
    lines: list[Line]
    totals: Figures


def periods(period: Period, first: date, last: date) -> list[date]:
    """The first days of the calendar's periods that hold these days. Raises RangeInvalid for none, or more than a report has.

    The first and the last one may be asked for in part.
    """
    if first > last or first.year not in _YEARS or last.year not in _YEARS:
        raise RangeInvalid
    found = [begin(period, first)]
    while (following := begin(period, found[-1] + _LONGEST[period])) <= last:
        found.append(following)
        if len(found) > MOST:
            raise RangeInvalid(most_rows=MOST)
    return found


_LONGEST: Final[dict[Period, timedelta]] = {
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=31),
    "quarter": timedelta(days=92),
    "year": timedelta(days=366),
}
"""From the first day of a period, this leads into the next one."""


def begin(period: Period, day: date) -> date:
    """The first day of the period that holds a day; weeks begin on Monday."""
    match period:
        case "day":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "quarter":
            return day.replace(month=day.month - (day.month - 1) % 3, day=1)
        case "year":
            return day.replace(month=1, day=1)


def total(kind: Kind, all_figures: Iterable[Figures]) -> Figures:
    """The sum of figures; of no figures, zeros."""
    sums = dict.fromkeys(FIGURES[kind], 0)
    for figures in all_figures:
        for name, figure in figures.items():
            sums[name] += figure
    return sums
