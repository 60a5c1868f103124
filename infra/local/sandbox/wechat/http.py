"""WeChat Pay's public side: the signed API, the page a buyer pays on, bills, and the merchant's console."""

import asyncio
import hashlib
import json
import re
from collections.abc import Callable
from datetime import date
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from infra.local.sandbox.alipay.wire import yuan
from infra.local.sandbox.web import base_url, page
from infra.local.sandbox.wechat import papay, transfers
from infra.local.sandbox.wechat.bills import bill
from infra.local.sandbox.wechat.keys import MCHID, MERCHANT_SERIAL, PUBLIC_KEY_ID
from infra.local.sandbox.wechat.records import Behaviour, Trade
from infra.local.sandbox.wechat.vendor import DeclinedError, Wechat
from shared import clock

_AUTHORIZATION = re.compile(r'(\w+)="([^"]*)"')
_SKEW_SECONDS = 300
_SLOW_SECONDS = 20.0
_FORBIDDEN = 401

Answer = dict[str, Any] | None
Method = Callable[[Wechat, Request, dict[str, Any]], Answer]


async def api(request: Request) -> Response:
    """A signed call: check who asks, then answer it, signed, unless told to misbehave."""
    wechat = _wechat(request)
    body = (await request.body()).decode()
    told: dict[str, Any] = json.loads(body) if body else {}
    if not _is_from_merchant(wechat, request, body):
        return _signed(wechat, request, {"code": "SIGN_ERROR", "message": "签名错误"}, _FORBIDDEN, Behaviour())
    numbers = [told.get("out_trade_no"), told.get("attach"), told.get("out_refund_no"), told.get("out_bill_no")]
    numbers.append(request.path_params.get("number"))
    behaviour = wechat.switches.of(*numbers)
    what = f"{request.method} {request.url.path.removeprefix('/wechat')}"
    if behaviour.gateway == "down":
        wechat.journal.note("received", what, numbers, told, "down: 503")
        return Response("Service Unavailable", status_code=503)
    if behaviour.gateway == "error":
        return _signed(wechat, request, {"code": "SYSTEM_ERROR", "message": "系统错误"}, 500, behaviour)
    try:
        answer, status = _answer(wechat, request, told)
    except transfers.LostError:
        wechat.journal.note("received", what, numbers, told, "lost: 502")
        return Response("Bad Gateway", status_code=502)
    wechat.journal.note("received", what, numbers, told, answer)
    if behaviour.gateway == "slow":
        await asyncio.sleep(_SLOW_SECONDS if behaviour.delay_seconds is None else behaviour.delay_seconds)
    if behaviour.gateway == "unknown_once" or _is_first_refund(wechat, behaviour, told):
        wechat.switches.spend("gateway", *numbers)
        return Response("Bad Gateway", status_code=502)
    return _signed(wechat, request, answer, status, behaviour)


def _answer(wechat: Wechat, request: Request, told: dict[str, Any]) -> tuple[Answer, int]:
    method: Method = request.scope["wechat_method"]
    try:
        answer = method(wechat, request, told)
    except DeclinedError as declined:
        return {"code": declined.code, "message": declined.sentence}, declined.status
    return answer, 204 if answer is None else 200


def _is_first_refund(wechat: Wechat, behaviour: Behaviour, told: dict[str, Any]) -> bool:
    number = told.get("out_refund_no")
    if behaviour.refund != "unknown_then_success" or not number or number in wechat.refunds_seen:
        return False
    wechat.refunds_seen.add(number)
    return True


def _is_from_merchant(wechat: Wechat, request: Request, body: str) -> bool:
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    told = dict(_AUTHORIZATION.findall(rest))
    if scheme != "WECHATPAY2-SHA256-RSA2048" or told.get("mchid") != MCHID or told.get("serial_no") != MERCHANT_SERIAL:
        return False
    if not told.get("timestamp", "").isdigit() or abs(clock.now().timestamp() - int(told["timestamp"])) > _SKEW_SECONDS:
        return False
    path = request.url.path.removeprefix("/wechat") + (f"?{request.url.query}" if request.url.query else "")
    text = f"{request.method}\n{path}\n{told['timestamp']}\n{told.get('nonce_str', '')}\n{body}\n"
    return bool(request.headers.get("user-agent")) and wechat.keys.is_from_merchant(text, told.get("signature", ""))


def _signed(wechat: Wechat, request: Request, answer: Answer, status: int, behaviour: Behaviour) -> Response:
    """Answers are signed by the public key when the merchant asks for that, else by the certificate."""
    text = "" if answer is None else json.dumps(answer, ensure_ascii=False)
    asked = request.headers.get("wechatpay-serial", "")
    serial = PUBLIC_KEY_ID if asked == PUBLIC_KEY_ID else wechat.keys.certificate_serial
    headers = wechat.keys.signed(text, serial=serial, at=clock.now(), forged=behaviour.gateway == "wrong_signature")
    return Response(text, status_code=status, headers=headers, media_type="application/json")


def _place(wechat: Wechat, request: Request, told: dict[str, Any]) -> Answer:
    kind = request.path_params["kind"]
    trade = wechat.offer(kind, told)
    address = f"{base_url(request)}/wechat/pay/{trade.code}"
    if kind == "native":
        return {"code_url": f"weixin://wxpay/bizpayurl?pr={trade.code}"}
    return {"h5_url": address} if kind == "h5" else {"prepay_id": f"wx{trade.code}"}


def _query(wechat: Wechat, request: Request, _told: dict[str, Any]) -> Answer:
    trade = wechat.trades.get(request.path_params["number"])
    if trade is None:
        raise DeclinedError(404, "ORDER_NOT_EXIST", "订单不存在")
    return wechat.transaction(trade)


def _close(wechat: Wechat, request: Request, _told: dict[str, Any]) -> Answer:
    wechat.close(request.path_params["number"])
    return None


def _refund(wechat: Wechat, _request: Request, told: dict[str, Any]) -> Answer:
    return wechat.refunded(wechat.refund(told))


def _refund_query(wechat: Wechat, request: Request, _told: dict[str, Any]) -> Answer:
    return wechat.refunded(wechat.refund_query(request.path_params["number"]))


def _announce(wechat: Wechat, request: Request, told: dict[str, Any]) -> Answer:
    papay.announce(wechat, request.path_params["number"], told)
    return None


def _transfer(wechat: Wechat, request: Request, told: dict[str, Any]) -> Answer:
    return transfers.offer(wechat, told, request.headers.get("wechatpay-serial", ""))


def _transfer_query(wechat: Wechat, request: Request, _told: dict[str, Any]) -> Answer:
    return transfers.query(wechat, request.path_params["number"])


def _transfer_cancel(wechat: Wechat, request: Request, _told: dict[str, Any]) -> Answer:
    return transfers.cancel(wechat, request.path_params["number"])


def _certificates(wechat: Wechat, _request: Request, _told: dict[str, Any]) -> Answer:
    return {"data": [wechat.keys.certificate()]}


def _bill_link(wechat: Wechat, request: Request, _told: dict[str, Any]) -> Answer:
    day = date.fromisoformat(request.query_params["bill_date"])
    if day >= clock.now().astimezone(clock.SHANGHAI).date():
        raise DeclinedError(400, "PARAM_ERROR", "账单日期不合法")
    text = bill(wechat.trades, wechat.refunds, day, wechat.switches)
    if text is None:
        raise DeclinedError(400, "NO_STATEMENT_EXIST", "账单不存在")
    return {
        "hash_type": "SHA1",
        "hash_value": hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest(),
        "download_url": f"{base_url(request)}/wechat/bill/{day.isoformat()}",
    }


async def download_bill(request: Request) -> Response:
    """The file behind a bill's link."""
    wechat = _wechat(request)
    text = bill(wechat.trades, wechat.refunds, date.fromisoformat(request.path_params["day"]), wechat.switches)
    return Response("expired", status_code=404) if text is None else Response(text, media_type="text/csv")


async def credentials(request: Request) -> JSONResponse:
    """What the merchant puts into its secret; `?mode=certificate` without WeChat's public key."""
    with_key = request.query_params.get("mode") != "certificate"
    return JSONResponse(_wechat(request).keys.credentials(f"{base_url(request)}/wechat", with_public_key=with_key))


async def show_order(request: Request) -> Response:
    """The page a buyer sees behind the code or the address."""
    trade = _of_code(request)
    if trade is None:
        return page(
            "微信支付 WeChat Pay", '<section class="card"><h1 class="bad">二维码无效</h1></section>', narrow=True, status=404
        )
    facts = {
        "商品 Item": trade.description,
        "支付单号 Payment no.": trade.out_trade_no,
        "商户订单 Order no.": trade.attach or "-",
    }
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())
    action = f"/wechat/pay/{trade.code}"
    state = {
        "NOTPAY": f'<form method="post" action="{action}"><button>确认付款 Pay ¥{yuan(trade.total)}</button></form>',
        "SUCCESS": '<p class="good">✓ 支付成功 Payment successful</p>',
        "REFUND": f'<p class="soft">已退款 Refunded ¥{yuan(trade.refunded)}</p>',
        "CLOSED": '<p class="bad">订单已关闭 This order is closed.</p>',
    }[trade.state]
    return page(
        "微信支付 WeChat Pay",
        '<section class="card"><h1>微信支付收银台 WeChat cashier</h1>'
        f'<p class="amount"><small>¥</small>{yuan(trade.total)}</p><dl>{rows}</dl>{state}</section>',
        narrow=True,
    )


async def pay_order(request: Request) -> Response:
    """The page's Pay button; shows the page again."""
    trade = _of_code(request)
    if trade is None:
        return Response(status_code=404)
    try:
        _wechat(request).pay(trade)
    except DeclinedError as declined:
        return page(
            "微信支付 WeChat Pay",
            f'<section class="card"><h1 class="bad">{escape(declined.sentence)}</h1></section>',
            status=409,
        )
    return RedirectResponse(f"/wechat/pay/{trade.code}", status_code=303)


def _of_code(request: Request) -> Trade | None:
    code = request.path_params["code"]
    return next((trade for trade in _wechat(request).trades if trade.code == code), None)


def _wechat(request: Request) -> Wechat:
    wechat: Wechat = request.app.state.wechat
    return wechat


def _method(method: Method) -> Callable[[Request], Any]:
    async def call(request: Request) -> Response:
        request.scope["wechat_method"] = method
        return await api(request)

    return call


ROUTES = [
    Route("/wechat/v3/pay/transactions/out-trade-no/{number}/close", _method(_close), methods=["POST"]),
    Route("/wechat/v3/pay/transactions/out-trade-no/{number}", _method(_query)),
    Route("/wechat/v3/pay/transactions/{kind}", _method(_place), methods=["POST"]),
    Route("/wechat/v3/refund/domestic/refunds", _method(_refund), methods=["POST"]),
    Route("/wechat/v3/refund/domestic/refunds/{number}", _method(_refund_query)),
    Route("/wechat/v3/fund-app/mch-transfer/transfer-bills", _method(_transfer), methods=["POST"]),
    Route("/wechat/v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{number}", _method(_transfer_query)),
    Route(
        "/wechat/v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{number}/cancel",
        _method(_transfer_cancel),
        methods=["POST"],
    ),
    Route("/wechat/v3/papay/contracts/{number}/notify", _method(_announce), methods=["POST"]),
    Route("/wechat/v3/certificates", _method(_certificates)),
    Route("/wechat/v3/bill/tradebill", _method(_bill_link)),
    Route("/wechat/bill/{day}", download_bill),
    Route("/wechat/pay/{code}", show_order),
    Route("/wechat/pay/{code}", pay_order, methods=["POST"]),
    Route("/wechat/credentials", credentials),
]
