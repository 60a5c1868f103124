"""Cache-aside for answers that are dear to make: memory, then DynamoDB (table group `ops`), then made (rules.md §19).

An entry holds one JSON value. Forgetting raises its version, and a value is stored only at the version its maker began
with: what was read before a change is never kept after it. Memory of other environments catches up within MEMORY_SECONDS.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, cast

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist, PynamoDBException, UpdateError

from shared import clock, observe
from shared.dynamo.base import Item, condition_failed, meta

MEMORY_SECONDS = 30
_VERSION_KEPT_SECONDS = 86_400
_ENTRY = "ENTRY"
_MOST_REMEMBERED = 10_000
_memory: dict[str, tuple[float, Any]] = {}

T = TypeVar("T")


class CacheItem(Item):
    """pk `CA#{prefix}{key}`, sk `ENTRY`; no `value` while it was forgotten and not made again. `ends` in epoch seconds."""

    Meta = meta("ops")

    version: ClassVar[NumberAttribute] = NumberAttribute(default=0)
    value: ClassVar[UnicodeAttribute] = UnicodeAttribute(null=True)
    ends: ClassVar[NumberAttribute] = NumberAttribute(default=0)


@dataclass(frozen=True, slots=True)
class Cached:
    """One thing to be kept: a prefix of the contract (`admin:user_stats:`), a key below it, and for how many seconds."""

    prefix: str
    seconds: int

    def get(self, key: str, make: Callable[[], Any]) -> Any:
        """The value kept under the key, else what `make` makes, which is then kept. The store away costs only the time."""
        name = f"CA#{self.prefix}{key}"
        known = _memory.get(name)
        if known and time.monotonic() < known[0]:
            return known[1]
        now = int(clock.now().timestamp())
        item = _find(name)
        if item is not None and item.value is not None and item.ends > now:
            value, left = json.loads(item.value), int(item.ends) - now
        else:
            value, left = make(), self.seconds
            _keep(name, 0 if item is None else int(item.version), value, now + self.seconds)
        _memory[name] = (time.monotonic() + min(left, MEMORY_SECONDS), value)
        return value

    def forget(self, key: str) -> None:
        """What is kept under the key is true no more. To be called after the commit that made it so."""
        name = f"CA#{self.prefix}{key}"
        _memory.pop(name, None)
        expires = int(clock.now().timestamp()) + _VERSION_KEPT_SECONDS
        try:
            CacheItem(name, _ENTRY).update(
                [CacheItem.version.add(1), CacheItem.value.remove(), CacheItem.ends.set(0), CacheItem.ttl.set(expires)]
            )
        except (PynamoDBException, BotoCoreError, ClientError):
            observe.error("cache was not invalidated", prefix=self.prefix)


def remembered(name: str, make: Callable[[], T]) -> T:
    """What this environment alone remembers for MEMORY_SECONDS, else what `make` makes; an empty answer is not kept.

    For what everybody is told alike and may learn of a change that late, as with tokens (rules.md §1).
    """
    known = _memory.get(name)
    if known and time.monotonic() < known[0]:
        return cast("T", known[1])
    value = make()
    if value:
        if len(_memory) >= _MOST_REMEMBERED:
            _memory.clear()
        _memory[name] = (time.monotonic() + MEMORY_SECONDS, value)
    return value


def forget_memory() -> None:
    """Forget what this environment remembers (tests; restore from a snapshot)."""
    _memory.clear()


def _find(name: str) -> CacheItem | None:
    try:
        return CacheItem.get(name, _ENTRY, consistent_read=True)
    except DoesNotExist:
        return None
    except (PynamoDBException, BotoCoreError, ClientError):
        observe.error("cache did not answer")
        return None


def _keep(name: str, version: int, value: Any, ends: int) -> None:
    unchanged = CacheItem.version == version
    try:
        CacheItem(name, _ENTRY).update(
            [
                CacheItem.version.set(version),
                CacheItem.value.set(json.dumps(value)),
                CacheItem.ends.set(ends),
                CacheItem.ttl.set(ends + _VERSION_KEPT_SECONDS),
            ],
            condition=unchanged if version else unchanged | CacheItem.pk.does_not_exist(),
        )
    except UpdateError as error:
        if not condition_failed(error):
            observe.error("cache was not filled")
    except (PynamoDBException, BotoCoreError, ClientError):
        observe.error("cache was not filled")
