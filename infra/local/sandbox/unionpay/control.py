"""The controls of UnionPay: tell it how to behave, play the buyer, look at what it got and sent."""

from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.local.sandbox.unionpay.records import Trade
from infra.local.sandbox.unionpay.vendor import DeclinedError, Unionpay
from infra.local.sandbox.web import BadBodyError, json_object, refusal


async def behaviour(request: Request) -> JSONResponse:
    """GET what is in force; POST `{field: value…, "order_no"?, "reset"?}` to change it."""
    unionpay = _unionpay(request)
    if request.method == "POST":
        try:
            unionpay.switches.change(await json_object(request))
        except (BadBodyError, ValidationError) as error:
            return refusal(400, "invalid_behaviour", f"无法理解的开关：{error}", f"Not a switch: {error}")
    return JSONResponse(unionpay.switches.shown())


async def requests(request: Request) -> JSONResponse:
    """What was received and sent, newest first; `?order_no=` for one order or payment."""
    return JSONResponse({"items": _unionpay(request).journal.items(request.query_params.get("order_no"))})


async def pay(request: Request) -> JSONResponse:
    """Do what the page's button does: `{"order_no", "amount"?: fen, "late"?: true, "declined"?: code}`.

    Late: even after its time. Declined: the card is, with that respCode.
    """
    unionpay = _unionpay(request)
    try:
        told = await json_object(request)
    except BadBodyError as error:
        return refusal(400, "invalid_body", "请求体须为 JSON 对象", f"The body must be a JSON object: {error}")
    amount = told.get("amount")
    if amount is not None and (type(amount) is not int or amount <= 0):
        return refusal(400, "invalid_amount", "amount 须为正整数（分）", "amount must be whole fen, above 0")
    declined = str(told["declined"]) if told.get("declined") else None
    trade = unionpay.find(str(told.get("order_no", "")))
    if trade is None:
        return refusal(404, "order_not_found", "没有这笔订单", "No such order was sent to UnionPay.")
    try:
        unionpay.pay(trade, amount, late=told.get("late") is True, declined=declined)
    except DeclinedError as no:
        return refusal(409, no.code, no.sentence, f"UnionPay declines: {no.code}")
    return JSONResponse(_shown(trade))


async def trades(request: Request) -> JSONResponse:
    """Every order with what became of it, newest first."""
    return JSONResponse({"items": [_shown(trade) for trade in _unionpay(request).trades][::-1]})


async def forget(request: Request) -> Response:
    """Start over with the same keys."""
    _unionpay(request).forget()
    return Response(status_code=204)


def _shown(trade: Trade) -> dict[str, Any]:
    return {
        "order_id": trade.order_id,
        "order_no": trade.reserved,
        "query_id": trade.query_id,
        "page": f"/unionpay/pay/{trade.code}",
        "status": trade.state,
        "amount": trade.paid or trade.total,
        "refunded": trade.refunded,
    }


def _unionpay(request: Request) -> Unionpay:
    unionpay: Unionpay = request.app.state.unionpay
    return unionpay


ROUTES = [
    Route("/_control/unionpay/behaviour", behaviour, methods=["GET", "POST"]),
    Route("/_control/unionpay/requests", requests),
    Route("/_control/unionpay/pay", pay, methods=["POST"]),
    Route("/_control/unionpay/trades", trades),
    Route("/_control/unionpay/forget", forget, methods=["POST"]),
]
