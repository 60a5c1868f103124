"""WeChat's website sign-in: errors inside a 200, answers as plain text."""

import json

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from infra.local.sandbox.oauth.door import authorize, vendor_of

_ERRORS = {
    40001: "invalid credential",
    40013: "invalid appid",
    40029: "invalid code",
    40125: "invalid appsecret",
    40163: "code been used",
}


async def access_token(request: Request) -> Response:
    """`/sns/oauth2/access_token`."""
    vendor, asked = vendor_of(request), dict(request.query_params)
    grant = vendor.find(asked.get("code", ""))
    if vendor.behaviour.gateway == "down":
        return Response(status_code=503)
    if asked.get("appid") != vendor.client_id:
        said = _error(40013)
    elif asked.get("secret") != vendor.client_secret:
        said = _error(40125)
    elif grant is None or asked.get("grant_type") != "authorization_code":
        said = _error(40029)
    elif not vendor.is_live(grant):
        said = _error(40163 if grant.used else 40029)
    else:
        said = {
            "access_token": vendor.token(grant),
            "expires_in": 7200,
            "refresh_token": "r-" + vendor.pseudonym(grant.person),
            "openid": vendor.pseudonym(grant.person),
            "scope": "snsapi_login",
        }
        if vendor.behaviour.unionid == "present":
            said["unionid"] = grant.person.user_id
    vendor.note("access_token", asked, said.get("errcode", "ok"))
    return _text(said)


async def userinfo(request: Request) -> Response:
    """`/sns/userinfo`."""
    vendor, asked = vendor_of(request), dict(request.query_params)
    held = vendor.holder(asked.get("access_token", ""))
    if held is None or asked.get("openid") != vendor.pseudonym(held.person):
        return _text(_error(40001))
    said: dict[str, object] = {
        "openid": vendor.pseudonym(held.person),
        "nickname": held.person.name or "微信用户",
        "sex": 0,
        "headimgurl": "",
        "privilege": [],
    }
    if vendor.behaviour.unionid == "present":
        said["unionid"] = held.person.user_id
    return _text(said)


def _error(code: int) -> dict[str, object]:
    return {"errcode": code, "errmsg": _ERRORS[code]}


def _text(said: dict[str, object]) -> Response:
    return Response(json.dumps(said, ensure_ascii=False), media_type="text/plain")


ROUTES = [
    Route("/oauth/wechat/connect/qrconnect", authorize),
    Route("/oauth/wechat/sns/oauth2/access_token", access_token),
    Route("/oauth/wechat/sns/userinfo", userinfo),
]
