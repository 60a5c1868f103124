"""The controls of Alipay: tell it how to behave, play the buyer, look at what it got and sent."""

from typing import Any

from infra.local.sandbox import controls
from infra.local.sandbox.alipay.records import Trade, Transfer
from infra.local.sandbox.alipay.transfers import status
from infra.local.sandbox.alipay.vendor import Alipay


def pay(alipay: Alipay, told: dict[str, Any]) -> dict[str, Any]:
    """Do what the page's button does: `{"order_no", "amount"?: fen, "late"?: true}`; late: even after closing."""
    amount, trade = controls.amount_told(told), _found(alipay, told)
    alipay.pay(trade, amount, late=told.get("late") is True)
    return _shown(trade)


def scan(alipay: Alipay, told: dict[str, Any]) -> dict[str, Any]:
    """The buyer scans and waits: `{"order_no"}`."""
    trade = _found(alipay, told)
    alipay.trades.scan(trade)
    return _shown(trade)


def _found(alipay: Alipay, told: dict[str, Any]) -> Trade:
    trade = alipay.trades.find(str(told.get("order_no", "")))
    if trade is None:
        raise controls.UnheardOfError
    return trade


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


def _transfer_shown(transfer: Transfer) -> dict[str, Any]:
    return {
        "out_biz_no": transfer.out_biz_no,
        "order_id": transfer.order_id,
        "amount": transfer.amount,
        "payee": transfer.payee,
        "status": status(transfer),
    }


ROUTES = controls.routes(
    "alipay",
    acts={"pay": pay, "scan": scan},
    lists={
        "trades": lambda alipay: map(_shown, alipay.trades.trades),
        "transfers": lambda alipay: map(_transfer_shown, alipay.transfers.transfers),
    },
)
