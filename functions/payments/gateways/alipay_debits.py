"""Debits by Alipay 周期扣款. Its wire is in `shared/vendors`."""

import os
from typing import Final

from functions.payments.gateways.alipay import NOTIFY_PATH
from functions.payments.gateways.base import NoAnswer, Paid
from functions.payments.gateways.debits import Debit, Meaning, Refused, Unsent, Waiting, refused
from functions.payments.models import Channel
from shared import aws
from shared.settings import Settings
from shared.vendors import alipay_results
from shared.vendors.alipay import AlipayClient, Order
from shared.vendors.alipay_agreements import AlipayAgreements
from shared.vendors.alipay_config import AlipayConfig
from shared.vendors.alipay_results import Done, TradeStatus

MEANING: Final[Meaning] = {
    "ACQ.BUYER_BALANCE_NOT_ENOUGH": ("insufficient", False),
    "ACQ.BUYER_BANKCARD_BALANCE_NOT_ENOUGH": ("insufficient", False),
    "ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE": ("insufficient", False),
    "ACQ.BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR": ("limit", False),
    "ACQ.BUYER_PAYMENT_AMOUNT_MONTH_LIMIT_ERROR": ("limit", False),
    "ACQ.BEYOND_PAY_RESTRICTION": ("limit", False),
    "ACQ.BEYOND_PER_RECEIPT_RESTRICTION": ("limit", True),
    "ACQ.CYCLE_PAY_SINGLE_FEE_EXCEED": ("limit", True),
    "ACQ.CYCLE_PAY_TOTAL_FEE_EXCEED": ("limit", True),
    "ACQ.CYCLE_PAY_TOTAL_TIMES_EXCEED": ("limit", True),
    "ACQ.AGREEMENT_NOT_EXIST": ("agreement_ended", True),
    "ACQ.AGREEMENT_INVALID": ("agreement_ended", True),
    "ACQ.AGREEMENT_STATUS_NOT_NORMAL": ("agreement_ended", True),
}
# An earlier call under this number was taken: the query tells what became of it.
_TAKEN_BEFORE = frozenset({"ACQ.TRADE_HAS_SUCCESS", "ACQ.CONTEXT_INCONSISTENT"})
_PAID = frozenset({TradeStatus.PAID, TradeStatus.FINISHED})
_TIMEOUT_SECONDS = 10.0


class AlipayDebits:
    """The channel `alipay`."""

    channel: Channel = "alipay"

    def __init__(self, agreements: AlipayAgreements, trades: AlipayClient, public_url: str) -> None:
        self._agreements, self._trades = agreements, trades
        self._notify_url = public_url + NOTIFY_PATH

    @classmethod
    def from_environment(cls) -> "AlipayDebits":
        """By the secret `alipay`. Raises ValueError when that is not filled in."""
        secret = aws.client("secretsmanager").get_secret_value(SecretId=os.environ["SECRET_ALIPAY"])["SecretString"]
        config = AlipayConfig.from_secret(secret)
        agreements = AlipayAgreements(config, timeout_seconds=_TIMEOUT_SECONDS)
        return cls(agreements, AlipayClient(config, timeout_seconds=_TIMEOUT_SECONDS), Settings.load().public_url)

    def debit(self, debit: Debit) -> Paid | Waiting | Refused | NoAnswer:
        """`alipay.trade.pay` by an agreement; it answers at once what came of it."""
        order = Order(
            out_trade_no=debit.payment_no,
            amount=debit.amount,
            subject=debit.subject,
            notify_url=self._notify_url,
            expires_at=debit.expires_at,
            passback=debit.order_no,
        )
        said = self._agreements.pay(order, debit.agreement_no)
        if isinstance(said, Done):
            return Paid(said.value.trade_no, said.value.amount, said.value.paid_at, TradeStatus.PAID)
        if isinstance(said, alipay_results.Unknown):
            return NoAnswer(said.reason)
        if said.throttled or said.sub_code in _TAKEN_BEFORE:
            return NoAnswer(said.sub_code)
        return refused(MEANING, said.sub_code)

    def debit_query(self, payment_no: str) -> Paid | Waiting | Refused | Unsent | NoAnswer:
        """`alipay.trade.query`; one that still waits for its money tells more when it is repeated."""
        said = self._trades.query(payment_no)
        if not isinstance(said, Done):
            return NoAnswer(said.sub_code if isinstance(said, alipay_results.Refused) else said.reason)
        trade = said.value
        if trade is None or trade.status is TradeStatus.WAITING:
            return Unsent()
        if trade.status in _PAID:
            return Paid(trade.trade_no, trade.total, trade.paid_at, trade.status)
        return refused(MEANING, trade.status)
