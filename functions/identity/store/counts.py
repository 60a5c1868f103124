"""How many follow whom: counters on the profiles, and what of each pair they contain already."""

from datetime import datetime
from typing import Literal

from shared.sql.connection import Connection


def count(db: Connection, follower: int, followee: int, step: Literal[1, -1], *, since: datetime, at: datetime) -> bool:
    """Count that somebody began (1) or ceased (-1) to follow. True when a beginning deserves to be told.

    A pair is told once in 24 hours, however often it is undone and done again. The profiles are locked in order of their
    uids, so that two who follow each other at once do not wait for one another in a circle.
    """
    row = db.execute(
        """
        WITH locked AS MATERIALIZED (
            SELECT uid FROM identity.user_profiles WHERE uid IN (%(follower)s, %(followee)s) ORDER BY uid FOR UPDATE
        ), counted AS (
            UPDATE identity.user_profiles p
            SET followers_count = followers_count + CASE WHEN p.uid = %(followee)s THEN %(step)s ELSE 0 END,
                following_count = following_count + CASE WHEN p.uid = %(follower)s THEN %(step)s ELSE 0 END,
                updated_at = %(at)s
            FROM locked WHERE p.uid = locked.uid
        )
        INSERT INTO identity.counted_follows AS known (follower_id, followee_id, balance, announced_at, updated_at)
        VALUES (%(follower)s, %(followee)s, %(step)s, CASE WHEN %(step)s > 0 THEN %(since)s::timestamptz END, %(at)s)
        ON CONFLICT (follower_id, followee_id) DO UPDATE SET balance = known.balance + excluded.balance,
            announced_at = CASE WHEN known.announced_at + interval '1 day' > excluded.announced_at THEN known.announced_at
                           ELSE coalesce(excluded.announced_at, known.announced_at) END,
            updated_at = excluded.updated_at
        RETURNING new.announced_at IS DISTINCT FROM old.announced_at
        """,
        {"follower": follower, "followee": followee, "step": step, "since": since, "at": at},
    ).fetchone()
    return bool(row and row[0])


def forget(db: Connection, follower: int, followee: int, told_before: datetime) -> None:
    """Drop what is known of a pair that no longer counts and was last told before that time."""
    db.execute(
        """
        DELETE FROM identity.counted_follows
        WHERE follower_id = %s AND followee_id = %s AND balance = 0
          AND (announced_at IS NULL OR announced_at < %s)
        """,
        (follower, followee, told_before),
    )


def without_own(db: Connection, follower: int, followee: int) -> int:
    """How many follow someone, leaving this follower out: what is counted, less what is counted of this pair."""
    row = db.execute(
        """
        SELECT p.followers_count - coalesce(c.balance, 0)
        FROM identity.user_profiles p
        LEFT JOIN identity.counted_follows c ON c.follower_id = %s AND c.followee_id = p.uid
        WHERE p.uid = %s
        """,
        (follower, followee),
    ).fetchone()
    return max(0, row[0]) if row else 0
