"""The controls of WeChat Pay: tell it how to behave, play the buyer, look at what it got and sent."""

from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.local.sandbox.web import BadBodyError, json_object, refusal
from infra.local.sandbox.wechat.records import Trade
from infra.local.sandbox.wechat.vendor import DeclinedError, Wechat


async def behaviour(request: Request) -> JSONResponse:
    """GET what is in force; POST `{field: value…, "order_no"?, "reset"?}` to change it."""
    wechat = _wechat(request)
    if request.method == "POST":
        try:
            wechat.switches.change(await json_object(request))
        except (BadBodyError, ValidationError) as error:
            return refusal(400, "invalid_behaviour", f"无法理解的开关：{error}", f"Not a switch: {error}")
    return JSONResponse(wechat.switches.shown())


async def requests(request: Request) -> JSONResponse:
    """What was received and sent, newest first; `?order_no=` for one order or payment."""
    return JSONResponse({"items": _wechat(request).journal.items(request.query_params.get("order_no"))})


async def pay(request: Request) -> JSONResponse:
    """Do what the page's button does: `{"order_no", "amount"?: fen, "late"?: true}`; late: even after closing."""
    wechat = _wechat(request)
    try:
        told = await json_object(request)
    except BadBodyError as error:
        return refusal(400, "invalid_body", "请求体须为 JSON 对象", f"The body must be a JSON object: {error}")
    amount = told.get("amount")
    if amount is not None and (type(amount) is not int or amount <= 0):
        return refusal(400, "invalid_amount", "amount 须为正整数（分）", "amount must be whole fen, above 0")
    trade = wechat.find(str(told.get("order_no", "")))
    if trade is None:
        return refusal(404, "order_not_found", "没有这笔订单", "No such order was sent to WeChat.")
    try:
        wechat.pay(trade, amount, late=told.get("late") is True)
    except DeclinedError as declined:
        return refusal(409, declined.code, declined.sentence, f"WeChat declines: {declined.code}")
    return JSONResponse(_shown(trade))


async def trades(request: Request) -> JSONResponse:
    """Every order with what became of it, newest first."""
    return JSONResponse({"items": [_shown(trade) for trade in _wechat(request).trades][::-1]})


async def forget(request: Request) -> Response:
    """Start over with the same keys."""
    _wechat(request).forget()
    return Response(status_code=204)


def _shown(trade: Trade) -> dict[str, Any]:
    return {
        "out_trade_no": trade.out_trade_no,
        "order_no": trade.attach,
        "transaction_id": trade.transaction_id,
        "status": trade.state,
        "amount": trade.paid or trade.total,
        "refunded": trade.refunded,
    }


def _wechat(request: Request) -> Wechat:
    wechat: Wechat = request.app.state.wechat
    return wechat


ROUTES = [
    Route("/_control/wechat/behaviour", behaviour, methods=["GET", "POST"]),
    Route("/_control/wechat/requests", requests),
    Route("/_control/wechat/pay", pay, methods=["POST"]),
    Route("/_control/wechat/trades", trades),
    Route("/_control/wechat/forget", forget, methods=["POST"]),
]
