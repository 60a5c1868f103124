"""UnionPay's public side: the gateway, the page a buyer pays on, the daily file, and the merchant's console."""

import asyncio
from collections.abc import Callable
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from infra.local.sandbox.alipay.wire import yuan
from infra.local.sandbox.unionpay.bills import file_content
from infra.local.sandbox.unionpay.keys import MER_ID
from infra.local.sandbox.unionpay.records import Behaviour, Trade
from infra.local.sandbox.unionpay.vendor import DeclinedError, Fields, Unionpay
from infra.local.sandbox.web import BadBodyError, base_url, fields, page

_SLOW_SECONDS = 20.0
_ECHOED = (
    "version",
    "encoding",
    "signMethod",
    "accessType",
    "bizType",
    "txnType",
    "txnSubType",
    "orderId",
    "txnTime",
    "merId",
)

Method = Callable[[Unionpay, Fields], Fields]


async def api(request: Request, method: Method) -> Response:
    """A signed call: check who asks, then answer it, signed, unless told to misbehave."""
    unionpay, told = _unionpay(request), await fields(request)
    numbers = [told.get("orderId"), told.get("reqReserved"), _paid_by(unionpay, told)]
    behaviour = unionpay.switches.of(*numbers)
    what = request.url.path.rsplit("/", 1)[1]
    if behaviour.gateway == "down":
        unionpay.journal.note("received", what, numbers, told, "down: 503")
        return Response("Service Unavailable", status_code=503)
    answer = _answer(unionpay, method, told, behaviour)
    unionpay.journal.note("received", what, numbers, told, answer)
    if behaviour.gateway == "slow":
        await asyncio.sleep(_SLOW_SECONDS if behaviour.delay_seconds is None else behaviour.delay_seconds)
    if behaviour.gateway == "unknown_once" or _is_first_refund(unionpay, behaviour, told):
        unionpay.switches.spend("gateway", *numbers)
        return Response("Bad Gateway", status_code=502)
    if behaviour.gateway != "unsigned":
        by = "wrong_chain" if behaviour.gateway == "wrong_chain" else "good"
        answer = unionpay.keys.signed(answer, by=by, forged=behaviour.gateway == "wrong_signature")
    # Not URL-encoded: that is how UnionPay replies.
    return PlainTextResponse("&".join(f"{name}={value}" for name, value in answer.items()))


def _answer(unionpay: Unionpay, method: Method, told: Fields, behaviour: Behaviour) -> Fields:
    echo = {name: told[name] for name in _ECHOED if name in told}
    try:
        _believe(unionpay, told)
        if behaviour.gateway == "error":
            return echo | {"respCode": "03", "respMsg": "交易通讯超时，请发起查询交易[5000003]"}
        answer = method(unionpay, told)
    except DeclinedError as declined:
        return echo | {"respCode": declined.code, "respMsg": f"{declined.sentence}[{declined.code}]"}
    return answer | echo | {"respCode": "00", "respMsg": "成功[0000000]"}


def _believe(unionpay: Unionpay, told: Fields) -> None:
    if told.get("merId") != MER_ID or not unionpay.keys.is_from_merchant(told):
        raise DeclinedError("11", "验证签名失败")


def _paid_by(unionpay: Unionpay, told: Fields) -> str | None:
    """The payment a refund is of, by which it may be switched too."""
    return next((one.order_id for one in unionpay.trades if one.query_id == told.get("origQryId")), None)


def _is_first_refund(unionpay: Unionpay, behaviour: Behaviour, told: Fields) -> bool:
    number = told.get("orderId", "")
    if behaviour.refund != "unknown_then_success" or told.get("txnType") != "04" or number in unionpay.refunds_seen:
        return False
    unionpay.refunds_seen.add(number)
    return True


def _app(unionpay: Unionpay, told: Fields) -> Fields:
    return {"tn": unionpay.offer(told).code}


def _query(unionpay: Unionpay, told: Fields) -> Fields:
    # A value with pairs of its own, as UnionPay sends them.
    return unionpay.query(told) | {"cardTransData": "{cardKind=01&country=156}"}


def _back(unionpay: Unionpay, told: Fields) -> Fields:
    refund = unionpay.refund(told)
    return {"queryId": refund.query_id, "origQryId": refund.original_query_id, "txnAmt": str(refund.amount)}


def _file(unionpay: Unionpay, told: Fields) -> Fields:
    if (told.get("txnType"), told.get("txnSubType"), told.get("fileType")) != ("76", "01", "00"):
        raise DeclinedError("10", "报文格式错误")
    content = file_content(unionpay.trades, unionpay.refunds, told.get("settleDate", ""))
    if content is None:
        raise DeclinedError("98", "文件不存在")
    return {"settleDate": told["settleDate"], "fileName": f"{MER_ID}_{told['settleDate']}.zip", "fileContent": content}


async def front(request: Request) -> Response:
    """Where the buyer's browser brings the merchant's form: the order is taken, and its page shown."""
    unionpay = _unionpay(request)
    try:
        told = await fields(request)
    except BadBodyError:
        told = {}
    numbers = [told.get("orderId"), told.get("reqReserved")]
    if unionpay.switches.of(*numbers).gateway == "down":
        return Response("Service Unavailable", status_code=503)
    try:
        _believe(unionpay, told)
        trade = unionpay.offer(told)
    except DeclinedError as declined:
        unionpay.journal.note("received", "frontTransReq.do", numbers, told, declined.code)
        return _refused(declined)
    unionpay.journal.note("received", "frontTransReq.do", numbers, told, "00")
    return RedirectResponse(f"/unionpay/pay/{trade.code}", status_code=302)


async def show_order(request: Request) -> Response:
    """The page a buyer pays on, in the browser or behind the app's `tn`."""
    trade = _of_code(request)
    if trade is None:
        return _refused(DeclinedError("34", "查无此交易"))
    facts = {"支付单号 Payment no.": trade.order_id, "商户订单 Order no.": trade.reserved or "-"}
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())
    action = f"/unionpay/pay/{trade.code}"
    back = f'<a class="button" href="{escape(trade.front_url)}">返回商户 Back</a>' if trade.front_url else ""
    state = {
        "waiting": f'<form method="post" action="{action}"><button>确认付款 Pay ¥{yuan(trade.total)}</button></form>',
        "paid": f'<p class="good">✓ 支付成功 Payment successful</p>{back}',
        "failed": '<p class="bad">支付失败 The card was declined.</p>',
        "over": '<p class="bad">订单已超时 The time to pay is over.</p>',
    }[trade.state]
    return page(
        "银联支付 UnionPay",
        '<section class="card"><h1>银联在线支付 UnionPay cashier</h1>'
        f'<p class="amount"><small>¥</small>{yuan(trade.total)}</p><dl>{rows}</dl>{state}</section>',
        narrow=True,
    )


async def pay_order(request: Request) -> Response:
    """The page's Pay button; shows the page again."""
    trade = _of_code(request)
    if trade is None:
        return Response(status_code=404)
    try:
        _unionpay(request).pay(trade)
    except DeclinedError as declined:
        return _refused(declined)
    return RedirectResponse(f"/unionpay/pay/{trade.code}", status_code=303)


async def credentials(request: Request) -> JSONResponse:
    """What the merchant puts into its secret; `?form=pem` without PKCS#12."""
    packed = request.query_params.get("form") != "pem"
    return JSONResponse(_unionpay(request).keys.credentials(f"{base_url(request)}/unionpay", packed=packed))


def _refused(declined: DeclinedError) -> Response:
    told = f'<section class="card"><h1 class="bad">{escape(declined.sentence)}</h1><p>respCode {declined.code}</p></section>'
    return page("银联支付 UnionPay", told, narrow=True, status=400)


def _of_code(request: Request) -> Trade | None:
    code = request.path_params["code"]
    return next((trade for trade in _unionpay(request).trades if trade.code == code), None)


def _unionpay(request: Request) -> Unionpay:
    unionpay: Unionpay = request.app.state.unionpay
    return unionpay


def _method(method: Method) -> Callable[[Request], Any]:
    async def call(request: Request) -> Response:
        return await api(request, method)

    return call


ROUTES = [
    Route("/unionpay/gateway/api/frontTransReq.do", front, methods=["POST"]),
    Route("/unionpay/gateway/api/appTransReq.do", _method(_app), methods=["POST"]),
    Route("/unionpay/gateway/api/queryTrans.do", _method(_query), methods=["POST"]),
    Route("/unionpay/gateway/api/backTransReq.do", _method(_back), methods=["POST"]),
    Route("/unionpay/file", _method(_file), methods=["POST"]),
    Route("/unionpay/pay/{code}", show_order),
    Route("/unionpay/pay/{code}", pay_order, methods=["POST"]),
    Route("/unionpay/credentials", credentials),
]
