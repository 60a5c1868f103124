"""The controls of Alipay: tell it how to behave, play the buyer, look at what it got and sent."""

from collections.abc import Callable
from typing import Any

from infra.local.sandbox import controls
from infra.local.sandbox.alipay.records import Agreement, Behaviour, Trade, Transfer
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


def sign(alipay: Alipay, told: dict[str, Any]) -> dict[str, Any]:
    """The buyer agrees: `{"external_no"}`; the page must have been opened."""
    return _decide(alipay, told, alipay.agreements.sign)


def unsign(alipay: Alipay, told: dict[str, Any]) -> dict[str, Any]:
    """The buyer ends an agreement in their wallet: `{"external_no"}`."""
    return _decide(alipay, told, alipay.agreements.end)


def _decide(alipay: Alipay, told: dict[str, Any], act: Callable[[Agreement, Behaviour], None]) -> dict[str, Any]:
    agreement = alipay.agreements.shelf.get(str(told.get("external_no", "")))
    if agreement is None:
        raise controls.UnheardOfError
    act(agreement, alipay.switches.of(agreement.external_no))
    return _agreement_shown(agreement)


def _agreement_shown(agreement: Agreement) -> dict[str, Any]:
    names = {"external_no", "agreement_no", "single_amount", "period_months", "debit_day"}
    return agreement.model_dump(mode="json", include=names) | {"status": agreement.status}


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
    acts={"pay": pay, "scan": scan, "sign": sign, "unsign": unsign},
    lists={
        "agreements": lambda alipay: map(_agreement_shown, alipay.agreements.shelf),
        "trades": lambda alipay: map(_shown, alipay.trades.trades),
        "transfers": lambda alipay: map(_transfer_shown, alipay.transfers.transfers),
    },
)
