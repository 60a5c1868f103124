"""The controls of WeChat Pay: tell it how to behave, play the buyer, look at what it got and sent."""

from typing import Any

from infra.local.sandbox import controls
from infra.local.sandbox.wechat.records import Trade
from infra.local.sandbox.wechat.vendor import Wechat


def pay(wechat: Wechat, told: dict[str, Any]) -> dict[str, Any]:
    """Do what the page's button does: `{"order_no", "amount"?: fen, "late"?: true}`; late: even after closing."""
    amount, trade = controls.amount_told(told), wechat.find(str(told.get("order_no", "")))
    if trade is None:
        raise controls.UnheardOfError
    wechat.pay(trade, amount, late=told.get("late") is True)
    return _shown(trade)


def _shown(trade: Trade) -> dict[str, Any]:
    return {
        "out_trade_no": trade.out_trade_no,
        "order_no": trade.attach,
        "transaction_id": trade.transaction_id,
        "status": trade.state,
        "amount": trade.paid or trade.total,
        "refunded": trade.refunded,
    }


ROUTES = controls.routes("wechat", acts={"pay": pay}, lists={"trades": lambda wechat: map(_shown, wechat.trades)})
