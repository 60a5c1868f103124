"""Counting views in DynamoDB (table group `social`): once for each viewer and work in 30 minutes (rules.md §4)."""

import hashlib
from datetime import timedelta
from typing import ClassVar

from pynamodb.attributes import NumberAttribute
from pynamodb.exceptions import PynamoDBException, UpdateError

from shared import clock, observe
from shared.dynamo.base import Item, condition_failed, meta

_AGAIN_AFTER = timedelta(minutes=30)
_REMEMBERED = timedelta(days=90)


class ViewItem(Item):
    """pk `V#{content_id}#{viewer}`, sk `V`: when this viewer was counted, first and last, in ms."""

    Meta = meta("social")

    first_at: ClassVar[NumberAttribute] = NumberAttribute()
    last_at: ClassVar[NumberAttribute] = NumberAttribute()


class StatsItem(Item):
    """pk `C#{content_id}`, sk `STATS`: the live counters of a work."""

    Meta = meta("social")

    views: ClassVar[NumberAttribute] = NumberAttribute()
    unique_views: ClassVar[NumberAttribute] = NumberAttribute()


def viewer_key(uid: int | None, ip: str, user_agent: str) -> str:
    """Who looks: the user, else the browser at its address, as a hash that names nobody."""
    if uid is not None:
        return f"U{uid}"
    return "A" + hashlib.sha256(f"{ip} {user_agent}".encode()).hexdigest()[:32]


def count(content_id: int, viewer: str) -> int | None:
    """Count a view; the work's new total, or None when this viewer was counted a moment ago.

    A reader is never kept from reading because the counter does not answer.
    """
    now = clock.now()
    ms = int(now.timestamp() * 1000)
    cutoff = ms - int(_AGAIN_AFTER.total_seconds() * 1000)
    seen = ViewItem(f"V#{content_id}#{viewer}", "V")
    try:
        seen.update(
            [
                ViewItem.first_at.set(ViewItem.first_at | ms),
                ViewItem.last_at.set(ms),
                ViewItem.ttl.set(int((now + _REMEMBERED).timestamp())),
            ],
            condition=ViewItem.last_at.does_not_exist() | (ViewItem.last_at <= cutoff),
        )
        stats = StatsItem(f"C#{content_id}", "STATS")
        stats.update([StatsItem.views.add(1), StatsItem.unique_views.add(1 if seen.first_at == ms else 0)])
    except PynamoDBException as error:
        if not (isinstance(error, UpdateError) and condition_failed(error)):
            observe.error("view not counted", content_id=content_id)
        return None
    return int(stats.views)
