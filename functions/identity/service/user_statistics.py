"""How many accounts there are (ADM-014, ADM-016): running totals, kept for `cache.user_stats` seconds (rules.md §19)."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Final

from functions.identity.schemas.desk import NewUsers, Summary, UserStatistics
from functions.identity.store import user_counts as store
from shared import clock
from shared.cache import Cached
from shared.errors import ValidationFailed
from shared.sql.connection import Connection
from shared.sql.edge import unit_of_work

_CACHED: Final = Cached("admin:user_stats:", 300)
_ALL = "all"
_USUAL_DAYS = timedelta(days=29)
_LONGEST = timedelta(days=366)
_FOLDED_AT_ONCE = 5_000


def statistics(db: Connection, date_from: date | None, date_to: date | None) -> UserStatistics:
    """Totals of now, and new accounts per day in Asia/Shanghai: of these days, else of the last 30.

    Raises ValidationFailed for a range that ends before it begins, or is longer than 366 days.
    """
    until = date_to or max(_today(), date_from or date.min)
    if date_from is None and until - date.min < _USUAL_DAYS:
        raise ValidationFailed([{"field": "query.date_to", "message": f"{until}"}])
    since = date_from or until - _USUAL_DAYS
    if until < since or until - since >= _LONGEST:
        raise ValidationFailed([{"field": "query.date_to", "message": f"{since} <= date_to < {since} + {_LONGEST.days} d"}])
    known = _known(db)
    return UserStatistics.model_construct(
        total=known["total"],
        active=known["active"],
        inactive=known["inactive"],
        banned=known["banned"],
        verified=known["verified"],
        creators=known["creators"],
        by_membership={level: known[level] for level in store.LEVELS},
        new=[
            NewUsers.model_construct(date=day, count=known["opened"].get(day.isoformat(), 0)) for day in _days(since, until)
        ],
    )


def summary(db: Connection) -> Summary:
    """What stands above the list of users."""
    known = _known(db)
    return Summary.model_construct(
        total=known["total"],
        active=known["active"],
        banned=known["banned"],
        new_today=known["opened"].get(_today().isoformat(), 0),
    )


def forget() -> None:
    """An operator changed an account: what is kept is true no more. To be called after the commit."""
    _CACHED.forget(_ALL)


def fold() -> int:
    """Every five minutes: rows of changes become rows of days; how many did."""
    done = 0
    while True:
        with unit_of_work() as db:
            moved = store.fold(db, _FOLDED_AT_ONCE)
        done += moved
        if moved < _FOLDED_AT_ONCE:
            return done


def _known(db: Connection) -> dict[str, Any]:
    known: dict[str, Any] = _CACHED.get(_ALL, lambda: store.totals(db))
    return known


def _today() -> date:
    return clock.now().astimezone(clock.SHANGHAI).date()


def _days(since: date, until: date) -> Iterator[date]:
    return (since + timedelta(days=number) for number in range((until - since).days + 1))
