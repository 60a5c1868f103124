"""The product's clock: aware UTC. Real time in the cloud, movable on a laptop, frozen in a test.

Business code asks `now()` and hands the answer to SQL as a parameter, so that one request has one time and a moved
clock moves everything (T+7, renewals, expiries).
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")

_frozen: ContextVar[datetime | None] = ContextVar("frozen_clock", default=None)


def _offset() -> timedelta:
    """Offset of the laptop's movable clock; CLOCK_FILE is set by the local stage only."""
    path = os.environ.get("CLOCK_FILE")
    if not path:
        return timedelta()
    try:
        return timedelta(seconds=json.loads(Path(path).read_text())["offset_seconds"])
    except FileNotFoundError:
        return timedelta()


def now() -> datetime:
    """The current moment, aware UTC."""
    return _frozen.get() or datetime.now(UTC) + _offset()


@contextmanager
def frozen(at: datetime) -> Iterator[None]:
    """Hold the clock at `at` (aware) for the enclosed code; for tests and for replaying a period."""
    if at.tzinfo is None:
        message = "a frozen clock needs an aware time"
        raise ValueError(message)
    token = _frozen.set(at.astimezone(UTC))
    try:
        yield
    finally:
        _frozen.reset(token)


def rfc3339(moment: datetime) -> str:
    """RFC 3339 in UTC with `Z`, as the API sends it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
