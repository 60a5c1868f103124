"""The controls of WeChat Pay: tell it how to behave, play the buyer, look at what it got and sent."""

from collections.abc import Callable
from typing import Any

from infra.local.sandbox import controls
from infra.local.sandbox.wechat import papay, transfers
from infra.local.sandbox.wechat.records import Contract, Trade
from infra.local.sandbox.wechat.vendor import Wechat


def pay(wechat: Wechat, told: dict[str, Any]) -> dict[str, Any]:
    """Do what the page's button does: `{"order_no", "amount"?: fen, "late"?: true}`; late: even after closing."""
    amount, trade = controls.amount_told(told), wechat.find(str(told.get("order_no", "")))
    if trade is None:
        raise controls.UnheardOfError
    wechat.pay(trade, amount, late=told.get("late") is True)
    return _shown(trade)


def sign(wechat: Wechat, told: dict[str, Any]) -> dict[str, Any]:
    """The buyer agrees: `{"external_no"}`; the page must have been opened."""
    return _decide(wechat, told, papay.sign)


def unsign(wechat: Wechat, told: dict[str, Any]) -> dict[str, Any]:
    """The buyer ends a contract in their wallet: `{"external_no"}`."""
    return _decide(wechat, told, papay.end)


def _decide(wechat: Wechat, told: dict[str, Any], act: Callable[[Wechat, Contract], None]) -> dict[str, Any]:
    contract = wechat.contracts.get(str(told.get("external_no", "")))
    if contract is None:
        raise controls.UnheardOfError
    act(wechat, contract)
    return _contract_shown(contract)


def _contract_shown(contract: Contract) -> dict[str, Any]:
    state = "ended" if contract.ended_at else "signed" if contract.signed_at else "offered"
    return {"external_no": contract.contract_code, "agreement_no": contract.contract_id, "status": state}


def _shown(trade: Trade) -> dict[str, Any]:
    return {
        "out_trade_no": trade.out_trade_no,
        "order_no": trade.attach,
        "transaction_id": trade.transaction_id,
        "status": trade.state,
        "amount": trade.paid or trade.total,
        "refunded": trade.refunded,
    }


ROUTES = controls.routes(
    "wechat",
    acts={"pay": pay, "sign": sign, "unsign": unsign, "confirm": transfers.confirm},
    lists={
        "agreements": lambda wechat: map(_contract_shown, wechat.contracts),
        "transfers": lambda wechat: map(transfers.shown, wechat.transfers),
        "trades": lambda wechat: map(_shown, wechat.trades),
    },
)
