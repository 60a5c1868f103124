"""The controls of Alipay: tell it how to behave, play the buyer, look at what it got and sent."""

from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.local.sandbox.alipay.records import Trade
from infra.local.sandbox.alipay.transfers import status
from infra.local.sandbox.alipay.vendor import Alipay
from infra.local.sandbox.alipay.wire import MOST_FEN, DeclinedError
from infra.local.sandbox.web import BadBodyError, json_object, refusal


async def behaviour(request: Request) -> JSONResponse:
    """GET what is in force; POST `{field: value…, "order_no"?, "reset"?}` to change it."""
    alipay = _alipay(request)
    if request.method == "POST":
        try:
            alipay.switches.change(await json_object(request))
        except (BadBodyError, ValidationError) as error:
            return refusal(400, "invalid_behaviour", f"无法理解的开关：{error}", f"Not a switch: {error}")
    return JSONResponse(alipay.switches.shown())


async def requests(request: Request) -> JSONResponse:
    """What was received and sent, newest first; `?order_no=` for one order or payment."""
    return JSONResponse({"items": _alipay(request).journal.items(request.query_params.get("order_no"))})


async def pay(request: Request) -> JSONResponse:
    """Do what the page's button does: `{"order_no", "amount"?: fen, "late"?: true}`; late: even after closing."""
    return await _buyer(request, pays=True)


async def scan(request: Request) -> JSONResponse:
    """The buyer scans and waits: `{"order_no"}`."""
    return await _buyer(request, pays=False)


async def trades(request: Request) -> JSONResponse:
    """Every order with what became of it, newest first."""
    return JSONResponse({"items": [_shown(trade) for trade in _alipay(request).trades.trades][::-1]})


async def transfers(request: Request) -> JSONResponse:
    """Every transfer with what is told of it, newest first. Amounts in fen."""
    found = [
        {
            "out_biz_no": transfer.out_biz_no,
            "order_id": transfer.order_id,
            "amount": transfer.amount,
            "payee": transfer.payee,
            "status": status(transfer),
        }
        for transfer in _alipay(request).transfers.transfers
    ]
    return JSONResponse({"items": found[::-1]})


async def forget(request: Request) -> Response:
    """Start over with the same keys."""
    _alipay(request).forget()
    return Response(status_code=204)


async def _buyer(request: Request, *, pays: bool) -> JSONResponse:
    alipay = _alipay(request)
    try:
        told = await json_object(request)
    except BadBodyError as error:
        return refusal(400, "invalid_body", "请求体须为 JSON 对象", f"The body must be a JSON object: {error}")
    amount = told.get("amount")
    if amount is not None and (type(amount) is not int or not 0 < amount <= MOST_FEN):
        return refusal(400, "invalid_amount", "amount 须为正整数（分）", "amount must be whole fen, above 0")
    trade = alipay.trades.find(str(told.get("order_no", "")))
    if trade is None:
        return refusal(404, "order_not_found", "没有这笔订单", "No such order was sent to Alipay.")
    try:
        if pays:
            alipay.pay(trade, amount, late=told.get("late") is True)
        else:
            alipay.trades.scan(trade)
    except DeclinedError as declined:
        return refusal(409, declined.sub_code, declined.sentence, f"Alipay declines: {declined.sub_code}")
    return JSONResponse(_shown(trade))


def _shown(trade: Trade) -> dict[str, Any]:
    return {
        "out_trade_no": trade.out_trade_no,
        "order_no": trade.order_no,
        "trade_no": trade.trade_no,
        "status": trade.status,
        "amount": trade.total,
        "refunded": trade.refunded,
        "subject": trade.subject,
    }


def _alipay(request: Request) -> Alipay:
    alipay: Alipay = request.app.state.alipay
    return alipay


ROUTES = [
    Route("/_control/alipay/behaviour", behaviour, methods=["GET", "POST"]),
    Route("/_control/alipay/requests", requests),
    Route("/_control/alipay/pay", pay, methods=["POST"]),
    Route("/_control/alipay/scan", scan, methods=["POST"]),
    Route("/_control/alipay/trades", trades),
    Route("/_control/alipay/transfers", transfers),
    Route("/_control/alipay/forget", forget, methods=["POST"]),
]
