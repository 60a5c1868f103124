"""Alipay's public side: the gateway, the cashier page behind it, bills, and the merchant's console."""

import asyncio
import json
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from infra.local.sandbox.alipay import agreements, cashier
from infra.local.sandbox.alipay.keys import APP_ID
from infra.local.sandbox.alipay.methods import METHODS, Call, answer
from infra.local.sandbox.alipay.records import Trade
from infra.local.sandbox.alipay.vendor import Alipay
from infra.local.sandbox.alipay.wire import DeclinedError
from infra.local.sandbox.web import BadBodyError, base_url, fields

_SIGN_PAGE = "alipay.user.agreement.page.sign"
PAGES = frozenset({"alipay.trade.page.pay", "alipay.trade.wap.pay", "alipay.trade.app.pay", _SIGN_PAGE})
"""Opened by a browser, or by the app on the phone, instead of being called."""
_REQUIRED = ("app_id", "method", "charset", "sign_type", "sign", "timestamp", "version")
_SLOW_SECONDS = 20.0


async def gateway(request: Request) -> Response:
    """`gateway.do`: check who asks, then answer the method, or show the cashier page."""
    alipay = _alipay(request)
    try:
        params = await fields(request)
        biz = json.loads(params.get("biz_content", "{}"))
        wrong = _wrong(alipay, params, biz)
    except (BadBodyError, ValueError):
        params, biz, wrong = {}, {}, _invalid("40002", "isv.invalid-parameter")
    if wrong is not None:
        alipay.journal.note("received", params.get("method", "unreadable"), [], params, wrong)
        return _text(json.dumps({"error_response": wrong}, ensure_ascii=False))
    call = Call(alipay, params["method"], params.get("notify_url"), biz, base_url(request))
    behaviour = call.behaviour()
    if behaviour.gateway == "down":
        alipay.journal.note("received", call.method, call.numbers(), params, "down: 503")
        return Response("Service Unavailable", status_code=503)
    if call.method in PAGES:
        return _page(call, params)
    said = answer(call)
    alipay.journal.note("received", call.method, call.numbers(), params, said)
    if behaviour.gateway == "slow":
        await asyncio.sleep(_SLOW_SECONDS if behaviour.delay_seconds is None else behaviour.delay_seconds)
    return _text(alipay.keys.answer(call.method, said, forged=behaviour.gateway == "wrong_signature"))


async def show_order(request: Request) -> Response:
    """The page behind a QR code."""
    alipay = _alipay(request)
    trade = alipay.trades.of_code(request.path_params["code"])
    if trade is None:
        return cashier.problem("二维码无效", "This code is unknown.", status=404)
    return cashier.show(trade, alipay.notices.return_address(trade))


async def pay_order(request: Request) -> Response:
    """The page's Pay button; shows the page again."""
    return _act(request, _alipay(request).pay)


async def scan_order(request: Request) -> Response:
    """The page's other button: the buyer scans and waits; shows the page again."""
    return _act(request, _alipay(request).trades.scan)


def _act(request: Request, act: Callable[[Trade], None]) -> Response:
    alipay = _alipay(request)
    trade = alipay.trades.of_code(request.path_params["code"])
    if trade is None:
        return cashier.problem("二维码无效", "This code is unknown.", status=404)
    try:
        act(trade)
    except DeclinedError as declined:
        return cashier.problem(declined.sentence, declined.sub_code, status=409)
    return RedirectResponse(f"/alipay/qr/{trade.code}", status_code=303)


async def bill(request: Request) -> Response:
    """The ZIP behind a bill's link."""
    content = _alipay(request).bills.download(request.path_params["token"])
    if content is None:
        return Response("expired", status_code=404)
    return Response(content, media_type="application/zip")


async def credentials(request: Request) -> JSONResponse:
    """What the merchant puts into its secret."""
    return JSONResponse(_alipay(request).keys.credentials(f"{base_url(request)}/alipay/gateway.do"))


def _page(call: Call, params: dict[str, str]) -> HTMLResponse:
    note = call.alipay.journal.note
    try:
        shown = _shown(call, params.get("return_url"))
    except DeclinedError as declined:
        note("received", call.method, call.numbers(), params, declined.sub_code)
        return cashier.problem(declined.sentence, declined.sub_code, status=400)
    note("received", call.method, call.numbers(), params, "page")
    return shown


def _shown(call: Call, return_url: str | None) -> HTMLResponse:
    if call.method == _SIGN_PAGE:
        return agreements.show(call.alipay.agreements.offer(call.biz, call.notify_url, return_url))
    return cashier.show(call.alipay.trades.offer(call.biz, call.notify_url, return_url), None)


async def act_on_agreement(request: Request) -> Response:
    """The buttons of an agreement's page: to agree, and to end it; shows the page again."""
    alipay = _alipay(request)
    agreement = alipay.agreements.of_code(request.path_params["code"])
    if agreement is None:
        return cashier.problem("签约页无效", "This page is unknown.", status=404)
    act = alipay.agreements.sign if request.path_params["act"] == "agree" else alipay.agreements.end
    try:
        act(agreement, alipay.switches.of(agreement.external_no))
    except DeclinedError as declined:
        return cashier.problem(declined.sentence, declined.sub_code, status=409)
    return agreements.show(agreement)


def _wrong(alipay: Alipay, params: dict[str, str], biz: object) -> dict[str, str] | None:
    """What the gateway itself refuses, unsigned, before any method is asked."""
    missing = next((name for name in _REQUIRED if not params.get(name)), None)
    if missing:
        return _invalid("40001", f"isv.missing-{missing.replace('_', '-')}")
    if params["app_id"] != APP_ID:
        return _invalid("40002", "isv.invalid-app-id")
    if params["sign_type"] != "RSA2" or params["charset"].lower() != "utf-8":
        return _invalid("40002", "isv.invalid-signature-type")
    if not alipay.keys.is_from_app(params):
        return _invalid("40002", "isv.invalid-signature")
    if params["method"] not in METHODS and params["method"] not in PAGES:
        return _invalid("40002", "isv.invalid-method")
    return None if isinstance(biz, dict) else _invalid("40002", "isv.invalid-parameter")


def _invalid(code: str, sub_code: str) -> dict[str, str]:
    message = "Missing Required Arguments" if code == "40001" else "Invalid Arguments"
    return {"code": code, "msg": message, "sub_code": sub_code, "sub_msg": sub_code}


def _text(content: str) -> Response:
    return Response(content, media_type="text/html;charset=utf-8")


def _alipay(request: Request) -> Alipay:
    alipay: Alipay = request.app.state.alipay
    return alipay


ROUTES = [
    Route("/alipay/gateway.do", gateway, methods=["GET", "POST"]),
    Route("/alipay/qr/{code}", show_order),
    Route("/alipay/qr/{code}/pay", pay_order, methods=["POST"]),
    Route("/alipay/qr/{code}/scan", scan_order, methods=["POST"]),
    Route("/alipay/sign/{code}/{act}", act_on_agreement, methods=["POST"]),
    Route("/alipay/bill/{token}", bill),
    Route("/alipay/credentials", credentials),
]
