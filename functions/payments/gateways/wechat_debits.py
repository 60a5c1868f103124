"""Debits by WeChat 委托代扣. Its wire is in `shared/vendors`."""

import os
from typing import Final

from functions.payments.gateways.base import NoAnswer, Notification, Paid, Unpaid
from functions.payments.gateways.debits import Debit, Meaning, Refused, Unsent, Waiting, refused
from functions.payments.models import Channel
from shared import aws
from shared.settings import Settings
from shared.vendors import outcome, wechat_papay
from shared.vendors.outcome import Done
from shared.vendors.wechat_config import WechatConfig
from shared.vendors.wechat_papay import DebitOrder, DebitState, WechatPapay

NOTIFY_PATH: Final = "/api/v1/payments/wechat/debits/callback"
MEANING: Final[Meaning] = {
    "NOTENOUGH": ("insufficient", False),
    "RULELIMIT": ("limit", False),
    "CONTRACTNOTEXIST": ("agreement_ended", True),
    "CONTRACTNOTEXISTS": ("agreement_ended", True),
    "CONTRACTTERMINATED": ("agreement_ended", True),
    "CONTRACTEXPIRED": ("agreement_ended", True),
}
# An earlier call under this number was taken: the query tells what became of it.
_TAKEN_BEFORE = frozenset({"ORDERPAID", "OUTTRADENOUSED"})
_PAID = frozenset({DebitState.SUCCESS, DebitState.REFUND})
_OVER = frozenset({DebitState.PAY_FAIL, DebitState.PAYERROR, DebitState.CLOSED, DebitState.REVOKED})


class WechatDebits:
    """The channel `wechat`."""

    channel: Channel = "wechat"

    def __init__(self, client: WechatPapay, public_url: str) -> None:
        self._client = client
        self._notify_url = public_url + NOTIFY_PATH

    @classmethod
    def from_environment(cls) -> "WechatDebits":
        """By the secret `wechat`. Raises ValueError when that is not filled in, or says nothing of withholding."""
        secret = aws.client("secretsmanager").get_secret_value(SecretId=os.environ["SECRET_WECHAT"])["SecretString"]
        return cls(WechatPapay(WechatConfig.from_secret(secret)), Settings.load().public_url)

    def debit(self, debit: Debit) -> Paid | Waiting | Refused | NoAnswer:
        """`pay/pappayapply`; accepted is not made, which notice and query tell."""
        order = DebitOrder(
            out_trade_no=debit.payment_no,
            amount=debit.amount,
            description=debit.subject,
            attach=debit.order_no,
            contract_id=debit.agreement_no,
            notify_url=self._notify_url,
        )
        said = self._client.apply(order)
        if isinstance(said, Done):
            return Waiting(DebitState.ACCEPT)
        if isinstance(said, outcome.Unknown):
            return NoAnswer(said.reason)
        return NoAnswer(said.code) if said.throttled or said.code in _TAKEN_BEFORE else refused(MEANING, said.code)

    def debit_query(self, payment_no: str) -> Paid | Waiting | Refused | Unsent | NoAnswer:
        """`pay/paporderquery`."""
        said = self._client.query(payment_no)
        if not isinstance(said, Done):
            return NoAnswer(said.code if isinstance(said, outcome.Declined) else said.reason)
        found = said.value
        if found is None:
            return Unsent()
        if found.state in _OVER:
            return refused(MEANING, found.code or found.state)
        return _paid(found) or Waiting(found.state)


def notification(config: WechatConfig, body: bytes) -> Notification:
    """Read the notice of a debit; one that took nothing leaves that to the query. Raises NotSignedError."""
    said = wechat_papay.verify_debit_notice(config, body)
    notify_id = f"{said.out_trade_no}:{said.transaction_id or said.state}"
    return Notification(
        notify_id=notify_id,
        payment_no=said.out_trade_no,
        state=_paid(said) or Unpaid(said.code or said.state),
        refund_no=None,
        refunded=None,
    )


def _paid(said: wechat_papay.Debit) -> Paid | None:
    if said.state in _PAID and said.transaction_id and said.amount is not None:
        return Paid(said.transaction_id, said.amount, said.paid_at, said.state)
    return None
