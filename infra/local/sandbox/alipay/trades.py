"""Orders, trades and refunds: what the merchant asks and what the buyer does."""

import re
import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

from infra.local.sandbox.alipay.records import Refund, Trade
from infra.local.sandbox.alipay.wire import DeclinedError, beijing, expiry, fen, new_number, yuan
from infra.local.sandbox.shelf import Shelf
from shared import clock

BUYER_ID = "2088000000009999"
BUYER_LOGON = "rea***@sandbox.com"
_NUMBER = re.compile(r"[A-Za-z0-9_]{1,64}")
_SUBJECT = re.compile(r"[^/=&]{1,256}")

Answer = dict[str, Any]


class Trades:
    """The merchant's orders and refunds."""

    def __init__(self, trades: Shelf[Trade], refunds: Shelf[Refund]) -> None:
        self.trades = trades
        self.refunds = refunds

    def offer(self, biz: dict[str, Any], notify_url: str | None, return_url: str | None) -> Trade:
        """Take an order that nobody scanned yet; the same order again is the same one. Raises DeclinedError."""
        out_trade_no, subject = str(biz.get("out_trade_no", "")), str(biz.get("subject", ""))
        if not _NUMBER.fullmatch(out_trade_no) or not _SUBJECT.fullmatch(subject):
            raise DeclinedError("ACQ.INVALID_PARAMETER", "参数有误：out_trade_no 或 subject")
        total = fen(biz.get("total_amount"))
        expires_at = expiry(biz.get("time_expire"), biz.get("timeout_express"))
        known = self.trades.get(out_trade_no)
        if known is not None and known.trade_no is not None:
            self._still_open(known)
            if (known.total, known.subject) != (total, subject):
                raise DeclinedError("ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改")
        passback = biz.get("passback_params")
        trade = known or Trade(
            out_trade_no=out_trade_no,
            order_no=unquote(passback or biz.get("body") or "") or None,
            code=secrets.token_urlsafe(12),
            subject=subject,
            body=str(biz.get("body", "")),
            passback=passback,
            total=total,
            notify_url=notify_url,
            return_url=return_url,
            offered_at=clock.now(),
            expires_at=expires_at,
        )
        trade.subject, trade.total, trade.expires_at = subject, total, expires_at
        trade.notify_url, trade.return_url = notify_url, return_url
        self.trades.keep(out_trade_no, trade)
        return trade

    def find(self, number: str) -> Trade | None:
        """The latest order of that payment number or merchant order number, one still to be paid first."""
        found = [trade for trade in self.trades if number in {trade.out_trade_no, trade.order_no}]
        found.sort(key=lambda trade: (trade.paid_at is None and trade.closed_at is None, trade.offered_at))
        return found[-1] if found else None

    def of_code(self, code: str) -> Trade | None:
        """The order behind a QR code or a cashier page."""
        return next((trade for trade in self.trades if trade.code == code), None)

    def scan(self, trade: Trade) -> None:
        """The buyer scans or logs in: from now on the trade exists. Raises DeclinedError."""
        self._still_open(trade)
        if trade.trade_no is None:
            trade.trade_no, trade.created_at = new_number(), clock.now()
            self.trades.keep(trade.out_trade_no, trade)

    def pay(self, trade: Trade, amount: int | None = None, *, late: bool = False) -> None:
        """The buyer pays, an `amount` of their own if given, `late` even after closing. Raises DeclinedError."""
        if late and trade.paid_at is None:
            trade.closed_at, trade.expires_at = None, clock.now() + timedelta(minutes=1)
        self.scan(trade)
        trade.paid_at = clock.now()
        trade.total = trade.total if amount is None else amount
        self.trades.keep(trade.out_trade_no, trade)

    def query(self, biz: dict[str, Any]) -> Answer:
        """`alipay.trade.query`."""
        trade = self._existing(biz)
        answer: Answer = {
            "buyer_logon_id": BUYER_LOGON,
            "buyer_pay_amount": yuan(trade.total if trade.paid_at else 0),
            "buyer_user_id": BUYER_ID,
            "invoice_amount": yuan(trade.total if trade.paid_at else 0),
            "out_trade_no": trade.out_trade_no,
            "point_amount": "0.00",
            "receipt_amount": yuan(trade.total if trade.paid_at else 0),
            "total_amount": yuan(trade.total),
            "trade_no": trade.trade_no,
            "trade_status": trade.status,
        }
        if trade.paid_at:
            answer["send_pay_date"] = beijing(trade.paid_at)
            answer["fund_bill_list"] = [{"amount": yuan(trade.total), "fund_channel": "ALIPAYACCOUNT"}]
        return answer

    def close(self, biz: dict[str, Any]) -> Answer:
        """`alipay.trade.close`: only what is waiting for its buyer can be closed."""
        trade = self._existing(biz)
        if trade.closed_at is not None:
            raise DeclinedError("ACQ.TRADE_HAS_CLOSE", "交易已经关闭")
        if trade.paid_at is not None:
            raise DeclinedError("ACQ.TRADE_STATUS_ERROR", "交易状态不合法")
        trade.closed_at = clock.now()
        self.trades.keep(trade.out_trade_no, trade)
        return {"out_trade_no": trade.out_trade_no, "trade_no": trade.trade_no}

    def refund(self, biz: dict[str, Any]) -> tuple[Answer, Refund | None]:
        """`alipay.trade.refund`: the answer, and the refund if this call moved money. A repeat moves none."""
        trade = self._existing(biz)
        amount = fen(biz.get("refund_amount"))
        out_request_no = str(biz.get("out_request_no") or trade.out_trade_no)
        known = self.refunds.get(f"{trade.out_trade_no}/{out_request_no}")
        if known is not None and known.amount != amount:
            raise DeclinedError("ACQ.DISCORDANT_REPEAT_REQUEST", "请求信息不一致")
        refund = known or self._give_back(trade, out_request_no, amount)
        answer = {
            "buyer_logon_id": BUYER_LOGON,
            "buyer_user_id": BUYER_ID,
            "fund_change": "N" if known else "Y",
            "gmt_refund_pay": beijing(refund.refunded_at),
            "out_trade_no": trade.out_trade_no,
            "refund_fee": yuan(trade.refunded),
            "trade_no": trade.trade_no,
        }
        return answer, None if known else refund

    def refund_query(self, biz: dict[str, Any]) -> Answer:
        """`alipay.trade.fastpay.refund.query`: no status means that there is no such refund."""
        trade = self._existing(biz)
        refund = self.refunds.get(f"{trade.out_trade_no}/{biz.get('out_request_no')}")
        if refund is None:
            return {}
        answer = {
            "out_request_no": refund.out_request_no,
            "out_trade_no": trade.out_trade_no,
            "refund_amount": yuan(refund.amount),
            "refund_status": "REFUND_SUCCESS",
            "total_amount": yuan(trade.total),
            "trade_no": trade.trade_no,
        }
        if "gmt_refund_pay" in biz.get("query_options", []):
            answer["gmt_refund_pay"] = beijing(refund.refunded_at)
        return answer

    def _give_back(self, trade: Trade, out_request_no: str, amount: int) -> Refund:
        if trade.paid_at is None or trade.closed_at is not None:
            raise DeclinedError("ACQ.TRADE_STATUS_ERROR", "交易状态不合法")
        if trade.refunded + amount > trade.total:
            raise DeclinedError("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "退款金额超限")
        at = clock.now()
        refund = Refund(out_trade_no=trade.out_trade_no, out_request_no=out_request_no, amount=amount, refunded_at=at)
        trade.refunded += amount
        if trade.refunded == trade.total:
            trade.closed_at = at
        self.refunds.keep(f"{trade.out_trade_no}/{out_request_no}", refund)
        self.trades.keep(trade.out_trade_no, trade)
        return refund

    def _existing(self, biz: dict[str, Any]) -> Trade:
        trade = self.trades.get(str(biz.get("out_trade_no", "")))
        if biz.get("trade_no"):
            trade = next((one for one in self.trades if one.trade_no == biz["trade_no"]), None)
        if trade is None or trade.trade_no is None:
            raise DeclinedError("ACQ.TRADE_NOT_EXIST", "交易不存在")
        self._expire(trade)
        return trade

    def _still_open(self, trade: Trade) -> None:
        self._expire(trade)
        if trade.closed_at is not None or is_over(trade):
            raise DeclinedError("ACQ.TRADE_HAS_CLOSE", "交易已经关闭")
        if trade.paid_at is not None:
            raise DeclinedError("ACQ.TRADE_HAS_SUCCESS", "交易已被支付")

    def _expire(self, trade: Trade) -> None:
        """A scanned trade whose time ran out is closed; an unscanned order is just gone."""
        if trade.status == "WAIT_BUYER_PAY" and is_over(trade):
            trade.closed_at = trade.expires_at
            self.trades.keep(trade.out_trade_no, trade)


def is_over(trade: Trade) -> bool:
    """Whether an unpaid order's time ran out."""
    return trade.paid_at is None and trade.expires_at <= clock.now()
