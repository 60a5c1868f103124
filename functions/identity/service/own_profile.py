"""Changing one's own profile and avatar."""

from functools import cache
from typing import Any
from zoneinfo import available_timezones

from psycopg.errors import UniqueViolation

from functions.identity.errors import (
    MediaNotFound,
    MediaNotReady,
    NotAnImage,
    PostNotFound,
    TimezoneInvalid,
    UsernameTaken,
)
from functions.identity.schemas.own_profile import Avatar, ProfileIn
from functions.identity.store import own_profile as store
from shared import clock
from shared.sql.connection import Connection
from shared.views.files import public_url

_LISTS = frozenset({"preferred_languages", "pins"})
_NEVER_EMPTY = frozenset({"display_name", "username", "locale", "timezone", "currency"})
_NO_PLACES = frozenset({"localtime", "Factory"})
"""Files beside the time zones of a system, which its list shows as well."""


def change(db: Connection, uid: int, wanted: ProfileIn) -> frozenset[str]:
    """Change the fields given; returns which were. Raises UsernameTaken, TimezoneInvalid or PostNotFound."""
    fields = _fields(wanted)
    if "timezone" in fields and fields["timezone"] not in _timezones():
        raise TimezoneInvalid
    if fields.get("pins"):
        # Posts come with the domain social; nobody has one yet.
        raise PostNotFound(post_id=fields["pins"][0])
    try:
        store.change(db, uid, fields, clock.now())
    except UniqueViolation as error:
        raise UsernameTaken from error
    return frozenset(fields)


def set_avatar(db: Connection, uid: int, media_id: int) -> Avatar:
    """Show an own image as one's face: its smallest rendition, the largest beside it.

    Raises MediaNotFound for what is someone else's, NotAnImage, or MediaNotReady until it has passed its checks.
    """
    file = store.find_file(db, uid, media_id)
    if file is None:
        raise MediaNotFound
    if file["kind"] != "image":
        raise NotAnImage
    if file["status"] != "ready" or not file["variants"]:
        raise MediaNotReady
    largest, smallest = file["variants"][0], file["variants"][-1]
    avatar = Avatar(avatar_url=public_url(smallest["s3_key"]), original_avatar_url=public_url(largest["s3_key"]))
    store.set_avatar(db, uid, avatar.avatar_url, avatar.original_avatar_url, clock.now())
    return avatar


def _fields(wanted: ProfileIn) -> dict[str, Any]:
    """What shall be stored: an empty text is none, a list that is null is empty."""
    given = wanted.model_dump(exclude_unset=True)
    return {
        name: (value or []) if name in _LISTS else (value or None)
        for name, value in given.items()
        if value is not None or name not in _NEVER_EMPTY
    }


@cache
def _timezones() -> frozenset[str]:
    """The names of the IANA database; it takes a look at some hundred files, so only at the first need."""
    return frozenset(available_timezones()) - _NO_PLACES
