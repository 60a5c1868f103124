"""The methods of the gateway: from `biz_content` to an answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from infra.local.sandbox.alipay.records import Behaviour
from infra.local.sandbox.alipay.vendor import Alipay
from infra.local.sandbox.alipay.wire import DeclinedError

_CHANGING = frozenset(
    {
        *("alipay.trade.precreate", "alipay.trade.close", "alipay.trade.refund", "alipay.trade.pay"),
        *("alipay.fund.trans.uni.transfer", "alipay.user.agreement.unsign"),
    }
)
UNAVAILABLE = {
    "code": "20000",
    "msg": "Service Currently Unavailable",
    "sub_code": "isp.unknow-error",
    "sub_msg": "系统繁忙",
}
_NUMBERS = ("out_trade_no", "out_biz_no", "out_request_no", "trade_no", "order_id", "external_agreement_no", "agreement_no")

Answer = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One call of a method. `base_url` is where the simulator is reached, for the links it hands out."""

    alipay: Alipay
    method: str
    notify_url: str | None
    biz: dict[str, Any]
    base_url: str

    def numbers(self) -> list[str]:
        """Every number the thing asked about goes by, the merchant's order number included."""
        numbers = [str(self.biz[name]) for name in _NUMBERS if self.biz.get(name)]
        trade = self.alipay.trades.trades.get(str(self.biz.get("out_trade_no", "")))
        order_no = trade.order_no if trade else self.biz.get("passback_params")
        return [*numbers, order_no] if order_no else numbers

    def behaviour(self) -> Behaviour:
        """How Alipay behaves towards this thing."""
        return self.alipay.switches.of(*self.numbers())


def answer(call: Call) -> Answer:
    """Do what is asked, as far as the switches let it, and say what came of it."""
    gateway = call.behaviour().gateway
    if gateway == "error":
        return dict(UNAVAILABLE)
    try:
        said = {"code": "10000", "msg": "Success", **METHODS[call.method](call)}
    except DeclinedError as declined:
        said = {
            "code": "40004",
            "msg": "Business Failed",
            "sub_code": declined.sub_code,
            "sub_msg": declined.sentence,
        }
    if gateway == "unknown_once" and call.method in _CHANGING:
        call.alipay.switches.spend("gateway", *call.numbers())
        return dict(UNAVAILABLE)
    return said


def _precreate(call: Call) -> Answer:
    trade = call.alipay.trades.offer(call.biz, call.notify_url, None)
    return {"out_trade_no": trade.out_trade_no, "qr_code": f"{call.base_url}/alipay/qr/{trade.code}"}


def _refund(call: Call) -> Answer:
    alipay, behaviour = call.alipay, call.behaviour()
    asked = f"{call.biz.get('out_trade_no')}/{call.biz.get('out_request_no')}"
    first = asked not in alipay.refunds_seen
    alipay.refunds_seen.add(asked)
    if behaviour.refund == "fail":
        raise DeclinedError("ACQ.SELLER_BALANCE_NOT_ENOUGH", "卖家余额不足")
    if behaviour.refund == "unknown_then_success" and first:
        raise DeclinedError("ACQ.SYSTEM_ERROR", "系统错误")
    said, refund = alipay.trades.refund(call.biz)
    trade = alipay.trades.trades.get(said["out_trade_no"])
    if refund is not None and trade is not None:
        alipay.notices.refunded(trade, refund, behaviour)
    return said


def _transfer(call: Call) -> Answer:
    behaviour = call.behaviour()
    known = call.alipay.transfers.transfers.get(str(call.biz.get("out_biz_no", "")))
    if behaviour.transfer == "lost":
        call.alipay.switches.spend("transfer", *call.numbers())
        raise DeclinedError("SYSTEM_ERROR", "系统繁忙")
    said = call.alipay.transfers.send(call.biz, behaviour)
    if behaviour.transfer == "unknown" and known is None:
        raise DeclinedError("SYSTEM_ERROR", "系统繁忙")
    return said


def _debit(call: Call) -> Answer:
    behaviour = call.behaviour()
    call.alipay.switches.spend("debit", *call.numbers())
    said, trade = call.alipay.agreements.debit(call.biz, call.notify_url, behaviour)
    call.alipay.notices.paid(trade, behaviour)
    call.alipay.trades.trades.keep(trade.out_trade_no, trade)
    return said


METHODS: dict[str, Callable[[Call], Answer]] = {
    "alipay.trade.precreate": _precreate,
    "alipay.trade.pay": _debit,
    "alipay.user.agreement.query": lambda call: call.alipay.agreements.query(call.biz),
    "alipay.user.agreement.unsign": lambda call: call.alipay.agreements.unsign(call.biz, call.behaviour(), call.notify_url),
    "alipay.trade.query": lambda call: call.alipay.trades.query(call.biz),
    "alipay.trade.close": lambda call: call.alipay.trades.close(call.biz),
    "alipay.trade.refund": _refund,
    "alipay.trade.fastpay.refund.query": lambda call: call.alipay.trades.refund_query(call.biz),
    "alipay.fund.trans.uni.transfer": _transfer,
    "alipay.fund.trans.common.query": lambda call: call.alipay.transfers.query(call.biz),
    "alipay.data.dataservice.bill.downloadurl.query": lambda call: call.alipay.bills.link(call.biz, call.base_url),
}
