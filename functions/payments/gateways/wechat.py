"""WeChat Pay behind the vocabulary of payments. Its wire is in `shared/vendors`."""

import io
import os
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import BinaryIO, Final

from functions.payments.gateways import wechat_debits
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
from shared.vendors import outcome
from shared.vendors.outcome import Done
from shared.vendors.wechat import Order, WechatClient
from shared.vendors.wechat_config import WechatConfig
from shared.vendors.wechat_notify import ACKNOWLEDGED, claimed_id, verify_notice
from shared.vendors.wechat_results import Refund, RefundState, Trade, TradeState
from shared.vendors.wechat_sign import SIGNED_HEADERS, NotSignedError
from shared.vendors.wechat_transfers import Transfer

NOTIFY_PATH: Final = "/api/v1/payments/wechat/callback"
# A buyer waits behind a call, and a request has 30 s for all of them.
_TIMEOUT_SECONDS = 5.0
_UNBORN = "ORDERNOTEXIST"
_PAID = frozenset({TradeState.SUCCESS, TradeState.REFUND})
_OVER = frozenset({TradeState.CLOSED, TradeState.REVOKED})
_NOBODY = "127.0.0.1"


class WechatGateway:
    """The channel `wechat`."""

    channel: Channel = "wechat"
    acknowledgement = Acknowledgement(ACKNOWLEDGED, "application/json")
    signed_headers: tuple[str, ...] = SIGNED_HEADERS
    day_begins = timedelta()

    def __init__(self, client: WechatClient, public_url: str) -> None:
        self._client = client
        self._notify_url = public_url + NOTIFY_PATH

    @classmethod
    def from_environment(cls) -> "WechatGateway":
        """By the secret `wechat`. Raises ValueError when that is not filled in."""
        secret = aws.client("secretsmanager").get_secret_value(SecretId=os.environ["SECRET_WECHAT"])["SecretString"]
        client = WechatClient(WechatConfig.from_secret(secret), timeout_seconds=_TIMEOUT_SECONDS)
        return cls(client, Settings.load().public_url)

    def create(self, bill: Bill) -> Handover | Declined | NoAnswer:
        """A code, an address, or signed parameters; each takes a call, and the same bill again is the same payment."""
        order = Order(
            out_trade_no=bill.payment_no,
            amount=bill.amount,
            description=bill.subject,
            notify_url=self._notify_url,
            expires_at=bill.expires_at,
            attach=bill.order_no,
        )
        match bill.scene:
            case "h5":
                address = self._client.h5(order, client_ip=bill.buyer.ip or _NOBODY)
                return Handover(pay_url=address.value) if isinstance(address, Done) else _undone(address)
            case "jsapi" | "app":
                told = self._client.app(order) if bill.scene == "app" else self._jsapi(order, bill)
                return Handover(app_params=told.value) if isinstance(told, Done) else _undone(told)
        code = self._client.native(order)
        return Handover(qr_code=code.value) if isinstance(code, Done) else _undone(code)

    def _jsapi(self, order: Order, bill: Bill) -> outcome.Said[dict[str, str]]:
        return self._client.jsapi(order, openid=bill.buyer.openid or "")

    def query(self, payment_no: str) -> Paid | Unpaid | Ended | NoAnswer:
        """`GET …/out-trade-no/{no}`; what WeChat never heard of is unpaid."""
        said = self._client.query(payment_no)
        if not isinstance(said, Done):
            return NoAnswer(said.code if isinstance(said, outcome.Declined) else said.reason)
        return Unpaid(_UNBORN) if said.value is None else _state(said.value)

    def close(self, payment_no: str) -> Ended | Declined | NoAnswer:
        """`POST …/close`. One that was paid is declined: then `query` tells."""
        said = self._client.close(payment_no)
        if isinstance(said, Done):
            return Ended(TradeState.CLOSED if said.value else _UNBORN, seen=said.value)
        return _undone(said)

    def refund(self, repayment: Repayment) -> Repaid | Declined | NoAnswer:
        """`POST /v3/refund/domestic/refunds`: accepted is not yet made, and then `refund_query` tells."""
        said = self._client.refund(
            out_trade_no=repayment.payment_no,
            out_refund_no=repayment.refund_no,
            amount=repayment.amount,
            total=repayment.total,
            reason=repayment.reason,
            notify_url=self._notify_url,
        )
        if not isinstance(said, Done):
            return _undone(said)
        made = _made(said.value)
        return Declined(RefundState.CLOSED) if isinstance(made, NotRepaid) else made

    def refund_query(self, repayment: Repayment) -> Repaid | NotRepaid | NoAnswer:
        """`GET /v3/refund/domestic/refunds/{no}`."""
        said = self._client.refund_query(repayment.refund_no)
        if not isinstance(said, Done):
            return NoAnswer(said.code if isinstance(said, outcome.Declined) else said.reason)
        return NotRepaid() if said.value is None else _made(said.value)

    def claimed_id(self, posted: Posted) -> str:
        """`id` of the notice."""
        return claimed_id(posted.body)

    def verify_notification(self, posted: Posted) -> Notification:
        """What WeChat posts: signed by one of its keys, fresh when it arrived, sealed for our merchant; of a debit, in the
        older wire, signed with the key only WeChat and we hold.
        """
        try:
            if posted.body.startswith(b"<"):
                return wechat_debits.notification(self._client.config, posted.body)
            notice = verify_notice(
                self._client.config, self._client.gateway.keys, posted.headers, posted.body, posted.at.timestamp()
            )
        except NotSignedError as error:
            raise NotBelievedError(str(error)) from error
        said = notice.said
        if isinstance(said, Transfer):
            return Notification(
                notice.notice_id, "", Unpaid(f"transfer {said.state}"), None, None, transfer_no=said.out_bill_no
            )
        if isinstance(said, Trade):
            return Notification(notice.notice_id, said.out_trade_no, _state(said))
        # A notice of a refund tells nothing of the payment, which the refund could not be without.
        return Notification(
            notice.notice_id, said.out_trade_no, Unpaid(f"refund {said.state}"), said.out_refund_no, said.amount
        )

    def bill(self, day: date) -> Iterable[BillRow] | NotReady | NoBill:
        """The trade bill `ALL`, ready from 10 o'clock of the next day."""
        said = self._client.bill_file(day)
        if not isinstance(said, Done):
            return NotReady(said.code if isinstance(said, outcome.Declined) else said.reason)
        return NoBill() if said.value is None else self.read_bill(io.BytesIO(said.value), day)

    def read_bill(self, file: BinaryIO, day: date) -> Iterator[BillRow]:  # noqa: ARG002 - others' files do not say the year
        """The CSV of the merchant's console, which is the same."""
        from shared.vendors.wechat_bill import read_bill

        for row in read_bill(file):
            yield BillRow(
                gateway_no=row.transaction_id,
                payment_no=row.out_trade_no or None,
                refund_no=row.out_refund_no,
                kind=row.kind,
                amount=row.amount,
                fee=row.fee,
                at=row.at,
            )


def _state(trade: Trade) -> Paid | Unpaid | Ended:
    if trade.state in _PAID and trade.transaction_id and trade.total is not None:
        return Paid(trade.transaction_id, trade.total, trade.paid_at, trade.state)
    return Ended(trade.state) if trade.state in _OVER else Unpaid(trade.state)


def _made(refund: Refund) -> Repaid | NotRepaid | NoAnswer:
    """`CLOSED` moved nothing and never will under this number; `ABNORMAL` waits for a person."""
    if refund.state is RefundState.SUCCESS:
        return Repaid(refund.refunded_at, refund.refund_id)
    return NotRepaid() if refund.state is RefundState.CLOSED else NoAnswer(refund.state)


def _undone(said: outcome.Declined | outcome.Unknown) -> Declined | NoAnswer:
    if isinstance(said, outcome.Unknown):
        return NoAnswer(said.reason)
    return NoAnswer(said.code) if said.throttled else Declined(said.code)
