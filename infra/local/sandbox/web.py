"""What every simulator needs of HTTP: form fields with their empty values, JSON bodies, pages."""

import json
from html import escape
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse

_STYLE = """
:root{--ink:#1b2330;--soft:#69758a;--line:#e4e8ef;--blue:#1677ff;--ground:#f4f6fa;--good:#0b7a43;--bad:#c0300b}
*{box-sizing:border-box}
body{margin:0;color:var(--ink);background:var(--ground);
  font:16px/1.6 system-ui,-apple-system,"PingFang SC","Noto Sans CJK SC","Microsoft YaHei",sans-serif}
header{background:var(--blue);color:#fff;padding:14px 24px;font-weight:600}
header small{font-weight:400;margin-left:12px}
main{max-width:1080px;margin:32px auto;padding:0 20px}
main.narrow{max-width:460px}
.card{background:#fff;border:1px solid var(--line);border-radius:14px;padding:24px;margin-bottom:24px;
  box-shadow:0 8px 28px rgba(20,40,80,.06)}
h1{font-size:22px;margin:0 0 8px}
h2{font-size:17px;margin:0 0 12px}
p{margin:0 0 12px}
.amount{font-size:44px;font-weight:700;margin:8px 0 20px;text-align:center}
.amount small{font-size:22px;margin-right:4px}
dl{display:grid;grid-template-columns:auto 1fr;gap:6px 16px;margin:0 0 20px}
dt{color:var(--soft)}
dd{margin:0;text-align:right;overflow-wrap:anywhere}
button,.button{display:block;width:100%;padding:13px;border:0;border-radius:10px;margin-top:10px;
  background:var(--blue);color:#fff;font:inherit;font-weight:600;cursor:pointer;text-align:center;text-decoration:none}
button.quiet{background:#fff;color:var(--blue);border:1px solid var(--blue)}
button:focus-visible,.button:focus-visible{outline:3px solid #91caff;outline-offset:2px}
.note{color:var(--soft);font-size:13px;text-align:center;margin-top:16px}
.good{color:var(--good);text-align:center;font-weight:600}
.bad{color:var(--bad)}
.soft{color:var(--soft)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px}
th,td{text-align:left;padding:8px 10px;border-bottom:1px solid var(--line);white-space:nowrap}
th{color:var(--soft);font-weight:500}
code{background:#eef1f6;border-radius:5px;padding:1px 6px;font-size:13px}
"""


class BadBodyError(ValueError):
    """The body is not what the endpoint takes."""


def page(title: str, content: str, *, narrow: bool = False, status: int = 200, head: str = "") -> HTMLResponse:
    """A whole page; `content` and `head` are HTML already."""
    return HTMLResponse(
        f'<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1">{head}<style>{_STYLE}</style></head>'
        "<body><header>支付模拟器<small>Vendor simulator: no real money</small></header>"
        f'<main class="{"narrow" if narrow else ""}">{content}</main></body></html>',
        status_code=status,
    )


def base_url(request: Request) -> str:
    """The address this simulator is reached at, without a trailing slash."""
    return str(request.base_url).rstrip("/")


async def fields(request: Request) -> dict[str, str]:
    """Query and form fields together, empty ones kept. Raises BadBodyError when a name occurs twice."""
    try:
        body = (await request.body()).decode()
        pairs = parse_qsl(request.url.query, keep_blank_values=True, errors="strict")
        pairs += parse_qsl(body, keep_blank_values=True, errors="strict")
    except ValueError as error:
        raise BadBodyError(str(error)) from error
    if len(dict(pairs)) != len(pairs):
        message = "a field occurs twice"
        raise BadBodyError(message)
    return dict(pairs)


async def json_object(request: Request) -> dict[str, Any]:
    """The JSON object of the body. Raises BadBodyError."""
    try:
        told = json.loads(await request.body() or b"{}")
    except ValueError as error:
        raise BadBodyError(str(error)) from error
    if not isinstance(told, dict):
        message = "the body is not a JSON object"
        raise BadBodyError(message)
    return told


def refusal(status: int, error: str, zh: str, en: str) -> JSONResponse:
    """A control's answer when it cannot do as told."""
    return JSONResponse({"error": error, "zh": zh, "en": en}, status_code=status)
