"""UnionPay, played: what it remembers and can do, behind the gateway, the page and the controls."""

import re
import secrets
import sqlite3
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import urlencode

from infra.local.sandbox.controls import VendorDeclinesError
from infra.local.sandbox.courier import Courier, Delivery
from infra.local.sandbox.journal import Journal
from infra.local.sandbox.settings import SandboxSettings
from infra.local.sandbox.shelf import Shelf
from infra.local.sandbox.switches import Switches
from infra.local.sandbox.unionpay.keys import MER_ID, Keys
from infra.local.sandbox.unionpay.records import Behaviour, Refund, RefundStatus, Trade
from shared import clock

LADDER_SECONDS = (60, 120, 240, 300)
ACCEPTED = "ok"
_NUMBER = re.compile(r"[0-9A-Za-z]{8,32}")
_STAMP = "%Y%m%d%H%M%S"
_LATE_SECONDS = 3.0
_TOO_MUCH = 100

Fields = dict[str, str]


class DeclinedError(VendorDeclinesError):
    """What UnionPay refuses, with its respCode."""


class Unionpay:
    """One UnionPay with one merchant."""

    def __init__(self, settings: SandboxSettings, database: sqlite3.Connection, courier: Courier, journal: Journal) -> None:
        self.keys = Keys(settings.state)
        self.courier = courier
        self.journal = journal
        self.switches = Switches(Behaviour)
        self.trades = Shelf(database, "unionpay.trades", Trade)
        self.refunds = Shelf(database, "unionpay.refunds", Refund)
        self._waits = [seconds * settings.time_scale for seconds in LADDER_SECONDS]
        self.refunds_seen: set[str] = set()

    def offer(self, told: Mapping[str, str]) -> Trade:
        """Take an order; the same one again is the same while it is unpaid. Raises DeclinedError."""
        number, amount = told.get("orderId", ""), told.get("txnAmt", "")
        made = (told.get("txnType"), told.get("txnSubType"), told.get("bizType"), told.get("currencyCode"))
        if made != ("01", "01", "000201", "156") or told.get("channelType") not in {"07", "08"}:
            raise DeclinedError("10", "报文格式错误")
        if not _NUMBER.fullmatch(number) or not amount.isdigit() or int(amount) <= 0 or not told.get("backUrl"):
            raise DeclinedError("10", "报文格式错误")
        until = moment(told.get("payTimeout", ""))
        known = self.trades.get(number)
        if known is not None:
            if known.state != "waiting" or (known.total, known.txn_time) != (int(amount), told.get("txnTime")):
                raise DeclinedError("12", "重复交易")
            return known
        if until <= clock.now():
            raise DeclinedError("39", "交易不在受理时间范围内")
        trade = Trade(
            order_id=number,
            txn_time=stamp(moment(told.get("txnTime", ""))),
            reserved=told.get("reqReserved", ""),
            code=_number(),
            channel=told["channelType"],
            total=int(amount),
            back_url=told["backUrl"],
            front_url=told.get("frontUrl", ""),
            pay_until=until,
            made_at=clock.now(),
            query_id=_number(),
        )
        self.trades.keep(number, trade)
        return trade

    def find(self, number: str) -> Trade | None:
        """The newest order of that number, or of what it came with."""
        found = [trade for trade in self.trades if number in {trade.order_id, trade.reserved}]
        return max(found, key=lambda trade: (trade.state == "waiting", trade.made_at)) if found else None

    def pay(self, trade: Trade, amount: int | None = None, *, late: bool = False, declined: str | None = None) -> None:
        """The buyer pays, or the card is `declined` with a code, and the merchant is told. Raises DeclinedError."""
        if trade.state == "paid":
            raise DeclinedError("12", "重复交易")
        if trade.state != "waiting" and not late:
            raise DeclinedError("39", "交易不在受理时间范围内")
        if declined is not None:
            trade.failed = declined
            self.trades.keep(trade.order_id, trade)
            return
        trade.paid_at, trade.failed = clock.now(), None
        trade.paid = trade.total if amount is None else amount
        self.trades.keep(trade.order_id, trade)
        behaviour = self.switches.of(trade.order_id, trade.reserved)
        told = self.transaction(trade)
        if behaviour.notify == "wrong_amount":
            told["txnAmt"] = str(trade.paid + _TOO_MUCH)
        self._tell(
            [trade.order_id, trade.reserved],
            told | {"respCode": "00", "respMsg": "成功[0000000]"},
            behaviour,
            trade.back_url,
        )

    def query(self, told: Mapping[str, str]) -> Fields:
        """What became of a payment or refund. Raises DeclinedError."""
        number, at = told.get("orderId", ""), told.get("txnTime", "")
        refund = self.refunds.get(number)
        if refund is not None and refund.txn_time == at:
            self._look(refund)
            return self.refunded(refund) | {"origRespCode": {"done": "00", "open": "05", "failed": "60"}[refund.status]}
        trade = self.trades.get(number)
        if trade is None or trade.txn_time != at:
            raise DeclinedError("34", "查无此交易")
        code = {"paid": "00", "waiting": "05", "over": "39", "failed": trade.failed or "60"}[trade.state]
        return self.transaction(trade) | {"origRespCode": code, "origRespMsg": f"[{code}]"}

    def refund(self, told: Mapping[str, str]) -> Refund:
        """Take a refund; the same number again is no other. Raises DeclinedError."""
        number, amount = told.get("orderId", ""), told.get("txnAmt", "")
        if told.get("txnType") != "04" or not _NUMBER.fullmatch(number) or not amount.isdigit() or int(amount) <= 0:
            raise DeclinedError("10", "报文格式错误")
        if self.refunds.get(number) is not None or self.trades.get(number) is not None:
            raise DeclinedError("12", "重复交易")
        trade = next((one for one in self.trades if one.query_id == told.get("origQryId")), None)
        if trade is None or trade.paid_at is None:
            raise DeclinedError("35", "原交易不存在或状态不正确")
        behaviour = self.switches.of(number, trade.order_id, trade.reserved)
        if behaviour.refund == "fail":
            raise DeclinedError("61", "商户可用余额不足")
        if trade.refunded + int(amount) > trade.paid:
            raise DeclinedError("36", "与原交易信息不符")
        slow: dict[str, RefundStatus] = {"processing": "open", "failed_later": "failed"}
        refund = Refund(
            order_id=number,
            txn_time=stamp(moment(told.get("txnTime", ""))),
            query_id=_number(),
            original_query_id=trade.query_id,
            trade=trade.order_id,
            reserved=told.get("reqReserved", ""),
            amount=int(amount),
            status=slow.get(behaviour.refund, "done"),
            back_url=told.get("backUrl", ""),
            made_at=clock.now(),
        )
        self._settle(refund)
        return refund

    def _look(self, refund: Refund) -> None:
        refund.asked += 1
        if refund.status == "open" and refund.asked > 1:
            refund.status = "done"
            self._settle(refund)
        self.refunds.keep(refund.order_id, refund)

    def _settle(self, refund: Refund) -> None:
        self.refunds.keep(refund.order_id, refund)
        trade = self.trades.get(refund.trade)
        if refund.status != "done" or trade is None:
            return
        trade.refunded += refund.amount
        self.trades.keep(trade.order_id, trade)
        if refund.back_url:
            behaviour = self.switches.of(refund.order_id, trade.order_id, trade.reserved)
            told = self.refunded(refund) | {"respCode": "00", "respMsg": "成功[0000000]"}
            self._tell([refund.order_id, trade.order_id, trade.reserved], told, behaviour, refund.back_url)

    @staticmethod
    def transaction(trade: Trade) -> Fields:
        """A payment as query and notice tell it."""
        told = _common(trade.order_id, trade.txn_time, trade.reserved) | {
            "txnType": "01", "txnSubType": "01", "bizType": "000201", "txnAmt": str(trade.paid or trade.total),
            "queryId": trade.query_id,
        }  # fmt: skip
        return told | _traced(trade.paid_at, trade.paid) if trade.paid_at is not None else told

    @staticmethod
    def refunded(refund: Refund) -> Fields:
        """A refund as query and notice tell it."""
        return _common(refund.order_id, refund.txn_time, refund.reserved) | {
            "txnType": "04", "txnSubType": "00", "bizType": "000201", "txnAmt": str(refund.amount),
            "queryId": refund.query_id, "origQryId": refund.original_query_id,
        } | _traced(refund.made_at, refund.amount)  # fmt: skip

    def _tell(self, numbers: list[str], told: Fields, behaviour: Behaviour, url: str) -> None:
        how = behaviour.notify
        if how == "wrong_merchant":
            told |= {"merId": "777290058110001"}
        by = how if how in self.keys.signers else "good"
        signed = self.keys.signed(told, by=by, forged=how == "wrong_signature")
        usual = _LATE_SECONDS if how == "late" else 0.0
        delay = usual if behaviour.delay_seconds is None or how != "late" else behaviour.delay_seconds
        for _ in range({"silent": 0, "duplicate": 2}.get(how, 1)):
            self.courier.post(
                Delivery(
                    id=self.courier.next_id(),
                    vendor="unionpay",
                    numbers=[number for number in numbers if number],
                    url=url,
                    body=urlencode(signed),
                    expected=ACCEPTED,
                    due_at=clock.now() + timedelta(seconds=delay),
                    waits=list(self._waits),
                )
            )

    def forget(self) -> None:
        """Start over: no payments, refunds, deliveries, switches or journal. The keys stay."""
        self.trades.clear()
        self.refunds.clear()
        self.courier.forget("unionpay")
        self.journal.clear()
        self.switches.change({"reset": True})
        self.refunds_seen.clear()


def moment(text: str) -> datetime:
    """Read `yyyyMMddHHmmss` of Beijing time. Raises DeclinedError."""
    try:
        return datetime.strptime(text, _STAMP).replace(tzinfo=clock.SHANGHAI)
    except ValueError as error:
        raise DeclinedError("10", "报文格式错误") from error


def stamp(at: datetime) -> str:
    """Write it."""
    return at.astimezone(clock.SHANGHAI).strftime(_STAMP)


def _common(order_id: str, txn_time: str, reserved: str) -> Fields:
    return {
        "version": "5.1.0", "encoding": "UTF-8", "signMethod": "01", "accessType": "0", "merId": MER_ID,
        "orderId": order_id, "txnTime": txn_time, "currencyCode": "156", "reqReserved": reserved, "accNo": "",
    }  # fmt: skip


def _traced(at: datetime, amount: int) -> Fields:
    local = at.astimezone(clock.SHANGHAI)
    return {
        "traceTime": f"{local:%m%d%H%M%S}", "traceNo": f"{secrets.randbelow(10**6):06d}", "settleAmt": str(amount),
        "settleCurrencyCode": "156", "settleDate": f"{local:%m%d}",
    }  # fmt: skip


def _number() -> str:
    """21 digits, as a queryId and a tn have them."""
    return f"{clock.now().astimezone(clock.SHANGHAI):%Y%m%d%H%M%S}{secrets.randbelow(10**7):07d}"
