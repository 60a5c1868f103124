"""Signing in with a provider's account."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from functions.identity.schemas.accounts import TokenPair
from shared.http.envelope import Out

STATE_MAX, CODE_MAX, URI_MAX = 200, 2000, 2000

State = Annotated[str, Field(max_length=STATE_MAX)]
AuthorizationCode = Annotated[str, Field(min_length=1, max_length=CODE_MAX)]


class Authorization(Out):
    """Where to send the person; the client compares `state` with the one that comes back."""

    authorize_url: str
    state: str
    expires_in: int


class OauthTokens(TokenPair):
    is_new_user: bool


class OauthBound(Out):
    provider: str
    bound: bool


class AppleForm(BaseModel):
    """What Apple has the browser post. Without a code the person said no; other fields (`error`) are not looked at."""

    model_config = ConfigDict(extra="ignore")

    code: AuthorizationCode | None = None
    state: State
    id_token: str | None = None
    user: Annotated[str, Field(max_length=4000)] | None = None
