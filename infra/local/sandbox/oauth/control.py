"""The controls of the five providers, and what the product's configuration wants to know of them."""

from html import unescape
from re import findall
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.local.sandbox.oauth import apple, door, google, qq, wechat, weibo
from infra.local.sandbox.oauth.keys import KEY_ID, TEAM_ID
from infra.local.sandbox.oauth.vendor import Oauth, Person, Vendor
from infra.local.sandbox.web import BadBodyError, base_url, json_object, refusal


async def credentials(request: Request) -> JSONResponse:
    """The content of the secret `oauth`."""
    oauth, base = _oauth(request), f"{base_url(request)}/oauth"
    apps: dict[str, dict[str, Any]] = {
        name: {"client_id": vendor.client_id, "client_secret": vendor.client_secret}
        for name, vendor in oauth.vendors.items()
    }
    apps["wechat"] |= {"authorize_url": f"{base}/wechat/connect/qrconnect", "api_url": f"{base}/wechat"}
    apps["qq"]["base_url"] = f"{base}/qq"
    apps["weibo"]["base_url"] = f"{base}/weibo"
    apps["google"] |= {
        "authorize_url": f"{base}/google/o/oauth2/v2/auth",
        "token_url": f"{base}/google/token",
        "jwks_url": f"{base}/google/oauth2/v3/certs",
    }
    apps["apple"] |= {
        "base_url": f"{base}/apple",
        "team_id": TEAM_ID,
        "key_id": KEY_ID,
        "private_key": oauth.keys.apple_app_key,
    }
    return JSONResponse(apps)


async def behaviour(request: Request) -> JSONResponse:
    """GET what is in force; POST `{field: value…, "reset"?}` to change it."""
    vendor = _vendor(request)
    if vendor is None:
        return _unknown()
    if request.method == "POST":
        try:
            vendor.switches.change(await json_object(request))
        except (BadBodyError, ValidationError) as error:
            return refusal(400, "invalid_behaviour", f"无法理解的开关：{error}", f"Not a switch: {error}")
    return JSONResponse(vendor.switches.shown())


async def requests(request: Request) -> JSONResponse:
    """What was received, newest first; `?state=` for one sign-in."""
    vendor = _vendor(request)
    return _unknown() if vendor is None else JSONResponse({"items": vendor.journal.items(request.query_params.get("state"))})


async def approve(request: Request) -> JSONResponse:
    """Do what the page does: `{"authorize_url", "user_id", "email"?, "email_verified"?, "name"?}` or `{…, "deny": true}`.

    Answers `{"method", "url", "form"}`: what the person's browser would do next.
    """
    vendor = _vendor(request)
    if vendor is None:
        return _unknown()
    try:
        told = await json_object(request)
        asked = door.asked_of(vendor, str(told.pop("authorize_url", "")))
        if asked is None:
            return refusal(400, "invalid_request", "授权地址有误", "The provider would not show its page for this address.")
        if told.pop("deny", False) is True or vendor.behaviour.consent == "denied":
            return _next(door.refuse(vendor, asked), asked)
        person = Person.model_validate(told)
    except (BadBodyError, ValidationError) as error:
        return refusal(400, "invalid_body", "请求体有误", f"Not a person: {error}")
    return _next(door.agree(vendor, asked, person), asked)


async def forget(request: Request) -> Response:
    """Start over with the same keys."""
    _oauth(request).forget()
    return Response(status_code=204)


def _next(shown: Response, asked: dict[str, str]) -> JSONResponse:
    if "location" in shown.headers:
        return JSONResponse({"method": "GET", "url": shown.headers["location"], "form": None})
    hidden = findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', bytes(shown.body).decode())
    form = {unescape(name): unescape(value) for name, value in hidden}
    return JSONResponse({"method": "POST", "url": asked["redirect_uri"], "form": form})


def _unknown() -> JSONResponse:
    return refusal(404, "provider_not_found", "没有这个平台", "There is no such provider.")


def _vendor(request: Request) -> Vendor | None:
    return _oauth(request).vendors.get(request.path_params["provider"])


def _oauth(request: Request) -> Oauth:
    oauth: Oauth = request.app.state.oauth
    return oauth


ROUTES = [
    *wechat.ROUTES,
    *qq.ROUTES,
    *weibo.ROUTES,
    *google.ROUTES,
    *apple.ROUTES,
    *(
        Route(f"/oauth/{name}/approve", door.approve, methods=["POST"])
        for name in ("wechat", "qq", "weibo", "google", "apple")
    ),
    Route("/oauth/credentials", credentials),
    Route("/_control/oauth/forget", forget, methods=["POST"]),
    Route("/_control/oauth/{provider}/behaviour", behaviour, methods=["GET", "POST"]),
    Route("/_control/oauth/{provider}/requests", requests),
    Route("/_control/oauth/{provider}/approve", approve, methods=["POST"]),
]
