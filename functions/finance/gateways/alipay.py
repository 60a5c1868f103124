"""Alipay behind the vocabulary of payouts: to its accounts, and to bank cards. Its wire is in `shared/vendors`."""

import os
import re
from typing import Final

from functions.finance.gateways.base import Payout, Said
from functions.finance.withdrawal import TransferStatus as Status
from shared import aws
from shared.vendors import alipay_results as results
from shared.vendors.alipay import AlipayClient, Payee
from shared.vendors.alipay_config import AlipayConfig
from shared.vendors.alipay_results import Done, Refused, Transfer

_USER_ID = re.compile(r"2088\d{12}")
_TITLE = "创作者提现"
_SAID: Final[dict[results.TransferStatus, Status]] = {
    results.TransferStatus.DEALING: "open",
    results.TransferStatus.SUCCEEDED: "succeeded",
    results.TransferStatus.FAILED: "failed",
    results.TransferStatus.RETURNED: "returned",
}


class AlipayPayouts:
    """Transfers to an Alipay account, or `to_card`: a bank may send these back days after they arrived."""

    def __init__(self, client: AlipayClient, *, to_card: bool = False) -> None:
        self._client = client
        self._to_card = to_card

    @classmethod
    def from_environment(cls, *, to_card: bool = False) -> "AlipayPayouts":
        """By the secret `alipay`. Raises ValueError when that is not filled in."""
        secret = aws.client("secretsmanager").get_secret_value(SecretId=os.environ["SECRET_ALIPAY"])["SecretString"]
        return cls(AlipayClient(AlipayConfig.from_secret(secret)), to_card=to_card)

    def send(self, payout: Payout) -> Said:
        """A refusal speaks of this call only, so the query has the last word on the number."""
        outcome = self._client.transfer(
            out_biz_no=payout.transfer_no,
            amount=payout.amount,
            title=_TITLE,
            payee=self._payee(payout),
            remark=payout.remark,
        )
        if isinstance(outcome, Done):
            return _said(outcome.value)
        if not isinstance(outcome, Refused):
            return Said("open", sentence=outcome.reason)
        if outcome.throttled:
            return Said("open", code=outcome.sub_code, sentence=outcome.sentence)
        refused = Said("failed", code=outcome.sub_code, sentence=outcome.sentence)
        return self.ask(payout.transfer_no) or refused

    def ask(self, transfer_no: str) -> Said | None:
        """By our own number."""
        outcome = self._client.transfer_query(transfer_no, to_card=self._to_card)
        if isinstance(outcome, Done):
            return None if outcome.value is None else _said(outcome.value)
        reason = outcome.sub_code if isinstance(outcome, Refused) else outcome.reason
        return Said("open", sentence=reason)

    def _payee(self, payout: Payout) -> Payee:
        if self._to_card:
            return Payee(payout.account, "BANKCARD_ACCOUNT", payout.name, payout.bank)
        kind = "ALIPAY_USER_ID" if _USER_ID.fullmatch(payout.account) else "ALIPAY_LOGON_ID"
        return Payee(payout.account, kind, payout.name)  # type: ignore[arg-type]  # either is one of the four


def _said(transfer: Transfer) -> Said:
    return Said(
        _SAID[transfer.status],
        gateway_no=transfer.order_id,
        code=transfer.fail_code,
        sentence=transfer.fail_sentence,
    )
