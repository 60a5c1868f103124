"""Changing one's own profile."""

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from functions.identity.models import USERNAME
from functions.identity.schemas.text import Line, Name, Paragraphs
from shared import clock
from shared.http.envelope import Id, In, Out
from shared.i18n import Locale

_EARLIEST = date(1900, 1, 1)


def _birthday(day: date) -> date:
    if not _EARLIEST <= day <= clock.now().astimezone(clock.SHANGHAI).date():
        raise ValueError("生日须在 1900 年之后且不晚于今天|must be after 1900 and not in the future")
    return day


_Short = Annotated[Line, Field(max_length=255)]
_Language = Annotated[str, Field(max_length=35, pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")]


class ProfileIn(In):
    """What is left out stays. Null empties what may be empty, and means the same as leaving out for the rest."""

    display_name: Annotated[Name, Field(min_length=1, max_length=50)] | None = None
    username: Annotated[str, Field(pattern=USERNAME)] | None = None
    bio: Annotated[Paragraphs, Field(max_length=300)] | None = None
    dedication: Annotated[Paragraphs, Field(max_length=255)] | None = None
    location: _Short | None = None
    country: _Short | None = None
    language: _Short | None = None
    education: _Short | None = None
    birthday: Annotated[date, AfterValidator(_birthday)] | None = None
    gender: Literal["male", "female", "other", "unknown"] | None = None
    region: _Short | None = None
    preferred_languages: Annotated[list[_Language], Field(max_length=20)] | None = None
    locale: Locale | None = None
    timezone: Annotated[str, Field(max_length=64)] | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    wallet_address: Annotated[str, Field(max_length=255, pattern=r"^[!-~]*$")] | None = None
    pins: Annotated[list[Id], Field(max_length=5)] | None = None


class AvatarIn(In):
    media_id: Id


class Avatar(Out):
    avatar_url: str
    original_avatar_url: str
