"""QQ Connect: JSON when asked for it, else JSONP and query strings."""

import json
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from infra.local.sandbox.oauth.door import authorize, vendor_of
from infra.local.sandbox.oauth.vendor import Vendor


async def token(request: Request) -> Response:
    """`/oauth2.0/token`."""
    vendor, asked = vendor_of(request), dict(request.query_params)
    grant = vendor.find(asked.get("code", ""))
    if vendor.behaviour.gateway == "down":
        return Response(status_code=503)
    if asked.get("client_id") != vendor.client_id or asked.get("client_secret") != vendor.client_secret:
        return _error(vendor, asked, 100009, "client secret is illegal")
    if grant is None or not vendor.is_live(grant) or asked.get("grant_type") != "authorization_code":
        return _error(vendor, asked, 100019, "code to access token error")
    if asked.get("redirect_uri") != grant.redirect_uri:
        return _error(vendor, asked, 100010, "redirect uri is illegal")
    said = {
        "access_token": vendor.token(grant),
        "expires_in": "7776000",
        "refresh_token": "r-" + vendor.pseudonym(grant.person),
    }
    vendor.note("token", asked, "ok")
    return Response(urlencode(said) if _old(vendor, asked) else json.dumps(said), media_type="text/html")


async def me(request: Request) -> Response:
    """`/oauth2.0/me`: for which app, and for whom, a token was made."""
    vendor, asked = vendor_of(request), dict(request.query_params)
    held = vendor.holder(asked.get("access_token", ""))
    if held is None:
        return _error(vendor, asked, 100016, "access token check failed")
    said = {"client_id": held.client_id, "openid": held.person.user_id}
    if asked.get("unionid") == "1":
        if vendor.behaviour.unionid == "absent":
            return _error(vendor, asked, 100048, "no unionid permission")
        said["unionid"] = "UID_" + vendor.pseudonym(held.person)
    return _answer(vendor, asked, said)


async def get_user_info(request: Request) -> Response:
    """`/user/get_user_info`."""
    vendor, asked = vendor_of(request), dict(request.query_params)
    held = vendor.holder(asked.get("access_token", ""))
    said: dict[str, object] = {"ret": -23, "msg": "token is invalid"}
    if held and (asked.get("oauth_consumer_key"), asked.get("openid")) == (held.client_id, held.person.user_id):
        said = {"ret": 0, "msg": "", "nickname": held.person.name or "QQ用户", "gender": "男"}
    return Response(json.dumps(said, ensure_ascii=False), media_type="text/html")


def _old(vendor: Vendor, asked: dict[str, str]) -> bool:
    return asked.get("fmt") != "json" or vendor.behaviour.answers == "jsonp"


def _error(vendor: Vendor, asked: dict[str, str], code: int, text: str) -> Response:
    vendor.note("error", asked, code)
    return _answer(vendor, asked, {"error": code, "error_description": text})


def _answer(vendor: Vendor, asked: dict[str, str], said: dict[str, object] | dict[str, str]) -> Response:
    text = json.dumps(said)
    return Response(f"callback( {text} );\n" if _old(vendor, asked) else text, media_type="text/html")


ROUTES = [
    Route("/oauth/qq/oauth2.0/authorize", authorize),
    Route("/oauth/qq/oauth2.0/token", token),
    Route("/oauth/qq/oauth2.0/me", me),
    Route("/oauth/qq/user/get_user_info", get_user_info),
]
