"""How often each user calls: more than 300 times in five minutes leaves a security event (rules.md §17, anomalies).

Calls are counted in memory and added to DynamoDB thirty at a time, so that a call costs a dictionary look-up. One
environment notices the 301st call; among several each may know of thirty that the others do not.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.attributes import NumberAttribute
from pynamodb.exceptions import PynamoDBException

from shared import clock, observe
from shared.dynamo.base import Item, meta
from shared.http.context import RequestContext

MANY: Final = 300
WINDOW_SECONDS: Final = 300
_STEP = 30
_USERS_KEPT = 512


class CallsItem(Item):
    """pk `RL#calls#{uid}`, sk `W#{window}`: calls of a user within five minutes."""

    Meta = meta("ops")

    calls: ClassVar[NumberAttribute] = NumberAttribute()


@dataclass(slots=True)
class _Count:
    window: int
    stored: int = 0
    own: int = 0
    is_told: bool = False


_counts: dict[int, _Count] = {}


def note(context: RequestContext, uid: int) -> None:
    """Count a call. A store that does not answer costs the count, not the call."""
    window = int(clock.now().timestamp()) // WINDOW_SECONDS
    count = _counts.get(uid)
    if count is None or count.window != window:
        if len(_counts) >= _USERS_KEPT:
            _counts.clear()
        count = _counts[uid] = _Count(window)
    count.own += 1
    if count.own < _STEP and (count.is_told or count.stored + count.own <= MANY):
        return
    try:
        _add(count, uid)
    except (PynamoDBException, BotoCoreError, ClientError):
        observe.error("calls were not counted")
        count.own = 0
    if count.stored > MANY and not count.is_told:
        count.is_told = True
        _tell(context, uid, count)


def forget_calls() -> None:
    """Count anew (tests; restore from a snapshot)."""
    _counts.clear()


def _add(count: _Count, uid: int) -> None:
    item = CallsItem(f"RL#calls#{uid}", f"W#{count.window}")
    expires = (count.window + 2) * WINDOW_SECONDS
    item.update([CallsItem.calls.add(count.own), CallsItem.ttl.set(expires)])
    count.stored, count.own = int(item.calls), 0


def _tell(context: RequestContext, uid: int, count: _Count) -> None:
    """Once per user and window, in a transaction of its own; as with a denied call, the database may cost the record."""
    import psycopg

    from shared.sql import security
    from shared.sql.edge import unit_of_work

    observe.warn("many_calls", uid=uid)
    observe.count("many_calls")
    try:
        with unit_of_work() as db:
            security.record(
                db,
                "api_abuse",
                severity="medium",
                user_id=uid,
                ip=context.ip,
                detail={"why": "many_calls", "calls": count.stored, "seconds": WINDOW_SECONDS},
                once=f"many_calls {uid} {count.window}",
            )
    except psycopg.Error:
        observe.error("security event was not recorded")
