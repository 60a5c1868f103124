"""Token buckets in DynamoDB (GCRA): exact under any concurrency, one conditional write for a call within the limit.

A bucket stores its theoretical arrival time: the moment at which it would be full again. A call moves that moment on by
one interval, and is refused when the moment lies further ahead than the burst allows.
"""

from dataclasses import dataclass
from typing import ClassVar

from pynamodb.attributes import NumberAttribute
from pynamodb.exceptions import UpdateError

from shared import clock
from shared.dynamo.base import Item, condition_failed, meta

_ALREADY_REFUSED = 3


@dataclass(frozen=True)
class Limit:
    """`per_minute` calls by one subject under one rule; the whole minute may come as one burst."""

    rule: str
    per_minute: int


@dataclass(frozen=True)
class Verdict:
    """Whether the call may pass, how many more may follow at once, and in how many seconds the next one may."""

    allowed: bool
    limit: int
    remaining: int
    reset_seconds: int


class BucketItem(Item):
    """pk `RL#{rule}#{subject}`, sk `TAT`; `tat` in milliseconds since the epoch."""

    Meta = meta("ops")

    tat: ClassVar[NumberAttribute] = NumberAttribute()


def take(limit: Limit, subject: str) -> Verdict:
    """Take one token from the subject's bucket."""
    now = int(clock.now().timestamp() * 1000)
    interval = max(1, 60_000 // limit.per_minute)
    burst = interval * limit.per_minute
    item = BucketItem(f"RL#{limit.rule}#{subject}", "TAT")
    expiry = BucketItem.ttl.set(now // 1000 + 120)
    for _ in range(_ALREADY_REFUSED):
        try:
            item.update(
                [BucketItem.tat.set(BucketItem.tat + interval), expiry],
                condition=(BucketItem.tat > now) & (BucketItem.tat <= now + burst - interval),
            )
        except UpdateError as error:
            if not condition_failed(error):
                raise
        else:
            return _verdict(limit, int(item.tat), now, interval, allowed=True)
        try:
            item.update(
                [BucketItem.tat.set(now + interval), expiry],
                condition=BucketItem.tat.does_not_exist() | (BucketItem.tat <= now),
            )
        except UpdateError as error:
            if not condition_failed(error):
                raise
        else:
            return _verdict(limit, now + interval, now, interval, allowed=True)
        item.refresh(consistent_read=True)
        if item.tat > now + burst - interval:
            break
    return _verdict(limit, int(item.tat), now, interval, allowed=False)


def _verdict(limit: Limit, tat: int, now: int, interval: int, *, allowed: bool) -> Verdict:
    remaining = max(0, limit.per_minute - -(-(tat - now) // interval))
    wait = 0 if remaining else max(1, -(-(tat - now - interval * (limit.per_minute - 1)) // 1000))
    return Verdict(allowed, limit.per_minute, remaining, wait)
