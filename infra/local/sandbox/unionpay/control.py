"""The controls of UnionPay: tell it how to behave, play the buyer, look at what it got and sent."""

from typing import Any

from infra.local.sandbox import controls
from infra.local.sandbox.unionpay.records import Trade
from infra.local.sandbox.unionpay.vendor import Unionpay


def pay(unionpay: Unionpay, told: dict[str, Any]) -> dict[str, Any]:
    """Do what the page's button does: `{"order_no", "amount"?: fen, "late"?: true, "declined"?: code}`.

    Late: even after its time. Declined: the card is, with that respCode.
    """
    amount, trade = controls.amount_told(told), unionpay.find(str(told.get("order_no", "")))
    if trade is None:
        raise controls.UnheardOfError
    declined = str(told["declined"]) if told.get("declined") else None
    unionpay.pay(trade, amount, late=told.get("late") is True, declined=declined)
    return _shown(trade)


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


ROUTES = controls.routes("unionpay", acts={"pay": pay}, lists={"trades": lambda unionpay: map(_shown, unionpay.trades)})
