"""How payments go (PAY-020), kept for `cache.payment_stats` seconds (rules.md §7, §19)."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from functions.payments.statistics_schemas import PaymentCounts, PaymentStatistics
from functions.payments.store import statistics as store
from functions.payments.store.statistics import GroupBy
from shared import clock
from shared.cache import Cached
from shared.clock import SHANGHAI
from shared.errors import ValidationFailed
from shared.sql.connection import Connection
from shared.sql.tunables import tunable

PREFIX: Final = "payment_stats:"
_USUAL_DAYS: Final = timedelta(days=29)
_LONGEST: Final = timedelta(days=366)
_NOTHING: Final = {"total": 0, "paid": 0, "failed": 0, "amount": 0, "refunded": 0}


def statistics(db: Connection, date_from: date | None, date_to: date | None, group_by: GroupBy) -> PaymentStatistics:
    """Payments started, and refunds made, on these days of Shanghai, else on the last 30.

    Raises ValidationFailed for a range that ends before it begins, or is longer than 366 days.
    """
    since, until = _range(date_from, date_to)

    def make() -> Any:
        return store.count(db, _midnight(since), _midnight(until + timedelta(days=1)), group_by)

    cached = Cached(PREFIX, int(tunable(db, "cache.payment_stats")))
    *rows, overall = cached.get(f"{group_by}:{since}:{until}", make)
    if group_by == "day":
        known = {row["key"]: row for row in rows}
        days = [(since + timedelta(days=number)).isoformat() for number in range((until - since).days + 1)]
        rows = [known.get(day, _NOTHING | {"key": day}) for day in days]
    return PaymentStatistics.model_construct(
        **_fields(overall), rows=[PaymentCounts.model_construct(key=row["key"], **_fields(row)) for row in rows]
    )


def _range(date_from: date | None, date_to: date | None) -> tuple[date, date]:
    today = clock.now().astimezone(SHANGHAI).date()
    until = date_to or max(today, date_from or date.min)
    if date_from is None and until - date.min < _USUAL_DAYS:
        raise ValidationFailed([{"field": "query.date_to", "message": f"{until}"}])
    since = date_from or until - _USUAL_DAYS
    if until < since or until - since >= _LONGEST or until == date.max:
        raise ValidationFailed([{"field": "query.date_to", "message": f"{since} <= date_to < {since} + {_LONGEST.days} d"}])
    return since, until


def _fields(row: Mapping[str, Any]) -> dict[str, Any]:
    """The counts of a row with its rates: of the payments that were decided; one nobody made is neither."""
    decided = row["paid"] + row["failed"]
    return {name: row[name] for name in _NOTHING} | {
        "success_rate": row["paid"] / decided if decided else 0.0,
        "failure_rate": row["failed"] / decided if decided else 0.0,
    }


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), SHANGHAI)
