"""What every answer looks like: the envelope, a page of a list, and the base of all schemas."""

from typing import Annotated, Generic, TypeVar

from annotated_types import Ge, Le
from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")
BIGINT_MAX = 2**63 - 1

Id = Annotated[int, Field(ge=1, le=BIGINT_MAX)]
"""An integer id, within what the database can hold."""

PathId = Annotated[int, Ge(0), Le(BIGINT_MAX)]
"""The same in a path; 0 is nobody's id and simply not found."""

Fen = Annotated[int, Field(ge=0, le=10**13)]
"""A non-negative amount in fen, below any sum this platform will see."""


class In(BaseModel):
    """Base of request bodies: unknown fields are refused, not ignored."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Out(BaseModel):
    """Base of response bodies; built with `model_construct` from rows we trust."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)


class Answer(Out, Generic[T]):
    """The envelope of every success."""

    code: int = 0
    message: str = "success"
    data: T


class Page(Out, Generic[T]):
    """One page of a list. `total` is exact up to 10,000, then capped and said so."""

    items: list[T]
    total: int
    total_is_capped: bool = False
    page: int
    page_size: int
    next_cursor: str | None = None


class Items(Out, Generic[T]):
    """A short list that is never paged."""

    items: list[T]


class Problem(Out):
    """The envelope of every error."""

    code: int
    error: str
    message: str
    details: object = None
    request_id: str


def answer(data: T, message: str = "success") -> Answer[T]:
    """Wrap what a route has to say; trusted, so not validated again."""
    return Answer.model_construct(code=0, message=message, data=data)
