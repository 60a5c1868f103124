"""Token buckets in DynamoDB (GCRA), spent through short leases: never more than the limit, one write for many calls.

A bucket stores its theoretical arrival time: the moment at which it would be full again. Taking n tokens moves that
moment on by n intervals, and is refused when it would lie further ahead than the burst allows. An environment takes a
twentieth of the limit at a time and spends it in memory; tokens leased elsewhere are simply not there, so the sum of
all environments stays within the limit, and the price of a call is a dictionary look-up, not a write.
"""

import time
from dataclasses import dataclass
from threading import Lock
from typing import ClassVar

from pynamodb.attributes import NumberAttribute
from pynamodb.exceptions import UpdateError

from shared import clock
from shared.dynamo.base import Item, condition_failed, meta

_RACES_LOST = 3
_LEASES_PER_LIMIT = 20
_LEASE_SECONDS = 10.0
_LEASES_KEPT = 512
_leases: dict[tuple[str, str], "_Lease"] = {}
_spending = Lock()
"""An environment has one thread, but a lease spent twice would let calls pass that the limit forbids."""


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


@dataclass(slots=True)
class _Lease:
    tokens: int
    remaining: int
    until: float


class BucketItem(Item):
    """pk `RL#{rule}#{subject}`, sk `TAT`; `tat` in milliseconds since the epoch."""

    Meta = meta("ops")

    tat: ClassVar[NumberAttribute] = NumberAttribute()


def take(limit: Limit, subject: str) -> Verdict:
    """Take one token from the subject's bucket, or from what this environment has leased of it."""
    key = (limit.rule, subject)
    with _spending:
        lease = _leases.get(key)
        if lease and lease.tokens > 0 and lease.until > time.monotonic():
            lease.tokens -= 1
            return Verdict(True, limit.per_minute, lease.remaining + lease.tokens, 0)
    wanted = max(1, limit.per_minute // _LEASES_PER_LIMIT)
    verdict = _take_from_bucket(limit, subject, wanted)
    if not verdict.allowed and wanted > 1:
        return _take_from_bucket(limit, subject, 1)
    if verdict.allowed and wanted > 1:
        if len(_leases) >= _LEASES_KEPT:
            _leases.clear()
        _leases[key] = _Lease(wanted - 1, verdict.remaining, time.monotonic() + _LEASE_SECONDS)
        return Verdict(True, limit.per_minute, verdict.remaining + wanted - 1, 0)
    return verdict


def forget_leases() -> None:
    """Drop what is leased (tests; restore from a snapshot)."""
    _leases.clear()


def _take_from_bucket(limit: Limit, subject: str, tokens: int) -> Verdict:
    now = int(clock.now().timestamp() * 1000)
    interval = max(1, 60_000 // limit.per_minute)
    step, burst = interval * tokens, interval * limit.per_minute
    item = BucketItem(f"RL#{limit.rule}#{subject}", "TAT")
    expiry = BucketItem.ttl.set(now // 1000 + 120)
    attempts = (
        (BucketItem.tat + step, (BucketItem.tat > now) & (BucketItem.tat <= now + burst - step)),
        (now + step, BucketItem.tat.does_not_exist() | (BucketItem.tat <= now)),
    )
    for _ in range(_RACES_LOST):
        for value, condition in attempts:
            try:
                item.update([BucketItem.tat.set(value), expiry], condition=condition)
            except UpdateError as error:
                if not condition_failed(error):
                    raise
            else:
                return _verdict(limit, int(item.tat), now, interval, allowed=True)
        item.refresh(consistent_read=True)
        if item.tat > now + burst - step:
            break
    return _verdict(limit, int(item.tat), now, interval, allowed=False)


def _verdict(limit: Limit, tat: int, now: int, interval: int, *, allowed: bool) -> Verdict:
    remaining = max(0, limit.per_minute - -(-(tat - now) // interval))
    wait = 0 if remaining else max(1, -(-(tat - now - interval * (limit.per_minute - 1)) // 1000))
    return Verdict(allowed, limit.per_minute, remaining, wait)
