"""Notifications: what Alipay posts to the merchant when a trade is paid or refunded, and how that can go wrong."""

from datetime import timedelta
from typing import Final
from urllib.parse import urlencode
from uuid import uuid4

from infra.local.sandbox.alipay.keys import APP_ID, SELLER_ID, Keys
from infra.local.sandbox.alipay.records import Behaviour, Refund, Trade
from infra.local.sandbox.alipay.trades import BUYER_ID, BUYER_LOGON
from infra.local.sandbox.alipay.wire import beijing, beijing_millis, yuan
from infra.local.sandbox.courier import Courier, Delivery
from shared import clock

LADDER_SECONDS: Final = (240, 600, 600, 3600, 7200, 21600, 54000)
OTHER_APP_ID = "2021000000000002"
_LATE_SECONDS = 3.0
_HELD_SECONDS = 60.0  # out of order: how long a payment's notice waits for a refund's to overtake it
_TOO_MUCH = 100


class Notices:
    """Writes notifications, signs them and hands them to the courier."""

    def __init__(self, keys: Keys, courier: Courier, time_scale: float) -> None:
        self._keys = keys
        self._courier = courier
        self._waits = [seconds * time_scale for seconds in LADDER_SECONDS]

    def paid(self, trade: Trade, behaviour: Behaviour) -> None:
        """Tell of a payment."""
        trade.payment_notice = self._form(self._fields(trade, "TRADE_SUCCESS", behaviour), behaviour)
        delay = 0.0
        if behaviour.notify in {"late", "out_of_order"}:
            usual = _LATE_SECONDS if behaviour.notify == "late" else _HELD_SECONDS
            delay = usual if behaviour.delay_seconds is None else behaviour.delay_seconds
        self._post(trade, trade.payment_notice, behaviour, delay=delay)

    def refunded(self, trade: Trade, refund: Refund, behaviour: Behaviour) -> None:
        """Tell of a refund. Out of order, it overtakes the payment's notice, which is sent (again) after it."""
        fields = self._fields(trade, trade.status or "", behaviour) | {
            "refund_fee": yuan(trade.refunded),
            "gmt_refund": beijing_millis(refund.refunded_at),
            "out_biz_no": refund.out_request_no,
        }
        if trade.closed_at is not None:
            fields["gmt_close"] = beijing(trade.closed_at)
        sent = self._post(trade, self._form(fields, behaviour), behaviour, delay=self.lateness(behaviour))
        if behaviour.notify == "out_of_order" and trade.payment_notice is not None:
            self._overtake(trade, sent)

    def return_address(self, trade: Trade) -> str | None:
        """Where the buyer's browser goes after paying, with signed parameters that are for display only."""
        if not trade.return_url:
            return None
        fields = {
            "app_id": APP_ID,
            "auth_app_id": APP_ID,
            "charset": "utf-8",
            "method": "alipay.trade.page.pay.return",
            "out_trade_no": trade.out_trade_no,
            "seller_id": SELLER_ID,
            "sign_type": "RSA2",
            "timestamp": beijing(clock.now()),
            "total_amount": yuan(trade.total),
            "trade_no": trade.trade_no or "",
            "version": "1.0",
        }
        joint = "&" if "?" in trade.return_url else "?"
        return f"{trade.return_url}{joint}{urlencode(fields | {'sign': self._keys.sign_fields(fields)})}"

    def _fields(self, trade: Trade, status: str, behaviour: Behaviour) -> dict[str, str]:
        amount = yuan(trade.total + _TOO_MUCH if behaviour.notify == "wrong_amount" else trade.total)
        app_id = OTHER_APP_ID if behaviour.notify == "wrong_app_id" else APP_ID
        return {
            "app_id": app_id,
            "auth_app_id": app_id,
            "body": trade.body,  # empty when the merchant sent none, and signed all the same
            "buyer_id": BUYER_ID,
            "buyer_logon_id": BUYER_LOGON,
            "buyer_pay_amount": amount,
            "charset": "utf-8",
            "fund_bill_list": f'[{{"amount":"{amount}","fundChannel":"ALIPAYACCOUNT"}}]',
            "gmt_create": beijing(trade.created_at or trade.offered_at),
            "gmt_payment": beijing(trade.paid_at or clock.now()),
            "invoice_amount": amount,
            "notify_id": uuid4().hex,
            "notify_time": beijing(clock.now()),
            "notify_type": "trade_status_sync",
            "out_trade_no": trade.out_trade_no,
            "point_amount": "0.00",
            "receipt_amount": amount,
            "seller_id": SELLER_ID,
            "sign_type": "RSA2",
            "subject": trade.subject,
            "total_amount": amount,
            "trade_no": trade.trade_no or "",
            "trade_status": status,
            "version": "1.0",
        } | ({"passback_params": trade.passback} if trade.passback else {})

    def _form(self, fields: dict[str, str], behaviour: Behaviour) -> str:
        wrong = {"subject": fields["subject"] + " "} if behaviour.notify == "wrong_signature" else {}
        return urlencode(fields | {"sign": self._keys.sign_fields(fields | wrong)})

    def lateness(self, behaviour: Behaviour) -> float:
        """How long a notice waits that is not to be on time."""
        if behaviour.notify != "late":
            return 0.0
        return _LATE_SECONDS if behaviour.delay_seconds is None else behaviour.delay_seconds

    def send(self, numbers: list[str], url: str | None, form: str, behaviour: Behaviour, *, delay: float) -> Delivery | None:
        """Post once, twice, or not at all; the last one posted is returned."""
        delivery = None
        for _ in range({"silent": 0, "duplicate": 2}.get(behaviour.notify, 1) if url else 0):
            delivery = self._delivery(numbers, url or "", form, delay)
            self._courier.post(delivery)
        return delivery

    def _post(self, trade: Trade, form: str, behaviour: Behaviour, *, delay: float) -> Delivery | None:
        return self.send(_numbers(trade), trade.notify_url, form, behaviour, delay=delay)

    def _delivery(self, numbers: list[str], url: str, form: str, delay: float, *, after: str | None = None) -> Delivery:
        return Delivery(
            id=self._courier.next_id(),
            vendor="alipay",
            numbers=numbers,
            url=url,
            body=form,
            expected="success",
            due_at=clock.now() + timedelta(seconds=delay),
            waits=list(self._waits),
            after=after,
        )

    def _overtake(self, trade: Trade, first: Delivery | None) -> None:
        if first is None or trade.payment_notice is None:
            return
        for held in self._courier.pending("alipay"):
            if held.body == trade.payment_notice:
                held.after, held.due_at = first.id, clock.now()
                self._courier.post(held)
                return
        late = self._delivery(_numbers(trade), trade.notify_url or "", trade.payment_notice, 0.0, after=first.id)
        self._courier.post(late)


def _numbers(trade: Trade) -> list[str]:
    return [number for number in (trade.out_trade_no, trade.order_no) if number]
