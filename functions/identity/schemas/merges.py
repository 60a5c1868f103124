"""Merging another own account into this one."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from functions.identity.models import EMAIL_MAX
from functions.identity.schemas.fields import Code, Secret
from shared.http.envelope import In, Out

Choice = Literal["keep", "drop"]


class MergeIn(In):
    """The other account, by any of its names, and the proof that it is the caller's."""

    account: Annotated[str, Field(min_length=1, max_length=EMAIL_MAX)]
    code: Code | None = None
    password: Secret | None = None

    @model_validator(mode="after")
    def _proves_the_owner(self) -> Self:
        if (self.password is None) == (self.code is None):
            raise ValueError("请填写密码或验证码之一|give either a password or a code")
        return self


class Conflict(Out):
    """A field in which the two differ: what stays unless `drop` is chosen, and what the other account has."""

    field: str
    keep: str
    drop: str


class MergeOut(Out):
    merge_id: int
    conflicts: list[Conflict]
    expires_in: int = 600


class ConfirmIn(In):
    choices: Annotated[dict[Annotated[str, Field(max_length=50)], Choice], Field(max_length=50)]


class Merged(Out):
    merged: Literal[True] = True
    undo_until: datetime


class Undone(Out):
    undone: Literal[True] = True
