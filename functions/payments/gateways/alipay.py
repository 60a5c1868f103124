"""Alipay behind the vocabulary of payments. Its wire is in `shared/vendors`."""

import io
import os
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import BinaryIO, Final
from urllib.parse import parse_qsl

from functions.payments.gateways.base import (
    Acknowledgement,
    Bill,
    BillRow,
    Declined,
    Ended,
    Handover,
    NoAnswer,
    NoBill,
    NotBelievedError,
    Notification,
    NotReady,
    NotRepaid,
    Paid,
    Posted,
    Repaid,
    Repayment,
    Unpaid,
)
from functions.payments.models import Channel
from shared import aws
from shared.settings import Settings
from shared.vendors.alipay import AlipayClient, Order
from shared.vendors.alipay_config import AlipayConfig
from shared.vendors.alipay_notify import ACKNOWLEDGED, NotificationRefusedError, form_pairs, verify_notification
from shared.vendors.alipay_results import Done, Refused, TradeStatus

NOTIFY_PATH: Final = "/api/v1/payments/alipay/callback"
# A buyer waits behind a call, and a request has 30 s for all of them.
_TIMEOUT_SECONDS = 5.0
_UNBORN = "TRADE_NOT_EXIST"
_PAID = frozenset({TradeStatus.PAID, TradeStatus.FINISHED})
# Same number, other amount: an earlier call under it was taken, and the query tells.
_TAKEN_BEFORE = "ACQ.DISCORDANT_REPEAT_REQUEST"


class AlipayGateway:
    """The channel `alipay`."""

    channel: Channel = "alipay"
    acknowledgement = Acknowledgement(ACKNOWLEDGED)
    signed_headers: tuple[str, ...] = ()
    day_begins = timedelta()

    def __init__(self, client: AlipayClient, public_url: str) -> None:
        self._client = client
        self._notify_url = public_url + NOTIFY_PATH

    @classmethod
    def from_environment(cls) -> "AlipayGateway":
        """By the secret `alipay`. Raises ValueError when that is not filled in."""
        secret = aws.client("secretsmanager").get_secret_value(SecretId=os.environ["SECRET_ALIPAY"])["SecretString"]
        client = AlipayClient(AlipayConfig.from_secret(secret), timeout_seconds=_TIMEOUT_SECONDS)
        return cls(client, Settings.load().public_url)

    def create(self, bill: Bill) -> Handover | Declined | NoAnswer:
        """A cashier address or what the app on the phone needs, which takes no call; for `qr` a code, which does."""
        order = Order(
            out_trade_no=bill.payment_no,
            amount=bill.amount,
            subject=bill.subject,
            notify_url=self._notify_url,
            expires_at=bill.expires_at,
            passback=bill.order_no,
        )
        back = bill.buyer.return_url or ""
        match bill.scene:
            case "pc":
                return Handover(pay_url=self._client.page_pay_url(order, return_url=back))
            case "h5":
                return Handover(pay_url=self._client.wap_pay_url(order, return_url=back))
            case "app":
                return Handover(app_params={"order_string": self._client.app_order_string(order)})
        said = self._client.precreate(order)
        if isinstance(said, Done):
            return Handover(qr_code=said.value)
        return Declined(said.sub_code) if isinstance(said, Refused) else NoAnswer(said.reason)

    def query(self, payment_no: str) -> Paid | Unpaid | Ended | NoAnswer:
        """`alipay.trade.query`; what nobody scanned yet is unpaid."""
        said = self._client.query(payment_no)
        if not isinstance(said, Done):
            return NoAnswer(said.sub_code if isinstance(said, Refused) else said.reason)
        trade = said.value
        if trade is None:
            return Unpaid(_UNBORN)
        if trade.status in _PAID:
            return Paid(trade.trade_no, trade.total, trade.paid_at, trade.status)
        return Ended(trade.status) if trade.status is TradeStatus.CLOSED else Unpaid(trade.status)

    def close(self, payment_no: str) -> Ended | Declined | NoAnswer:
        """`alipay.trade.close`."""
        said = self._client.close(payment_no)
        if isinstance(said, Done):
            return Ended(TradeStatus.CLOSED, seen=True) if said.value.existed else Ended(_UNBORN, seen=False)
        return _declined(said) if isinstance(said, Refused) else NoAnswer(said.reason)

    def refund(self, repayment: Repayment) -> Repaid | Declined | NoAnswer:
        """`alipay.trade.refund`. A repeat moves nothing and says so: then `refund_query` tells."""
        said = self._client.refund(
            out_trade_no=repayment.payment_no,
            out_request_no=repayment.refund_no,
            amount=repayment.amount,
            reason=repayment.reason,
        )
        if isinstance(said, Done):
            return Repaid(None) if said.value.moved_now else NoAnswer("repeated")
        return _declined(said) if isinstance(said, Refused) else NoAnswer(said.reason)

    def refund_query(self, repayment: Repayment) -> Repaid | NotRepaid | NoAnswer:
        """`alipay.trade.fastpay.refund.query`."""
        said = self._client.refund_query(out_trade_no=repayment.payment_no, out_request_no=repayment.refund_no)
        if not isinstance(said, Done):
            return NoAnswer(said.sub_code if isinstance(said, Refused) else said.reason)
        return NotRepaid() if said.value is None else Repaid(said.value.refunded_at)

    def claimed_id(self, posted: Posted) -> str:
        """`notify_id` of the form."""
        return dict(parse_qsl(posted.body.decode("latin-1"))).get("notify_id", "")

    def verify_notification(self, posted: Posted) -> Notification:
        """The form Alipay posts: RSA2, our app, our seller account."""
        try:
            said = verify_notification(self._client.config, form_pairs(posted.body))
        except NotificationRefusedError as refused:
            raise NotBelievedError(refused.fault.value) from refused
        state: Paid | Unpaid | Ended
        if said.status in _PAID:
            state = Paid(said.trade_no, said.total, said.paid_at, said.status)
        else:
            state = Ended(said.status) if said.status is TradeStatus.CLOSED else Unpaid(said.status)
        tells_of_refund = said.refunded_at is not None or said.refunded_total is not None
        return Notification(
            notify_id=said.notify_id,
            payment_no=said.out_trade_no,
            state=state,
            refund_no=(said.out_request_no or said.out_trade_no) if tells_of_refund else None,
            refunded_total=said.refunded_total,
        )

    def bill(self, day: date) -> Iterable[BillRow] | NotReady | NoBill:
        """The trade bill, ready from about 10 o'clock of the next day."""
        said = self._client.bill_file(day)
        if not isinstance(said, Done):
            return NotReady(said.sub_code or said.code if isinstance(said, Refused) else said.reason)
        return NoBill() if said.value is None else self.read_bill(io.BytesIO(said.value), day)

    def read_bill(self, file: BinaryIO, day: date) -> Iterator[BillRow]:  # noqa: ARG002 - others' files do not say the year
        """The ZIP of the merchant's console, which is the same."""
        from shared.vendors import alipay_bill

        for row in alipay_bill.read_bill(file):
            back = row.kind is alipay_bill.BillKind.REFUND
            at = row.completed_at or row.created_at
            yield BillRow(
                gateway_no=row.trade_no,
                payment_no=row.out_trade_no or None,
                refund_no=row.out_request_no if back else None,
                kind="refund" if back else "pay",
                amount=-row.amount if back else row.amount,
                fee=-row.fee,
                at=at,
            )


def _declined(said: Refused) -> Declined | NoAnswer:
    if said.throttled or said.sub_code == _TAKEN_BEFORE:
        return NoAnswer(said.sub_code or said.code)
    return Declined(said.sub_code or said.code)
