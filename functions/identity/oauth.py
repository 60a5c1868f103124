"""Routes of signing in with a provider's account; a function of their own, which waits for providers and hashes nothing."""

from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Query
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from functions.identity.errors import (
    OauthAlreadyBound,
    OauthProviderError,
    OauthStateInvalid,
    ProviderNotConfigured,
    RedirectUriNotAllowed,
)
from functions.identity.models import Client
from functions.identity.providers import PROVIDERS, Provider, Return, Scene
from functions.identity.schemas.oauth import (
    URI_MAX,
    AppleForm,
    Authorization,
    AuthorizationCode,
    OauthBound,
    OauthTokens,
    State,
)
from functions.identity.service import oauth
from functions.identity.trail import Trail
from shared.errors import AccountBanned, UnsupportedMediaType
from shared.http.app import BASE, create_app, lambda_handler
from shared.http.auth import Context, Public
from shared.http.context import RequestContext
from shared.http.envelope import Answer, answer
from shared.http.problems import problems
from shared.http.sql import Steps

FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 20
_BACK = problems(OauthStateInvalid, OauthProviderError, OauthAlreadyBound, AccountBanned, ProviderNotConfigured)

router = APIRouter(prefix=BASE + "/auth/oauth", tags=["identity"])


def _client(context: RequestContext) -> Client:
    return Client(context.ip, context.user_agent)


def _begins(provider: Provider) -> None:
    @router.get(f"/{provider}", name=f"begin_{provider}", responses=problems(RedirectUriNotAllowed, ProviderNotConfigured))
    async def begin(
        viewer: Public,
        context: Context,
        scene: Scene = "login",
        redirect_uri: Annotated[str | None, Query(max_length=URI_MAX)] = None,
    ) -> Answer[Authorization]:
        """Where to send the person, to sign in or (with a token) to bind the provider's account."""
        return answer(oauth.begin(provider, scene, redirect_uri, viewer, _client(context)))


def _comes_back(provider: Provider) -> None:
    @router.get(f"/{provider}/callback", name=f"finish_{provider}", responses=_BACK)
    async def finish(
        viewer: Public, context: Context, _steps: Steps, state: State, code: AuthorizationCode | None = None
    ) -> Answer[OauthTokens | OauthBound]:
        """The person is back: tokens, or a binding. Without a code the person said no."""
        return answer(oauth.finish(provider, Return(state, code), viewer, _client(context), context.locale))


for each in PROVIDERS:
    _begins(each)
    if each != "apple":
        _comes_back(each)


@router.post(
    "/apple/callback",
    name="finish_apple",
    responses=_BACK,
    openapi_extra={"requestBody": {"required": True, "content": {FORM: {"schema": AppleForm.model_json_schema()}}}},
)
async def finish_apple(viewer: Public, context: Context, _steps: Steps) -> Answer[OauthTokens | OauthBound]:
    """The same from Apple, whose page has the browser post a form."""
    form = _form(context)
    back = Return(form.state, form.code, form.user)
    return answer(oauth.finish("apple", back, viewer, _client(context), context.locale))


def _form(context: RequestContext) -> AppleForm:
    """The posted fields, of which each may come once. Raises UnsupportedMediaType or RequestValidationError."""
    if context.media_type != FORM:
        raise UnsupportedMediaType(expected=FORM)
    try:
        pairs = parse_qsl(context.body.decode(), errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise _invalid("value_error") from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise _invalid("value_error")
    try:
        return AppleForm.model_validate(fields)
    except ValidationError as error:
        raise RequestValidationError(
            [fault | {"loc": ("body", *fault["loc"])} for fault in error.errors(include_input=False)]
        ) from error


def _invalid(kind: str) -> RequestValidationError:
    return RequestValidationError([{"type": kind, "loc": ("body",), "ctx": {"error": "form"}}])


app = create_app("identity", router)
app.add_middleware(Trail)
handler = lambda_handler(app)
