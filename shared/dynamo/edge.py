"""The settings every request needs before it has a database: a published copy, read together with the session.

`admin` writes the copy after each change and again every minute; an environment looks at it every half minute. When the
look falls on a request that reads its session anyway, one BatchGetItem brings both: a request reads DynamoDB once at most.
"""

import json
import time
from typing import Any, ClassVar

from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import DoesNotExist, GetError

from shared import observe
from shared.dynamo.base import Item, meta
from shared.dynamo.sessions import SessionItem

KEYS = frozenset(
    {
        "rate_limits.ip_per_minute",
        "rate_limits.user_per_minute",
        "rate_limits.auth_ip_per_minute",
        "rate_limits.staff_per_minute",
        "rate_limits.staff_mutations_per_minute",
        "rate_limits.factor",
        "security.ip_allowlist",
    }
)
"""What is published; a key that is not set is not in the copy."""
_SECONDS = 30
_COPY = ("EDGE", "EDGE")
_known: dict[str, Any] = {}
_read_at: list[float] = []


class EdgeItem(Item):
    """pk and sk `EDGE`: the settings of `KEYS` that someone set, as JSON."""

    Meta = meta("identity")

    settings: ClassVar[UnicodeAttribute] = UnicodeAttribute()


class _Either(SessionItem):
    """What one BatchGetItem brings: a session, or the copy."""

    settings: ClassVar[UnicodeAttribute] = UnicodeAttribute(null=True)


def publish(settings: dict[str, Any]) -> None:
    """Replace the copy; this environment follows at once."""
    EdgeItem(*_COPY, settings=json.dumps(settings)).save()
    _learn(json.dumps(settings))


def in_force() -> dict[str, Any]:
    """The published settings, at most half a minute old. When DynamoDB does not answer, the last ones known stay."""
    if not _is_fresh():
        try:
            _learn(EdgeItem.get(*_COPY).settings)
        except DoesNotExist:
            _learn(None)
        except GetError:
            observe.error("published settings were not read")
            _read_at[:] = [time.monotonic()]
    return _known


def find_session(hash_key: str, range_key: str) -> SessionItem:
    """A session, and in the same read the published settings when it is time to look at them. Raises DoesNotExist."""
    if _is_fresh():
        return SessionItem.get(hash_key, range_key)
    found = {item.pk: item for item in _Either.batch_get([(hash_key, range_key), _COPY])}
    copy, session = found.get(_COPY[0]), found.get(hash_key)
    _learn(copy.settings if copy else None)
    if session is None:
        raise SessionItem.DoesNotExist
    return session


def forget() -> None:
    """Look again at the next request (tests; restore from a snapshot)."""
    _known.clear()
    _read_at.clear()


def _is_fresh() -> bool:
    return bool(_read_at) and time.monotonic() - _read_at[0] < _SECONDS


def _learn(text: str | None) -> None:
    _known.clear()
    _known.update(json.loads(text) if text else {})
    _read_at[:] = [time.monotonic()]
