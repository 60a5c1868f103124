"""When WeChat must be told of a debit before it is made (预扣费通知), and which debits a telling covers; no I/O.

A debit is taken from the second day after the day of telling on, for three days of Beijing (docs/agreements.md).
"""

from datetime import datetime, time, timedelta
from typing import Final

from shared.clock import SHANGHAI

# WeChat hears from 7 to 22 o'clock; a few minutes inside of that our clocks may differ.
_OPENS: Final = time(7, 5)
_CLOSES: Final = time(21, 55)
_FIRST_DAY = timedelta(days=2)
DAYS: Final = 3
# Told a day earlier than it must be, so that an outage of a day shifts nothing.
_RESERVE = timedelta(days=1)

EXEMPT: Final = timedelta(hours=11)
"""How long after signing a first debit needs no telling: WeChat's twelve hours, less the way a debit goes."""


def may_tell(at: datetime) -> datetime:
    """The first moment from `at` on at which WeChat hears."""
    local = at.astimezone(SHANGHAI)
    if local.time() < _OPENS:
        return _at(local, _OPENS)
    return at if local.time() < _CLOSES else _at(local + timedelta(days=1), _OPENS)


def tell_from(debit_at: datetime) -> datetime:
    """When to tell of a debit."""
    return _at(debit_at.astimezone(SHANGHAI) - _FIRST_DAY - _RESERVE, _OPENS)


def debit_from(told_at: datetime) -> datetime:
    """The first moment of the debits a telling covers."""
    return _at(told_at.astimezone(SHANGHAI) + _FIRST_DAY, time())


def debit_until(told_at: datetime) -> datetime:
    """The first moment it does not cover any more."""
    return debit_from(told_at) + timedelta(days=DAYS)


def _at(day: datetime, hour: time) -> datetime:
    return datetime.combine(day.date(), hour, SHANGHAI)
