"""Moves the product's clock on the laptop: real time plus an offset kept in one small file.

Functions read the file through `shared.clock`; the emulator reads it so that due schedules fire and workflow waits
end. Moving back is allowed only as far as real time, because what was fired or settled in the future stays done.
"""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from infra.local.files import write_whole
from shared.clock import rfc3339

SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
DURATION = re.compile(r"([0-9]{1,6})([smhdw])")
FURTHEST = timedelta(days=3660)
"""About ten years: past that, dates of certificates and tokens stop making sense."""


class NotAClockMove(ValueError):  # noqa: N818 - a wish refused, shown to a person
    """The request to move the clock is not one; the message says why."""


def duration(text: str) -> timedelta:
    """Parse `90s`, `15m`, `7d` or a sequence such as `1d12h`; raises NotAClockMove."""
    parts = DURATION.findall(text)
    if not 0 < len(parts) <= len(SECONDS) or "".join(number + unit for number, unit in parts) != text:
        message = f"{text!r} is not a duration such as 90s, 15m, 36h, 7d or 1d12h"
        raise NotAClockMove(message)
    return sum((timedelta(seconds=int(number) * SECONDS[unit]) for number, unit in parts), timedelta())


def moment(text: str) -> datetime:
    """Parse an RFC 3339 time with its zone, to aware UTC; raises NotAClockMove."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        message = f"{text!r} is not a time such as 2026-12-01T00:00:00Z"
        raise NotAClockMove(message)
    return at.astimezone(UTC)


class LocalClock:
    """The clock file of one laptop cloud."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def offset(self) -> timedelta:
        """How far ahead of real time the product lives."""
        if not self._path.exists():
            return timedelta()
        return timedelta(seconds=json.loads(self._path.read_text())["offset_seconds"])

    def reading(self) -> dict[str, str | int]:
        """What `GET /_local/clock` answers."""
        offset = self.offset()
        return {"now": rfc3339(datetime.now(UTC) + offset), "offset_seconds": int(offset.total_seconds())}

    def advance(self, by: str) -> None:
        """Move forward; raises NotAClockMove."""
        self._set(self.offset() + duration(by))

    def move_to(self, at: str) -> None:
        """Set the clock to a moment not before real time; raises NotAClockMove."""
        offset = moment(at) - datetime.now(UTC)
        if offset < timedelta(seconds=-1):
            message = f"{at} lies before real time: a laptop cloud cannot live in the past"
            raise NotAClockMove(message)
        self._set(max(offset, timedelta()))

    def _set(self, offset: timedelta) -> None:
        if offset > FURTHEST:
            message = f"the clock cannot be more than {FURTHEST.days} days ahead"
            raise NotAClockMove(message)
        # Whole seconds, never rounded down: `at` must have come once the move is answered.
        write_whole(self._path, json.dumps({"offset_seconds": -(-offset // timedelta(seconds=1))}))
