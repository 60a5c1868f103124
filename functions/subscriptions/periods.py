"""How long what was paid for lasts: calendar months in Shanghai, laid one after the other; no I/O."""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from shared.clock import SHANGHAI

MONTHS = {"month": 1, "quarter": 3, "year": 12}
_MONTHS_PER_YEAR = 12


def add_months(moment: datetime, months: int) -> datetime:
    """The same day and time of day `months` later in Shanghai; the last day of that month when it is shorter."""
    local = moment.astimezone(SHANGHAI)
    year, month = divmod(local.year * _MONTHS_PER_YEAR + local.month - 1 + months, _MONTHS_PER_YEAR)
    day = min(local.day, monthrange(year, month + 1)[1])
    return local.replace(year=year, month=month + 1, day=day).astimezone(UTC)


def lasting(start: datetime, months: int, days: int) -> datetime:
    """When something that begins at `start` and lasts so long is over."""
    return add_months(start, months) + timedelta(days=days)


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of access a subscription was given: by an order, as a trial, for free, by a change of plan or a renewal.

    `amount` is its price in fen; a change was ordered at a moment, for what its subscription stood at then. A renewal is
    granted as of the end of the period it renews.
    """

    period_id: int
    kind: Literal["order", "trial", "free", "change", "renewal", "gift"]
    plan_id: int
    tier: int
    amount: int
    months: int
    days: int
    granted_at: datetime
    ordered_at: datetime

    def end_from(self, start: datetime) -> datetime:
        """When it is over if it begins at `start`."""
        return lasting(start, self.months, self.days)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the granted periods of a subscription come to. `end` is the last moment anything given reaches.

    `worth` is what was paid for the time from `start` to `end`, in fen.
    """

    plan_id: int
    tier: int
    amount: int
    start: datetime
    end: datetime
    trial: bool
    worth: int


def standing(granted: Sequence[Period]) -> Standing | None:
    """Lay the periods one after the other, each from its own granting at the earliest; None when there are none.

    The periods that follow without a gap up to the end count as one; the highest tier among them holds for all of it,
    since a higher tier includes the lower ones. A change of plan begins when it is paid: its price has what was left taken
    off, unless more was granted after it was ordered; then it follows like the others. Taking a period away gives what would
    be had it never been granted. Months that follow without a gap keep the day of the month they began on.
    """
    if not granted:
        return None
    ordered = sorted(granted, key=lambda period: (period.granted_at, period.period_id))
    start = end = anchor = ordered[0].granted_at
    months = 0
    stretch: list[Period] = []
    for period in ordered:
        changes = bool(stretch) and period.kind == "change" and period.ordered_at >= stretch[-1].granted_at
        if changes or period.granted_at > end:
            anchor, months = period.granted_at, 0
        if changes or period.granted_at >= end:
            start, stretch = period.granted_at, []
        months += period.months
        end = lasting(anchor, months, period.days)
        if period.days:
            anchor, months = end, 0
        stretch.append(period)
    best = max(stretch, key=lambda period: period.tier)
    worth = sum(period.amount for period in stretch if period.kind not in {"trial", "free"})
    return Standing(best.plan_id, best.tier, best.amount, start, end, all(p.kind == "trial" for p in stretch), worth)


def unused(stands: Standing, at: datetime) -> int:
    """What the time left at `at` was paid, in fen: whole days in Shanghai, today's counted as left, rounded down."""
    first, today, last = (moment.astimezone(SHANGHAI).date() for moment in (stands.start, at, stands.end))
    days, left = (last - first).days, (last - today).days
    return stands.worth * min(max(left, 0), days) // days if days > 0 else 0
