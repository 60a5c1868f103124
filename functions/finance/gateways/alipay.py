"""Alipay behind the vocabulary of payouts. Its wire is in `shared/vendors`."""

import os
import re

from functions.finance.gateways.base import Payout, Said
from shared import aws
from shared.vendors.alipay import AlipayClient, Payee
from shared.vendors.alipay_config import AlipayConfig
from shared.vendors.alipay_results import Done, Refused, Transfer, TransferStatus

_USER_ID = re.compile(r"2088\d{12}")
_TITLE = "创作者提现"
_SAID = {
    TransferStatus.DEALING: "open",
    TransferStatus.SUCCEEDED: "succeeded",
    TransferStatus.FAILED: "failed",
    TransferStatus.RETURNED: "returned",
}


class AlipayPayouts:
    """Transfers to an Alipay account."""

    def __init__(self, client: AlipayClient) -> None:
        self._client = client

    @classmethod
    def from_environment(cls) -> "AlipayPayouts":
        """By the secret `alipay`. Raises ValueError when that is not filled in."""
        secret = aws.client("secretsmanager").get_secret_value(SecretId=os.environ["SECRET_ALIPAY"])["SecretString"]
        return cls(AlipayClient(AlipayConfig.from_secret(secret)))

    def send(self, payout: Payout) -> Said:
        """A refusal speaks of this call only, so the query has the last word on the number."""
        outcome = self._client.transfer(
            out_biz_no=payout.transfer_no,
            amount=payout.amount,
            title=_TITLE,
            payee=Payee(
                payout.account,
                "ALIPAY_USER_ID" if _USER_ID.fullmatch(payout.account) else "ALIPAY_LOGON_ID",
                payout.name,
            ),
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
        outcome = self._client.transfer_query(transfer_no)
        if isinstance(outcome, Done):
            return None if outcome.value is None else _said(outcome.value)
        reason = outcome.sub_code if isinstance(outcome, Refused) else outcome.reason
        return Said("open", sentence=reason)


def _said(transfer: Transfer) -> Said:
    return Said(
        _SAID[transfer.status],  # type: ignore[arg-type]  # the table holds nothing but the four
        gateway_no=transfer.order_id,
        code=transfer.fail_code,
        sentence=transfer.fail_sentence,
    )
