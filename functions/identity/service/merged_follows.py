"""Follows of a merged account, in both directions, a few at a time: begun and ended one by one, so that the stream counts each.

Before a few are moved they are written into the journal with what was there already, in a transaction of its own; while they
are moved the merge is held, so that undoing waits and never sees half of them. Killed anywhere and run again, it goes on.
"""

from collections.abc import Callable
from typing import Any

from events.identity import AccountsMerged, AccountsParted
from functions.identity.store import follows
from functions.identity.store import merges as store
from functions.identity.store.follows import Follow
from shared import clock
from shared.sql.connection import Connection
from shared.sql.edge import unit_of_work

_FEW = 25
Pair = tuple[int, int]


def move(fact: AccountsMerged) -> None:
    """Who was followed by the dropped account is followed by the other, and who followed it follows the other."""
    dropped, into = fact.from_uid, fact.into_uid
    _move(fact, follows.followees, lambda other: (dropped, other), lambda other: (into, other))
    _move(fact, follows.followers, lambda other: (other, dropped), lambda other: (other, into))


def give_back(fact: AccountsParted) -> None:
    """Each follow that was moved is begun again as of its day, and ended where it came to be by the merge alone."""
    after = 0
    while True:
        with unit_of_work() as db:
            if store.hold(db, fact.merge_id) != "undone":
                return
            some = store.journal(db, fact.merge_id, "follow", after, _FEW)
            for after, edge in some:  # noqa: B007 - the last one is where the next page begins
                follows.begin(edge["follower"], edge["followee"], Follow(0, edge["at"]).since)
                if edge["moved_to"] and not edge["was_there"]:
                    follows.end(*edge["moved_to"])
        if len(some) < _FEW:
            return


def _move(
    fact: AccountsMerged, source: Callable[..., list[Follow]], old: Callable[[int], Pair], new: Callable[[int], Pair]
) -> None:
    position: Follow | None = None
    while found := source(fact.from_uid, newest_first=False, after=position, limit=_FEW):
        with unit_of_work() as db:
            if store.hold(db, fact.merge_id) != "merged":
                return
            _write_down(db, fact.merge_id, [(follow, old(follow.uid), new(follow.uid)) for follow in found])
        with unit_of_work() as db:
            if store.hold(db, fact.merge_id) != "merged":
                return
            for follow in found:
                if _is_between_two(new(follow.uid)):
                    follows.begin(*new(follow.uid), follow.since)
                follows.end(*old(follow.uid))
        position = found[-1]


def _write_down(db: Connection, merge_id: int, edges: list[tuple[Follow, Pair, Pair]]) -> None:
    there = follows.among(pair for _, _, pair in edges if _is_between_two(pair))
    for follow, (follower, followee), pair in edges:
        detail: dict[str, Any] = {
            "follower": follower,
            "followee": followee,
            "at": follow.at,
            "moved_to": list(pair) if _is_between_two(pair) else None,
            "was_there": pair in there,
        }
        store.note(db, merge_id, "follow", detail, clock.now())


def _is_between_two(pair: Pair) -> bool:
    """Nobody follows themselves: a follow between the two accounts only ends."""
    return pair[0] != pair[1]
