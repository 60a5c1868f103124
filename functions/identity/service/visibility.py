"""What of a profile others see (rules.md §3: private hides it, followers-only shows the brief)."""

from typing import Any

from functions.identity.errors import ProfilePrivate, UserNotFound
from functions.identity.schemas.profiles import Profile, UserPublic, Viewer
from functions.identity.store import follows, profiles
from shared import clock
from shared.sql.connection import Connection
from shared.views.profiles import UserBrief


def public(row: dict[str, Any], *, full: bool) -> dict[str, Any]:
    """The fields of UserPublic in a row of store/profiles.py: all, if it is public or the viewer may see it in full."""
    shown = UserPublic.model_fields if full or row["visibility"] == "public" else UserBrief.model_fields
    return {name: row[name] for name in shown}


def profile(db: Connection, uid: int, viewer: int | None) -> Profile:
    """A profile as the viewer sees it: one statement, and one read of the graph for someone signed in.

    Not cached: a ban, a new setting and one's own click show at once, and it is two round trips.
    Raises UserNotFound for who is unknown, banned or gone, or ProfilePrivate.
    """
    row = profiles.find(db, uid, viewer, clock.now())
    if row is None:
        raise UserNotFound
    if viewer == uid:
        own = Viewer.model_construct(is_following=False, is_followed_by=False)
        return Profile.model_construct(**public(row, full=True), viewer=own)
    if row["visibility"] == "private":
        raise ProfilePrivate
    if viewer is None:
        return Profile.model_construct(**public(row, full=False), viewer=None)
    standing = follows.among([(viewer, uid), (uid, viewer)])
    is_following = (viewer, uid) in standing
    row["followers_count"] = row["others_count"] + is_following
    return Profile.model_construct(
        **public(row, full=is_following),
        viewer=Viewer.model_construct(is_following=is_following, is_followed_by=(uid, viewer) in standing),
    )
