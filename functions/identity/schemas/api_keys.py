"""API keys, as their owner makes and sees them."""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from shared import clock
from shared.http.envelope import In, Out

SHORTEST_LIFE, LONGEST_LIFE = timedelta(minutes=1), timedelta(days=365)


def _within_a_year(at: datetime) -> datetime:
    if not SHORTEST_LIFE <= at - clock.now() <= LONGEST_LIFE:
        message = "必须在一分钟之后、一年之内|must lie at least a minute and at most a year ahead"
        raise ValueError(message)
    return at


class ApiKeyIn(In):
    """PLT-016. Without `expires_at` a key ends after a year."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    scopes: Annotated[list[Annotated[str, StringConstraints(max_length=20)]], Field(min_length=1, max_length=10)]
    expires_at: Annotated[AwareDatetime, AfterValidator(_within_a_year)] | None = None


class ApiKey(Out):
    """A key without itself. `prefix` is how it begins; `last_used_at` is exact to ten minutes."""

    key_id: int
    name: str
    prefix: str
    scopes: list[str]
    last_used_at: datetime | None
    expires_at: datetime | None


class NewApiKey(ApiKey):
    """A key, this once."""

    key: str


class Deleted(Out):
    """PLT-017."""

    deleted: bool
