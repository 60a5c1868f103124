"""UnionPay behind the vocabulary of payments. Its wire is in `shared/vendors`.

UnionPay knows a transaction by its number and the second it was made in; both are in a ULID.
"""

import io
import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import BinaryIO, Final
from urllib.parse import urlencode

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
from shared.ids import made_at
from shared.settings import Settings
from shared.vendors import outcome
from shared.vendors.outcome import Done
from shared.vendors.unionpay import Order, UnionpayClient
from shared.vendors.unionpay_config import UnionpayConfig
from shared.vendors.unionpay_notify import ACKNOWLEDGED, PAYMENT, claimed_id, verify_notice
from shared.vendors.unionpay_results import Trade, TradeState
from shared.vendors.unionpay_sign import NotSignedError

PREFIX: Final = "/api/v1/payments/unionpay"
# A buyer waits behind a call, and a request has 30 s for all of them.
_TIMEOUT_SECONDS = 5.0
_UNBORN = "34"
_REPEATED = "12"


class UnionpayGateway:
    """The channel `unionpay`."""

    channel: Channel = "unionpay"
    acknowledgement = Acknowledgement(ACKNOWLEDGED)
    signed_headers: tuple[str, ...] = ()
    day_begins = timedelta(hours=-1)

    def __init__(self, client: UnionpayClient, public_url: str) -> None:
        self._client = client
        self._public_url = public_url

    @classmethod
    def from_environment(cls) -> "UnionpayGateway":
        """By the secret `unionpay`. Raises ValueError when that is not filled in."""
        secret = aws.client("secretsmanager").get_secret_value(SecretId=os.environ["SECRET_UNIONPAY"])["SecretString"]
        client = UnionpayClient(UnionpayConfig.from_secret(secret), timeout_seconds=_TIMEOUT_SECONDS)
        return cls(client, Settings.load().public_url)

    @property
    def form_url(self) -> str:
        """Where the buyer's browser posts the form of a payment."""
        return self._client.front_url

    def is_own_form(self, fields: Mapping[str, str]) -> bool:
        """Whether these are the fields of a form that `create` made, and it may still be paid."""
        try:
            return self._client.is_own_page(fields)
        except ValueError:
            return False

    def create(self, bill: Bill) -> Handover | Declined | NoAnswer:
        """An address of ours that posts the signed form to UnionPay, which takes no call; for an app a `tn`, which does."""
        order = Order(
            order_id=bill.payment_no,
            txn_time=made_at(bill.payment_no),
            amount=bill.amount,
            back_url=f"{self._public_url}{PREFIX}/callback",
            front_url=bill.buyer.return_url or f"{self._public_url}/",
            pay_until=bill.expires_at,
            reserved=bill.order_no,
        )
        if bill.scene == "app":
            said = self._client.app(order)
            return Handover(app_params={"tn": said.value}) if isinstance(said, Done) else _undone(said)
        form = self._client.page(order, "phone" if bill.scene == "h5" else "pc")
        return Handover(pay_url=f"{self._public_url}{PREFIX}/page?{urlencode(form)}")

    def query(self, payment_no: str) -> Paid | Unpaid | Ended | NoAnswer:
        """`queryTrans`; what no browser brought to UnionPay yet is unpaid."""
        said = self._asked(payment_no)
        if isinstance(said, NoAnswer):
            return said
        return Unpaid(_UNBORN) if said is None else _state(said)

    def close(self, payment_no: str) -> Ended | Declined | NoAnswer:
        """UnionPay closes nothing: `payTimeout`, the end of the attempt, does. So this only looks whether it was paid."""
        said = self.query(payment_no)
        if isinstance(said, Paid):
            return Declined(said.status)
        return Ended(said.status, seen=isinstance(said, Ended)) if not isinstance(said, NoAnswer) else said

    def refund(self, repayment: Repayment) -> Repaid | Declined | NoAnswer:
        """`backTransReq` 04: accepted is not yet made, so it is asked about at once; a repeat only is."""
        paid_as = repayment.gateway_no or self._paid_as(repayment.payment_no)
        if not isinstance(paid_as, str):
            return paid_as
        said = self._client.refund(
            order_id=repayment.refund_no,
            txn_time=made_at(repayment.refund_no),
            amount=repayment.amount,
            query_id=paid_as,
            back_url=f"{self._public_url}{PREFIX}/callback",
            reserved=repayment.payment_no,
        )
        if not isinstance(said, Done) and not (isinstance(said, outcome.Declined) and said.code == _REPEATED):
            return _undone(said)
        made = self._asked(repayment.refund_no)
        if made is None or isinstance(made, NoAnswer):
            return made or NoAnswer("accepted")
        return Declined(made.code) if made.state is TradeState.FAILED else _made(made)

    def refund_query(self, repayment: Repayment) -> Repaid | NotRepaid | NoAnswer:
        """`queryTrans` of the refund's own number."""
        said = self._asked(repayment.refund_no)
        if isinstance(said, NoAnswer):
            return said
        return NotRepaid() if said is None or said.state is TradeState.FAILED else _made(said)

    def claimed_id(self, posted: Posted) -> str:
        """`queryId` of the form: each transaction has its own."""
        return claimed_id(posted.body)

    def verify_notification(self, posted: Posted) -> Notification:
        """The form UnionPay posts: signed by a certificate of its chain that was valid when it arrived, for our merchant."""
        try:
            said = verify_notice(self._client.config, posted.body, posted.at)
        except NotSignedError as error:
            raise NotBelievedError(str(error)) from error
        if said.kind == PAYMENT:
            return Notification(said.query_id, said.order_id, _state(said))
        # A notice of a refund tells of the payment what we sent along with it: nothing when it was made without us.
        state = Unpaid(f"refund {said.code}")
        original = said.original_query_id or None
        return Notification(said.query_id, said.reserved, state, said.order_id, said.amount, gateway_no=original)

    def bill(self, day: date) -> Iterable[BillRow] | NotReady | NoBill:
        """The file of a settlement day, which ends at 23:00."""
        said = self._client.bill_file(day)
        if not isinstance(said, Done):
            return NotReady(said.code if isinstance(said, outcome.Declined) else said.reason)
        return NoBill() if said.value is None else self.read_bill(io.BytesIO(said.value.encode()), day)

    def read_bill(self, file: BinaryIO, day: date) -> Iterator[BillRow]:
        """`fileContent` as `fileTransRequest` gives it: base64 text."""
        from shared.vendors.unionpay_bill import read_bill

        for row in read_bill(file.read().decode("ascii"), day):
            yield BillRow(
                gateway_no=row.transaction_id,
                payment_no=row.out_trade_no or None,
                refund_no=row.out_refund_no,
                kind=row.kind,
                amount=row.amount,
                fee=row.fee,
                at=row.at,
            )

    def _asked(self, number: str) -> Trade | NoAnswer | None:
        said = self._client.query(number, made_at(number))
        if isinstance(said, Done):
            return said.value
        return NoAnswer(said.code if isinstance(said, outcome.Declined) else said.reason)

    def _paid_as(self, payment_no: str) -> str | Declined | NoAnswer:
        """The number UnionPay gave a payment."""
        said = self.query(payment_no)
        if isinstance(said, Paid):
            return said.gateway_no
        return said if isinstance(said, NoAnswer) else Declined(said.status)


def _state(trade: Trade) -> Paid | Unpaid | Ended:
    if trade.state is TradeState.DONE and trade.amount is not None:
        return Paid(trade.query_id, trade.amount, trade.done_at, trade.code)
    return Ended(trade.code) if trade.state is TradeState.FAILED else Unpaid(trade.code)


def _made(refund: Trade) -> Repaid | NoAnswer:
    return Repaid(refund.done_at, refund.query_id) if refund.state is TradeState.DONE else NoAnswer(refund.code)


def _undone(said: outcome.Declined | outcome.Unknown) -> Declined | NoAnswer:
    if isinstance(said, outcome.Unknown):
        return NoAnswer(said.reason)
    return NoAnswer(said.code) if said.throttled else Declined(said.code)
