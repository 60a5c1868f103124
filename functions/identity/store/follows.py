"""Who follows whom, in DynamoDB (table group `social`).

Each follow is two items, written and deleted together: the relationship itself, which the index lists by followee and
time, and its place in the follower's own list by time.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import ClassVar

from pynamodb.attributes import UnicodeAttribute
from pynamodb.connection import Connection as DynamoConnection
from pynamodb.exceptions import DoesNotExist, TransactWriteError
from pynamodb.transactions import TransactWrite

from shared.dynamo.base import ByGsi1, Item, meta
from shared.errors import RequestInProgress

_ATTEMPTS = 5
_USER, _FOLLOWEE, _PLACE = "U#", "F#", "FT#"


class FollowItem(Item):
    """pk `U#{follower}`, sk `F#{followee}`; gsi1 `F#{followee}` by `at`."""

    Meta = meta("social")

    gsi1pk: ClassVar[UnicodeAttribute] = UnicodeAttribute()
    gsi1sk: ClassVar[UnicodeAttribute] = UnicodeAttribute()
    by_gsi1 = ByGsi1()
    at: ClassVar[UnicodeAttribute] = UnicodeAttribute()

    @property
    def follower_id(self) -> int:
        """Who follows."""
        return int(str(self.pk).removeprefix(_USER))

    @property
    def followee_id(self) -> int:
        """Who is followed."""
        return int(str(self.sk).removeprefix(_FOLLOWEE))


class PlaceItem(Item):
    """pk `U#{follower}`, sk `FT#{at}#{followee}`: the same follow, where it stands in the follower's list."""

    Meta = meta("social")


@dataclass(frozen=True, slots=True)
class Follow:
    """Someone in a list of followers or followees, and since when; `at` is also the list's order."""

    uid: int
    at: str

    @property
    def since(self) -> datetime:
        """When it began."""
        return datetime.fromisoformat(self.at)


def is_follow(pk: str, sk: str) -> bool:
    """Whether an item of the table with these keys is a relationship."""
    return pk.startswith(_USER) and sk.startswith(_FOLLOWEE)


def begin(follower: int, followee: int, at: datetime) -> bool:
    """Follow; False when it was so already. Raises RequestInProgress while the same pair is being changed elsewhere."""
    stamp = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    item = FollowItem(*_key(follower, followee), gsi1pk=f"{_FOLLOWEE}{followee}", gsi1sk=stamp, at=stamp)
    for _ in range(_ATTEMPTS):
        try:
            with TransactWrite(connection=_connection()) as both:
                both.save(item, condition=FollowItem.pk.does_not_exist())
                both.save(_place(follower, Follow(followee, stamp)))
        except TransactWriteError as error:
            if _refused(error):
                return False
            _only_conflict(error)
        else:
            return True
    raise RequestInProgress(retry_after=1)


def end(follower: int, followee: int) -> bool:
    """Unfollow; False when there was nothing to end. Raises RequestInProgress as `begin` does."""
    for _ in range(_ATTEMPTS):
        try:
            item = FollowItem.get(*_key(follower, followee), consistent_read=True)
        except DoesNotExist:
            return False
        try:
            with TransactWrite(connection=_connection()) as both:
                both.delete(item, condition=FollowItem.at == item.at)
                both.delete(_place(follower, Follow(followee, item.at)))
        except TransactWriteError as error:
            if not _refused(error):  # else it was ended, perhaps begun anew: look again
                _only_conflict(error)
        else:
            return True
    raise RequestInProgress(retry_after=1)


def among(pairs: Iterable[tuple[int, int]]) -> set[tuple[int, int]]:
    """Those of the `(follower, followee)` pairs, a hundred at most, that are so now; one call."""
    keys = [_key(*pair) for pair in pairs]
    return {(item.follower_id, item.followee_id) for item in FollowItem.batch_get(keys, consistent_read=True)}


def followers(uid: int, *, newest_first: bool, after: Follow | None, limit: int) -> list[Follow]:
    """Who follows someone, in order of time, behind `after`."""
    key = f"{_FOLLOWEE}{uid}"
    start = None
    if after:
        pk, sk = _key(after.uid, uid)
        start = _raw(pk=pk, sk=sk, gsi1pk=key, gsi1sk=after.at)
    found = FollowItem.by_gsi1.query(key, scan_index_forward=not newest_first, limit=limit, last_evaluated_key=start)
    return [Follow(item.follower_id, item.at) for item in found]


def followees(uid: int, *, newest_first: bool, after: Follow | None, limit: int) -> list[Follow]:
    """Whom someone follows, in order of time, behind `after`; consistent, so that one's own click is in it."""
    start = _raw(pk=f"{_USER}{uid}", sk=_place_key(after)) if after else None
    found = PlaceItem.query(
        f"{_USER}{uid}",
        PlaceItem.sk.startswith(_PLACE),
        consistent_read=True,
        scan_index_forward=not newest_first,
        limit=limit,
        last_evaluated_key=start,
    )
    return [_follow(str(item.sk)) for item in found]


def _key(follower: int, followee: int) -> tuple[str, str]:
    return f"{_USER}{follower}", f"{_FOLLOWEE}{followee}"


def _place(follower: int, follow: Follow) -> PlaceItem:
    return PlaceItem(f"{_USER}{follower}", _place_key(follow))


def _place_key(follow: Follow) -> str:
    return f"{_PLACE}{follow.at}#{follow.uid}"


def _follow(sk: str) -> Follow:
    at, _, uid = sk.removeprefix(_PLACE).partition("#")
    return Follow(int(uid), at)


def _raw(**keys: str) -> dict[str, dict[str, str]]:
    return {name: {"S": value} for name, value in keys.items()}


@cache
def _connection() -> DynamoConnection:
    return DynamoConnection(region=os.environ.get("AWS_REGION", "us-east-1"))


def _codes(error: TransactWriteError) -> set[str]:
    return {reason.code for reason in error.cancellation_reasons if reason is not None}


def _refused(error: TransactWriteError) -> bool:
    return "ConditionalCheckFailed" in _codes(error)


def _only_conflict(error: TransactWriteError) -> None:
    """Another transaction has the items in hand: worth another attempt; anything else is not."""
    if not _codes(error) & {"TransactionConflict"} and error.cause_response_code != "TransactionInProgressException":
        raise error
