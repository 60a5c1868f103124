"""Profiles in SQL as others see them. Who is banned, deactivated or about to be deleted is not seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg.rows import class_row, dict_row

from shared.sql.connection import Connection

_SEEN: LiteralString = "(u.status = 'active' OR (u.status = 'banned' AND u.ban_end_time <= %(at)s))"
_ONE_SEEN: LiteralString = " WHERE u.uid = %(uid)s AND " + _SEEN
_PEOPLE: LiteralString = """
    identity.users u JOIN identity.authors a ON a.user_id = u.id JOIN identity.user_profiles p ON p.uid = u.uid
"""
_PUBLIC: LiteralString = """
    u.uid AS user_id, u.username, a.name AS display_name, a.avatar AS avatar_url, a.description AS bio, a.location,
    p.is_creator, p.identity_status = 'approved' AS identity_verified, greatest(p.followers_count, 0) AS followers_count,
    greatest(p.following_count, 0) AS following_count, p.contents_count, a.likes_count, a.pins::bigint[] AS pins,
    u.created_at, coalesce(p.privacy->>'profile_visibility', 'public') AS visibility
"""


@dataclass(frozen=True, slots=True)
class ListOwner:
    """Whose followers or followees are asked for: what they let others see, and how long the lists are."""

    visibility: str
    show_followers: bool
    show_following: bool
    followers_count: int
    following_count: int


def is_seen(db: Connection, uid: int, at: datetime) -> bool:
    """Whether there is such an account for others."""
    query = "SELECT 1 FROM identity.users u" + _ONE_SEEN
    return db.execute(query, {"uid": uid, "at": at}).fetchone() is not None


def find(db: Connection, uid: int, viewer: int | None, at: datetime) -> dict[str, Any] | None:
    """A profile with its visibility; `others_count` are its followers without the viewer (store/counts.py)."""
    query = (
        "SELECT"
        + _PUBLIC
        + """,
               greatest(p.followers_count - coalesce((SELECT balance FROM identity.counted_follows c
                   WHERE c.follower_id = %(viewer)s::bigint AND c.followee_id = u.uid), 0), 0) AS others_count
        FROM """
        + _PEOPLE
        + _ONE_SEEN
    )
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, {"uid": uid, "viewer": viewer, "at": at}).fetchone()


def some(db: Connection, uids: Sequence[int], at: datetime, *, skip: int, limit: int) -> list[dict[str, Any]]:
    """The profiles among `uids` that are seen, in their order, behind the first `skip`; `place` counts `uids` from 1."""
    query = (
        "SELECT"
        + _PUBLIC
        + """, wanted.place
        FROM unnest(%(uids)s::bigint[]) WITH ORDINALITY AS wanted (uid, place)
        JOIN """
        + _PEOPLE
        + " ON u.uid = wanted.uid WHERE "
        + _SEEN
        + " ORDER BY wanted.place OFFSET %(skip)s LIMIT %(limit)s"
    )
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, {"uids": list(uids), "at": at, "skip": skip, "limit": limit}).fetchall()


def list_owner(db: Connection, uid: int, at: datetime) -> ListOwner | None:
    """Whose list it is, if they are seen."""
    query = (
        """
        SELECT coalesce(p.privacy->>'profile_visibility', 'public') AS visibility,
               coalesce((p.privacy->>'show_followers')::boolean, true) AS show_followers,
               coalesce((p.privacy->>'show_following')::boolean, true) AS show_following,
               greatest(p.followers_count, 0) AS followers_count, greatest(p.following_count, 0) AS following_count
        FROM identity.users u JOIN identity.user_profiles p ON p.uid = u.uid
        """
        + _ONE_SEEN
    )
    with db.cursor(row_factory=class_row(ListOwner)) as cursor:
        return cursor.execute(query, {"uid": uid, "at": at}).fetchone()
