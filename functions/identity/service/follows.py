"""The follow graph: beginning, ending, counting, listing (rules.md §3: idempotent, no self-follow, counters exact).

DynamoDB decides who follows whom. Its stream moves the counters in SQL, each change once and, being sums, right in any
order. A counter therefore lags by the stream; the caller's own click must not. So next to each counter SQL keeps how much
of every single pair it contains, and the caller is shown: counted, less what is counted of this pair, plus what is true.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Literal, Protocol

from events.identity import UserFollowed
from functions.identity.errors import CannotFollowSelf, ListHidden, UserNotFound
from functions.identity.schemas.profiles import Followed
from functions.identity.service.visibility import public
from functions.identity.store import counts, profiles
from functions.identity.store import follows as store
from functions.identity.store.follows import Follow, FollowItem
from shared import clock
from shared.dynamo.streams import Change
from shared.errors import ValidationFailed
from shared.http.envelope import BIGINT_MAX, Page
from shared.ids import new_ulid
from shared.paging import TOTAL_CAP, PageQuery, decode_cursor, encode_cursor
from shared.sql import outbox
from shared.sql.connection import Connection

Side = Literal["followers", "following"]
SORT = "followed_at"
TOLD_ONCE_IN = timedelta(days=1)
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)


class _Source(Protocol):
    def __call__(self, uid: int, *, newest_first: bool, after: Follow | None, limit: int) -> list[Follow]: ...


_SOURCES: dict[Side, _Source] = {"followers": store.followers, "following": store.followees}


def begin(db: Connection, follower: int, followee: int) -> int:
    """Follow someone, once; returns how many do. Raises CannotFollowSelf, or UserNotFound for who is not to be seen."""
    if follower == followee:
        raise CannotFollowSelf
    now = clock.now()
    if not profiles.is_seen(db, followee, now):
        raise UserNotFound
    store.begin(follower, followee, now)
    return counts.without_own(db, follower, followee) + 1


def end(db: Connection, follower: int, followee: int) -> int:
    """Unfollow someone, once; returns how many still follow. Works towards a banned account as well.

    Raises UserNotFound when there was nothing to end and nobody to be seen.
    """
    if not store.end(follower, followee) and not profiles.is_seen(db, followee, clock.now()):
        raise UserNotFound
    return counts.without_own(db, follower, followee)


def end_all(uid: int) -> int:
    """Take an account out of the graph, in both directions; the stream counts it. Returns how many follows ended."""
    ended = 0
    for source, pair in ((store.followees, lambda other: (uid, other)), (store.followers, lambda other: (other, uid))):
        ended += _end_all(source, pair, uid)
    return ended


def _end_all(source: _Source, pair: Callable[[int], tuple[int, int]], uid: int) -> int:
    ended, after = 0, None
    while found := source(uid, newest_first=False, after=after, limit=1000):
        ended += sum(store.end(*pair(follow.uid)) for follow in found)
        after = found[-1]
    return ended


def concerns(change: Change) -> bool:
    """Whether a change of the table begins or ends a follow."""
    return change.kind != "MODIFY" and store.is_follow(change.pk, change.sk)


def count(db: Connection, change: Change) -> None:
    """Let the counters follow one change; a beginning is told to the world, at most once a day for each pair."""
    begun = change.kind == "INSERT"
    item = FollowItem.from_raw_data(change.new if begun else change.old)
    now = clock.now()
    follower, followee, since = item.follower_id, item.followee_id, Follow(item.followee_id, item.at).since
    tell = counts.count(db, follower, followee, 1 if begun else -1, since=since, at=now)
    if not begun:
        counts.forget(db, follower, followee, now - TOLD_ONCE_IN)
    elif tell:
        fact = UserFollowed(
            event_id=new_ulid(), occurred_at=now, follower_id=follower, followee_id=followee, followed_at=since
        )
        outbox.record(db, fact)


def page(db: Connection, viewer: int, owner_id: int | None, side: Side, query: PageQuery) -> Page[Followed]:
    """A page of followers, or of whom someone follows, newest first unless asked otherwise.

    Two statements, whatever the size: whose list it is, then the profiles of the page. `total` is the counter, which
    includes accounts that are banned at present; the list leaves them out. Raises UserNotFound or ListHidden.
    """
    uid = viewer if owner_id is None else owner_id
    total = _may_see(db, viewer, uid, side)
    newest_first = query.sort_order == "desc"
    after = _position(query)
    skip = 0 if after else (query.page - 1) * query.page_size
    known: list[Follow] = []
    wanted = skip + query.page_size + 1
    while True:
        more = _SOURCES[side](uid, newest_first=newest_first, after=known[-1] if known else after, limit=wanted)
        known += more
        rows = profiles.some(db, [follow.uid for follow in known], clock.now(), skip=skip, limit=query.page_size + 1)
        if len(rows) > query.page_size or len(more) < wanted:
            break
        wanted = len(known)  # some are not to be seen: look as far again
    shown = rows[: query.page_size]
    entitled = _entitled(viewer, [row["user_id"] for row in shown if row["visibility"] == "followers"])
    last = known[shown[-1]["place"] - 1] if len(rows) > query.page_size else None
    return Page.model_construct(
        items=[
            Followed.model_construct(
                **public(row, full=row["user_id"] == viewer or row["user_id"] in entitled),
                followed_at=known[row["place"] - 1].since,
            )
            for row in shown
        ],
        total=min(total, TOTAL_CAP),
        total_is_capped=total > TOTAL_CAP,
        page=query.page,
        page_size=query.page_size,
        next_cursor=encode_cursor(SORT, query.sort_order, [last.at, last.uid]) if last else None,
    )


def _may_see(db: Connection, viewer: int, uid: int, side: Side) -> int:
    """How long the list is, if the viewer may see it."""
    owner = profiles.list_owner(db, uid, clock.now())
    if owner is None:
        raise UserNotFound
    shown = owner.show_followers if side == "followers" else owner.show_following
    if uid != viewer and (
        not shown or owner.visibility == "private" or (owner.visibility == "followers" and not _entitled(viewer, [uid]))
    ):
        raise ListHidden
    return owner.followers_count if side == "followers" else owner.following_count


def _entitled(viewer: int, uids: list[int]) -> set[int]:
    """Those whom the viewer follows; no call when nobody is asked about."""
    return {followee for _, followee in store.among((viewer, uid) for uid in uids)} if uids else set()


def _position(query: PageQuery) -> Follow | None:
    """Where the page begins. Raises ValidationFailed for another order, or a cursor that is not ours."""
    if query.sort_by not in {None, SORT}:
        raise ValidationFailed([{"field": "query.sort_by", "message": SORT}])
    if query.cursor is None:
        return None
    at, uid = decode_cursor(query.cursor, SORT, query.sort_order, 2)
    if not isinstance(at, str) or not isinstance(uid, int) or not _STAMP.fullmatch(at) or not 0 < uid <= BIGINT_MAX:
        raise ValidationFailed([{"field": "query.cursor", "message": "unknown cursor"}])
    return Follow(uid, at)
