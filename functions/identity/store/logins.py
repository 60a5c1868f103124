"""The login log (table group `events`), and wrong passwords for accounts that do not exist (`identity`)."""

from dataclasses import dataclass
from typing import ClassVar

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from functions.identity.models import Client
from shared import clock
from shared.dynamo.base import Item, meta
from shared.dynamo.sessions import user_key

_KEPT_SECONDS = 180 * 86_400


class LoginItem(Item):
    """pk `U#{uid}`, sk `L#{at}`: one attempt to sign in, kept 180 days (rules.md §22)."""

    Meta = meta("events")

    method: ClassVar[UnicodeAttribute] = UnicodeAttribute()
    ok: ClassVar[BooleanAttribute] = BooleanAttribute()
    reason: ClassVar[UnicodeAttribute] = UnicodeAttribute(null=True)
    ip: ClassVar[UnicodeAttribute] = UnicodeAttribute()
    user_agent: ClassVar[UnicodeAttribute] = UnicodeAttribute()
    device_id: ClassVar[UnicodeAttribute] = UnicodeAttribute(null=True)


class NobodyItem(Item):
    """pk `LF#{name_hash}`, sk `LF`: failures under a name nobody has, so that lock-out tells nobody from somebody."""

    Meta = meta("identity")

    failed: ClassVar[NumberAttribute] = NumberAttribute()
    since: ClassVar[NumberAttribute] = NumberAttribute()
    locked_until: ClassVar[NumberAttribute] = NumberAttribute(default=0)


def log(uid: int, method: str, client: Client, *, reason: str | None = None) -> None:
    """Write down an attempt; without a reason it went well."""
    at = clock.now()
    LoginItem(
        user_key(uid),
        f"L#{clock.rfc3339(at)}",
        method=method,
        ok=reason is None,
        reason=reason,
        ip=client.ip,
        user_agent=client.user_agent,
        device_id=client.device_id,
        ttl=int(at.timestamp()) + _KEPT_SECONDS,
    ).save()


@dataclass(slots=True)
class Failures:
    """Wrong passwords under one name; times in epoch seconds."""

    failed: int
    since: int
    locked_until: int


def failures_of_nobody(name_hash: str, now: int, window: int) -> Failures:
    """The failures so far within the window."""
    try:
        item = NobodyItem.get(f"LF#{name_hash}", "LF", consistent_read=True)
    except DoesNotExist:
        return Failures(0, now, 0)
    if item.since <= now - window and item.locked_until <= now:
        return Failures(0, now, 0)
    return Failures(int(item.failed), int(item.since), int(item.locked_until))


def count_failure_of_nobody(name_hash: str, so_far: Failures, now: int, *, limit: int, window: int) -> None:
    """Count a wrong password under a name nobody has; the `limit`-th locks it."""
    failed = so_far.failed + 1
    NobodyItem(
        f"LF#{name_hash}",
        "LF",
        failed=failed,
        since=so_far.since,
        locked_until=now + window if failed >= limit else 0,
        ttl=now + 2 * window,
    ).save()
