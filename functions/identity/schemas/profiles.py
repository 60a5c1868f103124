"""People as others see them, and who follows whom."""

from datetime import datetime

from shared.http.envelope import Out
from shared.views.profiles import UserBrief


class UserPublic(UserBrief):
    """A profile. What stands behind the name and the face is null when its owner shows it to followers only, or to no one."""

    bio: str | None = None
    location: str | None = None
    is_creator: bool | None = None
    identity_verified: bool | None = None
    followers_count: int | None = None
    following_count: int | None = None
    contents_count: int | None = None
    likes_count: int | None = None
    pins: list[int] | None = None
    created_at: datetime | None = None


class Viewer(Out):
    """Where the viewer stands towards someone."""

    is_following: bool
    is_followed_by: bool


class Profile(UserPublic):
    """A profile on its own; `viewer` for whoever is signed in."""

    viewer: Viewer | None = None


class Followed(UserPublic):
    """Someone in a list of followers or followees."""

    followed_at: datetime


class Following(Out):
    """Whether the caller follows someone now, and how many do, the caller counted in or out."""

    following: bool
    followers_count: int
