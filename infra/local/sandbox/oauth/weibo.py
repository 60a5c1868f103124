"""Weibo's OAuth2."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.local.sandbox.oauth.door import authorize, vendor_of
from infra.local.sandbox.web import fields
from shared import clock


async def access_token(request: Request) -> Response:
    """`/oauth2/access_token`."""
    vendor, asked = vendor_of(request), await fields(request)
    grant = vendor.find(asked.get("code", ""))
    if vendor.behaviour.gateway == "down":
        return Response(status_code=503)
    if (asked.get("client_id"), asked.get("client_secret")) != (vendor.client_id, vendor.client_secret):
        return _error(401, 21324, "invalid_client")
    if grant is None or not vendor.is_live(grant) or asked.get("grant_type") != "authorization_code":
        return _error(400, 21325, "invalid_grant")
    if asked.get("redirect_uri") != grant.redirect_uri:
        return _error(400, 21322, "redirect_uri_mismatch")
    vendor.note("access_token", asked, "ok")
    said = {"access_token": vendor.token(grant), "remind_in": "157679999", "expires_in": 157679999}
    return JSONResponse(said | {"uid": grant.person.user_id, "isRealName": "true"})


async def get_token_info(request: Request) -> Response:
    """`/oauth2/get_token_info`: for which app, and for whom, a token was made."""
    vendor, asked = vendor_of(request), await fields(request)
    held = vendor.holder(asked.get("access_token", ""))
    if held is None:
        return _error(403, 21327, "expired_token")
    uid = held.person.user_id
    said = {"appkey": held.client_id, "scope": None, "create_at": int(clock.now().timestamp()), "expire_in": 157679999}
    return JSONResponse(said | {"uid": int(uid) if uid.isdigit() else uid})


async def show(request: Request) -> Response:
    """`/2/users/show.json`."""
    vendor, asked = vendor_of(request), dict(request.query_params)
    held = vendor.holder(asked.get("access_token", ""))
    if held is None or asked.get("uid") != held.person.user_id:
        return _error(403, 21327, "expired_token")
    return JSONResponse({"idstr": held.person.user_id, "screen_name": held.person.name or "微博用户", "avatar_large": ""})


def _error(status: int, code: int, error: str) -> Response:
    return JSONResponse({"error": error, "error_code": code, "request": "/oauth2"}, status_code=status)


ROUTES = [
    Route("/oauth/weibo/oauth2/authorize", authorize),
    Route("/oauth/weibo/oauth2/access_token", access_token, methods=["POST"]),
    Route("/oauth/weibo/oauth2/get_token_info", get_token_info, methods=["POST"]),
    Route("/oauth/weibo/2/users/show.json", show),
]
