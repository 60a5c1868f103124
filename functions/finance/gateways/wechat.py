"""WeChat Pay behind the vocabulary of payouts: to the payee's balance, who confirms it. Its wire is in `shared/vendors`."""

import json
import os
from typing import Final

from functions.finance.gateways.base import Payout, Said
from functions.finance.withdrawal import TransferStatus as Status
from shared import aws
from shared.settings import Settings
from shared.vendors import wechat_transfers as wire
from shared.vendors.outcome import Declined, Done
from shared.vendors.wechat import WechatClient
from shared.vendors.wechat_config import WechatConfig
from shared.vendors.wechat_transfers import Transfer, TransferBill, TransferState

NOTIFY_PATH: Final = "/api/v1/payments/wechat/callback"
"""One address hears what WeChat has to say to its merchant; payments tells us what is ours as a fact."""
_SAID: Final[dict[TransferState, Status]] = {
    TransferState.SUCCESS: "succeeded",
    TransferState.FAIL: "failed",
    TransferState.CANCELLED: "failed",
}
# These speak of the request itself: WeChat took no bill and would not take the same one again.
_FINAL_REFUSALS: Final = {"PARAMERROR": "PARAM_ERROR", "INVALIDREQUEST": "INVALID_REQUEST"}


class WechatPayouts:
    """Transfers to the balance of a payee, known by the openid of our app."""

    def __init__(self, client: WechatClient, public_url: str) -> None:
        self._client = client
        self._notify_url = public_url + NOTIFY_PATH

    @classmethod
    def from_environment(cls) -> "WechatPayouts":
        """By the secret `wechat`. Raises ValueError when that is not filled in."""
        secret = aws.client("secretsmanager").get_secret_value(SecretId=os.environ["SECRET_WECHAT"])["SecretString"]
        return cls(WechatClient(WechatConfig.from_secret(secret)), Settings.load().public_url)

    def send(self, payout: Payout) -> Said:
        """A refusal speaks of this call only: the query has the last word, and most leave the number open."""
        bill = TransferBill(
            out_bill_no=payout.transfer_no,
            openid=payout.account,
            name=payout.name,
            amount=payout.amount,
            remark=payout.remark,
            notify_url=self._notify_url,
        )
        outcome = wire.transfer(self._client.gateway, bill)
        if isinstance(outcome, Done):
            return self._said(outcome.value)
        if not isinstance(outcome, Declined):
            return Said("open", sentence=outcome.reason)
        if outcome.code not in _FINAL_REFUSALS:
            return Said("open", code=outcome.code, sentence=outcome.sentence)
        refused = Said("failed", code=_FINAL_REFUSALS[outcome.code], sentence=outcome.sentence)
        return self.ask(payout.transfer_no) or refused

    def ask(self, transfer_no: str) -> Said | None:
        """By our own number."""
        outcome = wire.query(self._client.gateway, transfer_no)
        if isinstance(outcome, Done):
            return None if outcome.value is None else self._said(outcome.value)
        return Said("open", sentence=outcome.code if isinstance(outcome, Declined) else outcome.reason)

    def _said(self, transfer: Transfer) -> Said:
        status = _SAID.get(transfer.state, "open")
        failed = transfer.fail_reason or transfer.state.value
        waits = transfer.state is TransferState.WAIT_USER_CONFIRM
        return Said(
            status,
            gateway_no=transfer.transfer_bill_no,
            code=failed if status == "failed" else transfer.state.value if waits else None,
            confirm=self._handover(transfer.package_info) if waits and transfer.package_info else None,
        )

    def _handover(self, package: str) -> str:
        """What `wx.requestMerchantTransfer` takes."""
        config = self._client.config
        return json.dumps({"mchId": config.mchid, "appId": config.appid, "package": package})
