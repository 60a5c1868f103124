"""Leaving: deactivating an account, deleting it, taking one's data along."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from functions.identity.schemas.fields import Code, Secret
from shared.http.envelope import In, Out


class DeactivateIn(In):
    password: Secret | None = None
    code: Code | None = None
    reason: Annotated[str, Field(max_length=500)] | None = None

    @model_validator(mode="after")
    def _proves_the_owner(self) -> Self:
        if (self.password is None) == (self.code is None):
            raise ValueError("请填写密码或验证码之一|give either a password or a code")
        return self


class Deactivated(Out):
    status: Literal["deactivated"] = "deactivated"


class PendingDeletion(Out):
    status: Literal["pending_deletion"] = "pending_deletion"
    delete_at: datetime


class ExportIn(In):
    format: Literal["json", "zip"] = "zip"
