"""The page at which a person agrees or refuses, the same for every provider but for the names of its fields."""

import json
from html import escape
from urllib.parse import parse_qsl, urlencode, urlsplit

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from infra.local.sandbox.oauth.vendor import Oauth, Person, Vendor
from infra.local.sandbox.web import BadBodyError, fields, page

_NAMES = {"wechat": "微信 WeChat", "qq": "QQ", "weibo": "微博 Weibo", "google": "Google", "apple": "Apple"}
_REFUSED = {
    "wechat": {},
    "qq": {"usercancel": "1"},
    "weibo": {"error": "access_denied", "error_code": "21330"},
    "google": {"error": "access_denied"},
    "apple": {"error": "user_cancelled_authorize"},
}


def vendor_of(request: Request) -> Vendor:
    """The provider whose address was asked: the second segment of the path."""
    oauth: Oauth = request.app.state.oauth
    return oauth.vendors[request.url.path.split("/")[2]]


async def authorize(request: Request) -> Response:
    """The page, when the app and its wishes are in order."""
    vendor, asked = vendor_of(request), dict(request.query_params)
    vendor.note("authorize", asked, "page")
    wrong = _wrong(vendor, asked)
    if wrong:
        return _problem(vendor, wrong)
    if vendor.behaviour.consent == "denied":
        return refuse(vendor, asked)
    return page(
        f"{_NAMES[vendor.name]} 登录 Sign in",
        f'<section class="card"><h1>{_NAMES[vendor.name]} 登录 Sign in</h1>'
        f'<form method="post" action="/oauth/{vendor.name}/approve">'
        f'<input type="hidden" name="request" value="{escape(request.url.query)}">'
        '<p><label>用户 ID Provider user id<br><input name="user_id" value="demo" required></label></p>'
        '<p><label>邮箱 E-mail<br><input name="email" type="email"></label></p>'
        '<p><label><input name="email_verified" type="checkbox" value="true" checked> 邮箱已验证 E-mail is verified</label></p>'
        '<p><label>昵称 Name<br><input name="name"></label></p>'
        '<button name="answer" value="allow">同意 Allow</button>'
        '<button class="quiet" name="answer" value="deny" formnovalidate>拒绝 Deny</button></form></section>',
        narrow=True,
    )


async def approve(request: Request) -> Response:
    """What the person pressed."""
    vendor = vendor_of(request)
    try:
        told = await fields(request)
        asked = dict(parse_qsl(told.pop("request", ""), keep_blank_values=True))
        if told.pop("answer", "allow") == "deny":
            return refuse(vendor, asked) if _wrong(vendor, asked) is None else _problem(vendor, "request")
        wrong = _wrong(vendor, asked)
        if wrong:
            return _problem(vendor, wrong)
        chosen = {name: value for name, value in told.items() if value}
        person = Person.model_validate(chosen | {"email_verified": "email_verified" in chosen})
    except (BadBodyError, ValidationError):
        return _problem(vendor, "form")
    return agree(vendor, asked, person)


def agree(vendor: Vendor, asked: dict[str, str], person: Person) -> Response:
    """Send the person back with a code."""
    code, is_first = vendor.grant(person, asked)
    back = {"code": code, "state": asked.get("state", "")}
    if vendor.name != "apple":
        return _redirect(asked["redirect_uri"], back)
    if is_first and "name" in asked.get("scope", "").split():
        first, _, last = (person.name or "").partition(" ")
        back["user"] = json.dumps({"name": {"firstName": first, "lastName": last}, "email": person.email})
    return _post(asked["redirect_uri"], back)


def refuse(vendor: Vendor, asked: dict[str, str]) -> Response:
    """Send the person back without one."""
    back = _REFUSED[vendor.name] | {"state": asked.get("state", "")}
    return _post(asked["redirect_uri"], back) if vendor.name == "apple" else _redirect(asked["redirect_uri"], back)


def asked_of(vendor: Vendor, address: str) -> dict[str, str] | None:
    """The fields of an authorize address, or None when the provider would not show its page."""
    asked = dict(parse_qsl(urlsplit(address).query, keep_blank_values=True))
    return None if _wrong(vendor, asked) else asked


def _wrong(vendor: Vendor, asked: dict[str, str]) -> str | None:
    """The first field that keeps the page from being shown."""
    back = urlsplit(asked.get("redirect_uri", ""))
    checks = {
        "client_id": asked.get("appid" if vendor.name == "wechat" else "client_id") == vendor.client_id,
        "response_type": asked.get("response_type") == "code",
        "redirect_uri": back.scheme in {"http", "https"} and bool(back.netloc) and not back.fragment,
    }
    match vendor.name:
        case "wechat":
            checks["scope"] = asked.get("scope") == "snsapi_login"
        case "google":
            checks["scope"] = "openid" in asked.get("scope", "").split()
            checks["code_challenge_method"] = "code_challenge" not in asked or asked.get("code_challenge_method") == "S256"
        case "apple":
            checks["response_mode"] = not asked.get("scope") or asked.get("response_mode") == "form_post"
    return next((name for name, holds in checks.items() if not holds), None)


def _problem(vendor: Vendor, what: str) -> HTMLResponse:
    return page(
        _NAMES[vendor.name],
        f'<section class="card"><h1 class="bad">请求有误 Invalid request</h1><p><code>{escape(what)}</code></p></section>',
        narrow=True,
        status=400,
    )


def _redirect(address: str, back: dict[str, str]) -> Response:
    return RedirectResponse(f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(back)}", status_code=302)


def _post(address: str, back: dict[str, str]) -> Response:
    hidden = "".join(f'<input type="hidden" name="{escape(n)}" value="{escape(v)}">' for n, v in back.items())
    return page(
        "Apple",
        f'<form method="post" action="{escape(address)}">{hidden}<button>继续 Continue</button></form>'
        "<script>document.forms[0].submit()</script>",
        narrow=True,
    )
